"""Users, user groups, tokens, who asks."""

from __future__ import annotations

from tests.oracle.naive.rights import Asker
from tests.oracle.naive.rules import Rules, columns, linked, moments, public_id
from tests.oracle.naive.sky import Row


def _managers(ask: Asker, group: Row) -> list[Row]:
    mine = [each for each in ask.sky.tables["memberships"] if each.user_group_id == group.id]
    keys = {each.user_id for each in mine if each.role == "MANAGER"}
    return [user for user in ask.rows("users") if user.id in keys]


USER: Rules = {"id": public_id, **columns("username", "isAdmin")}

USER_GROUP: Rules = {
    "id": public_id,
    **columns("name"),
    "members": linked("users", "memberships", "user_group_id", "user_id"),
    "managers": _managers,
}

TOKEN: Rules = {"id": public_id, **columns("name", "scopes"), **moments("expires", "lastUsed")}

VIEWER: Rules = {
    "isAnonymous": lambda ask, _: not ask.signed_in,
    "isAdmin": lambda ask, _: ask.admin,
    "scopes": lambda ask, _: list(ask.actor.scopes),
    "user": lambda ask, _: ask.one("users", ask.user),
    "userGroups": lambda ask, _: [group for group in ask.rows("user_groups") if group.id in ask.my_groups],
}
