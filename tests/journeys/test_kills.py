"""Workers killed, stopped and frozen at the worst moments: nothing is lost, nothing doubled."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator

import pytest
import pytest_asyncio

from tests.support.faults import (
    assert_exactly_once,
    ended,
    held_up,
    job_of,
    latest_cursor,
    light_curve,
    reaches,
    someone_waits,
)
from tests.support.people import Person, make_person
from tests.support.site import Child, Site, running_worker, until
from tomgql.settings import Settings

CANCEL = "mutation ($id: ID!) { cancelJob(id: $id) { job { state } errors { code message } } }"
RETRY = "mutation ($id: ID!) { retryJob(id: $id) { job { state } errors { code message } } }"

NO_WRITES = "lock table reduced_data in share mode"
"""Holds a worker up in the middle of its transaction, when it writes its first datum."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def observer(site: Site) -> Person:
    return await make_person(site, "observer")


@pytest.fixture
def workers(settings: Settings) -> Iterator[list[Child]]:
    """Worker processes that a test adds to; all are ended with it."""
    children: list[Child] = []
    yield children
    for child in children:
        if child.process.poll() is None:
            child.process.send_signal(signal.SIGCONT)
            child.kill()
        child.process.wait()


async def an_upload(observer: Person, name: str, rows: int) -> tuple[str, str, str]:
    """A new target, a cursor taken before the upload, and the job of a file with so many rows."""
    target = await observer.create_target(name)
    cursor = await latest_cursor(observer.client)
    payload = await observer.client.upload(target, "lc.csv", light_curve(rows))
    assert payload["errors"] == []
    return target, cursor, payload["job"]["id"]


async def test_killed_again_and_again_at_any_moment(site: Site, observer: Person, workers: list[Child]) -> None:
    target = await observer.create_target("Killed again and again")
    cursor = await latest_cursor(observer.client)
    jobs = []
    for part in range(3):
        payload = await observer.client.upload(target, f"{part}.csv", light_curve(6_000, 59000 + 100 * part))
        jobs.append(payload["job"]["id"])
    patient = site.settings.model_copy(update={"job_max_attempts": 50, "job_lease_s": 1.0})

    async def one_runs() -> bool:
        states = [(await job_of(observer.client, job))["state"] for job in jobs]
        return "RUNNING" in states or set(states) == {"SUCCEEDED"}

    for delay_s in (0.0, 0.1, 0.25, 0.5, 0.8):
        workers.append(worker := Child(patient, "worker"))
        await until(20, one_runs)
        await asyncio.sleep(delay_s)
        worker.kill()
    workers.append(Child(patient, "worker"))
    outcomes = [await ended(observer.client, job, 60) for job in jobs]
    assert [job["state"] for job in outcomes] == ["SUCCEEDED"] * 3
    assert max(job["attempts"] for job in outcomes) > 1
    await assert_exactly_once(observer.client, site.rt.reads, target, cursor, 18_000)


async def test_killed_in_the_middle_of_its_transaction(site: Site, observer: Person, workers: list[Child]) -> None:
    target, cursor, job = await an_upload(observer, "Killed in its transaction", 2_000)
    async with held_up(site.settings.database_url or "", NO_WRITES) as watcher:
        workers.append(first := Child(site.settings, "worker"))
        await someone_waits(watcher, "insert into reduced_data (")
        assert (await job_of(observer.client, job))["state"] == "RUNNING"
        first.kill()
    workers.append(Child(site.settings, "worker"))
    outcome = await ended(observer.client, job)
    assert (outcome["state"], outcome["attempts"], outcome["result"]["created"]) == ("SUCCEEDED", 2, 2_000)
    await assert_exactly_once(observer.client, site.rt.reads, target, cursor, 2_000)


async def test_killed_between_message_and_claim(site: Site, observer: Person, workers: list[Child]) -> None:
    target, cursor, job = await an_upload(observer, "Killed before its claim", 10)
    async with held_up(
        site.settings.database_url or "", f"select from jobs where id = {job[1:]} for update"
    ) as watcher:
        workers.append(first := Child(site.settings, "worker"))
        await someone_waits(watcher, "update jobs set state = 'RUNNING'")
        first.kill()
    assert (await job_of(observer.client, job))["state"] == "QUEUED"
    workers.append(Child(site.settings, "worker"))
    outcome = await ended(observer.client, job)
    assert (outcome["state"], outcome["attempts"]) == ("SUCCEEDED", 1)
    await assert_exactly_once(observer.client, site.rt.reads, target, cursor, 10)


