"""Federation: the roads by which data came from other tomgql servers, what is gone, and whom we follow."""

from __future__ import annotations

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model

from tomgql.store.tables.columns import created_at, key
from tomgql.store.tables.people import User
from tomgql.store.tables.targets import Target, TargetList


class Road(Model):
    """A way from another installation to here: the instances passed, the origin first, the one that gave it last."""

    id = key()
    path = ArrayField("uuid")

    class Meta:
        table = "roads"


class TargetGlobalId(Model):
    """Another global id by which a target is known, beside its own."""

    id = key()
    target: fields.ForeignKeyRelation[Target] = fields.ForeignKeyField("tomgql.Target", related_name=False)
    global_id = fields.UUIDField(unique=True)

    class Meta:
        table = "target_global_ids"


class Tombstone(Model):
    """A target or data product that was deleted: what still comes of it from elsewhere stays away.

    ``by_origin`` is false of a copy that this site alone deleted.
    """

    id = key()
    kind = fields.CharField(20)
    global_id = fields.UUIDField(unique=True)
    by_origin = fields.BooleanField(db_default=True)
    created = created_at()

    class Meta:
        table = "tombstones"


class PeerSubscription(Model):
    """Another tomgql server that is followed: which of its targets, by which token, and how far.

    ``cursor`` is the peer's, written with the data it stands for; null before the first look at what is there already.
    ``fence`` counts the workers that took it, and ``lease_until`` is when a silent one counts as dead. Tokens are
    encrypted.
    """

    id = key()
    name = fields.CharField(50, unique=True)
    address = fields.CharField(500)
    token = fields.BinaryField()
    where = fields.JSONField[dict[str, object]](db_default={})
    instance_id = fields.UUIDField(null=True)
    access = fields.CharField(8, db_default="PRIVATE")
    target_list: fields.ForeignKeyNullableRelation[TargetList] = fields.ForeignKeyField(
        "tomgql.TargetList", null=True, on_delete=fields.SET_NULL, related_name=False
    )
    enabled = fields.BooleanField(db_default=True)
    state = fields.CharField(12, db_default="STARTING")
    message = fields.TextField(db_default="")
    cursor = fields.CharField(40, null=True)
    fence = fields.BigIntField(db_default=0)
    lease_until = fields.DatetimeField(null=True)
    due = created_at()
    heard = fields.DatetimeField(null=True)
    created_by: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("tomgql.User", related_name=False)
    created = created_at()
    modified = created_at()

    class Meta:
        table = "peer_subscriptions"


class PeerRefusal(Model):
    """Something that a peer gave and that was not taken, and why; gone when it is taken after all."""

    id = key()
    peer_subscription: fields.ForeignKeyRelation[PeerSubscription] = fields.ForeignKeyField(
        "tomgql.PeerSubscription", related_name=False
    )
    kind = fields.CharField(20)
    global_id = fields.UUIDField()
    name = fields.CharField(255, db_default="")
    message = fields.TextField()
    created = created_at()

    class Meta:
        table = "peer_refusals"
        unique_together = (("peer_subscription", "kind", "global_id"),)
