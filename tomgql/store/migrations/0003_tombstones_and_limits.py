"""What is deleted leaves a tombstone, limits keep their reported number; constellations, older revisions, refusals.

Sources of the constellations: `tomgql.domain.constellations`.
"""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops

from tomgql.domain.constellations import NAMES, TO_B1875, ZONES

_ROWS = ", ".join(
    f"({number}, {low!r}, {high!r}, {south!r}, '{NAMES[name]}')" for number, (low, high, south, name) in enumerate(ZONES)
)
_X, _Y, _Z = (f"({row[0]!r} * x + {row[1]!r} * y + {row[2]!r} * z)" for row in TO_B1875.tolist())

CONSTELLATIONS = [
    "CREATE TABLE constellation_zones (id int PRIMARY KEY, ra_low_hours double precision NOT NULL,"
    " ra_high_hours double precision NOT NULL, south_deg double precision NOT NULL, name text NOT NULL)",
    f"INSERT INTO constellation_zones VALUES {_ROWS}",
    f"""
    CREATE FUNCTION tomgql_constellation(ra_deg double precision, dec_deg double precision) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE RETURN (
        SELECT zone.name FROM constellation_zones zone, (
            SELECT mod((degrees(atan2(b, a)) + 360)::numeric, 360)::double precision / 15 AS hours,
                   degrees(atan2(c, sqrt(a * a + b * b))) AS degrees
            FROM (
                SELECT {_X} AS a, {_Y} AS b, {_Z} AS c
                FROM (SELECT cos(radians(dec_deg)) * cos(radians(ra_deg)) AS x,
                             cos(radians(dec_deg)) * sin(radians(ra_deg)) AS y, sin(radians(dec_deg)) AS z) j2000
            ) b1875
        ) place
        WHERE place.degrees >= zone.south_deg AND place.hours >= zone.ra_low_hours AND place.hours < zone.ra_high_hours
        ORDER BY zone.id LIMIT 1
    )
    """,
]

# Older revisions as rows of the table that they were superseded in, so that reads treat them alike. The record stands
# in FROM, so that it is read once a row, and the columns of the key beside it, so that an index finds the rows: as an
# expression it would be copied into every column, and into every level of nested revisions.
REVISIONS = """
CREATE VIEW reduced_datum_revisions AS
    SELECT was.*, old.target_id AS of_target_id, old.datum_id AS of_datum_id, old.revision AS of_revision
    FROM reduced_data_revisions old
    JOIN reduced_data datum ON datum.target_id = old.target_id AND datum.id = old.datum_id
    CROSS JOIN LATERAL jsonb_populate_record(NULL::reduced_data, old.record || jsonb_build_object(
        'target_id', old.target_id, 'id', old.datum_id, 'identity', datum.identity, 'global_id', datum.global_id)) was
"""

# How a statement of a read says that it would answer too much (tomgql.reading.execute knows the code).
REFUSE = """
CREATE FUNCTION tomgql_refuse(reason text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'TQ001', MESSAGE = reason;
END $$
"""


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
                "CREATE INDEX ON observations (created, id)",
                "CREATE INDEX ON data_products (observation_id)",
                *CONSTELLATIONS,
                REVISIONS,
                REFUSE,
            ]
        ),
    ]
