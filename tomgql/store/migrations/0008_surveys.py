"""Survey services: queries, rules and secrets; where a data product came from; faults of jobs."""

from typing import Any

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.fields.db_defaults import SqlDefault
from tortoise.migrations import operations as ops

RULES = [
    "ALTER TABLE survey_queries ADD CHECK (digest ~ '^[0-9a-f]{64}$')",
    "ALTER TABLE harvest_rules ADD CHECK ((target_id IS NULL) <> (target_list_id IS NULL)),"
    " ADD CHECK (every_days > 0 AND every_days <= 3653)",
    "CREATE INDEX ON harvest_rules (due) WHERE enabled",
    "CREATE INDEX ON harvest_rules (target_id)",
    "CREATE INDEX ON harvest_rules (target_list_id)",
    "CREATE INDEX ON harvest_rules (created_by_id)",
    "CREATE UNIQUE INDEX ON survey_credentials (service, user_id) NULLS NOT DISTINCT",
    "CREATE INDEX ON survey_credentials (user_id)",
    "ALTER TABLE data_products ADD FOREIGN KEY (request_job_id) REFERENCES jobs (id) ON DELETE SET NULL",
    "CREATE INDEX ON data_products (request_job_id) WHERE request_job_id IS NOT NULL",
]


def _key() -> Any:
    return fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)


def _json(**options: Any) -> Any:
    return fields.JSONField(encoder=JSON_DUMPS, decoder=loads, **options)


def _now() -> Any:
    return fields.DatetimeField(db_default=SqlDefault("now()"), auto_now=False, auto_now_add=False)


def _reference(model: str, column: str, field: Any = fields.ForeignKeyField, **options: Any) -> Any:
    return field(
        f"tomgql.{model}",
        source_field=column,
        db_constraint=True,
        to_field="id",
        related_name=False,
        on_delete=OnDelete.CASCADE,
        **options,
    )


class Migration(migrations.Migration):
    dependencies = [("tomgql", "0007_faster_ingest")]
    initial = False
    operations = [
        ops.CreateModel(
            name="HarvestRule",
            fields=[
                ("id", _key()),
                ("service", fields.CharField(max_length=50)),
                ("parameters", _json(db_default={})),
                ("target", _reference("Target", "target_id", null=True)),
                ("target_list", _reference("TargetList", "target_list_id", null=True)),
                ("every_days", fields.FloatField()),
                ("enabled", fields.BooleanField(db_default=True)),
                ("due", _now()),
                ("message", fields.TextField(db_default="", unique=False)),
                ("created_by", _reference("User", "created_by_id")),
                ("created", _now()),
                ("modified", _now()),
            ],
            options={
                "table": "harvest_rules",
                "app": "tomgql",
                "pk_attr": "id",
                "table_description": "Ask a survey service about a target, or each target of a list, again and again.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SurveyCredential",
            fields=[
                ("id", _key()),
                ("service", fields.CharField(max_length=50)),
                ("user", _reference("User", "user_id", null=True)),
                ("names", _json()),
                ("secrets", fields.BinaryField()),
                ("created", _now()),
                ("modified", _now()),
            ],
            options={
                "table": "survey_credentials",
                "app": "tomgql",
                "pk_attr": "id",
                "table_description": "The secrets that one user, or everybody where there is no user, gives to one"
                " service; encrypted.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SurveyQuery",
            fields=[
                ("id", _key()),
                ("job", _reference("Job", "job_id", fields.OneToOneField)),
                ("service", fields.CharField(max_length=50)),
                ("parameters", _json(db_default={})),
                ("digest", fields.CharField(db_index=True, max_length=64)),
                ("state", _json(db_default={})),
                ("stepping", fields.BooleanField(db_default=False)),
                ("products", _json(db_default=[])),
                ("begun", _now()),
            ],
            options={
                "table": "survey_queries",
                "app": "tomgql",
                "pk_attr": "id",
                "table_description": "One query of a survey service: what was asked, and where its machine of states"
                " is.",
            },
            bases=["Model"],
        ),
        ops.AddField(model_name="DataProduct", name="origin", field=_json(null=True)),
        ops.AddField(model_name="DataProduct", name="request_job_id", field=fields.BigIntField(null=True)),
        ops.AddField(model_name="Job", name="faults", field=fields.IntField(db_default=0)),
        ops.RunSQL(RULES),
    ]
