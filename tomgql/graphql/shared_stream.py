"""One subscription executed for many: each event once, its bytes for all who ask the same with the same rights."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from tomgql.access.principal import Principal
from tomgql.errors import NotAuthenticated, TomError, Unavailable
from tomgql.events.mailbox import Frame, Mailbox
from tomgql.graphql.context import Context
from tomgql.graphql.stream_results import Asked, StreamRefused, scope_of, shaped
from tomgql.graphql.token_look import TokenLook
from tomgql.reading.execute import reading_as
from tomgql.reading.streams import Feed
from tomgql.runtime import Runtime

PAUSE_S = 0.5
"""Pause before the database is tried again."""

Execute = Callable[[Asked, Context], AsyncGenerator[Frame]]
"""Executes an operation."""


class RightsChanged(TomError):  # noqa: N818
    """The subscriber is somebody else by now: it joins others."""


class SharedStream:
    """One subscription executed for many."""

    def __init__(
        self,
        rt: Runtime,
        execute: Execute,
        tokens: TokenLook,
        key: tuple[Any, ...],
        asked: Asked,
        scope: Principal,
        place: int,
    ) -> None:
        self.key = key
        self.scope = scope
        self.boxes: set[Mailbox] = set()
        self.is_over = False
        self._rt = rt
        self._execute = execute
        self._tokens = tokens
        self._asked = asked
        self._delivered = place
        self._feed = Feed(place=place)
        self._task = asyncio.create_task(self._run(), name="shared stream")
        self._task.add_done_callback(self._over)

    @property
    def place(self) -> int:
        """Every event behind this one will be put into the boxes that are here now."""
        return max(self._delivered, self._feed.place or 0)

    def stop(self) -> None:
        """End the task; nobody is there any more."""
        self._task.cancel()

    def end(self, reason: Exception) -> None:
        """End every subscriber."""
        for box in self.boxes:
            box.end(reason)

    async def look_after_tokens(self) -> None:
        """End those whose token has ended, and send away those whose rights are others by now."""
        boxes = {box: box.token_id for box in self.boxes if box.token_id is not None}  # others may come meanwhile
        found = await self._tokens.look(set(boxes.values())) if boxes else {}
        for box, token_id in boxes.items():
            if token_id not in found:
                box.end(NotAuthenticated("This token has expired or was revoked; sign in anew."))
            elif scope_of(found[token_id], self._asked) != self.scope:
                box.end(RightsChanged("rights changed"))

    async def _run(self) -> None:
        while True:
            try:
                await self._deliver_all()
            except Unavailable:
                await asyncio.sleep(PAUSE_S)

    def _over(self, task: asyncio.Task[None]) -> None:
        """However it ended, nobody may wait for ever."""
        self.is_over = True
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, Exception):
            self.end(error if isinstance(error, (TomError, StreamRefused)) else shaped(error))

    async def _deliver_all(self) -> None:
        self._feed = Feed(place=self.place)
        context = Context(rt=self._rt, actor=self.scope, reads=reading_as(self._rt, self.scope), feed=self._feed)
        async with aclosing(self._execute(self._asked, context)) as frames:
            async for frame in frames:
                await self.look_after_tokens()
                self._delivered = frame.event_id
                self.boxes -= {box for box in self.boxes if not box.put(frame)}
