"""The newest events in memory: a process reads each of them from the log once, however many follow it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from tomgql.errors import CursorExpired
from tomgql.events import log
from tomgql.events.hub import LONGEST_SLEEP_S, Hub
from tomgql.events.log import LoggedEvent

EVENTS_KEPT = 256
"""Newest events that are kept; who is further behind reads the table."""


class Tail:
    """The end of the log, as far as this process knows it."""

    def __init__(self, pool: Any, hub: Hub) -> None:
        self._pool = pool
        self._hub = hub
        self._events: deque[LoggedEvent] = deque()
        self._begin: int | None = None
        self._end = 0
        self._read_at = 0.0
        self._bell: asyncio.Event | None = None
        self._lock = asyncio.Lock()

    async def after(self, topics: Sequence[str], place: int, limit: int) -> list[LoggedEvent]:
        """The next events of topics behind ``place``, in commit order. Raises CursorExpired like the log itself."""
        await self._catch_up()
        if self._begin is None or place < self._begin:
            return await log.read_after(self._pool, topics, place, limit)
        return [event for event in self._events if event.id > place and event.topic in topics][:limit]

    async def _catch_up(self) -> None:
        async with self._lock:
            bell = self._hub.bell()
            if bell is self._bell and time.monotonic() - self._read_at < LONGEST_SLEEP_S:
                return
            self._bell, self._read_at = None, time.monotonic()
            try:
                while self._begin is not None and (events := await self._read_on()):
                    self._keep(events)
            except CursorExpired:  # nobody asked for long, and the log has forgotten what came since
                self._begin = None
            if self._begin is None:
                self._events.clear()
                self._begin = self._end = (await log.horizon(self._pool)).latest
            self._bell = bell

    async def _read_on(self) -> list[LoggedEvent]:
        return await log.read_any_after(self._pool, self._end, EVENTS_KEPT)

    def _keep(self, events: list[LoggedEvent]) -> None:
        self._events.extend(events)
        self._end = events[-1].id
        while len(self._events) > EVENTS_KEPT:
            self._begin = self._events.popleft().id
