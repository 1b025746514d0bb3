"""Connections for reads, shared out: strangers have few of their own, and no user holds all the others.

Eleven slow reads of one client would otherwise take a whole pool, and everybody would wait for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from typing import Any

import asyncpg

from tomgql.errors import Unavailable


class ReadShares:
    """The read connections of one process. ``wait_s``: who waits longer for a turn is told so."""

    def __init__(self, common: asyncpg.Pool, strangers: asyncpg.Pool, most_a_user: int, wait_s: float) -> None:
        self._common = common
        self._strangers = strangers
        self._most_a_user = most_a_user
        self._wait_s = wait_s
        self._turns: dict[int, _Turns] = {}

    def of(self, user_id: int | None) -> ReadShare:
        """The share of a user, or of all who did not sign in."""
        return ReadShare(self, user_id)

    @asynccontextmanager
    async def connection(self, user_id: int | None) -> AsyncIterator[Any]:
        """A connection for as long as the block runs; raises Unavailable when none became free in time."""
        pool = self._strangers if user_id is None else self._common
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(self._wait_s):
                    await stack.enter_async_context(nullcontext() if user_id is None else self._turn(user_id))
                    connection = await stack.enter_async_context(pool.acquire())
            except TimeoutError as error:
                raise Unavailable("Other reads had the turn of this one for too long; try again later.") from error
            yield connection

    @asynccontextmanager
    async def _turn(self, user_id: int) -> AsyncIterator[None]:
        turns = self._turns.setdefault(user_id, _Turns(self._most_a_user))
        turns.askers += 1
        try:
            async with turns.free:
                yield
        finally:
            turns.askers -= 1
            if not turns.askers:
                del self._turns[user_id]


class ReadShare:
    """What one actor may hold of the connections; has the one method of a pool that reads need."""

    def __init__(self, shares: ReadShares, user_id: int | None) -> None:
        self._shares = shares
        self._user_id = user_id

    def acquire(self) -> Any:
        """A connection, as of a pool. Raises Unavailable when none became free in time."""
        return self._shares.connection(self._user_id)


class _Turns:
    """Turns of one user, kept while somebody asks for them."""

    def __init__(self, most: int) -> None:
        self.free = asyncio.Semaphore(most)
        self.askers = 0
