"""Who may share, and who may say where to: on refusal nothing has changed, and nothing is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.support.client import Client
from tests.support.people import make_person
from tests.support.sharing import (
    CANCEL,
    CREATE_RULE,
    GRANT,
    GRANT_TARGET,
    LEDGER,
    MAKE_GROUP,
    READ,
    RETRY,
    REVOKE,
    SAVE,
    SHARE,
    Sharing,
    point,
)
from tomgql.access.principal import ALL_SCOPES
from tomgql.services import accounts
from tomgql.store.transaction import transaction

LIST = "{ sharingDestinations { name address peer { username } capabilities optionsSchema } }"
DELETE = "mutation ($n: String!) { deleteDestination(name: $n) { deletedId errors { code } } }"
MAKE_LIST = "mutation ($i: CreateTargetListInput!) { createTargetList(input: $i) { targetList { id } } }"

ACTORS = ["anonymous", "read_only", "stranger", "viewer", "without_destination", "without_share", "sharer", "admin"]


@pytest.fixture(scope="module", autouse=True)
def worker() -> None:
    """None: what is asked for stays queued."""


@dataclass
class Cast:
    """Clients of those who ask, by their part, and what they ask about: a PRIVATE target with a datum and a product."""

    clients: dict[str, Client]
    target: str
    product: str
    target_list: str


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def cast(sharing: Sharing) -> Cast:
    site, admin = sharing.site, sharing.admin
    people = {name: await make_person(site, name) for name in ACTORS[2:6]}
    target = await admin.create_target("The target")
    await sharing.data(admin, target, point(1))
    stored = await admin.client.upload(target, "a.txt", b"a", dataProductType="image_file", process=False)
    granted = await admin.client.query(MAKE_GROUP, i={"name": "Some of them", "members": [people["without_share"].id]})
    await admin.client.query(GRANT, d="receiver", g=granted["createUserGroup"]["userGroup"]["id"])
    rights = {"viewer": ["VIEW"], "without_destination": ["VIEW", "SHARE"], "without_share": ["VIEW", "CHANGE"],
              "sharer": ["VIEW", "SHARE"]}  # fmt: skip
    for name, permissions in rights.items():
        given = {"target": target, "user": (people | {"sharer": sharing.sharer})[name].id, "permissions": permissions}
        await admin.client.query(GRANT_TARGET, i=given)
    made = await admin.client.query(MAKE_LIST, i={"name": "Some of them", "targets": [target]})
    async with transaction(site.rt.writes) as tx:
        _, secret = await accounts.insert_token(tx, int(sharing.sharer.id[1:]), "reads", ("read",))
    clients = {name: person.client for name, person in people.items()}
    clients |= {"anonymous": site.client(), "read_only": site.client(secret), "sharer": sharing.sharer.client,
                "admin": admin.client}  # fmt: skip
    list_id = made["createTargetList"]["targetList"]["id"]
    return Cast(clients, target, stored["dataProduct"]["id"], list_id)


async def state(sharing: Sharing) -> dict[str, list[str]]:
    """All that sharing writes, and what has come to the double."""
    tables = ("destinations", "destination_grants", "shares", "continuous_shares", "share_ledger", "jobs", "events")
    rows = {
        table: await sharing.site.rt.reads.fetch(f"select to_jsonb(t)::text as row from {table} t order by id")
        for table in tables
    }
    return {table: [row["row"] for row in found] for table, found in rows.items()} | {
        "heard": [each.path for each in sharing.double.heard]
    }


async def code_of(client: Client, query: str, **variables: Any) -> str | None:
    """The code with which a mutation is refused, in its payload or at the top; None when it is done."""
    answer = await client.ask(query, **variables)
    if answer.get("errors"):
        return str(answer["errors"][0]["extensions"]["code"])
    (payload,) = answer["data"].values()
    return str(payload["errors"][0]["code"]) if payload["errors"] else None


ASKED = ("targets", "dataProducts", "reducedData", "targetList", "rule", "dryRun")
REFUSALS = {
    "anonymous": "NOT_AUTHENTICATED",
    "read_only": "NOT_ALLOWED",
    "stranger": "NOT_FOUND",
    "viewer": "NOT_FOUND",
    "without_destination": "NOT_FOUND",
    "without_share": "NOT_ALLOWED",
    "sharer": None,
    "admin": None,
}
"""Who may not share with the destination does not learn that it exists, whatever rights there are on the target."""


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("who", ACTORS)
async def test_to_share_takes_the_right_on_the_thing_and_on_the_destination(
    sharing: Sharing, cast: Cast, who: str, asked: str
) -> None:
    what: dict[str, Any] = {
        "targets": {"targets": [cast.target]},
        "dataProducts": {"dataProducts": [cast.product]},
        "reducedData": {"reducedData": {"target": cast.target}},
        "targetList": {"targetList": cast.target_list},
        "rule": {"target": cast.target},
        "dryRun": {"targets": [cast.target], "dryRun": True},
    }[asked]
    before = await state(sharing)
    query = CREATE_RULE if asked == "rule" else SHARE
    refusal = REFUSALS[who]
    if who == "without_share" and asked in ("reducedData", "targetList"):
        refusal = None  # nothing is named that may not be shared: it goes through, and nothing is in it
    assert await code_of(cast.clients[who], query, i={"destination": "receiver", **what}) == refusal
    after = await state(sharing)
    if refusal is not None or asked == "dryRun":
        assert after == before
    else:
        table = "continuous_shares" if asked == "rule" else "shares"
        assert len(after[table]) == len(before[table]) + 1
    assert sharing.double.heard == []


@pytest.mark.parametrize("who", ACTORS)
async def test_only_administrators_say_where_shares_may_go(sharing: Sharing, cast: Cast, who: str) -> None:
    before = await state(sharing)
    expected = {"anonymous": "NOT_AUTHENTICATED", "admin": None}.get(who, "NOT_ALLOWED")
    client = cast.clients[who]
    given = {"name": "elsewhere", "kind": "receiver", "address": "https://tom.example.org", "secrets": {"token": "x"}}
    assert await code_of(client, SAVE, i=given) == expected
    for query in (REVOKE, GRANT):
        assert await code_of(client, query, d="receiver", g=sharing.group) == expected
    assert await code_of(client, DELETE, n="elsewhere") == expected
    if expected is not None:
        assert await state(sharing) == before


async def test_destinations_are_listed_for_who_may_use_them(sharing: Sharing, cast: Cast) -> None:
    await sharing.save_destination(name="another", address="https://tom.example.org")
    found = {who: (await client.query(LIST))["sharingDestinations"] for who, client in cast.clients.items()}
    names = {who: [each["name"] for each in listed] for who, listed in found.items()}
    some = ("read_only", "without_share", "sharer")
    assert names == {who: ["receiver"] if who in some else [] for who in ACTORS} | {"admin": ["another", "receiver"]}
    assert [each["address"] for each in found["sharer"]] == [None]
    assert [each["address"] for each in found["admin"]] == ["https://tom.example.org", sharing.double.address]
    assert found["sharer"][0]["capabilities"] == ["DATA_PRODUCTS", "REDUCED_DATA", "TARGETS"]
    assert list(found["sharer"][0]["optionsSchema"]["properties"]) == ["folder"]
    await sharing.admin.client.query(DELETE, n="another")


@pytest.mark.parametrize("who", ACTORS)
async def test_a_share_and_its_ledger_are_its_makers_and_administrators(
    sharing: Sharing, cast: Cast, who: str
) -> None:
    share = await sharing.share(targets=[cast.target])
    job = (await sharing.read(share))["job"]["id"]
    await sharing.site.rt.writes.execute(
        "insert into share_ledger (destination, subject_kind, subject_global_id, target_id, subject_id, job_id)"
        " values ('receiver', 'target', gen_random_uuid(), $1, $1, $2)",
        int(cast.target[1:]), int(job[1:]),
    )  # fmt: skip
    client, sees = cast.clients[who], who in ("sharer", "read_only", "admin")
    found = (await client.query(READ, id=share))["node"]
    assert (found is not None) == sees
    if found is not None:
        assert found["queued"] == 1
        (item,) = (await client.query(LEDGER, id=share))["node"]["ledger"]["nodes"]
        assert (await client.query("query ($i: ID!) { node(id: $i) { id } }", i=item["id"]))["node"] is not None
    listed = (await client.query("{ shares { nodes { id } } }"))["shares"]["nodes"]
    assert ({"id": share} in listed) == sees
    refused = {"anonymous": "NOT_AUTHENTICATED", "read_only": "NOT_ALLOWED", "sharer": None, "admin": None}
    before = await state(sharing)
    for query in (CANCEL, RETRY):
        assert await code_of(client, query, id=job) == refused.get(who, "NOT_FOUND")
    if refused.get(who, "NOT_FOUND") is not None:
        assert await state(sharing) == before


async def test_an_administrator_with_a_limited_token_is_none(sharing: Sharing, cast: Cast) -> None:
    root = await make_person(sharing.site, "limited root", is_admin=True, scopes=ALL_SCOPES[:2])
    assert await code_of(root.client, SHARE, i={"destination": "receiver", "targets": [cast.target]}) == "NOT_FOUND"
    assert await code_of(root.client, DELETE, n="receiver") == "NOT_ALLOWED"
