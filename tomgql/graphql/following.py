"""One subscriber's way: behind its own cursor to the end of the log, at its own pace; then with others.

Ids of events say what a subscriber has had already, so nothing is missed or repeated where the two meet.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

from tomgql.errors import GoingAway, Unavailable
from tomgql.events.mailbox import Frame, Mailbox
from tomgql.graphql.context import Context
from tomgql.graphql.shared_stream import PAUSE_S, RightsChanged, SharedStream
from tomgql.graphql.stream_results import Asked
from tomgql.reading.streams import Feed, cursor_at

if TYPE_CHECKING:
    from tomgql.graphql.streams import Streams


class Follower:
    """One operation of one client; a query or a mutation is one that ends with its first result.

    Operations that share a connection share its turns: one has a turn from before its execution until what came of it
    has been taken and more is asked for, so that few results wait for a client that does not read.
    """

    def __init__(self, streams: Streams, asked: Asked, context: Context, start: str | None) -> None:
        self._streams = streams
        self._asked = asked
        self._context = context
        self._feed = Feed(start=start, ends=True)
        self._replay: AsyncGenerator[Frame] | None = self._replayed()
        self._shared: tuple[SharedStream, Mailbox] | None = None
        self._had = 0
        self._turns = context.turns
        self._has_turn = False

    @property
    def cursor(self) -> str | None:
        """Behind which event to go on; None of what is no stream, or has not begun."""
        return cursor_at(self._streams.rt, self._place) if self._place else None

    @property
    def _place(self) -> int:
        """Up to here the subscriber has had everything, from us or before it came; others may lag behind."""
        return max(self._had, self._feed.place or 0)

    async def next(self) -> Frame | None:
        """The next result; None at the end. Raises TomError, StreamRefused."""
        self._give_turn_back()  # what came before is sent
        while True:
            if self._replay is not None:
                await self._take_turn()
                frame = await self._of_replay(self._replay)
            elif self._shared is not None:
                self._give_turn_back()  # executed for all who share it
                frame = await self._of_shared(self._shared[1])
            else:
                return None
            if frame is not None and (frame.event_id > self._place or not frame.event_id):
                self._had = frame.event_id
                return frame

    async def close(self) -> None:
        """Leave everything."""
        self._give_turn_back()
        if self._replay is not None:
            await self._replay.aclose()
        if self._shared is not None:
            self._streams.leave(*self._shared)
            self._shared = None

    async def _take_turn(self) -> None:
        if self._turns is not None and not self._has_turn:
            self._has_turn = await self._turns.acquire()

    def _give_turn_back(self) -> None:
        if self._turns is not None and self._has_turn:
            self._turns.release()
        self._has_turn = False

    async def _of_replay(self, replay: AsyncGenerator[Frame]) -> Frame | None:
        """The next event of the log; None at its end, from where others are joined."""
        if self._streams.is_draining and self._feed.place is not None:
            raise going_away()
        try:
            frame = await anext(replay, None)
        except Unavailable:
            if self._feed.place is None:
                raise
            await asyncio.sleep(PAUSE_S)
            self._replay = self._replayed()
            return None
        if frame is None:
            self._replay = None
            self._join()
        return frame

    def _join(self) -> None:
        """Join others; should they be further already, the log is read once more while their frames gather."""
        if self._shared is None and self._feed.place is not None:
            self._shared = self._streams.join(self._asked, self._context.actor, self._feed)
            if self._shared[0].place > self._feed.place:
                self._replay = self._replayed()

    async def _of_shared(self, box: Mailbox) -> Frame | None:
        try:
            return await box.take()
        except RightsChanged:
            self._feed.place = self._place
            await self.close()
            await self._context.refresh()
            self._replay = self._replayed()
            return None

    async def _replayed(self) -> AsyncGenerator[Frame]:
        self._feed.place = self._place if self._feed.place is not None else None
        context = self._context.for_stream(self._context.actor, self._feed)
        async with aclosing(self._streams.results(self._asked, context)) as frames:
            async for frame in frames:
                yield frame


def going_away() -> GoingAway:
    """What streams are told when the server is stopped."""
    return GoingAway("This server is being stopped; subscribe again with `after` the cursor given here.")
