"""The sweep: sends again what was lost, continues what is due, takes over what was abandoned.

Runs in every worker every few seconds, under an advisory lock that lets one at a time do it. This is what makes
the loss of Redis, of a message between commit and send, or of a worker, a matter of seconds.
"""

from __future__ import annotations

import logging

import asyncpg

from tomgql.jobs.queue import JobQueue

logger = logging.getLogger(__name__)

SWEEP_LOCK = 0x73776565
"""Key of the PostgreSQL advisory lock of the sweep ("swee" in ASCII)."""

MESSAGES_PER_SWEEP = 500
"""Most jobs that one sweep sends."""


async def sweep(pool: asyncpg.Pool, queue: JobQueue, max_attempts: int) -> int:
    """Send every job that is ready; returns how many. The queue drops messages that still wait in it."""
    async with pool.acquire() as connection, connection.transaction():
        if not await connection.fetchval("select pg_try_advisory_xact_lock($1)", SWEEP_LOCK):
            return 0
        await _give_up(connection, max_attempts)
        ready = await connection.fetch(
            "select id, attempts from jobs where state = 'QUEUED'"
            " or (state = 'WAITING' and waiting_until <= now()) or (state = 'RUNNING' and lease_until < now())"
            " order by id limit $1",
            MESSAGES_PER_SWEEP,
        )
    for row in ready:
        await queue.send(row["id"], row["attempts"] + 1)
    return len(ready)


async def _give_up(connection: asyncpg.Connection, max_attempts: int) -> None:
    """Fail jobs whose workers died again and again: most likely the job kills them."""
    rows = await connection.fetch(
        "update jobs set state = 'FAILED', finished = clock_timestamp(), lease_until = null,"
        " error_code = 'WORKER_DIED',"
        " error_message = 'The worker died ' || faults + 1 || ' times while running this job.', error_retryable = true"
        " where state = 'RUNNING' and lease_until < now() and faults + 1 >= $1"
        " returning id, target_id, data_product_id",
        max_attempts,
    )
    if rows:
        await connection.executemany(
            "insert into events (topic, change, job_id, target_id, data_product_id)"
            " values ('jobs', 'REVISED', $1, $2, $3)",
            [tuple(row) for row in rows],
        )
