"""Valkey, PostgreSQL and the web process killed under load: nothing accepted is lost, everything resumes by itself."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
import websockets

from tests.support.client import Client
from tests.support.faults import (
    DATA_EVENTS,
    announced,
    assert_exactly_once,
    ended,
    job_of,
    latest_cursor,
    light_curve,
    reaches,
)
from tests.support.people import Person, make_person
from tests.support.site import Site, free_port, running_site, running_worker, until, web_child
from tomgql.embedded import EmbeddedPostgres, EmbeddedValkey
from tomgql.settings import Settings
from tomgql.store.schema import migrate


@pytest.fixture(scope="module")
def valkey() -> Iterator[EmbeddedValkey]:
    """A Valkey of the module's own, to be killed."""
    directory = Path(tempfile.mkdtemp(prefix="tomgql-valkey-"))
    server = EmbeddedValkey(directory / "valkey")
    server.start()
    yield server
    server.stop()
    shutil.rmtree(directory)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def redis_url(valkey: EmbeddedValkey) -> str:
    """In place of the run's Valkey."""
    return valkey.url()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def observer(site: Site) -> Person:
    return await make_person(site, "observer")


def kill(server: EmbeddedPostgres | EmbeddedValkey) -> None:
    """kill -9; returns when it is gone."""
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    while server.is_running():
        time.sleep(0.01)


async def uploads(client: Client, target: str, parts: range, rows: int) -> list[str]:
    """Jobs of one file a part, with times of its own."""
    jobs = []
    for part in parts:
        payload = await client.upload(target, f"{part}.csv", light_curve(rows, 59000 + 100 * part))
        assert payload["errors"] == []
        jobs.append(payload["job"]["id"])
    return jobs


@pytest.mark.parametrize("wiped", [False, True], ids=["killed", "killed and wiped"])
async def test_a_killed_valkey_loses_no_job(site: Site, observer: Person, valkey: EmbeddedValkey, wiped: bool) -> None:
    target = await observer.create_target(f"Valkey {wiped}")
    cursor = await latest_cursor(observer.client)
    jobs = await uploads(observer.client, target, range(6), 4_000)
    with running_worker(site.settings) as worker:
        await reaches(observer.client, jobs[0], "RUNNING")
        await asyncio.to_thread(kill, valkey)
        if wiped:
            shutil.rmtree(valkey.directory / "appendonlydir")
        jobs += await asyncio.wait_for(uploads(observer.client, target, range(6, 8), 10), 15)
        assert {(await job_of(observer.client, job))["state"] for job in jobs[-2:]} == {"QUEUED"}
        assert (await observer.client.get("/health")).json()["queue"] == "down"
        await asyncio.to_thread(valkey.start)
        outcomes = [await ended(observer.client, job) for job in jobs]
        assert {job["state"] for job in outcomes} == {"SUCCEEDED"}
        jobs = await uploads(observer.client, target, range(8, 9), 10)
        assert (await ended(observer.client, jobs[0]))["attempts"] == 1
        assert worker.process.poll() is None
    await assert_exactly_once(observer.client, site.rt.reads, target, cursor, 6 * 4_000 + 30)


async def test_a_hung_valkey_holds_no_mutation_up(site: Site, observer: Person, valkey: EmbeddedValkey) -> None:
    target = await observer.create_target("Hung queue")
    os.kill(valkey.pid or 0, signal.SIGSTOP)
    try:
        (job,) = await asyncio.wait_for(uploads(observer.client, target, range(1), 10), 10)
    finally:
        os.kill(valkey.pid or 0, signal.SIGCONT)
    with running_worker(site.settings):
        assert (await ended(observer.client, job))["state"] == "SUCCEEDED"


async def uploading(client: Client, target: str, first: int, acknowledged: list[str]) -> None:
    """Upload one file after another, and note the jobs that are acknowledged, until the web process is gone."""
    for part in range(first, first + 10_000):
        content = light_curve(300, 40000 + part)
        try:
            acknowledged.append((await client.upload(target, f"{part}.csv", content))["job"]["id"])
        except httpx.TransportError:
            return
    raise AssertionError("the web process was never killed")


