"""Shared execution of subscriptions: each distinct one is executed once an event, and its bytes go to all who asked.

A subscriber first reads the log behind its own cursor, at its own pace, to the end. Then it joins those who ask the
same with the same rights: one task reads the log and executes, and puts finished bytes into a bounded box for each.
Ids of events say what a subscriber has had already, so nothing is missed or repeated where the two meet.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from graphql import GraphQLError
from strawberry import Schema
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from tomgql.access.principal import Principal
from tomgql.errors import (
    GoingAway,
    NotAuthenticated,
    QueryTooCostly,
    TomError,
    TooManyStreams,
    Unavailable,
)
from tomgql.events.mailbox import Frame, Mailbox
from tomgql.graphql.context import Context
from tomgql.graphql.errors import as_tom_error, camel_path, shape
from tomgql.reading.execute import reading_as
from tomgql.reading.streams import Feed, cursor_at
from tomgql.runtime import OUTAGES, Runtime
from tomgql.services import accounts

logger = logging.getLogger(__name__)

PAUSE_S = 0.5
"""Pause before the database is tried again."""

WATCH_S = 5.0
"""Pause between two looks at the tokens of subscribers to whom nothing comes."""


class StreamRefused(Exception):  # noqa: N818 - named by what happened, like our own errors
    """An operation ends with errors instead of results: formatted as GraphQL answers carry them."""

    def __init__(self, errors: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(errors[0]["message"])
        self.errors = list(errors)


class _RightsChanged(TomError):  # noqa: N818
    """The subscriber is somebody else by now: it joins others."""


@dataclass(frozen=True)
class Asked:
    """An operation as a client sent it."""

    document: str
    variables: dict[str, Any] = field(default_factory=dict)
    operation_name: str | None = None
    may_mutate: bool = True

    @property
    def allowed(self) -> set[OperationType]:
        """Kinds of operation that may be run."""
        return set(OperationType) - (set() if self.may_mutate else {OperationType.MUTATION})

    def key(self, scope: Principal, resumed_by: str | None) -> tuple[Any, ...]:
        """What two subscriptions have in common that may share results; where they began matters no more."""
        given = {name: value for name, value in self.variables.items() if name != resumed_by}
        return self.document, self.operation_name, orjson.dumps(given, option=orjson.OPT_SORT_KEYS), scope


def scope_of(actor: Principal) -> Principal:
    """All that decides what somebody may see, without the token that it was proved by."""
    return replace(actor, token_id=None)


class SharedStream:
    """One subscription executed for many."""

    def __init__(self, streams: Streams, asked: Asked, scope: Principal, place: int) -> None:
        self.scope = scope
        self.boxes: set[Mailbox] = set()
        self.is_over = False
        self._streams = streams
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
        try:
            found = await accounts.principals_of_sessions(self._streams.rt, set(boxes.values())) if boxes else {}
        except OUTAGES as error:
            raise Unavailable("The database cannot be reached just now.") from error
        for box, token_id in boxes.items():
            if token_id not in found:
                box.end(NotAuthenticated("This token has expired or was revoked; sign in anew."))
            elif scope_of(found[token_id]) != self.scope:
                box.end(_RightsChanged("rights changed"))

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
            self.end(error if isinstance(error, (TomError, StreamRefused)) else _shaped(error))

    async def _deliver_all(self) -> None:
        rt = self._streams.rt
        self._feed = Feed(place=self.place)
        context = Context(rt=rt, actor=self.scope, reads=reading_as(rt, self.scope), feed=self._feed)
        async with aclosing(self._streams.results(self._asked, context)) as frames:
            async for frame in frames:
                await self.look_after_tokens()
                self._delivered = frame.event_id
                self.boxes -= {box for box in self.boxes if not box.put(frame)}


class Streams:
    """All that is being streamed by one web process."""

    def __init__(self, rt: Runtime, schema: Schema) -> None:
        self.rt = rt
        self._schema = schema
        self._shared: dict[tuple[Any, ...], SharedStream] = {}
        self._watch: asyncio.Task[None] | None = None
        self.is_draining = False
        self._running = self._anonymous = 0
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
                raise StreamRefused([_formatted(known, follower.cursor)]) from error
            finally:
                await follower.close()

    async def results(self, asked: Asked, context: Context) -> AsyncGenerator[Frame]:
        """One execution of an operation; raises StreamRefused, and Unavailable when the database is away."""
        source = await self._schema.stream(
            asked.document,
            variable_values=asked.variables,
            context_value=context,
            operation_name=asked.operation_name,
            allowed_operation_types=asked.allowed,
        )
        async with aclosing(source):
            result = await _first(source, context)
            if result is not None:
                yield _frame(result, context.feed)
            async for later in source:
                yield _frame(later, context.feed)

    def join(self, asked: Asked, actor: Principal, feed: Feed) -> tuple[SharedStream, Mailbox]:
        """Take part in what others ask, too; from the answer's ``place`` on everything comes into the box."""
        key = asked.key(scope_of(actor), feed.resumed_by)
        shared = self._shared.get(key)
        if shared is None or shared.is_over:
            shared = self._shared[key] = SharedStream(self, asked, scope_of(actor), feed.place or 0)
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
            self._shared = {key: each for key, each in self._shared.items() if each is not shared}

    @contextmanager
    def _counted(self, actor: Principal) -> Iterator[None]:
        limits = self.rt.settings
        if self._running >= limits.max_streams or (
            actor.is_anonymous and self._anonymous >= limits.max_anonymous_streams
        ):
            raise StreamRefused([_formatted(TooManyStreams("This server serves no more streams just now; try later."))])
        self._count(actor, 1)
        try:
            yield
        finally:
            self._count(actor, -1)

    def _count(self, actor: Principal, change: int) -> None:
        self._running += change
        self._anonymous += change * actor.is_anonymous
        if self._running:
            self._idle.clear()
        else:
            self._idle.set()

    async def _watch_tokens(self) -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            for shared in list(self._shared.values()):
                with suppress(Unavailable):  # looked at again soon
                    await shared.look_after_tokens()


