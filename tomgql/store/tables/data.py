"""Reduced data: every measured fact of every kind, in one table whose keys begin with the target.

One table, not one a kind: lists mix kinds, page through them in one order, and share identity, revision and rights;
columns of other kinds are null and cost one bit each. The primary key is ``(target_id, id)``, so that a large site
can turn the table into partitions by target (rules migration).
"""

from __future__ import annotations

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model

from tomgql.store.tables.columns import created_at, key, numbers
from tomgql.store.tables.people import User


class ReducedDatum(Model):
    """One measured fact. ``timestamp`` (UTC, whole milliseconds) is generated from ``mjd`` in the rules migration.

    A ``withdrawn`` datum is disabled because its product, read anew, does not hold it. ``beside`` is the identity that
    several data claim, of which this one is not the first; ``apart_for`` is the user who brought it beside a datum that
    was hidden from them.

    ``origin_instance_id``, ``road_id`` and ``peer_bag`` are as of targets; ``flag_revision`` counts how often it was
    taken out of use or back.

    Units: ``mjd`` days UTC, middle of the exposure; fluxes microjansky, signed; ``exposure_s`` seconds; spectra's
    wavelengths Angstrom and fluxes in ``flux_unit``; positions ICRS degrees with errors in arcsec.
    """

    id = key()
    target_id = fields.BigIntField()
    identity = fields.UUIDField()
    content = fields.UUIDField()
    global_id = fields.UUIDField()
    revision = fields.IntField(db_default=1)
    disabled = fields.BooleanField(db_default=False)
    withdrawn = fields.BooleanField(db_default=False)
    beside = fields.UUIDField(null=True)
    apart_for = fields.BigIntField(null=True)
    data_type = fields.CharField(100)
    data_product_id = fields.BigIntField(null=True)
    job_id = fields.BigIntField(null=True)
    mjd = fields.FloatField()
    source_name = fields.CharField(100, db_default="")
    source_location = fields.CharField(200, db_default="")
    telescope = fields.CharField(255, null=True)
    instrument = fields.CharField(255, null=True)
    reported = fields.JSONField[dict[str, object]](db_default={})
    external_id = fields.CharField(200, null=True)
    time_quality = fields.CharField(9, db_default="assumed")
    created = created_at()
    modified = created_at()
    flag_revision = fields.IntField(db_default=0)
    origin_instance_id = fields.UUIDField(null=True)
    road_id = fields.BigIntField(null=True)
    peer_bag = fields.JSONField[dict[str, object]](null=True)

    band = fields.CharField(50, null=True)
    flux_ujy = fields.FloatField(null=True)
    flux_error_ujy = fields.FloatField(null=True)
    limit_flux_ujy = fields.FloatField(null=True)
    limit_nsigma = fields.FloatField(null=True)
    exposure_s = fields.FloatField(null=True)
    forced = fields.BooleanField(null=True)
    difference = fields.BooleanField(null=True)
    reported_magnitude = fields.FloatField(null=True)
    reported_magnitude_error = fields.FloatField(null=True)
    reported_system = fields.CharField(32, null=True)
    reported_limit = fields.FloatField(null=True)

    wavelength_angstrom = numbers(null=True)
    flux_values = numbers(null=True)
    flux_error_values = numbers(null=True)
    flux_unit = fields.CharField(100, null=True)
    medium = fields.CharField(7, null=True)

    ra_deg = fields.FloatField(null=True)
    dec_deg = fields.FloatField(null=True)
    ra_error_arcsec = fields.FloatField(null=True)
    dec_error_arcsec = fields.FloatField(null=True)
    observatory_code = fields.CharField(10, null=True)

    class Meta:
        table = "reduced_data"


class ReducedDatumRevision(Model):
    """A superseded revision of a datum, whole, as JSON."""

    id = key()
    target_id = fields.BigIntField()
    datum_id = fields.BigIntField()
    revision = fields.IntField()
    record = fields.JSONField[dict[str, object]]()
    superseded = created_at()
    superseded_by_job_id = fields.BigIntField(null=True)

    class Meta:
        table = "reduced_data_revisions"
        unique_together = (("target_id", "datum_id", "revision"),)


class ReducedDatumDisabling(Model):
    """One decision of a person to take a datum out of use, or back into it: who, when and why.

    It moves and goes with its datum, by triggers of the migration; unless the datum goes with its product and other
    products, ``kept_for``, may bring it back: it waits for a datum of this content or identity then.
    """

    id = key()
    target_id = fields.BigIntField()
    datum_id = fields.BigIntField()
    disabled = fields.BooleanField()
    reason = fields.CharField(500)
    decided_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "tomgql.User", null=True, on_delete=fields.SET_NULL, related_name=False
    )
    decided = created_at()
    identity = fields.UUIDField(null=True)
    content = fields.UUIDField(null=True)
    kept_for = ArrayField("bigint", null=True)

    class Meta:
        table = "reduced_data_disablings"
