"""A worker killed at every request of every exchange of more than one step; ATLAS has tests of its own beside.

What of the exchanges is recorded, and what documented only, the doubles say.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.site import Child, until
from tests.support.survey_doubles import hurried, hurry
from tests.support.survey_exchanges import EXCHANGES, STEPS
from tests.support.survey_hosts import World, world_of_doubles
from tests.support.survey_sites import SCOPE
from tests.support.ztf_double import ZtfDouble
from tomgql.settings import Settings

KILLS = [(name, number) for name, number in STEPS if name != "atlas" and len(EXCHANGES[name].requests) > 1]


@pytest_asyncio.fixture(**SCOPE)
async def world(settings: Settings) -> AsyncIterator[World]:
    async with world_of_doubles(settings, 60.0) as running:
        yield running


class Workers:
    """One worker at a time: when it is killed, another takes its place."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.now = Child(settings, "worker")

    def kill(self) -> None:
        """kill -9, and a new one."""
        self.now.kill()
        self.now = Child(self.settings, "worker")


@pytest.fixture(scope="module")
def workers(world: World) -> Iterator[Any]:
    running = Workers(world.site.settings)
    yield running
    print(running.now.stop())


@pytest.mark.parametrize(("service", "number"), KILLS)
async def test_a_query_whose_worker_is_killed_goes_on_and_doubles_nothing(
    world: World, workers: Workers, service: str, number: int
) -> None:
    exchange = EXCHANGES[service]
    double = await world.good_day(exchange)
    double.hold(number)
    target, job_id = await world.ask(exchange, f"killed at {number}")

    async def hangs() -> bool:
        await hurry(world.site)
        return double.held.is_set()

    await until(30, hangs)
    workers.kill()
    double.release()
    job = await hurried(world.site, world.observer.client, job_id)
    assert (job["state"], job["error"], job["message"]) == ("SUCCEEDED", None, exchange.said)

    async def read() -> Any:
        products = await world.products(target)
        return products if all((each["processing"] or {}).get("state") == "SUCCEEDED" for each in products) else None

    products = await until(30, read)
    assert len(products) == exchange.files_before(len(exchange.requests))
    asked = [f"{each.method} {each.path}" for each in double.heard]
    if isinstance(double, ZtfDouble):
        assert (asked.count(exchange.requests[1]), len(double.rows)) == (1, 1)
    else:
        assert asked == [*exchange.requests[: number + 1], *exchange.requests[number:]]
