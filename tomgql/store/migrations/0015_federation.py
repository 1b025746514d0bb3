"""Federation: global ids of targets and products, the roads of what came from elsewhere, and whom we follow.

Triggers count the changes of what is shared, so that two installations can tell which of two states is the newer one.
A transaction that writes what came from elsewhere says so by the setting ``tomgql.federating``; it brings the counts.
"""

from typing import Any

from orjson import loads
from tortoise import fields, migrations
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.fields.db_defaults import SqlDefault
from tortoise.migrations import operations as ops

_FEDERATING = "current_setting('tomgql.federating', true) = 'on'"

# What of a target is its own site's affair, or no content.
_LOCAL_OF_TARGET = (
    "ARRAY['id', 'access', 'created_by_id', 'created', 'modified', 'revision', 'road_id', 'position', 'global_id', 'origin_instance_id']"
)

# Anew, for the columns that reduced data have by now.
REVISIONS = [
    "DROP VIEW reduced_datum_revisions",
    """
    CREATE VIEW reduced_datum_revisions AS
        SELECT was.*, old.target_id AS of_target_id, old.datum_id AS of_datum_id, old.revision AS of_revision
        FROM reduced_data_revisions old
        JOIN reduced_data datum ON datum.target_id = old.target_id AND datum.id = old.datum_id
        CROSS JOIN LATERAL jsonb_populate_record(NULL::reduced_data, old.record || jsonb_build_object(
            'target_id', old.target_id, 'id', old.datum_id, 'identity', datum.identity,
            'global_id', datum.global_id)) was
    """,
]

RULES = [
    "CREATE UNIQUE INDEX ON targets (global_id)",
    "CREATE UNIQUE INDEX ON roads (path)",
    "ALTER TABLE roads ADD CHECK (cardinality(path) > 0)",
    "CREATE INDEX ON target_global_ids (target_id)",
    "ALTER TABLE tombstones ADD CHECK (kind IN ('target', 'data_product'))",
    "ALTER TABLE peer_subscriptions ADD CHECK (access IN ('OPEN', 'PUBLIC', 'PRIVATE')),"
    " ADD CHECK (name ~ '^[a-z][a-z0-9_-]{0,49}$'),"
    " ADD CHECK (state IN ('STARTING', 'COPYING', 'FOLLOWING', 'INTERRUPTED', 'REFUSED', 'PAUSED'))",
    "CREATE INDEX ON peer_subscriptions (target_list_id)",
    "CREATE INDEX ON peer_subscriptions (created_by_id)",
    f"""
    CREATE FUNCTION tomgql_count_target_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF to_jsonb(OLD) - {_LOCAL_OF_TARGET} IS DISTINCT FROM to_jsonb(NEW) - {_LOCAL_OF_TARGET}
            AND NOT coalesce({_FEDERATING}, false) THEN
            NEW.revision := OLD.revision + 1;
            NEW.road_id := NULL;
        END IF;
        RETURN NEW;
    END $$
    """,
    "CREATE TRIGGER targets_count_changes BEFORE UPDATE ON targets"
    " FOR EACH ROW EXECUTE FUNCTION tomgql_count_target_change()",
    # The names of a target are a part of it; those that it is created with are no change.
    f"""
    CREATE FUNCTION tomgql_count_name_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT coalesce({_FEDERATING}, false) THEN
            UPDATE targets SET revision = revision + 1, road_id = NULL
                WHERE id IN (SELECT target_id FROM changed) AND created <> now();
        END IF;
        RETURN NULL;
    END $$
    """,
    "CREATE TRIGGER target_names_inserted AFTER INSERT ON target_names REFERENCING NEW TABLE AS changed"
    " FOR EACH STATEMENT EXECUTE FUNCTION tomgql_count_name_change()",
    "CREATE TRIGGER target_names_updated AFTER UPDATE ON target_names REFERENCING NEW TABLE AS changed"
    " FOR EACH STATEMENT EXECUTE FUNCTION tomgql_count_name_change()",
    "CREATE TRIGGER target_names_deleted AFTER DELETE ON target_names REFERENCING OLD TABLE AS changed"
    " FOR EACH STATEMENT EXECUTE FUNCTION tomgql_count_name_change()",
    f"""
    CREATE FUNCTION tomgql_count_product_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT coalesce({_FEDERATING}, false) THEN
            NEW.revision := OLD.revision + 1;
            NEW.road_id := NULL;
        END IF;
        RETURN NEW;
    END $$
    """,
    "CREATE TRIGGER data_products_count_changes BEFORE UPDATE ON data_products FOR EACH ROW"
    " WHEN (ROW (OLD.product_id, OLD.data_product_type, OLD.file_name, OLD.extra_data, OLD.featured, OLD.target_id)"
    " IS DISTINCT FROM"
    " ROW (NEW.product_id, NEW.data_product_type, NEW.file_name, NEW.extra_data, NEW.featured, NEW.target_id))"
    " EXECUTE FUNCTION tomgql_count_product_change()",
    f"""
    CREATE FUNCTION tomgql_count_datum_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT coalesce({_FEDERATING}, false) THEN
            NEW.road_id := NULL;
            IF OLD.disabled <> NEW.disabled THEN
                NEW.flag_revision := OLD.flag_revision + 1;
            END IF;
        END IF;
        RETURN NEW;
    END $$
    """,
    "CREATE TRIGGER reduced_data_count_changes BEFORE UPDATE ON reduced_data FOR EACH ROW"
    " WHEN (OLD.disabled <> NEW.disabled OR OLD.revision <> NEW.revision OR OLD.target_id <> NEW.target_id)"
    " EXECUTE FUNCTION tomgql_count_datum_change()",
    # Before the row goes, since its other ids go with it.
    f"""
    CREATE FUNCTION tomgql_bury_target() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO tombstones (kind, global_id, by_origin)
            SELECT 'target', k.global_id, OLD.origin_instance_id IS NULL OR coalesce({_FEDERATING}, false)
            FROM (SELECT OLD.global_id UNION SELECT o.global_id FROM target_global_ids o
                WHERE o.target_id = OLD.id) k (global_id) ON CONFLICT DO NOTHING;
        RETURN OLD;
    END $$
    """,
    "CREATE TRIGGER targets_bury BEFORE DELETE ON targets FOR EACH ROW EXECUTE FUNCTION tomgql_bury_target()",
    f"""
    CREATE FUNCTION tomgql_bury_products() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO tombstones (kind, global_id, by_origin)
            SELECT 'data_product', global_id, origin_instance_id IS NULL OR coalesce({_FEDERATING}, false)
            FROM gone ON CONFLICT DO NOTHING;
        RETURN NULL;
    END $$
    """,
    "CREATE TRIGGER data_products_bury AFTER DELETE ON data_products REFERENCING OLD TABLE AS gone"
    " FOR EACH STATEMENT EXECUTE FUNCTION tomgql_bury_products()",
]


