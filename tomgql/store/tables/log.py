"""Jobs, the event log, answered bulk calls, and the instance itself."""

from __future__ import annotations

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.db_defaults import SqlDefault
from tortoise.models import Model

from tomgql.store.tables.columns import created_at, key
from tomgql.store.tables.people import User
from tomgql.store.tables.products import DataProduct
from tomgql.store.tables.targets import Target


class Job(Model):
    """What was asked of a worker, and what became of it. The queue's message carries only ``id``.

    ``attempts`` is also the fencing number: an attempt writes its outcome only while the row still carries its number.
    ``faults`` counts those that failed or died since the job last got on.
    ``lease_until`` is when a silent worker counts as dead; ``waiting_until`` is when a waiting job goes on.
    """

    id = key()
    kind = fields.CharField(50)
    state = fields.CharField(9, db_default="QUEUED")
    spec = fields.JSONField[dict[str, object]](db_default={})
    progress = fields.FloatField(db_default=0.0)
    message = fields.TextField(db_default="")
    attempts = fields.IntField(db_default=0)
    faults = fields.IntField(db_default=0)
    cancel_requested = fields.BooleanField(db_default=False)
    waiting_until = fields.DatetimeField(null=True)
    lease_until = fields.DatetimeField(null=True)
    error_code = fields.CharField(50, null=True)
    error_message = fields.TextField(null=True)
    error_retryable = fields.BooleanField(null=True)
    result = fields.JSONField[dict[str, object]](null=True)
    target: fields.ForeignKeyNullableRelation[Target] = fields.ForeignKeyField(
        "tomgql.Target", null=True, related_name=False
    )
    data_product: fields.ForeignKeyNullableRelation[DataProduct] = fields.ForeignKeyField(
        "tomgql.DataProduct", null=True, related_name=False
    )
    created_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "tomgql.User", null=True, on_delete=fields.SET_NULL, related_name=False
    )
    created = created_at()
    started = fields.DatetimeField(null=True)
    finished = fields.DatetimeField(null=True)

    class Meta:
        table = "jobs"


class Event(Model):
    """One entry of the event log: only kinds, ids and a time. The order of ``id`` is the order of commits.

    ``tombstone`` keeps the last state of what was deleted, and who saw it (`tomgql.access.tombstones`).
    """

    id = key()
    topic = fields.CharField(30)
    change = fields.CharField(10)
    at = fields.DatetimeField(db_default=SqlDefault("clock_timestamp()"))
    target_id = fields.BigIntField(null=True)
    data_product_id = fields.BigIntField(null=True)
    job_id = fields.BigIntField(null=True)
    data_ids = ArrayField("bigint", null=True)
    tombstone = fields.JSONField[dict[str, object]](null=True)

    class Meta:
        table = "events"


class IdempotencyKey(Model):
    """The answer that a keyed mutation gave, so that the same call is answered the same and done once."""

    id = key()
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("tomgql.User", related_name=False)
    key = fields.CharField(200)
    operation = fields.CharField(50)
    request_sha256 = fields.CharField(64)
    answer = fields.JSONField[dict[str, object]]()
    created = created_at()

    class Meta:
        table = "idempotency_keys"
        unique_together = (("user", "key"),)


class Instance(Model):
    """The one row about this installation: its id (origin of global ids), its signing key, the event log's horizon."""

    id = key()
    instance_id = fields.UUIDField()
    signing_key = fields.CharField(64)
    event_horizon = fields.BigIntField(db_default=0)
    created = created_at()

    class Meta:
        table = "instance"