class Follower:
    """One subscriber's way: behind its cursor to the end of the log, then with all who ask the same."""

    def __init__(self, streams: Streams, asked: Asked, context: Context, start: str | None) -> None:
        self._streams = streams
        self._asked = asked
        self._context = context
        self._feed = Feed(start=start, ends=True)
        self._replay: AsyncGenerator[Frame] | None = self._replayed()
        self._shared: tuple[SharedStream, Mailbox] | None = None
        self._had = 0

    @property
    def cursor(self) -> str | None:
        """Behind which event to go on; None of what is no stream, or has not begun."""
        place = max(self._had, self._feed.place or 0)
        return cursor_at(self._streams.rt, place) if place else None

    async def next(self) -> Frame | None:
        """The next result; None at the end. Raises TomError, StreamRefused."""
        while True:
            if self._replay is not None:
                frame = await self._of_replay(self._replay)
            elif self._shared is not None:
                frame = await self._of_shared(self._shared[1])
            else:
                return None
            if frame is not None and (frame.event_id > self._had or not frame.event_id):
                self._had = frame.event_id
                return frame

    async def close(self) -> None:
        """Leave everything."""
        if self._replay is not None:
            await self._replay.aclose()
        if self._shared is not None:
            self._streams.leave(*self._shared)
            self._shared = None

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
        except _RightsChanged:
            self._feed.place = max(self._had, self._feed.place or 0)
            await self.close()
            await self._context.refresh()
            self._replay = self._replayed()
            return None

    async def _replayed(self) -> AsyncGenerator[Frame]:
        self._feed.place = max(self._had, self._feed.place) if self._feed.place is not None else None
        context = self._context.for_stream(self._context.actor, self._feed)
        async with aclosing(self._streams.results(self._asked, context)) as frames:
            async for frame in frames:
                yield frame


def going_away() -> GoingAway:
    """What streams are told when the server is stopped."""
    return GoingAway("This server is being stopped; subscribe again with `after` the cursor given here.")


async def _first(source: AsyncGenerator[Any], context: Context) -> ExecutionResult | None:
    """The first result, in the time that a request may take; a subscription may let wait for it."""
    limit_s = context.rt.settings.request_timeout_s
    try:
        async with asyncio.timeout(limit_s) as limit:
            context.feed.begun = lambda: limit.reschedule(None)
            result: ExecutionResult | None = await anext(source, None)
    except TimeoutError as error:
        raise QueryTooCostly(f"This took longer than {limit_s:g} seconds; ask for less at once.") from error
    if isinstance(result, PreExecutionError):
        raise StreamRefused([error.formatted for error in result.errors or ()])
    return result


def _frame(result: Any, feed: Feed) -> Frame:
    """A result as finished JSON. Raises StreamRefused when the stream itself broke, Unavailable to have it retried."""
    errors = [error.formatted for error in result.errors or ()]
    if feed.place is not None:
        if any(error.get("extensions", {}).get("code") == Unavailable.code for error in errors):
            raise Unavailable("The database cannot be reached just now.")
        if result.data is None and not any("path" in error for error in errors):
            raise StreamRefused(errors)
    elif result.data is None and errors and not any("path" in error for error in errors):
        raise StreamRefused(errors)
    payload: dict[str, Any] = {"data": result.data}
    cursor = feed.now.cursor if feed.now else ""
    if errors:
        payload["errors"] = errors
        payload["extensions"] = {"cursor": cursor} if cursor else {}
    text = orjson.dumps(payload).decode().replace("\n", "")  # between rows of json_agg; JSON strings hold none
    return Frame(feed.now.event.id if feed.now else 0, cursor, text)


def _formatted(error: TomError, cursor: str | None = None) -> dict[str, Any]:
    extensions: dict[str, Any] = {"code": error.code}
    if error.path:
        extensions["path"] = camel_path(error.path)
    if cursor is not None:
        extensions["cursor"] = cursor
    return {"message": error.message, "extensions": extensions}


def _shaped(error: Exception) -> StreamRefused:
    return StreamRefused([dict(shape(GraphQLError("broken", original_error=error)).formatted)])
