"""Sharing: where shares go, who may send there, what was asked, and what went."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from tomgql.store.tables.columns import created_at, key
from tomgql.store.tables.log import Job
from tomgql.store.tables.people import User, UserGroup
from tomgql.store.tables.targets import Target, TargetList


class Destination(Model):
    """A place that shares go to: ``kind`` names the plug-in that speaks to it, ``secrets`` are encrypted.

    ``peer`` is the account by which the same place shares with us: what came from it is not sent back.
    """

    id = key()
    name = fields.CharField(50, unique=True)
    title = fields.CharField(200)
    kind = fields.CharField(50)
    address = fields.CharField(500)
    options = fields.JSONField[dict[str, object]](db_default={})
    secrets = fields.BinaryField(null=True)
    enabled = fields.BooleanField(db_default=True)
    peer: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "tomgql.User", null=True, on_delete=fields.SET_NULL, related_name=False
    )
    created = created_at()
    modified = created_at()

    class Meta:
        table = "destinations"


class DestinationGrant(Model):
    """The right of a user group to share with a destination, which is one of the table or of the settings."""

    id = key()
    destination = fields.CharField(50)
    user_group: fields.ForeignKeyRelation[UserGroup] = fields.ForeignKeyField("tomgql.UserGroup", related_name=False)

    class Meta:
        table = "destination_grants"
        unique_together = (("destination", "user_group"),)


class Share(Model):
    """One act of giving, done by its job. ``request`` says of what; ``expanded`` that its items are in the ledger.

    ``items`` is how many there were; ``unchanged`` of them were at the destination as they are already.
    """

    id = key()
    destination = fields.CharField(50)
    message = fields.TextField(db_default="")
    request = fields.JSONField[dict[str, object]]()
    options = fields.JSONField[dict[str, object]](db_default={})
    job: fields.OneToOneRelation[Job] = fields.OneToOneField("tomgql.Job", related_name=False)
    expanded = fields.BooleanField(db_default=False)
    items = fields.BigIntField(db_default=0)
    unchanged = fields.BigIntField(db_default=0)
    created_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "tomgql.User", null=True, on_delete=fields.SET_NULL, related_name=False
    )
    created = created_at()

    class Meta:
        table = "shares"


class ContinuousShare(Model):
    """What is new of a target, or of each target of a list, goes to a destination, in the name of its maker.

    ``place`` is the id of the last event of the log whose items are in the ledger. ``job`` delivers them, or did last.
    """

    id = key()
    destination = fields.CharField(50)
    target: fields.ForeignKeyNullableRelation[Target] = fields.ForeignKeyField(
        "tomgql.Target", null=True, related_name=False
    )
    target_list: fields.ForeignKeyNullableRelation[TargetList] = fields.ForeignKeyField(
        "tomgql.TargetList", null=True, related_name=False
    )
    options = fields.JSONField[dict[str, object]](db_default={})
    place = fields.BigIntField()
    paused = fields.BooleanField(db_default=False)
    message = fields.TextField(db_default="")
    job: fields.ForeignKeyNullableRelation[Job] = fields.ForeignKeyField(
        "tomgql.Job", null=True, on_delete=fields.SET_NULL, related_name=False
    )
    created_by: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("tomgql.User", related_name=False)
    created = created_at()
    modified = created_at()

    class Meta:
        table = "continuous_shares"


class ShareLedger(Model):
    """What went to which destination, at which content: a resend updates and never doubles.

    One row an item and destination, also of what is still to go. ``job_id`` is the job that delivers it, ``due`` when
    it is tried next; ``answer`` is what the destination said last. Of reduced data ``subject_id`` is the second part of
    their key.
    """

    id = key()
    destination = fields.CharField(200)
    subject_kind = fields.CharField(20)
    subject_global_id = fields.UUIDField()
    target_id = fields.BigIntField(null=True)
    subject_id = fields.BigIntField(null=True)
    content = fields.UUIDField(null=True)
    state = fields.CharField(9, db_default="QUEUED")
    job_id = fields.BigIntField(null=True)
    continuous_share_id = fields.BigIntField(null=True)
    attempts = fields.IntField(db_default=0)
    remote_id = fields.CharField(200, null=True)
    answer = fields.TextField(null=True)
    created = created_at()
    due = created_at()
    sent = fields.DatetimeField(null=True)

    class Meta:
        table = "share_ledger"
        unique_together = (("destination", "subject_kind", "subject_global_id"),)
