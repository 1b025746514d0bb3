"""Thumbnails are looked up by their hash when files that nobody names are sought."""

from tortoise import migrations
from tortoise.migrations import operations as ops

RULES = ["CREATE INDEX ON data_products (thumbnail_sha256) WHERE thumbnail_sha256 IS NOT NULL"]


class Migration(migrations.Migration):
    dependencies = [("tomgql", "0004_disablings")]
    initial = False
    operations = [ops.RunSQL(RULES)]
