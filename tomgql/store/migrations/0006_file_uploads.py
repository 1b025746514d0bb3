"""Files that are being sent in pieces."""

from typing import Any

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.fields.db_defaults import SqlDefault
from tortoise.migrations import operations as ops

RULES = [
    "ALTER TABLE file_uploads ADD CHECK (size_bytes >= 0), ADD CHECK (sha256 ~ '^[0-9a-f]{64}$')",
    "CREATE INDEX ON file_uploads (user_id)",
    "CREATE INDEX ON file_uploads (target_id)",
    "CREATE INDEX ON file_uploads (token_id)",
]


def _owner(name: str) -> Any:
    return fields.ForeignKeyField(
        f"tomgql.{name}",
        source_field=f"{name.lower()}_id",
        db_constraint=True,
        to_field="id",
        related_name=False,
        on_delete=OnDelete.CASCADE,
    )


class Migration(migrations.Migration):
    dependencies = [("tomgql", "0005_thumbnails")]
    initial = False
    operations = [
        ops.CreateModel(
            name="FileUpload",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("address", fields.CharField(unique=True, max_length=43)),
                ("user", _owner("User")),
                ("token", _owner("Token")),
                ("target", _owner("Target")),
                ("product", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("size_bytes", fields.BigIntField()),
                ("sha256", fields.CharField(null=True, max_length=64)),
                ("answer", fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads)),
                ("expires", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("created", fields.DatetimeField(db_default=SqlDefault("now()"), auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "file_uploads",
                "app": "tomgql",
                "pk_attr": "id",
                "table_description": "A file that is being sent in pieces, what becomes of it when it is whole, and"
                " what was answered then.",
            },
            bases=["Model"],
        ),
        ops.RunSQL(RULES),
    ]
