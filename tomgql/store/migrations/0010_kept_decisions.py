"""Decisions about data of a deleted product wait for the datum that another file of the target brings back."""

from tortoise import fields, migrations
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.migrations import operations as ops

RULES = [
    "ALTER TABLE reduced_data_disablings ADD CHECK (num_nonnulls(identity, content, kept_for) IN (0, 3))",
    "CREATE INDEX ON reduced_data_disablings (target_id) WHERE kept_for IS NOT NULL",
    """
    CREATE OR REPLACE FUNCTION tomgql_delete_disablings() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM reduced_data_disablings
            WHERE (target_id, datum_id) IN (SELECT target_id, id FROM gone) AND kept_for IS NULL;
        RETURN NULL;
    END $$
    """,
    """
    CREATE OR REPLACE FUNCTION tomgql_delete_data_of_target() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM reduced_data WHERE target_id IN (SELECT id FROM gone);
        DELETE FROM reduced_data_disablings WHERE target_id IN (SELECT id FROM gone) AND kept_for IS NOT NULL;
        RETURN NULL;
    END $$
    """,
]


class Migration(migrations.Migration):
    dependencies = [("tomgql", "0009_revisions_of_products")]
    initial = False
    operations = [
        ops.AddField(model_name="ReducedDatumDisabling", name="identity", field=fields.UUIDField(null=True)),
        ops.AddField(model_name="ReducedDatumDisabling", name="content", field=fields.UUIDField(null=True)),
        ops.AddField(
            model_name="ReducedDatumDisabling", name="kept_for", field=ArrayField(null=True, element_type="bigint")
        ),
        ops.RunSQL(RULES),
    ]
