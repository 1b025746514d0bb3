"""PostgreSQL's lines lost at awkward moments: no process ends of it, waits for ever, or takes it for a wish or a bug.

A backend that is told to end says so before it closes the line. Who takes the connection between the two, which on a
busy machine lie apart, meets an error of the driver that is of none of its usual kinds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio

from tests.support.faults import assert_exactly_once, ended, held_up, latest_cursor, light_curve, reaches, someone_waits
from tests.support.people import Person, make_person
from tests.support.site import Child, Site, running_site, running_worker, until
from tests.support.wire import Wire, wired
from tomgql.jobs import ledger
from tomgql.jobs.specs import ProcessDataProduct
from tomgql.plugins.sandbox import Sandbox
from tomgql.runtime import running
from tomgql.settings import Settings
from tomgql.store.connection import CANCEL_LIMIT_S
from tomgql.store.transaction import transaction
from workers.runner import run_job
from workers.tasks import HANDLERS

QUERY = "{ viewer { user { username } } }"

NO_WRITES = "lock table reduced_data in share mode"
"""Holds a worker up in the middle of its transaction, when it writes its first datum."""

CLOGGED_AFTER_BYTES = 1_000_000
"""Only a COPY sends so much."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def observer(site: Site) -> Person:
    return await make_person(site, "observer")


@pytest_asyncio.fixture(loop_scope="session")
async def wire(settings: Settings) -> AsyncIterator[tuple[Wire, Settings]]:
    """A road to the module's database, and the settings of a process that takes it."""
    async with wired(settings.database_url or "") as (road, url):
        yield road, settings.model_copy(update={"database_url": url})


@asynccontextmanager
async def working(settings: Settings) -> AsyncIterator[Child]:
    """A worker process for the length of the block, which ends while the road still works."""
    with running_worker(settings) as worker:
        try:
            yield worker
        finally:
            await asyncio.to_thread(worker.stop)


async def end_idle(site: Site, wire: Wire) -> int:
    """End the backends at the far end of the road that wait for a query; how many."""
    ended_backends: list[Any] = await site.rt.reads.fetch(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
        " where client_port = any($1) and state = 'idle' and query not like 'LISTEN%'",
        wire.ports(),
    )
    return len(ended_backends)


async def test_a_worker_outlives_a_server_that_says_goodbye(
    site: Site, observer: Person, wire: tuple[Wire, Settings]
) -> None:
    road, settings = wire
    target = await observer.create_target("Goodbye to the sweep")
    cursor = await latest_cursor(observer.client)
    async with working(settings) as worker:
        first = (await observer.client.upload(target, "first.csv", light_curve(10)))["job"]["id"]
        assert (await ended(observer.client, first))["state"] == "SUCCEEDED"
        road.hold_ends()
        assert await end_idle(site, road) >= 1
        await asyncio.sleep(4 * settings.job_sweep_s)
        assert worker.process.poll() is None
        second = (await observer.client.upload(target, "second.csv", light_curve(10, 60000)))["job"]["id"]
        job = await ended(observer.client, second)
        assert (job["state"], job["attempts"]) == ("SUCCEEDED", 1)
    await assert_exactly_once(observer.client, site.rt.reads, target, cursor, 20)


async def test_a_heartbeat_that_meets_a_goodbye_cancels_no_job(
    site: Site, observer: Person, wire: tuple[Wire, Settings]
) -> None:
    road, settings = wire
    target = await observer.create_target("Goodbye to the heartbeat")
    cursor = await latest_cursor(observer.client)
    async with working(settings.model_copy(update={"job_sweep_s": 60.0})):
        async with held_up(site.settings.database_url or "", NO_WRITES) as holder:
            job_id = (await observer.client.upload(target, "lc.csv", light_curve(10)))["job"]["id"]
            await someone_waits(holder)
            road.hold_ends()
            assert await end_idle(site, road) >= 1
            await asyncio.sleep(settings.job_lease_s)
            await reaches(observer.client, job_id, "RUNNING")
        job = await ended(observer.client, job_id)
    assert (job["state"], job["error"], job["attempts"]) == ("SUCCEEDED", None, 1)
    await assert_exactly_once(observer.client, site.rt.reads, target, cursor, 10)


