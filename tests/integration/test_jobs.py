"""The ledger of jobs, the runner's table of outcomes and the sweep, on real PostgreSQL and Valkey."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest
import redis.exceptions

from tests.support.site import Site, until
from tomgql.errors import Conflict, FileStoreDown, Later, UnreadableFile, UpstreamBusy
from tomgql.jobs import ledger
from tomgql.jobs.ledger import Claim
from tomgql.jobs.run import JobRun
from tomgql.jobs.specs import SPECS, ProcessDataProduct
from tomgql.jobs.sweep import sweep
from tomgql.plugins.sandbox import Sandbox
from tomgql.store.transaction import transaction
from workers.runner import LONGEST_OUTAGE_PAUSE_S, run_job
from workers.tasks import HANDLERS

LEASE_S = 30.0
SPEC = ProcessDataProduct(data_product_id=1, options={"a": 1})


async def a_job(site: Site, state: str = "QUEUED", **columns: Any) -> int:
    """A job in a state; further columns as SQL."""
    needed = {
        "RUNNING": {"lease_until": "now() + interval '1 hour'", "attempts": "1"},
        "WAITING": {"waiting_until": "now() + interval '1 hour'", "attempts": "1"},
        "FAILED": {"finished": "now()", "error_code": "'X'", "error_message": "'x'", "attempts": "1"},
        "CANCELLED": {"finished": "now()", "cancel_requested": "true"},
        "SUCCEEDED": {"finished": "now()", "attempts": "1"},
    }.get(state, {})
    changes = {"state": f"'{state}'", **needed, **columns}
    async with transaction(site.rt.writes) as tx:
        job_id = await ledger.insert(tx, SPEC, created_by_id=None, target_id=None, data_product_id=None)
        await tx.execute(f"update jobs set {', '.join(f'{k} = {v}' for k, v in changes.items())} where id = $1", job_id)
    return job_id


async def row(site: Site, job_id: int) -> asyncpg.Record:
    return await site.rt.reads.fetchrow("select * from jobs where id = $1", job_id)


async def events(site: Site, job_id: int) -> int:
    counted: int = await site.rt.reads.fetchval("select count(*) from events where job_id = $1", job_id)
    return counted


async def claim(site: Site, job_id: int) -> Claim | None:
    async with transaction(site.rt.writes) as tx:
        return await ledger.claim(tx, job_id, LEASE_S)


class TestLedger:
    @pytest.mark.parametrize(
        ("state", "columns"),
        [
            ("QUEUED", {}),
            ("WAITING", {"waiting_until": "now()"}),
            ("RUNNING", {"lease_until": "now() - interval '1 second'"}),
        ],
    )
    async def test_what_is_ready_can_be_claimed_once(self, site: Site, state: str, columns: dict[str, str]) -> None:
        job_id = await a_job(site, state, **columns)
        before = (await row(site, job_id))["attempts"]
        claimed, again = await asyncio.gather(claim(site, job_id), claim(site, job_id))
        (won,) = [each for each in (claimed, again) if each is not None]
        assert (won.job_id, won.attempt, won.spec) == (job_id, before + 1, SPEC)
        now = await row(site, job_id)
        assert (now["state"], now["attempts"], now["waiting_until"]) == ("RUNNING", before + 1, None)
        assert now["lease_until"] > now["started"]
        assert await events(site, job_id) == 1

    @pytest.mark.parametrize("state", ["RUNNING", "WAITING", "SUCCEEDED", "FAILED", "CANCELLED"])
    async def test_what_is_not_ready_cannot(self, site: Site, state: str) -> None:
        job_id = await a_job(site, state)
        before = await row(site, job_id)
        assert await claim(site, job_id) is None
        assert await claim(site, 10**9) is None
        assert await row(site, job_id) == before
        assert await events(site, job_id) == 0

    async def test_a_fenced_attempt_changes_nothing(self, site: Site) -> None:
        job_id = await a_job(site)
        old = await claim(site, job_id)
        assert old is not None
        await site.rt.writes.execute("update jobs set lease_until = now() - interval '1 second' where id = $1", job_id)
        new = await claim(site, job_id)
        assert new is not None
        assert new.attempt == old.attempt + 1
        before, told = await row(site, job_id), await events(site, job_id)
        assert await ledger.renew(site.rt.writes, old, LEASE_S) is False
        async with transaction(site.rt.writes) as tx:
            await ledger.report(tx, old, 0.9, "zombie")
            await ledger.fail(tx, old, "X", "zombie", retryable=False)
            await ledger.wait(tx, old, 1, "zombie")
            await ledger.release(tx, old)
            assert await ledger.succeed(tx, old, {}, "zombie") is False
        with pytest.raises(Conflict):
            async with transaction(site.rt.writes) as tx:
                await tx.execute("update jobs set message = 'half an effect' where id = $1", job_id)
                await JobRun(site.rt.writes, old).succeed(tx, {}, "zombie")
        assert (await row(site, job_id), await events(site, job_id)) == (before, told)
        assert await ledger.renew(site.rt.writes, new, LEASE_S) is True

    async def test_an_attempt_ends_once(self, site: Site) -> None:
        job_id = await a_job(site)
        attempt = await claim(site, job_id)
        assert attempt is not None
        async with transaction(site.rt.writes) as tx:
            assert await ledger.succeed(tx, attempt, {"created": 3}, "Done.") is True
        before = await row(site, job_id)
        assert (before["state"], before["progress"], before["result"]) == ("SUCCEEDED", 1, {"created": 3})
        async with transaction(site.rt.writes) as tx:
            await ledger.fail(tx, attempt, "X", "too late", retryable=False)
        assert await row(site, job_id) == before

    @pytest.mark.parametrize("state", ["QUEUED", "WAITING"])
    async def test_cancelled_at_once_when_it_does_not_run(self, site: Site, state: str) -> None:
        job_id = await a_job(site, state)
        async with transaction(site.rt.writes) as tx:
            assert await ledger.cancel(tx, job_id) == "CANCELLED"
        now = await row(site, job_id)
        assert (now["state"], now["error_code"], now["waiting_until"]) == ("CANCELLED", "CANCELLED", None)
        assert await claim(site, job_id) is None

    @pytest.mark.parametrize("state", ["SUCCEEDED", "FAILED"])
    async def test_what_has_ended_is_not_cancelled(self, site: Site, state: str) -> None:
        job_id = await a_job(site, state)
        before = await row(site, job_id)
        async with transaction(site.rt.writes) as tx:
            assert await ledger.cancel(tx, job_id) == state
        assert await row(site, job_id) == before

    async def test_only_what_failed_or_was_cancelled_runs_again(self, site: Site) -> None:
        for state, allowed in (("FAILED", True), ("CANCELLED", True), ("QUEUED", False), ("RUNNING", False),
                               ("WAITING", False), ("SUCCEEDED", False)):  # fmt: skip
            job_id = await a_job(site, state)
            async with transaction(site.rt.writes) as tx:
                assert await ledger.requeue(tx, job_id) is allowed
            now = await row(site, job_id)
            assert now["state"] == ("QUEUED" if allowed else state)
            if allowed:
                assert (now["error_code"], now["finished"], now["cancel_requested"]) == (None, None, False)


Handler = Callable[[Site, JobRun], Awaitable[None]]


async def run_with_double(site: Site, handler_double: Handler, job_id: int | None = None) -> asyncpg.Record:
    """Run a job whose verb is a double; the job then."""
    job_id = await a_job(site) if job_id is None else job_id

    async def handle(_rt: Any, _sandbox: Any, run: JobRun, spec: Any) -> None:
        assert spec == SPEC
        await handler_double(site, run)

    async with Sandbox() as sandbox:
        with pytest.MonkeyPatch.context() as double_in_place_of_the_verb:
            double_in_place_of_the_verb.setitem(HANDLERS, ProcessDataProduct.kind, handle)
            await run_job(site.rt, sandbox, job_id)
    return await row(site, job_id)


def raising(error: BaseException) -> Handler:
    async def handler(_site: Site, _run: JobRun) -> None:
        raise error

    return handler


class TestRunner:
    def test_every_kind_has_its_handler(self) -> None:
        assert set(HANDLERS) == set(SPECS)

    async def test_nothing_raised_is_success(self, site: Site) -> None:
        async def handler(_site: Site, _run: JobRun) -> None:
            return

        assert (await run_with_double(site, handler))["state"] == "SUCCEEDED"

    async def test_the_verb_may_write_its_own_end(self, site: Site) -> None:
        async def handler(_site: Site, run: JobRun) -> None:
            async with transaction(_site.rt.writes) as tx:
                await run.succeed(tx, {"created": 5}, "Five.")

        job = await run_with_double(site, handler)
        assert (job["state"], job["result"], job["message"]) == ("SUCCEEDED", {"created": 5}, "Five.")

    async def test_later_waits(self, site: Site) -> None:
        job = await run_with_double(site, raising(Later(60, "Busy for a minute.")))
        assert (job["state"], job["message"], job["lease_until"]) == ("WAITING", "Busy for a minute.", None)
        assert 50 < (job["waiting_until"] - job["started"]).total_seconds() < 70

    async def test_a_refusal_fails_with_its_words(self, site: Site) -> None:
        job = await run_with_double(site, raising(UnreadableFile("lc.csv, row 3: no date.")))
        assert (job["state"], job["error_code"], job["error_retryable"]) == ("FAILED", "UNREADABLE_FILE", False)
        assert job["error_message"] == "lc.csv, row 3: no date."

    async def test_a_retryable_refusal_waits_until_the_attempts_are_used_up(self, site: Site) -> None:
        job_id = await a_job(site)
        pauses = []
        for _ in range(site.settings.job_max_attempts - 1):
            job = await run_with_double(site, raising(UpstreamBusy("Come back later.")), job_id)
            assert job["state"] == "WAITING"
            pauses.append(job["waiting_until"] - job["created"])
            await site.rt.writes.execute("update jobs set waiting_until = now() where id = $1", job_id)
        assert pauses == sorted(pauses)
        job = await run_with_double(site, raising(UpstreamBusy("Come back later.")), job_id)
        assert (job["state"], job["error_code"], job["error_retryable"]) == ("FAILED", "UPSTREAM_BUSY", True)
        assert job["attempts"] == site.settings.job_max_attempts

    async def test_while_the_file_store_is_away_it_waits_as_often_as_it_takes(self, site: Site) -> None:
        job_id = await a_job(site, attempts=str(50 * site.settings.job_max_attempts))
        job = await run_with_double(site, raising(FileStoreDown("The file store is away.")), job_id)
        assert (job["state"], job["message"], job["error_code"]) == ("WAITING", "The file store is away.", None)
        assert (job["waiting_until"] - job["started"]).total_seconds() == pytest.approx(LONGEST_OUTAGE_PAUSE_S, abs=2)

    async def test_a_bug_shows_an_id_and_nothing_else(self, site: Site, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.ERROR):
            job = await run_with_double(site, raising(KeyError("select secret from /etc/passwd")))
        assert (job["state"], job["error_code"], job["error_retryable"]) == ("FAILED", "INTERNAL", False)
        error_id = job["error_message"].removeprefix("Internal error ").removesuffix(".")
        assert len(error_id) == 12
        assert "secret" not in job["error_message"]
        assert error_id in caplog.text
        assert "select secret" in caplog.text

    @pytest.mark.parametrize(
        "error",
        [
            ConnectionRefusedError("x"),
            asyncpg.ConnectionDoesNotExistError("x"),
            asyncpg.CrashShutdownError("x"),
            asyncpg.AdminShutdownError("x"),
            asyncpg.CannotConnectNowError("x"),
            asyncpg.IdleInTransactionSessionTimeoutError("x"),
            asyncpg.InternalClientError("x"),
            redis.exceptions.ConnectionError("x"),
        ],
        ids=lambda error: type(error).__name__,
    )
    async def test_an_outage_leaves_the_job_to_the_sweep(self, site: Site, error: Exception) -> None:
        job = await run_with_double(site, raising(error))
        assert (job["state"], job["error_code"]) == ("RUNNING", None)

    async def test_a_heartbeat_that_breaks_is_a_bug_and_no_wish_to_stop(self, site: Site) -> None:
        async def handler(_site: Site, _run: JobRun) -> None:
            await site.rt.writes.execute(
                "create function refuse_renewal() returns trigger language plpgsql as"
                " $$ begin raise exception 'no renewal'; end $$;"
                " create trigger refuse_renewal before update of lease_until on jobs for each row"
                " when (new.state = 'RUNNING') execute function refuse_renewal()"
            )
            await asyncio.sleep(60)

        try:
            job = await run_with_double(site, handler)
        finally:
            await site.rt.writes.execute("drop function if exists refuse_renewal cascade")
        assert (job["state"], job["error_code"]) == ("FAILED", "INTERNAL")

    async def test_the_end_of_the_process_gives_the_job_back(self, site: Site) -> None:
        begun = asyncio.Event()

        async def handler(_site: Site, _run: JobRun) -> None:
            begun.set()
            await asyncio.sleep(60)

        job_id = await a_job(site)
        running = asyncio.create_task(run_with_double(site, handler, job_id))
        await begun.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert (await row(site, job_id))["state"] == "QUEUED"

    async def test_a_running_job_stops_when_it_is_cancelled(self, site: Site) -> None:
        stopped = []

        async def handler(_site: Site, run: JobRun) -> None:
            async with transaction(_site.rt.writes) as tx:
                assert await ledger.cancel(tx, run.claim.job_id) == "RUNNING"
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                stopped.append(True)
                raise

        job = await run_with_double(site, handler)
        assert (job["state"], job["error_code"], stopped) == ("CANCELLED", "CANCELLED", [True])

    async def test_a_cancellation_outlives_the_attempt_that_was_asked(self, site: Site) -> None:
        async def handler(_site: Site, run: JobRun) -> None:
            async with transaction(_site.rt.writes) as tx:
                await ledger.cancel(tx, run.claim.job_id)
            raise Later(3600, "Too short a step to hear of it.")

        job = await run_with_double(site, handler)
        assert job["state"] == "WAITING"

        async def must_not_run(_site: Site, _run: JobRun) -> None:
            raise AssertionError

        job = await run_with_double(site, must_not_run, job["id"])
        assert (job["state"], job["error_code"]) == ("CANCELLED", "CANCELLED")

    async def test_a_job_that_was_taken_over_stops(self, site: Site) -> None:
        async def handler(_site: Site, run: JobRun) -> None:
            await _site.rt.writes.execute("update jobs set attempts = attempts + 1 where id = $1", run.claim.job_id)
            await asyncio.sleep(60)

        job = await run_with_double(site, handler)
        assert (job["state"], job["attempts"], job["error_code"]) == ("RUNNING", 2, None)


class SentMessages:
    """A double of the queue that notes what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, int]] = []

    async def send(self, job_id: int, attempt: int) -> None:
        self.sent.append((job_id, attempt))

    async def ping(self) -> str:
        return "double"

    async def close(self) -> None:
        return None