def _key() -> Any:
    return fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)


def _json(**options: Any) -> Any:
    return fields.JSONField(encoder=JSON_DUMPS, decoder=loads, **options)


def _now() -> Any:
    return fields.DatetimeField(db_default=SqlDefault("now()"), auto_now=False, auto_now_add=False)


def _global_id(**options: Any) -> Any:
    return fields.UUIDField(db_default=SqlDefault("gen_random_uuid()"), **options)


def _reference(model: str, column: str, on_delete: Any = OnDelete.CASCADE, **options: Any) -> Any:
    return fields.ForeignKeyField(
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


_FROM_ELSEWHERE = [
    ("origin_instance_id", fields.UUIDField(null=True)),
    ("road_id", fields.BigIntField(null=True)),
    ("peer_bag", _json(null=True)),
]


class Migration(migrations.Migration):
    dependencies = [("tomgql", "0014_sharing")]
    initial = False
    operations = [
        ops.CreateModel(
            name="Road",
            fields=[("id", _key()), ("path", ArrayField(element_type="uuid"))],
            options=_options(
                "roads",
                "A way from another installation to here: the instances passed, the origin first, the one that gave it"
                " last.",
            ),
            bases=["Model"],
        ),
        ops.CreateModel(
            name="TargetGlobalId",
            fields=[
                ("id", _key()),
                ("target", _reference("Target", "target_id")),
                ("global_id", fields.UUIDField(unique=True)),
            ],
            options=_options("target_global_ids", "Another global id by which a target is known, beside its own."),
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Tombstone",
            fields=[
                ("id", _key()),
                ("kind", fields.CharField(max_length=20)),
                ("global_id", fields.UUIDField(unique=True)),
                ("by_origin", fields.BooleanField(db_default=True)),
                ("created", _now()),
            ],
            options=_options(
                "tombstones",
                "A target or data product that was deleted: what still comes of it from elsewhere stays away.",
            ),
            bases=["Model"],
        ),
        ops.CreateModel(
            name="PeerSubscription",
            fields=[
                ("id", _key()),
                ("name", fields.CharField(max_length=50, unique=True)),
                ("address", fields.CharField(max_length=500)),
                ("token", fields.BinaryField()),
                ("where", _json(db_default={})),
                ("instance_id", fields.UUIDField(null=True)),
                ("access", fields.CharField(db_default="PRIVATE", max_length=8)),
                ("target_list", _reference("TargetList", "target_list_id", on_delete=OnDelete.SET_NULL, null=True)),
                ("enabled", fields.BooleanField(db_default=True)),
                ("state", fields.CharField(db_default="STARTING", max_length=12)),
                ("message", fields.TextField(db_default="", unique=False)),
                ("cursor", fields.CharField(null=True, max_length=40)),
                ("fence", fields.BigIntField(db_default=0)),
                ("lease_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("due", _now()),
                ("heard", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("created_by", _reference("User", "created_by_id")),
                ("created", _now()),
                ("modified", _now()),
            ],
            options=_options(
                "peer_subscriptions",
                "Another tomgql server that is followed: which of its targets, by which token, and how far.",
            ),
            bases=["Model"],
        ),
        ops.CreateModel(
            name="PeerRefusal",
            fields=[
                ("id", _key()),
                ("peer_subscription", _reference("PeerSubscription", "peer_subscription_id")),
                ("kind", fields.CharField(max_length=20)),
                ("global_id", fields.UUIDField()),
                ("name", fields.CharField(db_default="", max_length=255)),
                ("message", fields.TextField(unique=False)),
                ("created", _now()),
            ],
            options=_options(
                "peer_refusals",
                "Something that a peer gave and that was not taken, and why; gone when it is taken after all.",
                unique_together=(("peer_subscription", "kind", "global_id"),),
            ),
            bases=["Model"],
        ),
        *[
            ops.AddField(model_name=model, name=name, field=field)
            for model in ("Target", "DataProduct", "ReducedDatum")
            for name, field in _FROM_ELSEWHERE
        ],
        ops.AddField(model_name="Target", name="global_id", field=_global_id()),
        ops.AddField(model_name="Target", name="revision", field=fields.IntField(db_default=1)),
        ops.AddField(model_name="DataProduct", name="global_id", field=_global_id(unique=True)),
        ops.AddField(model_name="DataProduct", name="revision", field=fields.IntField(db_default=1)),
        ops.AddField(model_name="ReducedDatum", name="flag_revision", field=fields.IntField(db_default=0)),
        ops.RunSQL([*REVISIONS, *RULES]),
    ]
