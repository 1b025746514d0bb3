"""Users with tokens, targets and groups, made through the services or the public door."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.support.client import Client
from tests.support.site import Site
from tomgql.access.principal import ALL_SCOPES
from tomgql.services import accounts
from tomgql.store.transaction import transaction

CREATE_TARGET = """
mutation ($input: CreateTargetInput!) {
  createTarget(input: $input) { target { id name } errors { code message path } }
}
"""


@dataclass
class Person:
    """Somebody with an id and a client."""

    id: str
    username: str
    client: Client

    async def create_target(self, name: str, **given: Any) -> str:
        """Create a target at an arbitrary position; its id."""
        given = {"name": name, "raDeg": 150.0, "decDeg": 2.0, **given}
        payload = (await self.client.query(CREATE_TARGET, input=given))["createTarget"]
        assert payload["errors"] == []
        target_id: str = payload["target"]["id"]
        return target_id


async def make_person(site: Site, username: str, *, is_admin: bool = False, scopes: Any = ALL_SCOPES) -> Person:
    """A user with a token, written by the services."""
    async with transaction(site.rt.writes) as tx:
        user_id = await accounts.insert_user(tx, username, is_admin=is_admin)
        _, secret = await accounts.insert_token(tx, user_id, "test", scopes)
    return Person(f"u{user_id}", username, site.client(secret))
