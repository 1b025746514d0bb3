"""The queue: says to some worker that a job row is ready.

The job row is the truth (DESIGN D6); a message carries only the row's id and the number of its next attempt, as JSON.
A message may be lost or come twice: the sweep sends again, and a row can be claimed once an attempt.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import arq
import orjson
from arq.connections import ArqRedis, RedisSettings

from tomgql.jobs.pacing import Pacing

RUN_JOB = "run_job"
"""Name of the one arq function."""

QUEUE_NAME = "tomgql:jobs"
"""Key of the queue in Redis."""

SEND_LIMIT_S = 2.0
"""Longest wait for a server that does not answer; who asked for the job is waiting, and the sweep sends again."""


def serialize(message: dict[str, Any]) -> bytes:
    """arq's job and result as JSON; never pickle, which would run what a foreign Redis holds."""
    return orjson.dumps(message, default=repr)


def deserialize(message: bytes) -> dict[str, Any]:
    """The message that `serialize` wrote."""
    decoded: dict[str, Any] = orjson.loads(message)
    return decoded


class JobQueue(Protocol):
    """Sends ready jobs to workers."""

    async def send(self, job_id: int, attempt: int) -> None:
        """Say that attempt ``attempt`` of a job may begin; the same message twice is one."""
        ...

    async def ping(self) -> str:
        """Version of the server; raises OSError or RedisError when it cannot be reached."""
        ...

    async def close(self) -> None:
        """Release the connections."""
        ...


class ArqQueue:
    """The queue in Redis or Valkey, by arq."""

    def __init__(self, redis: ArqRedis) -> None:
        self._redis = redis
        self.pacing = Pacing(redis)

    @classmethod
    async def open(cls, redis_url: str) -> ArqQueue:
        """Connect; raises OSError or RedisError when the server cannot be reached."""
        redis = await arq.create_pool(
            redis_settings(redis_url),
            job_serializer=serialize,
            job_deserializer=deserialize,
            default_queue_name=QUEUE_NAME,
        )
        return cls(redis)

    async def send(self, job_id: int, attempt: int) -> None:
        """See `JobQueue.send`. arq drops a message whose id still waits. Raises TimeoutError after a while."""
        async with asyncio.timeout(SEND_LIMIT_S):
            await self._redis.enqueue_job(RUN_JOB, job_id, _job_id=f"{job_id}.{attempt}")

    async def ping(self) -> str:
        """See `JobQueue.ping`."""
        info = await self._redis.info("server")
        return str(info.get("valkey_version") or info.get("redis_version"))

    async def close(self) -> None:
        """See `JobQueue.close`."""
        await self._redis.aclose()


def redis_settings(redis_url: str) -> RedisSettings:
    """arq's settings for an address; short patience, since a request waits for the answer."""
    settings = RedisSettings.from_dsn(redis_url)
    settings.conn_timeout = 2
    settings.conn_retries = 3
    settings.conn_retry_delay = 1
    settings.retry_on_timeout = True
    return settings
