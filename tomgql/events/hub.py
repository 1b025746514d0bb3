"""One LISTEN a process: wakes everybody who waits for new events.

A notification carries nothing and may be lost with its connection; readers always read the log itself. While the
connection is down, and every few seconds anyway, everybody is woken to look.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

import asyncpg

from tomgql.events.log import CHANNEL
from tomgql.store.connection import DATABASE_ERRORS, outlive

logger = logging.getLogger(__name__)

LONGEST_SLEEP_S = 5.0
"""Readers look into the log at least this often, should a notification be lost."""

RECONNECT_S = 0.5
"""Pause before the listening connection is opened again."""


class Hub:
    """Wakes the readers of one process.

    ``streams`` counts the operations that the process streams, ``subscribers`` those of them that have read the log to
    its end and wait for more.
    """

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._bell = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.subscribers = self.streams = 0

    async def open(self) -> None:
        """Begin to listen."""
        self._task = asyncio.create_task(self._listen(), name="event hub")

    async def close(self) -> None:
        """Stop listening and wake everybody a last time."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._ring()

    def bell(self) -> asyncio.Event:
        """The event that the next notification sets. Take it, read the log, then wait: so nothing slips between."""
        return self._bell

    @staticmethod
    async def wait(bell: asyncio.Event) -> None:
        """Sleep until the bell rings, or a few seconds at most."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(bell.wait(), LONGEST_SLEEP_S)

    def _ring(self, *_notification: object) -> None:
        ringing, self._bell = self._bell, asyncio.Event()
        ringing.set()

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except DATABASE_ERRORS as error:
                outlive(error)
                logger.warning("event hub lost its connection: %s", error)
            self._ring()
            await asyncio.sleep(RECONNECT_S)

    async def _listen_once(self) -> None:
        connection = await asyncpg.connect(self._database_url)
        try:
            gone = asyncio.Event()
            connection.add_termination_listener(lambda _connection: gone.set())
            await connection.add_listener(CHANNEL, self._ring)
            self._ring()
            await gone.wait()
        finally:
            await connection.close(timeout=1)
