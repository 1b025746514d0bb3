"""One job from claim to outcome: what each kind of error means for the job is decided here and nowhere else.

| raised | outcome |
| --- | --- |
| nothing | SUCCEEDED, written by the verb in its effect's transaction, or here |
| `Later` | WAITING |
| retryable error of our tree | WAITING, then again, until the attempts are used up |
| the file store is away | WAITING, then again, as often as it takes |
| other error of our tree | FAILED with its code and message |
| our database or queue lost | nothing is written: the lease runs out and the sweep has it run again |
| cancellation by the process's end | QUEUED again |
| anything else | a bug: FAILED with INTERNAL and an id that is in the log |
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid

from tomgql.errors import Cancelled, Conflict, FileStoreDown, Later, TomError
from tomgql.jobs import ledger
from tomgql.jobs.run import JobRun
from tomgql.plugins.sandbox import Sandbox
from tomgql.runtime import OUTAGES, Runtime
from tomgql.store.connection import outlive
from tomgql.store.transaction import transaction
from workers.tasks import HANDLERS

logger = logging.getLogger(__name__)

LONGEST_PAUSE_S = 300.0
"""Longest pause before a retryable failure is tried again."""

LONGEST_OUTAGE_PAUSE_S = 30.0
"""Longest pause before a job looks again whether the file store is back."""

RELEASE_LIMIT_S = 2.0
"""How long an ending process tries to give a job back; else the job's lease runs out, and the sweep has it run."""


async def run_job(rt: Runtime, sandbox: Sandbox, job_id: int) -> None:
    """Run a job if it is to be run now; returns when its outcome is written, or is left to another attempt."""
    async with transaction(rt.writes) as tx:
        claim = await ledger.claim(tx, job_id, rt.settings.job_lease_s)
    if claim is None:
        return
    run = JobRun(rt.writes, claim)
    try:
        if claim.cancel_requested:  # of an earlier attempt, which ended before it heard of it
            raise Cancelled("Cancelled while it ran.")
        await _attempt(rt, sandbox, run)
    except asyncio.CancelledError:
        await asyncio.shield(_release(rt, run))
        raise
    except OUTAGES as error:
        logger.warning("job %s lost its servers (%s); it will be taken up again", job_id, error)
    except Exception as error:  # noqa: BLE001 - the last door: a bug must end its job, not its worker
        await _write_outcome(rt, run, error)


async def _attempt(rt: Runtime, sandbox: Sandbox, run: JobRun) -> None:
    """Run the handler beside the heartbeat; whichever ends first ends the other."""
    spec = run.claim.spec
    work = asyncio.ensure_future(HANDLERS[spec.kind](rt, sandbox, run, spec))
    beat = asyncio.ensure_future(_heartbeat(rt, run))
    try:
        await asyncio.wait({work, beat}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            beat.result()  # a heartbeat that broke is a bug, and no wish to stop
            raise Cancelled("Cancelled while it ran.")
        await work
    finally:
        for task in (work, beat):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
    if not run.ended:
        async with transaction(rt.writes) as tx:
            await run.succeed(tx, {}, "Done.")


async def _heartbeat(rt: Runtime, run: JobRun) -> None:
    """Renew the lease; returns when the job is to stop: cancelled, or no longer ours."""
    lease_s = rt.settings.job_lease_s
    while True:
        await asyncio.sleep(lease_s / 5)
        try:
            if not await ledger.renew(rt.writes, run.claim, lease_s):
                return
        except OUTAGES as error:
            outlive(error)


async def _write_outcome(rt: Runtime, run: JobRun, error: Exception) -> None:
    try:
        async with transaction(rt.writes) as tx:
            if isinstance(error, Later):
                await ledger.wait(tx, run.claim, error.seconds, error.message)
            elif isinstance(error, TomError):
                await _write_refusal(rt, run, error, tx)
            else:
                error_id = uuid.uuid4().hex[:12]
                logger.error("internal error %s in job %s", error_id, run.claim.job_id, exc_info=error)
                await ledger.fail(tx, run.claim, "INTERNAL", f"Internal error {error_id}.", retryable=False)
    except OUTAGES as lost:
        logger.warning("job %s: outcome not written (%s); it will be taken up again", run.claim.job_id, lost)


async def _write_refusal(rt: Runtime, run: JobRun, error: TomError, tx: object) -> None:
    for note in getattr(error, "__notes__", ()):
        logger.warning("job %s: %s", run.claim.job_id, note)
    if isinstance(error, Conflict):
        logger.warning("job %s: %s", run.claim.job_id, error.message)
    away, failed = isinstance(error, FileStoreDown), run.claim.faults + 1
    if away or (error.retryable and failed < rt.settings.job_max_attempts):
        longest_s = LONGEST_OUTAGE_PAUSE_S if away else LONGEST_PAUSE_S
        pause_s = min(2.0 ** min(run.claim.attempt if away else failed, 10), longest_s)
        await ledger.wait(tx, run.claim, pause_s, error.message, fault=not away)  # type: ignore[arg-type]
    else:
        await ledger.fail(tx, run.claim, error.code, error.message, retryable=error.retryable)  # type: ignore[arg-type]


async def _release(rt: Runtime, run: JobRun) -> None:
    """Give the job back when this process ends, so that another worker takes it up at once."""
    with contextlib.suppress(*OUTAGES):
        async with asyncio.timeout(RELEASE_LIMIT_S), transaction(rt.writes) as tx:
            await ledger.release(tx, run.claim)