async def test_killed_as_soon_as_it_has_succeeded(site: Site, observer: Person, workers: list[Child]) -> None:
    target, cursor, job = await an_upload(observer, "Killed after its commit", 10)
    workers.append(first := Child(site.settings, "worker"))
    await reaches(observer.client, job, "SUCCEEDED")
    first.kill()
    other, _, after = await an_upload(observer, "Next in line", 10)
    workers.append(Child(site.settings, "worker"))
    assert (await ended(observer.client, after))["state"] == "SUCCEEDED"
    assert (await job_of(observer.client, job))["attempts"] == 1
    await assert_exactly_once(observer.client, site.rt.reads, target, cursor, 10)
    await assert_exactly_once(observer.client, site.rt.reads, other, cursor, 10)


async def test_sigterm_gives_the_job_back_at_once(site: Site, observer: Person, workers: list[Child]) -> None:
    lasting = site.settings.model_copy(update={"job_lease_s": 600.0})
    target, cursor, job = await an_upload(observer, "Given back", 2_000)
    async with held_up(site.settings.database_url or "", NO_WRITES) as watcher:
        workers.append(first := Child(lasting, "worker"))
        await someone_waits(watcher, "insert into reduced_data (")
        started = time.monotonic()
        first.stop()
        assert time.monotonic() - started < 5
        assert first.process.returncode == 0
        given_back = await job_of(observer.client, job)
        assert (given_back["state"], given_back["message"]) == ("QUEUED", "")
    workers.append(Child(lasting, "worker"))
    outcome = await ended(observer.client, job, 15)
    assert (outcome["state"], outcome["attempts"]) == ("SUCCEEDED", 2)
    await assert_exactly_once(observer.client, site.rt.reads, target, cursor, 2_000)


async def test_sigterm_ends_a_worker_that_cannot_give_its_job_back(
    site: Site, observer: Person, workers: list[Child]
) -> None:
    target, cursor, job = await an_upload(observer, "Kept from being given back", 2_000)
    database_url = site.settings.database_url or ""
    async with held_up(database_url, NO_WRITES) as watcher:
        workers.append(first := Child(site.settings, "worker"))
        await someone_waits(watcher, "insert into reduced_data (")
        async with held_up(database_url, f"select from jobs where id = {job[1:]} for update"):
            first.process.terminate()
            assert await asyncio.to_thread(first.process.wait, 10) == 0
            assert (await job_of(observer.client, job))["state"] == "RUNNING"
    workers.append(Child(site.settings, "worker"))
    outcome = await ended(observer.client, job)
    assert (outcome["state"], outcome["attempts"]) == ("SUCCEEDED", 2)
    await assert_exactly_once(observer.client, site.rt.reads, target, cursor, 2_000)


async def test_a_frozen_worker_loses_its_job_and_changes_nothing(
    site: Site, observer: Person, workers: list[Child]
) -> None:
    target, cursor, job = await an_upload(observer, "Frozen", 12_000)
    workers.append(frozen := Child(site.settings, "worker"))
    await reaches(observer.client, job, "RUNNING", 0.05)
    os.kill(frozen.process.pid, signal.SIGSTOP)
    assert (await job_of(observer.client, job))["state"] == "RUNNING"
    workers.append(Child(site.settings, "worker"))
    outcome = await ended(observer.client, job)
    assert (outcome["state"], outcome["attempts"], outcome["result"]["created"]) == ("SUCCEEDED", 2, 12_000)
    os.kill(frozen.process.pid, signal.SIGCONT)
    _, _, after = await an_upload(observer, "After the frost", 10)
    assert (await ended(observer.client, after))["state"] == "SUCCEEDED"
    await asyncio.sleep(0.5)  # the thawed attempt may try what it likes
    assert await job_of(observer.client, job) == outcome
    await assert_exactly_once(observer.client, site.rt.reads, target, cursor, 12_000)


