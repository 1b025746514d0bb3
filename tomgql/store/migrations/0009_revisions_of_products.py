"""Older revisions go with the data product that they came from, as data do."""

from tortoise import migrations
from tortoise.migrations import operations as ops

_CAME_FROM = "((record ->> 'data_product_id')::bigint)"

# What is left of products that are gone: nobody can say any more whom they were hidden from.
LEFT_OVER = f"""
DELETE FROM reduced_data_revisions WHERE {_CAME_FROM} IS NOT NULL
    AND NOT EXISTS (SELECT FROM data_products p WHERE p.id = {_CAME_FROM})
"""

RULES = [
    LEFT_OVER,
    f"CREATE INDEX ON reduced_data_revisions (target_id, {_CAME_FROM}) WHERE {_CAME_FROM} IS NOT NULL",
    f"""
    CREATE OR REPLACE FUNCTION tomgql_delete_data_of_product() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM reduced_data WHERE (target_id, data_product_id) IN (SELECT target_id, id FROM gone);
        DELETE FROM reduced_data_revisions WHERE {_CAME_FROM} IS NOT NULL
            AND (target_id, {_CAME_FROM}) IN (SELECT target_id, id FROM gone);
        RETURN NULL;
    END $$
    """,
]


class Migration(migrations.Migration):
    dependencies = [("tomgql", "0008_surveys")]
    initial = False
    operations = [ops.RunSQL(RULES)]
