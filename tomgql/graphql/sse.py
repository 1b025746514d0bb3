"""GraphQL over server-sent events: graphql-sse (https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md).

Distinct connections: a request that accepts ``text/event-stream`` is answered by a stream of its own. Events of
subscriptions carry their cursor as id, so that ``Last-Event-ID``, which browsers send by themselves, resumes them.

Single connection: PUT reserves a stream, GET opens it, POST runs operations on it, DELETE stops one. A reservation
belongs to the process that gave it: behind a balancer, requests with one token must reach one process.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any

import orjson
from cross_web import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from tomgql.events.mailbox import Frame
from tomgql.graphql.context import Context
from tomgql.graphql.stream_results import LONGEST_ID, Asked, StreamRefused
from tomgql.graphql.streams import Streams

if TYPE_CHECKING:
    from tomgql.graphql.view import GraphQLView
    from tomgql.settings import Settings

TOKEN_HEADER = "x-graphql-event-stream-token"  # noqa: S105 - the header's name
"""Header that names a reservation; the search parameter ``token`` does the same."""

MEDIA_TYPE = "text/event-stream"
"""What a client accepts to get a stream."""

HEARTBEAT_S = 12.0
"""Pause between comments on a stream that has nothing to say, so that nobody on the way takes it for dead."""

RESERVATION_S = 30.0
"""How long a reservation waits for its stream."""

MOST_RESERVATIONS = 1_000
"""Reservations of one process at a time, open streams among them."""

MOST_OF_STRANGERS = 250
"""Those of nobody signed in."""

MOST_OF_ONE_USER = 100
"""Those of one user."""

EVENTS_WAITING = 4
"""Events that wait for a single connection, each as large as an answer; operations that have more wait with them."""

TURNS = "tomgql.turns"
"""Where a request's scope holds the turns of the stream that it runs an operation on."""

HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
"""Nobody keeps a stream, and no proxy gathers it."""


def is_meant(request: Request) -> bool:
    """Whether a request speaks graphql-sse."""
    reserves = request.method == "PUT" and "content-type" not in request.headers  # a reservation has no body
    return reserves or MEDIA_TYPE in request.headers.get("accept", "") or _token(request) is not None