async def test_a_killed_web_process_leaves_no_half_product(site: Site, observer: Person) -> None:
    target = await observer.create_target("Web killed")
    cursor = await latest_cursor(observer.client)
    settings = site.settings.model_copy(update={"port": free_port()})
    client = Client(f"http://127.0.0.1:{settings.port}", observer.client.token)
    acknowledged: list[str] = []
    for run in range(3):
        async with web_child(settings) as web:
            begun = len(acknowledged)
            streams = [uploading(client, target, 1000 * (4 * run + n), acknowledged) for n in range(4)]
            uploads = asyncio.gather(*streams)
            await until(30, lambda begun=begun, run=run: len(acknowledged) >= begun + 5 + run)
            web.kill()
            await uploads
    key = int(target[1:])
    rows = await site.rt.reads.fetch(
        "select p.sha256, p.size_bytes, j.id as job_id, j.state from data_products p"
        " left join jobs j on j.data_product_id = p.id where p.target_id = $1",
        key,
    )
    for row in rows:
        content = site.rt.files.local_path(row["sha256"]).read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (row["sha256"], row["size_bytes"])
    jobs = [f"j{row['job_id']}" for row in rows]
    assert len(acknowledged) >= 18
    assert set(acknowledged) <= set(jobs)
    with running_worker(site.settings):
        outcomes = [await ended(observer.client, job, 60) for job in jobs]
    assert {job["state"] for job in outcomes} == {"SUCCEEDED"}
    await assert_exactly_once(observer.client, site.rt.reads, target, cursor, 300 * len(jobs))


async def test_a_job_that_was_committed_but_never_sent_runs(site: Site, observer: Person) -> None:
    """What a web process leaves that dies between the commit and the message."""
    target = await observer.create_target("Never sent")
    cursor = await latest_cursor(observer.client)
    (job,) = await uploads(observer.client, target, range(1), 10)
    queue = await asyncio.to_thread(_empty_queue, site.settings.redis_url or "")
    assert queue >= 1
    with running_worker(site.settings):
        assert (await ended(observer.client, job))["state"] == "SUCCEEDED"
    await assert_exactly_once(observer.client, site.rt.reads, target, cursor, 10)


def _empty_queue(redis_url: str) -> int:
    import redis

    with redis.Redis.from_url(redis_url) as client:
        keys: Any = client.dbsize()
        client.flushall()
        return int(keys)


async def test_a_subscriber_goes_on_at_the_next_web_process(site: Site, observer: Person) -> None:
    target = await observer.create_target("Web replaced")
    place = start = await latest_cursor(observer.client)
    settings = site.settings.model_copy(update={"port": free_port()})
    client = Client(f"http://127.0.0.1:{settings.port}", observer.client.token)
    jobs = await uploads(observer.client, target, range(4), 1_500)
    seen: list[str] = []
    with running_worker(site.settings):
        for _ in range(2):
            subscribed = client.subscribe(DATA_EVENTS, after=place, target=target)
            async with web_child(settings) as web, subscribed as events:
                for _ in range(3):
                    event = (await asyncio.wait_for(events.next(), 20))["reducedData"]
                    seen += [datum["id"] for datum in event["data"]]
                    place = event["cursor"]
                web.kill()
                with pytest.raises(websockets.ConnectionClosed):
                    while True:
                        await asyncio.wait_for(events.next(), 20)
        for job in jobs:
            await ended(observer.client, job)
    rest = await announced(observer.client, target, place, 6_000 - len(seen))
    assert set(rest.values()) == {1}
    assert len({*seen, *rest}) == len(seen) + len(rest) == 6_000
    await assert_exactly_once(observer.client, site.rt.reads, target, start, 6_000)