async def test_a_worker_frozen_in_its_transaction_blocks_nobody_for_long(
    site: Site, observer: Person, workers: list[Child]
) -> None:
    target, cursor, job = await an_upload(observer, "Frozen in its transaction", 2_000)
    product = f"(select data_product_id from jobs where id = {job[1:]})"
    no_notes = f"select from data_products where id = {product} for no key update"
    async with held_up(site.settings.database_url or "", no_notes) as watcher:
        workers.append(frozen := Child(site.settings, "worker"))
        await someone_waits(watcher, "update data_products")  # all data are written then, and not yet committed
        os.kill(frozen.process.pid, signal.SIGSTOP)
    workers.append(Child(site.settings, "worker"))
    outcome = await ended(observer.client, job)
    assert (outcome["state"], outcome["attempts"]) == ("SUCCEEDED", 2)
    os.kill(frozen.process.pid, signal.SIGCONT)
    _, _, after = await an_upload(observer, "After the long frost", 10)
    assert (await ended(observer.client, after))["state"] == "SUCCEEDED"
    assert await job_of(observer.client, job) == outcome
    await assert_exactly_once(observer.client, site.rt.reads, target, cursor, 2_000)
    assert frozen.process.poll() is None


async def test_two_workers_run_each_of_many_jobs_once(site: Site, observer: Person, workers: list[Child]) -> None:
    target = await observer.create_target("Shared work")
    cursor = await latest_cursor(observer.client)
    workers += [Child(site.settings, "worker") for _ in range(2)]
    uploads = [observer.client.upload(target, f"{day}.csv", light_curve(20, 59000 + day)) for day in range(24)]
    jobs = [payload["job"]["id"] for payload in await asyncio.gather(*uploads)]
    outcomes = [await ended(observer.client, job) for job in jobs]
    assert {(job["state"], job["attempts"], job["result"]["created"]) for job in outcomes} == {("SUCCEEDED", 1, 20)}
    await assert_exactly_once(observer.client, site.rt.reads, target, cursor, 480)


async def test_a_cancelled_job_leaves_no_data_and_can_be_run_again(site: Site, observer: Person) -> None:
    queued_target, queued_cursor, queued = await an_upload(observer, "Cancelled in the queue", 10)
    answer = (await observer.client.query(CANCEL, id=queued))["cancelJob"]
    assert answer == {"job": {"state": "CANCELLED"}, "errors": []}
    running_target, running_cursor, running = await an_upload(observer, "Cancelled while it ran", 2_000)
    with running_worker(site.settings):
        async with held_up(site.settings.database_url or "", NO_WRITES) as watcher:
            await someone_waits(watcher, "insert into reduced_data (")
            answer = (await observer.client.query(CANCEL, id=running))["cancelJob"]
            assert answer == {"job": {"state": "RUNNING"}, "errors": []}
            cancelled = await ended(observer.client, running)
        assert (cancelled["state"], cancelled["error"]["code"]) == ("CANCELLED", "CANCELLED")
        assert (await job_of(observer.client, queued))["attempts"] == 0
        counted = "select count(*) from reduced_data where target_id = any($1::bigint[])"
        assert await site.rt.reads.fetchval(counted, [int(queued_target[1:]), int(running_target[1:])]) == 0
        again = (await observer.client.query(CANCEL, id=queued))["cancelJob"]
        assert again == {"job": {"state": "CANCELLED"}, "errors": []}
        for job in (queued, running):
            answer = (await observer.client.query(RETRY, id=job))["retryJob"]
            assert answer["errors"] == []
            assert answer["job"]["state"] in ("QUEUED", "RUNNING")  # a worker may have it before it is read back
            assert (await ended(observer.client, job))["state"] == "SUCCEEDED"
            refused = (await observer.client.query(CANCEL, id=job))["cancelJob"]["errors"]
            assert [error["code"] for error in refused] == ["JOB_FINISHED"]
            refused = (await observer.client.query(RETRY, id=job))["retryJob"]["errors"]
            assert [error["code"] for error in refused] == ["CONFLICT"]
    await assert_exactly_once(observer.client, site.rt.reads, queued_target, queued_cursor, 10)
    await assert_exactly_once(observer.client, site.rt.reads, running_target, running_cursor, 2_000)
