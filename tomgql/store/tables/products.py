"""Data products, their groups, and observations."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from tomgql.store.tables.columns import RANDOM_UUID, created_at, key
from tomgql.store.tables.people import Token, User, UserGroup
from tomgql.store.tables.targets import Target


class Observation(Model):
    """A request to a facility that may own data products."""

    id = key()
    target: fields.ForeignKeyRelation[Target] = fields.ForeignKeyField("tomgql.Target", related_name=False)
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "tomgql.User", null=True, on_delete=fields.SET_NULL, related_name=False
    )
    facility = fields.CharField(50)
    observation_id = fields.CharField(255)
    status = fields.CharField(200, db_default="")
    parameters = fields.JSONField[dict[str, object]](db_default={})
    scheduled_start = fields.DatetimeField(null=True)
    scheduled_end = fields.DatetimeField(null=True)
    created = created_at()
    modified = created_at()

    class Meta:
        table = "observations"


class DataProduct(Model):
    """A file of a target. Its bytes lie in the file store under their SHA-256.

    ``origin`` says which service gave it to which query (``request_job_id``); null of what people send. ``revision``,
    ``origin_instance_id``, ``road_id`` and ``peer_bag`` as of targets.
    """

    id = key()
    target: fields.ForeignKeyRelation[Target] = fields.ForeignKeyField("tomgql.Target", related_name=False)
    observation: fields.ForeignKeyNullableRelation[Observation] = fields.ForeignKeyField(
        "tomgql.Observation", null=True, on_delete=fields.SET_NULL, related_name=False
    )
    product_id = fields.CharField(255, null=True, unique=True)
    data_product_type = fields.CharField(50)
    file_name = fields.CharField(255)
    size_bytes = fields.BigIntField()
    sha256 = fields.CharField(64, db_index=True)
    thumbnail_sha256 = fields.CharField(64, null=True)
    extra_data = fields.TextField(db_default="")
    featured = fields.BooleanField(db_default=False)
    notes = fields.JSONField[list[dict[str, object]]](db_default=[])
    origin = fields.JSONField[dict[str, object]](null=True)
    request_job_id = fields.BigIntField(null=True)
    global_id = fields.UUIDField(db_default=RANDOM_UUID, unique=True)
    revision = fields.IntField(db_default=1)
    origin_instance_id = fields.UUIDField(null=True)
    road_id = fields.BigIntField(null=True)
    peer_bag = fields.JSONField[dict[str, object]](null=True)
    uploaded_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "tomgql.User", null=True, on_delete=fields.SET_NULL, related_name=False
    )
    created = created_at()
    modified = created_at()

    class Meta:
        table = "data_products"


class FileUpload(Model):
    """A file that is being sent in pieces, what becomes of it when it is whole, and what was answered then.

    Its bytes lie in the file store under ``address`` until then. It ends with the token that it was begun with.
    """

    id = key()
    address = fields.CharField(43, unique=True)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("tomgql.User", related_name=False)
    token: fields.ForeignKeyRelation[Token] = fields.ForeignKeyField("tomgql.Token", related_name=False)
    target: fields.ForeignKeyRelation[Target] = fields.ForeignKeyField("tomgql.Target", related_name=False)
    product = fields.JSONField[dict[str, object]]()
    size_bytes = fields.BigIntField()
    sha256 = fields.CharField(64, null=True)
    answer = fields.JSONField[dict[str, object]](null=True)
    expires = fields.DatetimeField()
    created = created_at()

    class Meta:
        table = "file_uploads"


class DataProductGroup(Model):
    """Names which user groups may see which data products."""

    id = key()
    name = fields.CharField(200)
    created_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "tomgql.User", null=True, on_delete=fields.SET_NULL, related_name=False
    )
    created = created_at()
    modified = created_at()

    class Meta:
        table = "data_product_groups"


class DataProductGroupProduct(Model):
    """A data product in a data product group."""

    id = key()
    group: fields.ForeignKeyRelation[DataProductGroup] = fields.ForeignKeyField(
        "tomgql.DataProductGroup", related_name=False
    )
    data_product: fields.ForeignKeyRelation[DataProduct] = fields.ForeignKeyField(
        "tomgql.DataProduct", related_name=False
    )

    class Meta:
        table = "data_product_group_products"
        unique_together = (("group", "data_product"),)


class DataProductGroupUserGroup(Model):
    """A user group named by a data product group."""

    id = key()
    group: fields.ForeignKeyRelation[DataProductGroup] = fields.ForeignKeyField(
        "tomgql.DataProductGroup", related_name=False
    )
    user_group: fields.ForeignKeyRelation[UserGroup] = fields.ForeignKeyField("tomgql.UserGroup", related_name=False)

    class Meta:
        table = "data_product_group_user_groups"
        unique_together = (("group", "user_group"),)
