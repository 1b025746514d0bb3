"""With which token a token was made."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops

RULES = ["CREATE INDEX ON tokens (made_with_id) WHERE made_with_id IS NOT NULL"]


class Migration(migrations.Migration):
    dependencies = [("tomgql", "0011_data_beside_others")]
    initial = False
    operations = [
        ops.AddField(
            model_name="Token",
            name="made_with",
            field=fields.ForeignKeyField(
                "tomgql.Token",
                source_field="made_with_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name=False,
                on_delete=OnDelete.CASCADE,
            ),
        ),
        ops.RunSQL(RULES),
    ]