async def test_a_stopped_web_process_tells_its_subscribers_where_to_go_on(site: Site, observer: Person) -> None:
    target = await observer.create_target("Web stopped")
    start = await latest_cursor(observer.client)
    settings = site.settings.model_copy(update={"port": free_port()})
    client = Client(f"http://127.0.0.1:{settings.port}", observer.client.token)
    jobs = await uploads(observer.client, target, range(1), 500)
    subscribed = client.subscribe(DATA_EVENTS, after=start, target=target)
    with running_worker(site.settings):
        async with web_child(settings) as web, subscribed as events:
            last = (await asyncio.wait_for(events.next(), 20))["reducedData"]["cursor"]
            for job in jobs:
                await ended(observer.client, job)
            stopping = asyncio.create_task(asyncio.to_thread(web.stop))
            end = await asyncio.wait_for(events.message(), 10)
            assert end["payload"][0]["extensions"] == {"code": "GOING_AWAY", "cursor": last}
            with pytest.raises(websockets.ConnectionClosed):
                await events.message()
            await stopping
            assert web.process.returncode == -signal.SIGTERM  # uvicorn ends by the signal that it was sent


QUERY = "query ($t: ID!) { viewer { user { username } } reducedData(where: {target: $t}, first: 10) { totalCount } }"


async def test_a_killed_postgresql_is_an_outage_and_loses_nothing(
    valkey: EmbeddedValkey, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = Path(tempfile.mkdtemp(prefix="tomgql-postgres-"))
    directory.chmod(0o755)
    postgres = EmbeddedPostgres(directory / "postgres", settings={"shared_buffers": "64MB"})
    try:
        await asyncio.to_thread(postgres.start)
        await migrate(postgres.dsn())
        settings = Settings(
            database_url=postgres.dsn(),
            redis_url=valkey.url(),
            data_dir=tmp_path_factory.mktemp("postgres-site"),
            job_lease_s=2.0,
            job_sweep_s=0.5,
        )
        async with running_site(settings) as site:
            await _kill_postgres_in_rounds(site, postgres)
    finally:
        postgres.stop()
        shutil.rmtree(directory)


async def _kill_postgres_in_rounds(site: Site, postgres: EmbeddedPostgres) -> None:
    observer = await make_person(site, "observer")
    target = await observer.create_target("PostgreSQL killed")
    cursor = await latest_cursor(observer.client)
    jobs: list[str] = []
    with running_worker(site.settings) as worker:
        for run in range(3):
            jobs += await uploads(observer.client, target, range(2 * run, 2 * run + 2), 8_000)
            await reaches(observer.client, jobs[-2], "RUNNING")
            await asyncio.sleep(0.25 * run)
            asking = [asyncio.create_task(observer.client.post(QUERY, {"t": target})) for _ in range(10)]
            await asyncio.to_thread(kill, postgres)
            for answer in await asyncio.gather(*asking):
                _assert_whole_or_unavailable(answer)
            away = await observer.client.post(QUERY, {"t": target})
            assert away.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
            _assert_whole_or_unavailable(away)
            assert (await observer.client.get("/health")).json()["database"] == "down"
            starting = asyncio.create_task(asyncio.to_thread(postgres.start))
            while not starting.done():  # also while it recovers
                _assert_whole_or_unavailable(await observer.client.post(QUERY, {"t": target}))
                await asyncio.sleep(0.05)
            await starting
            await until(10, lambda: _answers(observer.client, target))
        outcomes = [await ended(observer.client, job, 60) for job in jobs]
        assert worker.process.poll() is None
    assert {job["state"] for job in outcomes} == {"SUCCEEDED"}, outcomes
    connection = await asyncpg.connect(postgres.dsn())
    try:
        await assert_exactly_once(observer.client, connection, target, cursor, 48_000)
    finally:
        await connection.close()


def _assert_whole_or_unavailable(answer: httpx.Response) -> None:
    said = answer.json()
    if "errors" in said:
        assert {error["extensions"]["code"] for error in said["errors"]} == {"UNAVAILABLE"}, said
        for secret in ("Traceback", "select", "asyncpg", "127.0.0.1", "postgres:"):
            assert secret not in answer.text
    else:
        assert said["data"]["reducedData"]["totalCount"] >= 0


async def _answers(client: Client, target: str) -> bool:
    return "errors" not in await client.ask(QUERY, t=target)
