"""A change of rights acts on the next read, on the next download and on a subscription that runs already."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from tests.support.client import Client
from tests.support.scene import UPDATE_GROUP, VIEW, Scene, a_scene, make_token
from tests.support.site import Site

STREAM = "subscription { reducedData { count dataProduct { fileName } data { id } } }"
READ = "query ($p: ID!, $d: ID!) { dataProduct(id: $p) { id } reducedDatum(id: $d) { id } jobs { totalCount } }"
LABEL, FENCE = "PRIVATE/ringed", "OPEN"
Change = Callable[[Scene], Awaitable[Any]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(site: Site) -> AsyncIterator[Scene]:
    async with a_scene(site) as made:
        yield made


async def leave_the_group(scene: Scene) -> None:
    await scene.sql("delete from memberships where user_id = $1", scene.key("users", "member"))


async def enter_the_group(scene: Scene) -> None:
    await scene.sql(
        "insert into memberships (user_group_id, user_id) values ($1, $2)",
        scene.key("user_groups", "circle"), scene.key("users", "member"),
    )  # fmt: skip


def update_group(**change: Any) -> Change:
    async def update(scene: Scene) -> None:
        given = {name: [scene.ids[kind][label]] for name, (kind, label) in change.items()}
        given["id"] = scene.ids["product_groups"]["one"]
        done = await scene.clients["curator"].query(UPDATE_GROUP, i=given)
        assert done["updateDataProductGroup"]["errors"] == []

    return update


async def lose_the_grant(scene: Scene) -> None:
    await scene.sql(
        "delete from target_grants where user_id = $1 and target_id = $2",
        scene.key("users", "member"), scene.key("targets", "PRIVATE"),
    )  # fmt: skip


async def regain_the_grant(scene: Scene) -> None:
    await scene.grant("PRIVATE", "member", VIEW)


CIRCLE, RING, FILE = ("user_groups", "circle"), ("user_groups", "ring"), ("products", LABEL)
CHANGES = {
    "membership": (leave_the_group, enter_the_group),
    "grant": (lose_the_grant, regain_the_grant),
    "user-group-of-product-group": (
        update_group(addUserGroups=RING, removeUserGroups=CIRCLE),
        update_group(addUserGroups=CIRCLE, removeUserGroups=RING),
    ),
}


async def sees(client: Client, scene: Scene) -> list[bool]:
    """Whether product, datum and file are there."""
    product = scene.ids["products"][LABEL]
    found = await client.query(READ, p=product, d=scene.ids["data"][LABEL])
    status = (await client.get(f"/files/{product}")).status_code
    return [found["dataProduct"] is not None, found["reducedDatum"] is not None, status == 200]


async def told(scene: Scene, events: Any) -> list[str | None]:
    """What a running subscription says of one datum of the product and one that everybody sees."""
    await scene.record("PRIVATE", LABEL)
    await scene.record(FENCE, None)
    names: list[str | None] = []
    while None not in names:
        event = (await asyncio.wait_for(events.next(), 10))["reducedData"]
        names.append(event["dataProduct"] and event["dataProduct"]["fileName"])
    return names


@pytest.mark.parametrize("name", CHANGES)
async def test_rights_lost_and_regained(name: str, scene: Scene) -> None:
    lose, regain = CHANGES[name]
    _, client = await make_token(scene, "member")
    async with client.subscribe(STREAM) as events:
        await asyncio.sleep(0.3)
        for change, there in ((None, True), (lose, False), (regain, True)):
            if change is not None:
                await change(scene)
            assert await sees(client, scene) == [there] * 3
            assert await told(scene, events) == (["ringed.csv", None] if there else [None])


async def test_a_group_that_begins_to_restrict(scene: Scene) -> None:
    """A product that anybody who sees the target sees is hidden once a group that names people holds it."""
    plain = scene.ids["products"]["PUBLIC/plain"]
    client = scene.clients["stranger"]
    read = "query ($p: ID!) { dataProduct(id: $p) { id } }"
    assert (await client.query(read, p=plain))["dataProduct"] is not None
    await update_group(addDataProducts=("products", "PUBLIC/plain"))(scene)
    assert (await client.query(read, p=plain))["dataProduct"] is None
    assert (await client.get(f"/files/{plain}")).status_code == 404
    await update_group(removeDataProducts=("products", "PUBLIC/plain"))(scene)
    assert (await client.query(read, p=plain))["dataProduct"] is not None


async def deactivate(scene: Scene, _token_id: int) -> None:
    await scene.sql("update users set is_active = false where id = $1", scene.key("users", "watcher"))


async def revoke(scene: Scene, token_id: int) -> None:
    query = "mutation ($id: ID!) { revokeToken(id: $id) { errors { code } } }"
    assert (await scene.clients["admin"].query(query, id=f"k{token_id}"))["revokeToken"]["errors"] == []


async def expire(scene: Scene, token_id: int) -> None:
    await scene.sql("update tokens set expires = now() where id = $1", token_id)


@pytest.mark.parametrize("end", [revoke, expire, deactivate], ids=lambda end: end.__name__)
async def test_whoever_is_nobody_any_more(end: Any, scene: Scene) -> None:
    token_id, client = await make_token(scene, "watcher")
    async with client.subscribe(STREAM) as events:
        await asyncio.sleep(0.3)
        await scene.record("PRIVATE", None)
        assert (await asyncio.wait_for(events.next(), 10))["reducedData"]["count"] == 1
        await end(scene, token_id)
        await scene.record("PRIVATE", None)
        message = await asyncio.wait_for(events.message(), 10)
        while message["type"] == "next" and not message["payload"].get("data"):
            assert message["payload"]["errors"][0]["extensions"]["code"] == "NOT_AUTHENTICATED"
            message = await asyncio.wait_for(events.message(), 10)
        assert message["type"] in ("error", "complete"), message
    assert (await client.post("{ __typename }")).status_code == 401
    assert (await client.get(f"/files/{scene.ids['products']['OPEN/plain']}")).status_code == 401


async def test_an_administrator_who_is_none_any_more(scene: Scene) -> None:
    _, client = await make_token(scene, "root")
    async with client.subscribe(STREAM) as events:
        await asyncio.sleep(0.3)
        assert await told(scene, events) == ["ringed.csv", None]
        await scene.sql("update users set is_admin = false where id = $1", scene.key("users", "root"))
        assert await told(scene, events) == [None]
        assert await sees(client, scene) == [False] * 3
    await scene.sql("update users set is_admin = true where id = $1", scene.key("users", "root"))
