"""Who stands behind the tokens of subscribers just now, asked for many streams at once."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from tomgql.access.principal import Principal
from tomgql.errors import Unavailable
from tomgql.runtime import OUTAGES, Runtime
from tomgql.services import accounts


class TokenLook:
    """One statement at a time; who asks while it runs waits for the next, so no answer is older than its question."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        self._wanted: set[int] = set()
        self._next: asyncio.Future[dict[int, Principal]] | None = None
        self._turn = asyncio.Lock()

    async def look(self, token_ids: Collection[int]) -> dict[int, Principal]:
        """The principals of these tokens, and perhaps of others; tokens that have ended are left out.

        Raises Unavailable when the database is away.
        """
        self._wanted.update(token_ids)
        if self._next is None:
            self._next = asyncio.ensure_future(self._ask())
        return await asyncio.shield(self._next)

    async def _ask(self) -> dict[int, Principal]:
        async with self._turn:
            wanted, self._wanted, self._next = self._wanted, set(), None
            try:
                return await accounts.principals_of_sessions(self._rt, wanted)
            except OUTAGES as error:
                raise Unavailable("The database cannot be reached just now.") from error
