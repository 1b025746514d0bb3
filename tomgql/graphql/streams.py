"""All that a web process streams: who asks, who asks the same, and how it ends.

A subscriber first reads the log behind its own cursor (`Follower`). Then it joins those who ask the same with the
same rights (`SharedStream`): one task executes, and puts finished bytes into a bounded box for each.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from strawberry import Schema

from tomgql.access.principal import Principal
from tomgql.errors import TomError, TooManyStreams, Unavailable
from tomgql.events.mailbox import Frame, Mailbox
from tomgql.graphql.context import Context
from tomgql.graphql.errors import as_tom_error
from tomgql.graphql.following import Follower, going_away
from tomgql.graphql.shared_stream import SharedStream
from tomgql.graphql.stream_results import Asked, StreamRefused, formatted, results_of, scope_of
from tomgql.graphql.token_look import TokenLook
from tomgql.reading.streams import Feed
from tomgql.runtime import OUTAGES, Runtime

WATCH_S = 5.0
"""Pause between two looks at the tokens of subscribers to whom nothing comes."""


class Streams:
    """All that is being streamed by one web process.

    ``farewells`` are called when the streams have been told that the server goes away: by them connections end that
    carry no stream of their own.
    """

    def __init__(self, rt: Runtime, schema: Schema) -> None:
        self.rt = rt
        self._schema = schema
        self._tokens = TokenLook(rt)
        self._shared: dict[tuple[Any, ...], SharedStream] = {}
        self._watch: asyncio.Task[None] | None = None
        self.is_draining = False
        self.farewells: set[Callable[[], None]] = set()
        self._anonymous = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def open(self) -> None:
        """Begin to look after the tokens of subscribers."""
        self._watch = asyncio.create_task(self._watch_tokens(), name="stream tokens")

    async def close(self) -> None:
        """Stop everything."""
        for shared in self._shared.values():
            shared.stop()
        if self._watch is not None:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch

    async def drain(self, seconds: float) -> None:
        """Tell every subscriber that this server goes away, and where to go on; wait until they have been told."""
        self.is_draining = True
        for shared in self._shared.values():
            shared.end(going_away())
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), seconds)
        for say in list(self.farewells):
            say()

    async def frames(self, asked: Asked, context: Context, start: str | None = None) -> AsyncGenerator[Frame]:
        """The results of an operation: one of a query or a mutation, all to come of a subscription.

        ``start`` is a cursor that goes before the document's own. Raises StreamRefused with formatted errors, among
        them those of a stream that has ended, with the cursor behind which to go on.
        """
        with self._counted(context.actor):
            follower = Follower(self, asked, context, start)
            try:
                while frame := await follower.next():
                    yield frame
            except (TomError, *OUTAGES) as error:
                known = as_tom_error(error) or Unavailable("A part of this server cannot be reached; try again.")
                raise StreamRefused([formatted(known, follower.cursor)]) from error
            finally:
                await follower.close()

    def results(self, asked: Asked, context: Context) -> AsyncGenerator[Frame]:
        """One execution of an operation; raises StreamRefused, and Unavailable when the database is away."""
        return results_of(self._schema, asked, context)

    def join(self, asked: Asked, actor: Principal, feed: Feed) -> tuple[SharedStream, Mailbox]:
        """Take part in what others ask, too; from the answer's ``place`` on everything comes into the box."""
        scope = scope_of(actor, asked)
        key = asked.key(scope, feed.resumed_by)
        shared = self._shared.get(key)
        if shared is None or shared.is_over:
            place = feed.place or 0
            shared = SharedStream(self.rt, self.results, self._tokens, key, asked, scope, place)
            self._shared[key] = shared
        box = Mailbox(actor.token_id)
        shared.boxes.add(box)
        self.rt.hub.subscribers += 1
        if self.is_draining:
            box.end(going_away())
        return shared, box

    def leave(self, shared: SharedStream, box: Mailbox) -> None:
        """Take part no more; the last one ends it."""
        shared.boxes.discard(box)
        self.rt.hub.subscribers -= 1
        if not shared.boxes:
            shared.stop()
            if self._shared.get(shared.key) is shared:
                del self._shared[shared.key]

    @contextmanager
    def _counted(self, actor: Principal) -> Iterator[None]:
        limits = self.rt.settings
        if self.rt.hub.streams >= limits.max_streams or (
            actor.is_anonymous and self._anonymous >= limits.max_anonymous_streams
        ):
            raise StreamRefused([formatted(TooManyStreams("This server serves no more streams just now; try later."))])
        self._count(actor, 1)
        try:
            yield
        finally:
            self._count(actor, -1)

    def _count(self, actor: Principal, change: int) -> None:
        self.rt.hub.streams += change
        self._anonymous += change * actor.is_anonymous
        if self.rt.hub.streams:
            self._idle.clear()
        else:
            self._idle.set()

    async def _watch_tokens(self) -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            for shared in list(self._shared.values()):
                with suppress(Unavailable):  # looked at again soon
                    await shared.look_after_tokens()
