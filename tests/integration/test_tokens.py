"""Tokens: they never outlive what they were made with."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.client import Client
from tests.support.people import Person, make_person
from tests.support.site import Site

CREATE = """
mutation ($input: CreateTokenInput!) {
  createToken(input: $input) { token { id expires } secret errors { code message path } }
}
"""
REVOKE = "mutation ($id: ID!) { revokeToken(id: $id) { deletedId errors { code } } }"
WHO = "{ viewer { user { username } } }"
END = "2099-12-31T12:00:00.000Z"


async def create(client: Client, **given: Any) -> dict[str, Any]:
    """`createToken`; its payload."""
    payload: dict[str, Any] = (await client.query(CREATE, input={"name": "a token", **given}))["createToken"]
    return payload


async def made(site: Site, client: Client, **given: Any) -> tuple[str, Client]:
    """A token made with the client's: its id, and a client that uses it."""
    payload = await create(client, **given)
    assert payload["errors"] == []
    return payload["token"]["id"], site.client(payload["secret"])


async def who(client: Client) -> Any:
    """The name that a client is known by; the code when its token has ended."""
    answer = await client.ask(WHO)
    return answer["errors"][0]["extensions"]["code"] if "errors" in answer else answer["data"]["viewer"]["user"]


async def number_of_tokens(site: Site) -> int:
    """How many tokens there are."""
    count: int = await site.rt.writes.fetchval("select count(*) from tokens")
    return count


async def test_a_token_ends_with_the_one_that_it_was_made_with(site: Site) -> None:
    person = await make_person(site, "ends")
    _, short = await made(site, person.client, expires=END)
    assert (await create(short))["token"]["expires"] == END
    sooner = "2099-12-30T12:00:00.000Z"
    assert (await create(short, expires=sooner))["token"]["expires"] == sooner
    assert (await create(person.client))["token"]["expires"] is None
    count = await number_of_tokens(site)
    refused = await create(short, expires="2099-12-31T12:00:00.001Z")
    message = "The token in use ends 2099-12-31T12:00:00+00:00; what is made with it ends then at the latest."
    assert refused == {
        "token": None,
        "secret": None,
        "errors": [{"code": "NOT_ALLOWED", "message": message, "path": ["input", "expires"]}],
    }
    assert await number_of_tokens(site) == count


async def test_a_short_lived_token_leaves_nothing_behind(site: Site) -> None:
    person = await make_person(site, "brief")
    soon = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    _, short = await made(site, person.client, expires=soon)
    _, child = await made(site, short)
    assert await who(child) == {"username": "brief"}
    await asyncio.sleep(2.1)
    assert [await who(short), await who(child)] == ["NOT_AUTHENTICATED"] * 2


async def test_revoking_a_token_revokes_what_was_made_with_it(site: Site, admin: Person) -> None:
    person = await make_person(site, "revokes")
    parent_id, parent = await made(site, admin.client)
    _, child = await made(site, parent)
    _, grandchild = await made(site, child)
    _, of_another = await made(site, parent, user=person.id, scopes=["write"])
    _, sibling = await made(site, admin.client)
    done = (await admin.client.query(REVOKE, id=parent_id))["revokeToken"]
    assert done == {"deletedId": parent_id, "errors": []}
    assert [await who(each) for each in (parent, child, grandchild, of_another)] == ["NOT_AUTHENTICATED"] * 4
    assert [await who(each) for each in (sibling, admin.client)] == [{"username": "root"}] * 2
    assert (await admin.client.query(REVOKE, id=parent_id))["revokeToken"]["errors"] == []
    assert await who(sibling) == {"username": "root"}


async def test_a_token_that_is_being_revoked_makes_no_more(site: Site, admin: Person) -> None:
    """Whoever makes a token while its parent is revoked gets none, or one that ends with it."""
    for _ in range(10):
        parent_id, parent = await made(site, admin.client)
        answers = await asyncio.gather(
            parent.ask(CREATE, input={"name": "in haste"}), admin.client.query(REVOKE, id=parent_id)
        )
        payload = (answers[0].get("data") or {}).get("createToken") or {}
        if payload.get("secret"):
            assert await who(site.client(payload["secret"])) == "NOT_AUTHENTICATED"
