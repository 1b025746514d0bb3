"""People: users, user groups, memberships and tokens."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from tomgql.store.tables.columns import created_at, key, texts


class User(Model):
    """Somebody, or a script, that acts."""

    id = key()
    username = fields.CharField(150, unique=True)
    is_admin = fields.BooleanField(db_default=False)
    is_active = fields.BooleanField(db_default=True)
    created = created_at()

    class Meta:
        table = "users"


class UserGroup(Model):
    """A set of people."""

    id = key()
    name = fields.CharField(200, unique=True)
    created_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "tomgql.User", null=True, on_delete=fields.SET_NULL, related_name=False
    )
    created = created_at()
    modified = created_at()

    class Meta:
        table = "user_groups"


class Membership(Model):
    """Who belongs to which user group; a MANAGER may change it."""

    id = key()
    user_group: fields.ForeignKeyRelation[UserGroup] = fields.ForeignKeyField("tomgql.UserGroup", related_name=False)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("tomgql.User", related_name=False)
    role = fields.CharField(10, db_default="MEMBER")

    class Meta:
        table = "memberships"
        unique_together = (("user_group", "user"),)


class Token(Model):
    """A bearer token; only the SHA-256 of its secret is kept."""

    id = key()
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("tomgql.User", related_name=False)
    name = fields.CharField(200)
    secret_sha256 = fields.BinaryField()
    scopes = texts()
    expires = fields.DatetimeField(null=True)
    last_used = fields.DatetimeField(null=True)
    revoked = fields.DatetimeField(null=True)
    made_with: fields.ForeignKeyNullableRelation[Token] = fields.ForeignKeyField(
        "tomgql.Token", null=True, related_name=False
    )
    created = created_at()

    class Meta:
        table = "tokens"
