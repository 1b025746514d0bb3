"""What the models cannot say: composite keys, generated columns, checks, indexes and triggers.

Sources: IAU ranges of ICRS coordinates; TOM Toolkit's required orbital elements by scheme; DESIGN D5, D7, D9.
"""

from tortoise import migrations
from tortoise.migrations import operations as ops

EXTENSIONS = "CREATE EXTENSION IF NOT EXISTS cube"

FINITE = """
CREATE FUNCTION tomgql_finite(numbers double precision[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    NOT EXISTS (SELECT FROM unnest(numbers) AS n WHERE NOT abs(n) < 'Infinity'::double precision)
"""

# The position of a row in a list, with a keyed checksum that refuses what was changed (tomgql.reading.paging).
CURSOR = """
CREATE FUNCTION tomgql_cursor(key text, place text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    left(encode(sha256(convert_to(key || place, 'UTF8')), 'hex'), 12) || encode(convert_to(place, 'UTF8'), 'hex')
"""

PEOPLE = [
    "ALTER TABLE memberships ADD CHECK (role IN ('MEMBER', 'MANAGER'))",
    "CREATE INDEX ON memberships (user_id, user_group_id)",
    "CREATE UNIQUE INDEX ON tokens (secret_sha256)",
    "ALTER TABLE tokens ADD CHECK (octet_length(secret_sha256) = 32),"
    " ADD CHECK (scopes <@ ARRAY['read', 'write', 'admin'])",
    "CREATE INDEX ON tokens (user_id)",
    "ALTER TABLE users ADD CHECK (btrim(username) <> '')",
    "ALTER TABLE user_groups ADD CHECK (btrim(name) <> '')",
]

TARGETS = [
    """
    ALTER TABLE targets
        ADD COLUMN position cube GENERATED ALWAYS AS (
            CASE WHEN ra_deg IS NOT NULL AND dec_deg IS NOT NULL THEN cube(ARRAY[
                cos(radians(dec_deg)) * cos(radians(ra_deg)),
                cos(radians(dec_deg)) * sin(radians(ra_deg)),
                sin(radians(dec_deg))
            ]) END) STORED,
        ADD CHECK (btrim(name) <> ''),
        ADD CHECK (type IN ('SIDEREAL', 'NON_SIDEREAL')),
        ADD CHECK (access IN ('OPEN', 'PUBLIC', 'PRIVATE')),
        ADD CHECK (ra_deg >= 0 AND ra_deg < 360),
        ADD CHECK (dec_deg >= -90 AND dec_deg <= 90),
        ADD CHECK (type <> 'SIDEREAL' OR (ra_deg IS NOT NULL AND dec_deg IS NOT NULL)),
        ADD CHECK (type <> 'NON_SIDEREAL' OR (scheme IS NOT NULL AND epoch_of_elements_mjd IS NOT NULL
            AND inclination_deg IS NOT NULL AND ascending_node_longitude_deg IS NOT NULL
            AND perihelion_argument_deg IS NOT NULL AND eccentricity IS NOT NULL)),
        ADD CHECK (scheme IN ('MPC_MINOR_PLANET', 'MPC_COMET', 'JPL_MAJOR_PLANET')),
        ADD CHECK (scheme NOT IN ('MPC_MINOR_PLANET', 'JPL_MAJOR_PLANET')
            OR (mean_anomaly_deg IS NOT NULL AND semimajor_axis_au IS NOT NULL)),
        ADD CHECK (scheme <> 'JPL_MAJOR_PLANET' OR mean_daily_motion_deg IS NOT NULL),
        ADD CHECK (scheme <> 'MPC_COMET' OR (perihelion_distance_au IS NOT NULL AND perihelion_epoch_mjd IS NOT NULL)),
        ADD CHECK (tomgql_finite(ARRAY[epoch, parallax_mas, proper_motion_ra_mas_yr, proper_motion_dec_mas_yr,
            distance_pc, distance_error_pc, epoch_of_elements_mjd, inclination_deg, ascending_node_longitude_deg,
            perihelion_argument_deg, eccentricity, mean_anomaly_deg, semimajor_axis_au, mean_daily_motion_deg,
            perihelion_distance_au, perihelion_epoch_mjd, ephemeris_period_days, ephemeris_period_error_days,
            ephemeris_epoch_days, ephemeris_epoch_error_days, absolute_magnitude, slope])),
        ADD CHECK (epoch <= 2100),
        ADD CHECK (distance_pc >= 0 AND distance_error_pc >= 0),
        ADD CHECK (eccentricity >= 0),
        ADD CHECK (jsonb_typeof(extras) = 'object')
    """,
    "CREATE INDEX ON targets USING gist (position)",
    "CREATE INDEX ON targets (name, id)",
    "CREATE INDEX ON targets (created, id)",
    "CREATE INDEX ON targets (modified, id)",
    "CREATE INDEX ON targets (ra_deg, id)",
    "CREATE INDEX ON targets (dec_deg, id)",
    "ALTER TABLE target_names ADD CHECK (simplified <> '')",
    "CREATE UNIQUE INDEX ON target_names (target_id) WHERE is_primary",
    # A target's name is always one of its names; checked at commit, since the two rows need each other.
    """
    ALTER TABLE targets ADD FOREIGN KEY (id, name) REFERENCES target_names (target_id, name)
        ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED
    """,
    "CREATE INDEX ON target_list_members (target_id)",
    "ALTER TABLE target_grants ADD CHECK (num_nonnulls(user_id, user_group_id) = 1),"
    " ADD CHECK (permissions <@ ARRAY['VIEW', 'CHANGE', 'DELETE', 'SHARE'] AND 'VIEW' = ANY (permissions))",
    "CREATE INDEX ON target_grants (user_id, target_id)",
    "CREATE INDEX ON target_grants (user_group_id, target_id)",
]