class Channel:
    """One reserved stream, and the operations that run on it."""

    def __init__(self, owner: int | None, limits: Settings) -> None:
        self.owner = owner
        self.idle_s = limits.socket_idle_s
        self.events: asyncio.Queue[bytes] = asyncio.Queue(EVENTS_WAITING)
        self.turns = asyncio.Semaphore(limits.max_operations_at_once)
        self.operations: dict[str, asyncio.Task[None]] = {}
        self.is_open = False
        self.expiry: asyncio.TimerHandle | None = None

    async def run(self, operation_id: str, frames: AsyncGenerator[Frame]) -> None:
        """Send an operation's results, and its end."""
        identity = orjson.dumps(operation_id).decode()
        try:
            async with aclosing(frames):
                async for frame in frames:
                    await self.events.put(_event("next", f'{{"id":{identity},"payload":{frame.text}}}', frame.cursor))
        except StreamRefused as refused:
            payload = orjson.dumps({"errors": refused.errors}).decode()
            await self.events.put(_event("next", f'{{"id":{identity},"payload":{payload}}}'))
        await self.events.put(_event("complete", f'{{"id":{identity}}}'))

    def begin(self, operation_id: str, frames: AsyncGenerator[Frame], limit: int) -> None:
        """Start an operation; raises HTTPException when its id is taken, or too many run."""
        if operation_id in self.operations:
            raise HTTPException(409, f'An operation with the id "{operation_id}" runs on this stream already.')
        if len(self.operations) >= limit:
            raise HTTPException(429, f"At most {limit} operations run on one stream.")
        task = asyncio.create_task(self.run(operation_id, frames), name="graphql-sse operation")
        task.add_done_callback(lambda _task: self.operations.pop(operation_id, None))
        self.operations[operation_id] = task

    async def next(self) -> bytes:
        """The next event; none when nothing has run for too long, or the stream was hung up."""
        while True:
            with suppress(TimeoutError):
                return await asyncio.wait_for(self.events.get(), self.idle_s)
            if not self.operations:
                return b""

    def hang_up(self) -> None:
        """End the stream itself, behind what waits on it."""
        with suppress(asyncio.QueueFull):  # nobody reads: it is cut
            self.events.put_nowait(b"")

    async def close(self) -> None:
        """End all operations."""
        tasks = list(self.operations.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class EventStreams:
    """Both modes of graphql-sse for one endpoint."""

    def __init__(self) -> None:
        self._channels: dict[str, Channel] = {}

    async def answer(self, view: GraphQLView, request: Request) -> Response:
        """The response to a request of this protocol."""
        token = _token(request)
        if request.method == "PUT":
            return await self._reserve(view, request)
        if token is None:
            return await self._distinct(view, request)
        channel = self._channels.get(token)
        if channel is None:
            raise HTTPException(404, "There is no such stream; reserve one by PUT.")
        if request.method == "DELETE":
            return _stop(channel, request)
        if request.method == "GET" and MEDIA_TYPE in request.headers.get("accept", ""):
            return self._open(token, channel, _streams(request))
        request.scope[TURNS] = channel.turns
        return await _run_on(channel, view, request)

    async def _distinct(self, view: GraphQLView, request: Request) -> Response:
        if request.method not in ("GET", "POST"):
            raise HTTPException(405, "Without a token, a stream is asked for by GET or POST.")
        asked, _, context = await _asked(view, request)
        frames = _streams(request).frames(asked, context, request.headers.get("last-event-id") or None)
        return StreamingResponse(_beating(_distinct_events(frames)), media_type=MEDIA_TYPE, headers=HEADERS)

    async def _reserve(self, view: GraphQLView, request: Request) -> Response:
        context = await view.get_context(request, None)  # refuses wrong credentials
        self._require_room(context.actor.user_id)
        limits = context.rt.settings
        token, channel = secrets.token_urlsafe(32), Channel(context.actor.user_id, limits)
        self._channels[token] = channel
        channel.expiry = asyncio.get_running_loop().call_later(RESERVATION_S, self._expire, token)
        return PlainTextResponse(token, 201, headers=HEADERS)

    def _require_room(self, owner: int | None) -> None:
        """Raises HTTPException when nobody, or this user, may hold one more."""
        of_owner = sum(channel.owner == owner for channel in self._channels.values())
        most_of_owner = MOST_OF_STRANGERS if owner is None else MOST_OF_ONE_USER
        if len(self._channels) >= MOST_RESERVATIONS or of_owner >= most_of_owner:
            raise HTTPException(429, "This server holds no more streams just now; try later.")

    def _expire(self, token: str) -> None:
        channel = self._channels.get(token)
        if channel is not None and not channel.is_open:
            del self._channels[token]
            for task in channel.operations.values():
                task.cancel()

    def _open(self, token: str, channel: Channel, streams: Streams) -> Response:
        if channel.is_open:
            raise HTTPException(409, "This stream is open already.")
        channel.is_open = True
        return StreamingResponse(_beating(self._of(token, channel, streams)), media_type=MEDIA_TYPE, headers=HEADERS)

    async def _of(self, token: str, channel: Channel, streams: Streams) -> AsyncGenerator[bytes]:
        streams.farewells.add(channel.hang_up)
        try:
            while event := await channel.next():
                yield event
        finally:
            streams.farewells.discard(channel.hang_up)
            self._channels.pop(token, None)
            await channel.close()


async def _run_on(channel: Channel, view: GraphQLView, request: Request) -> Response:
    asked, extensions, context = await _asked(view, request)
    operation_id = (extensions or {}).get("operationId", "")
    if not isinstance(operation_id, str) or not 0 < len(operation_id) <= LONGEST_ID:
        raise HTTPException(
            400, f"An operation on a stream needs an id of 1 to {LONGEST_ID} characters: `extensions.operationId`."
        )
    frames = _streams(request).frames(asked, context)
    channel.begin(operation_id, frames, context.rt.settings.max_operations_per_socket)
    return Response(status_code=202, headers=HEADERS)


def _stop(channel: Channel, request: Request) -> Response:
    operation_id = request.query_params.get("operationId")
    if not operation_id:
        raise HTTPException(400, "Which operation is to be stopped? Say it by `?operationId=`.")
    task = channel.operations.get(operation_id)
    if task is not None:
        task.cancel()
    return JSONResponse(None, headers=HEADERS)


async def _asked(view: GraphQLView, request: Request) -> tuple[Asked, dict[str, Any] | None, Context]:
    context = await view.get_context(request, None)
    context.turns = request.scope.get(TURNS)
    data = await view.parse_http_body(view.request_adapter_class(request))
    if isinstance(data, list) or not isinstance(data.query, str):
        raise HTTPException(400, "A stream runs one GraphQL document, given as `query`.")
    asked = Asked(data.query, data.variables or {}, data.operation_name, may_mutate=request.method == "POST")
    return asked, data.extensions, context


async def _distinct_events(frames: AsyncGenerator[Frame]) -> AsyncGenerator[bytes]:
    try:
        async with aclosing(frames):
            async for frame in frames:
                yield _event("next", frame.text, frame.cursor)
    except StreamRefused as refused:
        yield _event("next", orjson.dumps({"errors": refused.errors}).decode())
    yield _event("complete", "")


async def _beating(events: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """The events, with a comment whenever there is none for a while."""
    yield b":\n\n"
    coming: asyncio.Task[bytes | None] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(_next(events))
            await asyncio.wait({coming}, timeout=HEARTBEAT_S)
            if not coming.done():
                yield b":\n\n"
                continue
            event, coming = coming.result(), None
            if event is None:
                return
            yield event
    finally:  # a task of its own: starlette cancels us again and again, and a mutation is waited for
        await asyncio.shield(asyncio.create_task(_close(events, coming), name="end of an event stream"))


async def _close(events: AsyncGenerator[bytes], coming: asyncio.Task[bytes | None] | None) -> None:
    if coming is not None:
        coming.cancel()
        await asyncio.wait({coming})
    await events.aclose()


async def _next(events: AsyncGenerator[bytes]) -> bytes | None:
    return await anext(events, None)


def _event(name: str, data: str, cursor: str = "") -> bytes:
    """One event of https://html.spec.whatwg.org/multipage/server-sent-events.html; the data are one line of JSON."""
    identity = f"id: {cursor}\n" if cursor else ""
    return f"{identity}event: {name}\ndata: {data}\n\n".encode()


def _streams(request: Request) -> Streams:
    streams: Streams = request.app.state.streams
    return streams


def _token(request: Request) -> str | None:
    return request.headers.get(TOKEN_HEADER) or request.query_params.get("token")
