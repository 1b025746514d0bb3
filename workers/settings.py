"""The worker process: an arq worker, restarted whenever Redis drops it, beside the sweep.

arq's worker ends when its connection does, and its messages are gone with a lost Redis. Neither matters: the worker
is started again as soon as the server answers, and the sweep sends again every job that is ready.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from typing import Any

import redis.exceptions
from arq import func
from arq.constants import in_progress_key_prefix
from arq.worker import Worker

from tomgql.errors import FileStoreDown
from tomgql.events import log
from tomgql.jobs.queue import QUEUE_NAME, RUN_JOB, deserialize, redis_settings, serialize
from tomgql.jobs.sweep import sweep
from tomgql.plugins.sandbox import Sandbox
from tomgql.runtime import Runtime, running
from tomgql.services.federation.claims import Claim, claim_one
from tomgql.services.federation.following import follow
from tomgql.services.harvests import harvest
from tomgql.services.open_uploads import discard_ended_uploads
from tomgql.services.orphans import discard_orphans
from tomgql.settings import Settings
from tomgql.sharing import follow_shares
from tomgql.store.connection import DATABASE_ERRORS, outlive
from workers.runner import run_job

logger = logging.getLogger(__name__)

POLL_S = 0.1
"""Pause between two looks into the queue; arq's half second is felt by who waits for an upload."""

RESTART_S = 0.5
"""Pause before a worker that lost its Redis is started again."""

PRUNE_S = 3600.0
"""Pause between two looks for events that are too old, uploads that have ended, and files that nobody names."""

SHARES_S = 0.2
"""Shortest pause between two looks for what continuous shares are to give."""

PEERS_S = 1.0
"""Pause between two looks for servers that nobody follows."""

ENDLESS_S = 7 * 86400
"""arq's own time limit of a job, out of the way: the lease and the verbs' limits decide."""

LOST = (redis.exceptions.RedisError, *DATABASE_ERRORS)
"""Errors after which the worker's loops try again."""


async def run_worker(settings: Settings) -> None:
    """Work until SIGINT or SIGTERM; running jobs are given back to the queue then."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running(settings) as rt, Sandbox() as sandbox:
        loops = [
            asyncio.create_task(coroutine, name=name)
            for name, coroutine in (
                ("arq", _work(rt, sandbox)),
                ("sweep", _sweep(rt)),
                ("prune", _prune(rt)),
                ("harvest", _harvest(rt)),
                ("shares", _follow_shares(rt)),
                ("peers", _peers(rt)),
            )
        ]
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([stopping, *loops], return_when=asyncio.FIRST_COMPLETED)
        ended = [loop for loop in loops if loop.done()]
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        for loop in ended:
            loop.result()  # a loop only ends through a bug: half a worker is worse than one that is started again


async def _work(rt: Runtime, sandbox: Sandbox) -> None:
    while True:
        worker = build_worker(rt, sandbox)
        marking = asyncio.create_task(_mark_running(worker, rt.settings.job_lease_s))
        try:
            await worker.async_run()
        except LOST as error:
            outlive(error)
            logger.warning("the worker lost its queue (%s) and starts again", error)
        finally:
            marking.cancel()
            with contextlib.suppress(*LOST):
                await _close(worker)
        await asyncio.sleep(RESTART_S)


async def _close(worker: Worker) -> None:
    for task in worker.tasks.values():
        task.cancel()
    await asyncio.gather(*worker.tasks.values(), return_exceptions=True)
    worker.tasks.clear()  # arq would raise here what they ended with
    await worker.close()


async def _mark_running(worker: Worker, lease_s: float) -> None:
    """Keep arq's marks of running messages, which live as long as a lease, while they run.

    arq lets a mark live as long as a job may; a message taken by a worker that was killed before it claimed the row
    would then be nobody's for all that time, and keep the sweep from sending another.
    """
    while True:
        await asyncio.sleep(lease_s / 5)
        try:
            for message in list(worker.tasks):
                await worker.pool.pexpire(in_progress_key_prefix + message, int(lease_s * 1000))
        except LOST as error:
            outlive(error)


def build_worker(rt: Runtime, sandbox: Sandbox) -> Worker:
    """An arq worker over our runtime; it knows one function, which runs a job row."""

    async def run(_context: dict[Any, Any], job_id: int) -> None:
        await run_job(rt, sandbox, job_id)

    worker = Worker(
        functions=[func(run, name=RUN_JOB, keep_result=0, max_tries=1, timeout=ENDLESS_S)],  # type: ignore[arg-type]
        redis_settings=redis_settings(rt.settings.redis_url or ""),
        queue_name=QUEUE_NAME,
        job_serializer=serialize,
        job_deserializer=deserialize,
        handle_signals=False,
        keep_result=0,  # also of messages that arq drops itself: a kept result would keep the sweep from sending again
        max_jobs=rt.settings.worker_max_jobs,
        poll_delay=POLL_S,
        job_completion_wait=0,
    )
    worker.in_progress_timeout_s = rt.settings.job_lease_s
    return worker


async def _sweep(rt: Runtime) -> None:
    while True:
        try:
            await sweep(rt.writes, rt.queue, rt.settings.job_max_attempts)
        except LOST as error:
            outlive(error)
            logger.warning("sweep: %s", error)
        await asyncio.sleep(rt.settings.job_sweep_s)


async def _harvest(rt: Runtime) -> None:
    while True:
        try:
            await harvest(rt)
        except LOST as error:
            outlive(error)
            logger.warning("harvest: %s", error)
        await asyncio.sleep(rt.settings.harvest_look_s)


async def _follow_shares(rt: Runtime) -> None:
    """Look for what is new of continuous shares whenever something is new at all."""
    while True:
        bell, more = rt.hub.bell(), False
        try:
            more = await follow_shares(rt)
        except LOST as error:
            outlive(error)
            logger.warning("continuous shares: %s", error)
        if not more:
            await rt.hub.wait(bell)
        await asyncio.sleep(SHARES_S)


async def _peers(rt: Runtime) -> None:
    """Follow other servers, each in a task of its own, as long as nobody else does."""
    running: set[asyncio.Task[None]] = set()
    try:
        while True:
            try:
                while len(running) < rt.settings.worker_max_peers and (claim := await claim_one(rt)) is not None:
                    task = asyncio.create_task(_follow(rt, claim), name=f"peer {claim.name}")
                    running.add(task)
                    task.add_done_callback(running.discard)
            except LOST as error:
                outlive(error)
                logger.warning("peers: %s", error)
            await asyncio.sleep(PEERS_S)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _follow(rt: Runtime, claim: Claim) -> None:
    try:
        await follow(rt, claim)
    except LOST as error:
        outlive(error)
        logger.warning("peer %s: %s", claim.name, error)


async def _prune(rt: Runtime) -> None:
    limits = rt.settings
    while True:
        try:
            async with rt.writes.acquire() as connection:
                await log.prune(connection, limits.event_retention_days, limits.event_retention_count)
            await discard_ended_uploads(rt)
            await discard_orphans(rt)
        except FileStoreDown as error:
            logger.warning("prune: %s", error)
        except LOST as error:
            outlive(error)
            logger.warning("prune: %s", error)
        await asyncio.sleep(PRUNE_S)
