"""Targets, their names, lists and grants."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from tomgql.store.tables.columns import RANDOM_UUID, created_at, key, texts
from tomgql.store.tables.people import User, UserGroup


class Target(Model):
    """An object of interest. Columns are those of TOM Toolkit's target, with the unit in the name.

    Positions are ICRS; angles of orbits are J2000. ``position``, the unit vector as a ``cube`` for cone search, is a
    generated column of the rules migration. ``origin_instance_id`` is the installation that it was made at, null where
    that is this one; ``road_id`` is the way by which its present state came from another one, and ``peer_bag`` what
    that one said beyond what is known here; ``revision`` counts its changes.
    """

    id = key()
    name = fields.CharField(100)
    type = fields.CharField(12)
    access = fields.CharField(8)
    ra_deg = fields.FloatField(null=True)
    dec_deg = fields.FloatField(null=True)
    epoch = fields.FloatField(null=True)
    parallax_mas = fields.FloatField(null=True)
    proper_motion_ra_mas_yr = fields.FloatField(null=True)
    proper_motion_dec_mas_yr = fields.FloatField(null=True)
    distance_pc = fields.FloatField(null=True)
    distance_error_pc = fields.FloatField(null=True)
    scheme = fields.CharField(20, null=True)
    epoch_of_elements_mjd = fields.FloatField(null=True)
    inclination_deg = fields.FloatField(null=True)
    ascending_node_longitude_deg = fields.FloatField(null=True)
    perihelion_argument_deg = fields.FloatField(null=True)
    eccentricity = fields.FloatField(null=True)
    mean_anomaly_deg = fields.FloatField(null=True)
    semimajor_axis_au = fields.FloatField(null=True)
    mean_daily_motion_deg = fields.FloatField(null=True)
    perihelion_distance_au = fields.FloatField(null=True)
    perihelion_epoch_mjd = fields.FloatField(null=True)
    ephemeris_period_days = fields.FloatField(null=True)
    ephemeris_period_error_days = fields.FloatField(null=True)
    ephemeris_epoch_days = fields.FloatField(null=True)
    ephemeris_epoch_error_days = fields.FloatField(null=True)
    absolute_magnitude = fields.FloatField(null=True)
    slope = fields.FloatField(null=True)
    extras = fields.JSONField[dict[str, object]](db_default={})
    shared_by = fields.CharField(200, null=True)
    shared_from = fields.CharField(200, null=True)
    global_id = fields.UUIDField(db_default=RANDOM_UUID)
    revision = fields.IntField(db_default=1)
    origin_instance_id = fields.UUIDField(null=True)
    road_id = fields.BigIntField(null=True)
    peer_bag = fields.JSONField[dict[str, object]](null=True)
    created_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "tomgql.User", null=True, on_delete=fields.SET_NULL, related_name=False
    )
    created = created_at()
    modified = created_at()

    class Meta:
        table = "targets"


class TargetName(Model):
    """Every name of every target, the primary one and aliases; unique in simplified spelling over all targets."""

    id = key()
    target: fields.ForeignKeyRelation[Target] = fields.ForeignKeyField("tomgql.Target", related_name=False)
    name = fields.CharField(100)
    simplified = fields.CharField(100, unique=True)
    is_primary = fields.BooleanField(db_default=False)
    created = created_at()

    class Meta:
        table = "target_names"
        unique_together = (("target", "name"),)


class TargetList(Model):
    """A selection of targets."""

    id = key()
    name = fields.CharField(200)
    created_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "tomgql.User", null=True, on_delete=fields.SET_NULL, related_name=False
    )
    created = created_at()
    modified = created_at()

    class Meta:
        table = "target_lists"


class TargetListMember(Model):
    """Which targets a list holds."""

    id = key()
    target_list: fields.ForeignKeyRelation[TargetList] = fields.ForeignKeyField("tomgql.TargetList", related_name=False)
    target: fields.ForeignKeyRelation[Target] = fields.ForeignKeyField("tomgql.Target", related_name=False)

    class Meta:
        table = "target_list_members"
        unique_together = (("target_list", "target"),)


class TargetGrant(Model):
    """Rights of one user or one user group on one target."""

    id = key()
    target: fields.ForeignKeyRelation[Target] = fields.ForeignKeyField("tomgql.Target", related_name=False)
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField("tomgql.User", null=True, related_name=False)
    user_group: fields.ForeignKeyNullableRelation[UserGroup] = fields.ForeignKeyField(
        "tomgql.UserGroup", null=True, related_name=False
    )
    permissions = texts()

    class Meta:
        table = "target_grants"
        unique_together = (("target", "user"), ("target", "user_group"))
