"""A datum beside another of the same identity says so: one of several at one time, or one beside hidden data."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

RULES = [
    "ALTER TABLE reduced_data ADD CHECK (apart_for IS NULL OR beside IS NOT NULL)",
    "CREATE INDEX ON reduced_data (target_id, beside) WHERE beside IS NOT NULL",
]


class Migration(migrations.Migration):
    dependencies = [("tomgql", "0010_kept_decisions")]
    initial = False
    operations = [
        ops.AddField(model_name="ReducedDatum", name="beside", field=fields.UUIDField(null=True)),
        ops.AddField(model_name="ReducedDatum", name="apart_for", field=fields.BigIntField(null=True)),
        ops.RunSQL(RULES),
    ]
