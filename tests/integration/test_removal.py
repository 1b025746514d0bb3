"""What is deleted is gone with all that hung on it, and whoever saw it is told so, and nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.client import Client
from tests.support.scene import ACTOR_NAMES, BY_NAME, Scene, a_scene
from tests.support.site import Site

DELETE = "mutation ($id: ID!) { FIELD(id: $id) { deletedId errors { code message path } } }"
TARGETS = """
subscription ($after: Cursor, $where: TargetWhere) { targets(after: $after, where: $where) {
  cursor change target { id name coordinates { raDeg raHms } dataProducts { totalCount } viewerCan }
} }
"""
PRODUCTS = """
subscription ($after: Cursor) { dataProducts(after: $after) {
  cursor change dataProduct { id fileName target { id name } groups { id } reducedData { totalCount } }
} }
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(site: Site) -> AsyncIterator[Scene]:
    async with a_scene(site) as made:
        yield made


async def delete(client: Client, field: str, public_id: str) -> str | None:
    """The code of the refusal, or None when it was done."""
    answer = await client.ask(DELETE.replace("FIELD", field), id=public_id)
    if "errors" in answer:
        return str(answer["errors"][0]["extensions"]["code"])
    payload = answer["data"][field]
    assert payload["deletedId"] == (None if payload["errors"] else public_id)
    return payload["errors"][0]["code"] if payload["errors"] else None


def expected(scene: Scene, name: str, seen: bool, allowed: bool) -> str | None:
    who = BY_NAME[name]
    if who.user is None:
        return "NOT_AUTHENTICATED"
    if "write" not in who.scopes:
        return "NOT_ALLOWED"
    return "NOT_FOUND" if not seen else None if allowed else "NOT_ALLOWED"


@pytest.mark.parametrize("name", ACTOR_NAMES)
async def test_whoever_may_not_delete_changes_nothing(name: str, scene: Scene) -> None:
    who, world, before = BY_NAME[name], scene.world, await scene.fingerprint()
    cells = [
        ("deleteTarget", "targets", label, world.sees_target(who, label), world.holds(who, "DELETE", label))
        for label in world.access
    ]
    cells += [
        ("deleteDataProduct", "products", label, world.sees_product(who, label), world.deletes_product(who, label))
        for label in world.products
    ]
    refused = 0
    for field, kind, label, seen, allowed in cells:
        code = expected(scene, name, seen, allowed)
        if code is not None:
            assert await delete(scene.clients[name], field, scene.ids[kind][label]) == code, (name, label)
            refused += 1
    assert await scene.fingerprint() == before
    assert refused == {"admin": 0, "creator": 12, "curator": 6, "uploader": 21}.get(name, 21)


async def told_of(client: Client, document: str, field: str, after: str, until: str) -> list[dict[str, Any]]:
    """Events of a stream up to the one about ``until``."""
    events: list[dict[str, Any]] = []
    async with client.subscribe(document, after=after) as subscription:
        while not events or until not in str(events[-1]):
            events.append((await asyncio.wait_for(subscription.next(), 15))[field])
    return events


async def test_the_end_of_a_product_is_told_to_whoever_saw_it(scene: Scene) -> None:
    start = (await scene.clients["admin"].query("{ server { latestCursor } }"))["server"]["latestCursor"]
    ended = ["PRIVATE/ringed", "PRIVATE/twice", "PUBLIC/foreign", "PUBLIC/plain", "OPEN/half", "OPEN/plain"]
    for label in ended:
        public_id = scene.ids["products"][label]
        assert (
            await delete(scene.clients["creator" if "plain" in label else "admin"], "deleteDataProduct", public_id)
            is None
        )
        assert (await scene.clients["admin"].get(f"/files/{public_id}")).status_code == 404
    for name in ACTOR_NAMES:
        fence = scene.ids["products"]["OPEN/plain"]
        events = await told_of(scene.clients[name], PRODUCTS, "dataProducts", start, f"'{fence}'")
        told = {event["dataProduct"]["id"]: event for event in events}
        for label in ended:
            public_id = scene.ids["products"][label]
            assert (public_id in told) == scene.world.sees_product(BY_NAME[name], label), (name, label)
            if public_id in told:
                target = label.split("/")[0]
                assert told[public_id]["change"] == "DELETED"
                assert told[public_id]["dataProduct"] == {
                    "id": public_id, "fileName": f"{label.split('/')[1]}.csv",
                    "target": {"id": scene.ids["targets"][target], "name": f"SN {target}"},
                    "groups": [], "reducedData": {"totalCount": 0},
                }  # fmt: skip
    left = await scene.clients["admin"].query("query ($d: [ID!]!) { nodes(ids: $d) { id } }",
                                              d=[scene.ids["data"][label] for label in ended])  # fmt: skip
    assert left["nodes"] == [None] * len(ended)


async def test_the_end_of_a_target_is_told_to_whoever_saw_it(scene: Scene) -> None:
    start = (await scene.clients["admin"].query("{ server { latestCursor } }"))["server"]["latestCursor"]
    seen = {name: [each for each in scene.world.access if scene.world.sees_target(BY_NAME[name], each)]
            for name in ACTOR_NAMES}  # fmt: skip
    for label in ("PRIVATE", "PUBLIC", "OPEN"):
        client = scene.clients["creator" if label == "PUBLIC" else "admin"]
        assert await delete(client, "deleteTarget", scene.ids["targets"][label]) is None
    for name in ACTOR_NAMES:
        events = await told_of(scene.clients[name], TARGETS, "targets", start, f"'{scene.ids['targets']['OPEN']}'")
        assert [event["target"]["name"] for event in events] == [f"SN {label}" for label in seen[name]], name
        assert {event["change"] for event in events} == {"DELETED"}
        assert [event["target"]["coordinates"] for event in events] == [
            {"raDeg": 150.0, "raHms": "10:00:00.000"}
        ] * len(events)
        assert {event["target"]["dataProducts"]["totalCount"] for event in events} == {0}
    for table in ("targets", "target_names", "data_products", "reduced_data", "observations", "jobs", "target_grants"):
        assert await scene.site.rt.reads.fetchval(f"select count(*) from {table}") == 0, table


async def test_a_filter_holds_for_what_is_gone(scene: Scene) -> None:
    names = ["SN PRIVATE", "SN OPEN"]
    client = scene.clients["admin"]
    async with client.subscribe(
        TARGETS,
        after=scene.start,
        where={"cone": {"raDeg": 150, "decDeg": 2, "radiusArcsec": 1}, "name": {"in": names}},
    ) as subscription:
        told = [(await asyncio.wait_for(subscription.next(), 15))["targets"] for _ in range(2)]
    assert [(event["change"], event["target"]["name"]) for event in told] == [("DELETED", name) for name in names]
