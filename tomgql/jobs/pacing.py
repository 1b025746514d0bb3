"""How often all workers together may ask a service, and when a service that is down is left alone; kept in Redis.

The limit of requests is the generic cell rate algorithm (ITU-T I.371): one number a service, the time at which the
next request is due. The breaker opens after a few failures in a row, for longer each time; when it is due one caller
tries, and the others wait for what comes of it. With a lost Redis both begin anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

BURST = 5
"""Requests that may follow each other at once after a pause."""

FAILURES_TO_OPEN = 3
"""Failures in a row after which a service counts as down."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 10.0, 1800.0
"""How long a service that is down is left alone: doubled with every failure."""

_RESERVE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local wait = due - now - ARGV[1] * (ARGV[2] - 1)
if wait > 0 then return math.ceil(wait) end
redis.call('SET', KEYS[1], due + ARGV[1], 'PX', math.ceil(due + ARGV[1] - now) + 60000)
return 0
"""

_BLOCKED = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local closed = tonumber(redis.call('HGET', KEYS[1], 'closed_until') or '0')
if closed == 0 then return 0 end
if closed > now then return math.ceil(closed - now) end
redis.call('HSET', KEYS[1], 'closed_until', now + ARGV[1])
return 0
"""

_FAILED = """
local failures = redis.call('HINCRBY', KEYS[1], 'failures', 1)
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if failures >= tonumber(ARGV[1]) then
  local pause = math.min(ARGV[2] * 2 ^ math.min(failures - ARGV[1], 30), ARGV[3])
  redis.call('HSET', KEYS[1], 'closed_until', now + pause)
end
redis.call('PEXPIRE', KEYS[1], ARGV[3] * 4)
return failures
"""


@dataclass(frozen=True)
class Pacing:
    """Limits of requests and breakers of all services; ``redis`` is a redis-py client.

    Every method raises `redis.exceptions.RedisError` when Redis cannot be reached.
    """

    redis: Any

    async def reserve(self, service: str, per_minute: float) -> float:
        """Take one request: 0 when it may be made now, else the seconds until one may."""
        wait_ms = await self.redis.eval(_RESERVE, 1, f"tomgql:pace:{service}", 60_000 / per_minute, BURST)
        return float(wait_ms) / 1000

    async def blocked(self, service: str, probe_s: float) -> float:
        """Seconds for which the service is to be left alone; 0 when it may be asked.

        Who is let through after a pause is alone with it for ``probe_s`` seconds.
        """
        return float(await self.redis.eval(_BLOCKED, 1, _breaker(service), probe_s * 1000)) / 1000

    async def failed(self, service: str) -> int:
        """The service did not answer; returns how often in a row."""
        pauses_ms = FIRST_PAUSE_S * 1000, LONGEST_PAUSE_S * 1000
        return int(await self.redis.eval(_FAILED, 1, _breaker(service), FAILURES_TO_OPEN, *pauses_ms))

    async def answered(self, service: str) -> None:
        """The service answered."""
        await self.redis.delete(_breaker(service))


def _breaker(service: str) -> str:
    return f"tomgql:breaker:{service}"
