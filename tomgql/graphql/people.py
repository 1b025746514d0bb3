"""User, UserGroup, Token, Viewer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from tomgql.graphql.base import Node, OfRow, described
from tomgql.graphql.context import Info
from tomgql.graphql.lazy import link
from tomgql.reading.relation import Pin, Relation, one
from tomgql.reading.rows import Row


@strawberry.type(description="Somebody, or a script, that acts.")
class User(OfRow, Node):
    username: str = described("Name to sign in with.")
    is_admin: bool = described("Whether the user is an administrator.")


@strawberry.type(description="A set of people; its members and administrators see it.")
class UserGroup(OfRow, Node):
    name: str = described("Name of the group.")

    @strawberry.field(description="Who belongs to it; at most 1,000 are listed.")
    def members(self, root: strawberry.Parent[Row]) -> list[User]:
        members: list[User] = link(root, "members")
        return members

    @strawberry.field(description="Members who may change it; at most 1,000 are listed.")
    def managers(self, root: strawberry.Parent[Row]) -> list[User]:
        managers: list[User] = link(root, "managers")
        return managers


@strawberry.type(description="A bearer token. Its secret is shown once, when it is created.")
class Token(OfRow, Node):
    name: str = described("What the token is for.")
    scopes: list[str] = described("What it allows: read always, write for changes, admin for an administrator's acts.")
    expires: datetime | None = described("When it ends; null: never.")
    last_used: datetime | None = described("When it was last used, to the minute.")


@strawberry.type(description="Who asks.")
class Viewer:
    is_anonymous: bool = described("Whether nobody signed in.")
    is_admin: bool = described("Whether an administrator's power may be used: the user's and the token's.")
    scopes: list[str] = described("What the token in use allows: read, write, admin.")

    @strawberry.field(description="The user; null when nobody signed in.")
    def user(self, info: Info) -> User | None:
        found: Any = None
        if info.context.actor.user_id is not None:
            found = one("users", (info.context.actor.user_id,))
        user: User | None = found
        return user

    @strawberry.field(description="The user groups that the user belongs to; at most 1,000 are listed.")
    def user_groups(self, info: Info) -> list[UserGroup]:
        mine = "{row}.id in (select x.user_group_id from memberships x where x.user_id = {0})"
        found: Any = Relation("user_groups", (Pin(mine, ((info.context.actor.user_id, "bigint"),)),))
        groups: list[UserGroup] = found
        return groups
