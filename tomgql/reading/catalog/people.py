"""Users, user groups and tokens in SQL."""

from __future__ import annotations

from tomgql.access import predicates
from tomgql.reading.catalog.model import ID_ORDER, Field, Link, Resource, column, time
from tomgql.reading.ids import sql_id

USERS = Resource(
    name="users",
    table="users",
    type_name="User",
    visible=predicates.user_visible_to,
    fields={
        "id": Field(sql_id("users", "{row}.id")),
        "username": column("username"),
        "isAdmin": column("is_admin"),
    },
    orders={"ID": ID_ORDER},
)

USER_GROUPS = Resource(
    name="user_groups",
    table="user_groups",
    type_name="UserGroup",
    visible=predicates.user_group_visible_to,
    fields={"id": Field(sql_id("user_groups", "{row}.id")), "name": column("name")},
    links={
        "members": Link(
            "users", "{child}.id in (select x.user_id from memberships x where x.user_group_id = {row}.id)"
        ),
        "managers": Link(
            "users",
            "{child}.id in (select x.user_id from memberships x where x.user_group_id = {row}.id"
            " and x.role = 'MANAGER')",
        ),
    },
    orders={"ID": ID_ORDER},
)

TOKENS = Resource(
    name="tokens",
    table="tokens",
    type_name="Token",
    visible=predicates.token_visible_to,
    fields={
        "id": Field(sql_id("tokens", "{row}.id")),
        "name": column("name"),
        "scopes": column("scopes"),
        "expires": time("expires"),
        "lastUsed": time("last_used"),
    },
    orders={"ID": ID_ORDER},
)
