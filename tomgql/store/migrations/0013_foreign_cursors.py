"""How a statement of a read says that a cursor belongs to another list (tomgql.reading.execute knows the code)."""

from tortoise import migrations
from tortoise.migrations import operations as ops

REFUSE_CURSOR = """
CREATE FUNCTION tomgql_refuse_cursor(argument text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'TQ002', MESSAGE = argument;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("tomgql", "0012_token_parents")]
    initial = False
    operations = [ops.RunSQL([REFUSE_CURSOR])]
