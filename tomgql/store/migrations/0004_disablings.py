"""Who took a reduced datum out of use, or back into it, when and why."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.db_defaults import SqlDefault
from tortoise.migrations import operations as ops

# No foreign key to reduced data: it would ask once a row, here and whenever data are deleted, with a plan that a session
# keeps from when the table was small. Who writes a decision holds the target's row, so that the datum cannot vanish.
RULES = [
    "ALTER TABLE reduced_data_disablings ADD CHECK (btrim(reason) <> '')",
    "CREATE INDEX ON reduced_data_disablings (target_id, datum_id, id)",
    """
    CREATE FUNCTION tomgql_delete_disablings() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM reduced_data_disablings WHERE (target_id, datum_id) IN (SELECT target_id, id FROM gone);
        RETURN NULL;
    END $$
    """,
    "CREATE TRIGGER reduced_data_deleted AFTER DELETE ON reduced_data REFERENCING OLD TABLE AS gone"
    " FOR EACH STATEMENT EXECUTE FUNCTION tomgql_delete_disablings()",
    """
    CREATE FUNCTION tomgql_move_disablings() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE reduced_data_disablings SET target_id = NEW.target_id
            WHERE target_id = OLD.target_id AND datum_id = OLD.id;
        RETURN NULL;
    END $$
    """,
    "CREATE TRIGGER reduced_data_moved AFTER UPDATE OF target_id ON reduced_data"
    " FOR EACH ROW WHEN (OLD.target_id <> NEW.target_id) EXECUTE FUNCTION tomgql_move_disablings()",
]


class Migration(migrations.Migration):
    dependencies = [("tomgql", "0003_tombstones_and_limits")]
    initial = False
    operations = [
        ops.CreateModel(
            name="ReducedDatumDisabling",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("target_id", fields.BigIntField()),
                ("datum_id", fields.BigIntField()),
                ("disabled", fields.BooleanField()),
                ("reason", fields.CharField(max_length=500)),
                (
                    "decided_by",
                    fields.ForeignKeyField(
                        "tomgql.User",
                        source_field="decided_by_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                ("decided", fields.DatetimeField(db_default=SqlDefault("now()"), auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "reduced_data_disablings",
                "app": "tomgql",
                "pk_attr": "id",
                "table_description": "One decision of a person to take a datum out of use, or back into it: who, when"
                " and why.",
            },
            bases=["Model"],
        ),
        ops.RunSQL(RULES),
    ]