async def test_a_heartbeat_that_ends_on_a_lost_line_does_end(site: Site, wire: tuple[Wire, Settings]) -> None:
    road, settings = wire
    async with transaction(site.rt.writes) as tx:
        spec = ProcessDataProduct(data_product_id=1)
        job_id = await ledger.insert(tx, spec, created_by_id=None, target_id=None, data_product_id=None)

    async with AsyncExitStack() as stack:

        async def lose_the_line(*_: Any) -> None:
            locked = held_up(site.settings.database_url or "", f"select from jobs where id = {job_id} for update")
            await someone_waits(await stack.enter_async_context(locked), "update jobs set lease_until")
            road.drop_at(b"UNLISTEN *")  # what asyncpg asks a connection that comes back from a cancelled query
            raise ConnectionResetError("lost")

        rt = await stack.enter_async_context(running(settings))
        sandbox = await stack.enter_async_context(Sandbox())
        double_in_place_of_the_verb = stack.enter_context(pytest.MonkeyPatch.context())
        double_in_place_of_the_verb.setitem(HANDLERS, spec.kind, lose_the_line)
        await asyncio.wait_for(run_job(rt, sandbox, job_id), 20)
        road.mend()
    job = await site.rt.reads.fetchrow("select state, lease_until < now() as lost from jobs where id = $1", job_id)
    assert tuple(job) == ("RUNNING", False)
    await site.rt.writes.execute("delete from jobs where id = $1", job_id)


async def test_a_cancelled_query_ends_though_the_server_never_hangs_up(wire: tuple[Wire, Settings]) -> None:
    road, settings = wire
    async with running(settings) as rt:
        road.hold_ends()
        query = asyncio.create_task(rt.writes.fetch("select pg_sleep(60)"))
        await asyncio.sleep(0.5)
        query.cancel()
        await asyncio.wait([query], timeout=CANCEL_LIMIT_S + 5)
        assert query.cancelled()
        assert await rt.writes.fetchval("select 1") == 1


async def test_a_copy_whose_line_is_lost_while_it_waits_to_write_ends(
    site: Site, observer: Person, wire: tuple[Wire, Settings]
) -> None:
    road, settings = wire
    target = await observer.create_target("Clogged")
    cursor = await latest_cursor(observer.client)
    road.clog_after(CLOGGED_AFTER_BYTES)
    async with working(settings):
        job_id = (await observer.client.upload(target, "lc.csv", light_curve(40_000)))["job"]["id"]
        await asyncio.wait_for(road.clogged.wait(), 60)
        await asyncio.sleep(settings.job_lease_s)  # a worker that only waits keeps its job
        await reaches(observer.client, job_id, "RUNNING")
        road.mend()
        job = await ended(observer.client, job_id, 60)
    assert (job["state"], job["attempts"]) == ("SUCCEEDED", 2)
    await assert_exactly_once(observer.client, site.rt.reads, target, cursor, 40_000)


async def test_a_worker_ends_although_its_server_does_not_answer(
    site: Site, observer: Person, wire: tuple[Wire, Settings]
) -> None:
    road, settings = wire
    target = await observer.create_target("Left unanswered")
    async with working(settings) as worker:
        job_id = (await observer.client.upload(target, "lc.csv", light_curve(10)))["job"]["id"]
        assert (await ended(observer.client, job_id))["state"] == "SUCCEEDED"
        road.hold_ends()
        worker.process.terminate()
        assert await asyncio.to_thread(worker.process.wait, 20) == 0


async def test_a_query_that_meets_a_goodbye_is_told_of_an_outage(
    site: Site, observer: Person, wire: tuple[Wire, Settings]
) -> None:
    road, settings = wire
    async with running_site(settings) as other:
        client = other.client(observer.client.token)
        await asyncio.gather(*(client.query(QUERY) for _ in range(4)))
        road.hold_ends()
        assert await end_idle(site, road) >= 1
        answers = [await client.ask(QUERY) for _ in range(30)]
        codes = {error["extensions"]["code"] for answer in answers for error in answer.get("errors", [])}
        assert codes == {"UNAVAILABLE"}
        await until(5, lambda: _answers(client))
        assert (await client.get("/health")).json()["database"] == "ok"


async def _answers(client: Any) -> bool:
    return "errors" not in await client.ask(QUERY)