PRODUCTS = [
    """
    ALTER TABLE data_products
        ADD UNIQUE (target_id, id),
        ADD CHECK (sha256 ~ '^[0-9a-f]{64}$'),
        ADD CHECK (size_bytes >= 0),
        ADD CHECK (file_name <> '' AND file_name !~ '[/\\\\]'),
        ADD CHECK (jsonb_typeof(notes) = 'array')
    """,
    "CREATE INDEX ON data_products (created, id)",
    "CREATE INDEX ON data_product_group_products (data_product_id)",
    "CREATE INDEX ON data_product_group_user_groups (user_group_id)",
    "CREATE INDEX ON observations (target_id)",
]

REDUCED_DATA = [
    """
    ALTER TABLE reduced_data
        DROP CONSTRAINT reduced_data_pkey,
        ADD PRIMARY KEY (target_id, id),
        ADD UNIQUE (target_id, identity),
        ADD COLUMN timestamp timestamptz GENERATED ALWAYS AS (
            to_timestamp(round((mjd - 40587.0) * 86400000.0) / 1000.0)) STORED,
        ADD CHECK (mjd > -60000 AND mjd < 200000),
        ADD CHECK (revision >= 1),
        ADD CHECK (disabled OR NOT withdrawn),
        ADD CHECK (data_type <> ''),
        ADD CHECK (time_quality IN ('exact', 'converted', 'assumed')),
        ADD CHECK (flux_ujy = 0 OR abs(flux_ujy) BETWEEN 1e-30 AND 1e30),
        ADD CHECK (flux_error_ujy BETWEEN 1e-30 AND 1e30),
        ADD CHECK (limit_flux_ujy BETWEEN 1e-30 AND 1e30),
        ADD CHECK (limit_nsigma BETWEEN 1e-6 AND 1e6),
        ADD CHECK (exposure_s >= 0 AND exposure_s < 'Infinity'),
        ADD CHECK (abs(reported_magnitude) < 'Infinity'),
        ADD CHECK (reported_magnitude_error >= 0 AND reported_magnitude_error < 'Infinity'),
        ADD CHECK (data_type <> 'photometry' OR (band IS NOT NULL AND forced IS NOT NULL AND difference IS NOT NULL)),
        ADD CHECK (array_position(wavelength_angstrom, NULL) IS NULL),
        ADD CHECK (tomgql_finite(wavelength_angstrom) AND tomgql_finite(flux_values)
            AND tomgql_finite(flux_error_values)),
        ADD CHECK (data_type <> 'spectroscopy' OR (wavelength_angstrom IS NOT NULL AND flux_unit IS NOT NULL
            AND medium IS NOT NULL AND cardinality(flux_values) = cardinality(wavelength_angstrom))),
        ADD CHECK (cardinality(flux_error_values) = cardinality(wavelength_angstrom)),
        ADD CHECK (medium IN ('AIR', 'VACUUM', 'UNKNOWN')),
        ADD CHECK (ra_deg >= 0 AND ra_deg < 360),
        ADD CHECK (dec_deg >= -90 AND dec_deg <= 90),
        ADD CHECK (data_type <> 'astrometry' OR (ra_deg IS NOT NULL AND dec_deg IS NOT NULL))
    """,
    "CREATE INDEX ON reduced_data (target_id, mjd, id)",
    "CREATE INDEX ON reduced_data (mjd, id)",
    "CREATE INDEX ON reduced_data (target_id, data_product_id)",
    """
    ALTER TABLE reduced_data_revisions
        ADD FOREIGN KEY (target_id, datum_id) REFERENCES reduced_data (target_id, id) ON DELETE CASCADE
    """,
]