class TestSweep:
    async def test_sends_what_is_ready_and_nothing_else(self, site: Site) -> None:
        await site.rt.writes.execute("delete from jobs")
        ready = [
            (await a_job(site), 1),
            (await a_job(site, "WAITING", waiting_until="now()"), 2),
            (await a_job(site, "RUNNING", lease_until="now() - interval '1 second'"), 2),
        ]
        for state in ("WAITING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"):
            await a_job(site, state)
        queue = SentMessages()
        assert await sweep(site.rt.writes, queue, 5) == 3
        assert queue.sent == ready

    async def test_one_sweeps_at_a_time(self, site: Site) -> None:
        await site.rt.writes.execute("delete from jobs")
        await a_job(site)
        async with site.rt.writes.acquire() as connection, connection.transaction():
            await connection.execute("select pg_advisory_xact_lock($1)", 0x73776565)
            assert await sweep(site.rt.writes, SentMessages(), 5) == 0
        assert await sweep(site.rt.writes, SentMessages(), 5) == 1

    async def test_gives_up_a_job_that_kills_its_workers(self, site: Site) -> None:
        await site.rt.writes.execute("delete from jobs")
        deadly = await a_job(site, "RUNNING", lease_until="now() - interval '1 second'", attempts="3", faults="2")
        alive = await a_job(site, "RUNNING", attempts="3", faults="2")
        often = await a_job(site, "RUNNING", lease_until="now() - interval '1 second'", attempts="30", faults="1")
        queue = SentMessages()
        assert await sweep(site.rt.writes, queue, 3) == 1
        assert queue.sent == [(often, 31)]
        job = await row(site, deadly)
        assert (job["state"], job["error_code"], job["error_retryable"]) == ("FAILED", "WORKER_DIED", True)
        assert job["error_message"] == "The worker died 3 times while running this job."
        assert await events(site, deadly) == 1
        assert (await row(site, alive))["state"] == "RUNNING"

    async def test_the_same_message_twice_waits_once(self, site: Site) -> None:
        from arq.connections import ArqRedis

        from tomgql.jobs.queue import QUEUE_NAME

        redis_client: ArqRedis = site.rt.queue._redis  # type: ignore[attr-defined]
        await redis_client.flushdb()
        for _ in range(2):
            await site.rt.queue.send(7, 1)
        await site.rt.queue.send(7, 2)

        async def waiting() -> bool:
            return await redis_client.zrange(QUEUE_NAME, 0, -1) == [b"7.1", b"7.2"]

        await until(2, waiting)
        await redis_client.flushdb()
