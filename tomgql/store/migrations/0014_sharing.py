"""Sharing: destinations, shares, and what the ledger says of each item."""

from typing import Any

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.fields.db_defaults import SqlDefault
from tortoise.migrations import operations as ops

RULES = [
    "ALTER TABLE destinations ADD CHECK (name ~ '^[a-z][a-z0-9_-]{0,49}$'), ADD CHECK (btrim(title) <> '')",
    "CREATE INDEX ON destinations (peer_id) WHERE peer_id IS NOT NULL",
    "CREATE INDEX ON destination_grants (user_group_id)",
    "CREATE INDEX ON shares (created, id)",
    "CREATE INDEX ON shares (created_by_id)",
    "ALTER TABLE continuous_shares ADD CHECK (num_nonnulls(target_id, target_list_id) = 1)",
    "CREATE UNIQUE INDEX ON continuous_shares (destination, target_id, created_by_id) WHERE target_id IS NOT NULL",
    "CREATE UNIQUE INDEX ON continuous_shares (destination, target_list_id, created_by_id)"
    " WHERE target_list_id IS NOT NULL",
    "CREATE INDEX ON continuous_shares (target_id)",
    "CREATE INDEX ON continuous_shares (target_list_id)",
    "CREATE INDEX ON continuous_shares (created_by_id)",
    "CREATE INDEX ON continuous_shares (job_id)",
    "CREATE INDEX ON share_ledger (job_id, state, id)",
]


def _key() -> Any:
    return fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)


def _json(**options: Any) -> Any:
    return fields.JSONField(encoder=JSON_DUMPS, decoder=loads, **options)


def _now() -> Any:
    return fields.DatetimeField(db_default=SqlDefault("now()"), auto_now=False, auto_now_add=False)


def _reference(
    model: str, column: str, field: Any = fields.ForeignKeyField, on_delete: Any = OnDelete.CASCADE, **options: Any
) -> Any:
    return field(
        f"tomgql.{model}",
        source_field=column,
        db_constraint=True,
        to_field="id",
        related_name=False,
        on_delete=on_delete,
        **options,
    )


def _options(table: str, description: str, **more: Any) -> dict[str, Any]:
    return {"table": table, "app": "tomgql", "pk_attr": "id", "table_description": description, **more}


class Migration(migrations.Migration):
    dependencies = [("tomgql", "0013_foreign_cursors")]
    initial = False
    operations = [
        ops.CreateModel(
            name="Destination",
            fields=[
                ("id", _key()),
                ("name", fields.CharField(max_length=50, unique=True)),
                ("title", fields.CharField(max_length=200)),
                ("kind", fields.CharField(max_length=50)),
                ("address", fields.CharField(max_length=500)),
                ("options", _json(db_default={})),
                ("secrets", fields.BinaryField(null=True)),
                ("enabled", fields.BooleanField(db_default=True)),
                ("peer", _reference("User", "peer_id", on_delete=OnDelete.SET_NULL, null=True)),
                ("created", _now()),
                ("modified", _now()),
            ],
            options=_options(
                "destinations",
                "A place that shares go to: ``kind`` names the plug-in that speaks to it, ``secrets`` are encrypted.",
            ),
            bases=["Model"],
        ),
        ops.CreateModel(
            name="DestinationGrant",
            fields=[
                ("id", _key()),
                ("destination", fields.CharField(max_length=50)),
                ("user_group", _reference("UserGroup", "user_group_id")),
            ],
            options=_options(
                "destination_grants",
                "The right of a user group to share with a destination, which is one of the table or of the settings.",
                unique_together=(("destination", "user_group"),),
            ),
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Share",
            fields=[
                ("id", _key()),
                ("destination", fields.CharField(max_length=50)),
                ("message", fields.TextField(db_default="", unique=False)),
                ("request", _json()),
                ("options", _json(db_default={})),
                ("job", _reference("Job", "job_id", fields.OneToOneField)),
                ("expanded", fields.BooleanField(db_default=False)),
                ("items", fields.BigIntField(db_default=0)),
                ("unchanged", fields.BigIntField(db_default=0)),
                ("created_by", _reference("User", "created_by_id", on_delete=OnDelete.SET_NULL, null=True)),
                ("created", _now()),
            ],
            options=_options(
                "shares",
                "One act of giving, done by its job. ``request`` says of what; ``expanded`` that its items are in the"
                " ledger.",
            ),
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ContinuousShare",
            fields=[
                ("id", _key()),
                ("destination", fields.CharField(max_length=50)),
                ("target", _reference("Target", "target_id", null=True)),
                ("target_list", _reference("TargetList", "target_list_id", null=True)),
                ("options", _json(db_default={})),
                ("place", fields.BigIntField()),
                ("paused", fields.BooleanField(db_default=False)),
                ("message", fields.TextField(db_default="", unique=False)),
                ("job", _reference("Job", "job_id", on_delete=OnDelete.SET_NULL, null=True)),
                ("created_by", _reference("User", "created_by_id")),
                ("created", _now()),
                ("modified", _now()),
            ],
            options=_options(
                "continuous_shares",
                "What is new of a target, or of each target of a list, goes to a destination, in the name of its"
                " maker.",
            ),
            bases=["Model"],
        ),
        ops.RemoveField(model_name="ShareLedger", name="error"),
        ops.AddField(model_name="ShareLedger", name="answer", field=fields.TextField(null=True, unique=False)),
        ops.AddField(model_name="ShareLedger", name="continuous_share_id", field=fields.BigIntField(null=True)),
        ops.AddField(model_name="ShareLedger", name="due", field=_now()),
        ops.RunSQL(RULES),
    ]