# References from reduced data to their target and product. A foreign key asks once a row (0.4 s for each of two
# keys per 100,000 rows, measured); these ask once a statement, and lock the parent rows as a foreign key does.
REDUCED_DATA_REFERENCES = [
    """
    CREATE FUNCTION tomgql_check_reduced_data() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM FROM targets WHERE id IN (SELECT target_id FROM fresh) FOR KEY SHARE;
        IF EXISTS (SELECT target_id FROM fresh EXCEPT SELECT id FROM targets) THEN
            RAISE foreign_key_violation USING MESSAGE = 'reduced_data.target_id names no target';
        END IF;
        PERFORM FROM data_products WHERE (target_id, id) IN (SELECT target_id, data_product_id FROM fresh)
            FOR KEY SHARE;
        IF EXISTS (
            SELECT target_id, data_product_id FROM fresh WHERE data_product_id IS NOT NULL
            EXCEPT SELECT target_id, id FROM data_products
        ) THEN
            RAISE foreign_key_violation USING MESSAGE = 'reduced_data.data_product_id names no product of the target';
        END IF;
        RETURN NULL;
    END $$
    """,
    "CREATE TRIGGER reduced_data_inserted AFTER INSERT ON reduced_data REFERENCING NEW TABLE AS fresh"
    " FOR EACH STATEMENT EXECUTE FUNCTION tomgql_check_reduced_data()",
    "CREATE TRIGGER reduced_data_updated AFTER UPDATE ON reduced_data REFERENCING NEW TABLE AS fresh"
    " FOR EACH STATEMENT EXECUTE FUNCTION tomgql_check_reduced_data()",
    """
    CREATE FUNCTION tomgql_delete_data_of_target() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM reduced_data WHERE target_id IN (SELECT id FROM gone);
        RETURN NULL;
    END $$
    """,
    "CREATE TRIGGER target_deleted AFTER DELETE ON targets REFERENCING OLD TABLE AS gone"
    " FOR EACH STATEMENT EXECUTE FUNCTION tomgql_delete_data_of_target()",
    """
    CREATE FUNCTION tomgql_delete_data_of_product() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM reduced_data WHERE (target_id, data_product_id) IN (SELECT target_id, id FROM gone);
        RETURN NULL;
    END $$
    """,
    "CREATE TRIGGER data_product_deleted AFTER DELETE ON data_products REFERENCING OLD TABLE AS gone"
    " FOR EACH STATEMENT EXECUTE FUNCTION tomgql_delete_data_of_product()",
]

