"""The matrix of subscriptions: replayed and live, every actor is told of exactly what may be seen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.client import Subscription
from tests.support.scene import ACTOR_NAMES, BY_NAME, Scene, a_scene
from tests.support.site import Site

DATA = """
subscription ($after: Cursor, $where: ReducedDatumWhere) { reducedData(after: $after, where: $where) {
  cursor count target { id } dataProduct { id fileName } data { id }
} }
"""
JOBS = "subscription ($after: Cursor) { jobs(after: $after) { cursor job { id dataProduct { id } target { id } } } }"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(site: Site) -> AsyncIterator[Scene]:
    async with a_scene(site) as made:
        yield made


async def events_until(subscription: Subscription, field: str, last: str) -> list[dict[str, Any]]:
    """Events up to the one that everybody is told of."""
    found: list[dict[str, Any]] = []
    while not found or last not in str(found[-1]):
        found.append((await asyncio.wait_for(subscription.next(), 15))[field])
    return found


def check_data(scene: Scene, name: str, events: list[dict[str, Any]], known: dict[str, str]) -> int:
    """Compare the events with the rules; ``known`` is the datum's id by label. Returns the cells compared."""
    who, world, told = BY_NAME[name], scene.world, {}
    for event in events:
        assert event["count"] == len(event["data"]) == 1
        told[event["data"][0]["id"]] = event
    for label, public_id in known.items():
        assert (public_id in told) == world.sees_datum(who, label), (name, label)
        if public_id in told:
            datum = world.data[label]
            product = None if datum.product is None else scene.ids["products"][datum.product]
            assert (told[public_id]["dataProduct"] or {}).get("id") == product
            assert told[public_id]["target"]["id"] == scene.ids["targets"][datum.target]
    assert set(told) <= set(known.values())
    return len(known)


def check_jobs(scene: Scene, name: str, events: list[dict[str, Any]]) -> int:
    who, world = BY_NAME[name], scene.world
    told = {event["job"]["id"]: event["job"] for event in events}
    for label, public_id in scene.ids["jobs"].items():
        assert (public_id in told) == world.sees_job(who, label), (name, label)
        if public_id in told:
            job = world.jobs[label]
            assert (told[public_id]["target"] is not None) == world.sees_target(who, job.target)
            shown = job.product is not None and world.sees_product(who, job.product)
            assert (told[public_id]["dataProduct"] is not None) == shown
    return len(scene.ids["jobs"])


@pytest.mark.parametrize("name", ACTOR_NAMES)
async def test_replay(name: str, scene: Scene) -> None:
    client, last = scene.clients[name], scene.ids["data"]["OPEN/bare"]
    async with client.subscribe(DATA, after=scene.start) as subscription:
        events = await events_until(subscription, "reducedData", f"'{last}'")
    assert check_data(scene, name, events, scene.ids["data"]) == 21
    start = (await client.query("{ server { latestCursor } }"))["server"]["latestCursor"]
    await scene.announce_jobs()
    async with client.subscribe(JOBS, after=start) as subscription:
        events = await events_until(subscription, "jobs", f"'{scene.ids['jobs']['OPEN/plain']}'")
    assert check_jobs(scene, name, events) == 21


@pytest.mark.parametrize("name", ["anonymous", "creator", "ring_member"])
async def test_a_filter_by_something_hidden_tells_nothing(name: str, scene: Scene) -> None:
    hidden = [label for label in scene.world.data if not scene.world.sees_datum(BY_NAME[name], label)]
    where = {"or": [{"id": {"in": [scene.ids["data"][each] for each in hidden]}},
                    {"id": {"eq": scene.ids["data"]["OPEN/bare"]}}]}  # fmt: skip
    assert len(hidden) >= 9
    async with scene.clients[name].subscribe(DATA, after=scene.start, where=where) as subscription:
        events = await events_until(subscription, "reducedData", f"'{scene.ids['data']['OPEN/bare']}'")
    assert len(events) == 1


async def test_live(scene: Scene) -> None:
    async def listen(name: str, ready: asyncio.Barrier, fence: asyncio.Future[str]) -> list[list[dict[str, Any]]]:
        async with scene.clients[name].subscribe(DATA) as data, scene.clients[name].subscribe(JOBS) as jobs:
            await asyncio.sleep(0.5)  # a stream without `after` begins when the server took it up
            await ready.wait()
            last = await fence
            return [
                await events_until(data, "reducedData", f"'{last}'"),
                await events_until(jobs, "jobs", f"'{scene.ids['jobs']['OPEN/plain']}'"),
            ]

    ready, fence = asyncio.Barrier(len(ACTOR_NAMES) + 1), asyncio.get_running_loop().create_future()
    listeners = [asyncio.create_task(listen(name, ready, fence)) for name in ACTOR_NAMES]
    await ready.wait()
    fresh = {}
    for label, datum in scene.world.data.items():
        fresh[label] = (await scene.record(datum.target, datum.product))["ids"][0]
    await scene.announce_jobs()
    fence.set_result(fresh["OPEN/bare"])
    cells = 0
    for name, (data, jobs) in zip(ACTOR_NAMES, await asyncio.gather(*listeners), strict=True):
        cells += check_data(scene, name, data, fresh) + check_jobs(scene, name, jobs)
    assert cells == 15 * 42
