"""What is deleted leaves a tombstone in its event; limits keep the number that was reported."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("tomgql", "0002_rules")]
    initial = False
    operations = [
        ops.AddField(
            model_name="Event",
            name="tombstone",
            field=fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddField(model_name="ReducedDatum", name="reported_limit", field=fields.FloatField(null=True)),
        ops.RunSQL(
            [
                "ALTER TABLE reduced_data ADD CHECK (abs(reported_limit) < 'Infinity')",
                "ALTER TABLE events ADD CHECK (change = 'DELETED' OR tombstone IS NULL)",
            ]
        ),
    ]