JOBS = [
    """
    ALTER TABLE jobs
        ADD CHECK (state IN ('QUEUED', 'RUNNING', 'WAITING', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
        ADD CHECK (progress >= 0 AND progress <= 1),
        ADD CHECK (attempts >= 0),
        ADD CHECK (state <> 'RUNNING' OR lease_until IS NOT NULL),
        ADD CHECK (state <> 'WAITING' OR waiting_until IS NOT NULL),
        ADD CHECK (state <> 'FAILED' OR (error_code IS NOT NULL AND error_message IS NOT NULL)),
        ADD CHECK ((state IN ('SUCCEEDED', 'FAILED', 'CANCELLED')) = (finished IS NOT NULL))
    """,
    "CREATE INDEX ON jobs (created, id)",
    "CREATE INDEX ON jobs (target_id, id)",
    "CREATE INDEX ON jobs (data_product_id, id)",
    "CREATE INDEX ON jobs (created_by_id, id)",
    "CREATE INDEX jobs_unfinished ON jobs (state, id) WHERE state IN ('QUEUED', 'RUNNING', 'WAITING')",
]

# The event log. The lock is taken before the first id is drawn and is kept to the commit, so the order of ids is
# the order of commits (DESIGN D7). Appending is a transaction's last step, so the lock is short.
EVENTS = [
    """
    CREATE FUNCTION tomgql_lock_events() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(1953460595);
        RETURN NULL;
    END $$
    """,
    "CREATE TRIGGER events_in_commit_order BEFORE INSERT ON events"
    " FOR EACH STATEMENT EXECUTE FUNCTION tomgql_lock_events()",
    """
    CREATE FUNCTION tomgql_wake_readers() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_notify('tomgql_events', '');
        RETURN NULL;
    END $$
    """,
    "CREATE TRIGGER events_wake_readers AFTER INSERT ON events"
    " FOR EACH STATEMENT EXECUTE FUNCTION tomgql_wake_readers()",
    "ALTER TABLE events ADD CHECK (topic IN ('reduced_data', 'jobs', 'data_products', 'targets')),"
    " ADD CHECK (change IN ('CREATED', 'REVISED', 'DISABLED', 'ENABLED', 'DELETED')),"
    " ADD CHECK (topic <> 'reduced_data' OR (target_id IS NOT NULL AND cardinality(data_ids) > 0)),"
    " ADD CHECK (topic <> 'jobs' OR job_id IS NOT NULL)",
    "CREATE INDEX ON events (at)",
]

LEDGERS = [
    "ALTER TABLE share_ledger ADD CHECK (state IN ('QUEUED', 'SENT', 'FAILED', 'REFUSED')),"
    " ADD CHECK (subject_kind IN ('target', 'data_product', 'reduced_datum'))",
    "CREATE INDEX ON share_ledger (target_id)",
    "ALTER TABLE instance ADD CHECK (id = 1)",
    # gen_random_uuid draws from the system's strong random source: two of them make a signing key.
    "INSERT INTO instance (id, instance_id, signing_key) VALUES (1, gen_random_uuid(),"
    " replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''))",
]


class Migration(migrations.Migration):
    dependencies = [("tomgql", "0001_initial")]
    initial = False
    operations = [
        ops.RunSQL(
            [
                EXTENSIONS,
                FINITE,
                CURSOR,
                *PEOPLE,
                *TARGETS,
                *PRODUCTS,
                *REDUCED_DATA,
                *REDUCED_DATA_REFERENCES,
                *JOBS,
                *EVENTS,
                *LEDGERS,
            ]
        )
    ]
