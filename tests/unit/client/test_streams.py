"""Streams against a scripted server: what makes the client come back, what ends it, and that it reads no further."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from tomgql.client import Client, ClientError, InvalidCall, NotSignedIn, Refused, socket
from tomgql.client.errors import AnswerTooLarge
from tomgql.client.pauses import Pauses

DOCUMENT = "subscription ($from: Cursor) { jobs(after: $from) { cursor } }"


class Script:
    """A server that plays one act a connection, and remembers what it was sent."""

    def __init__(self, *acts: Callable[[Script], Awaitable[None]]) -> None:
        self.acts = list(acts)
        self.asked: list[Any] = []
        self.pongs = 0
        self.sent = 0
        self.greeting: Any = None
        self.ws = web.WebSocketResponse()

    async def handle(self, request: web.Request) -> web.WebSocketResponse | web.Response:
        """One request."""
        if request.method == "POST":
            return web.json_response({"data": {"server": {"latestCursor": "latest"}}})
        self.ws = web.WebSocketResponse(protocols=["graphql-transport-ws"], max_msg_size=0)
        await self.ws.prepare(request)
        self.greeting = (await self.ws.receive_json())["payload"]
        await self.say({"type": "connection_ack"})
        self.asked.append((await self.ws.receive_json())["payload"]["variables"])
        hearing = asyncio.create_task(self._hear())
        await self.acts.pop(0)(self)
        hearing.cancel()
        return self.ws

    async def _hear(self) -> None:
        async for message in self.ws:
            if message.type is WSMsgType.TEXT and json.loads(message.data)["type"] == "pong":
                self.pongs += 1

    async def say(self, message: dict[str, Any]) -> None:
        """Send a message of the protocol."""
        await self.ws.send_str(json.dumps(message))

    async def event(self, cursor: str, **more: Any) -> None:
        """Send an event."""
        payload = {"data": {"jobs": {"cursor": cursor}}, **more}
        await self.say({"id": "1", "type": "next", "payload": payload})
        self.sent += 1


def events(*cursors: str) -> Callable[[Script], Awaitable[None]]:
    async def act(script: Script) -> None:
        for cursor in cursors:
            await script.event(cursor)
        script.ws._writer.transport.abort()  # type: ignore[union-attr]

    return act


def then(cursor: str | None, message: dict[str, Any]) -> Callable[[Script], Awaitable[None]]:
    async def act(script: Script) -> None:
        if cursor is not None:
            await script.event(cursor)
        await script.say({"id": "1", **message})
        await asyncio.sleep(5)

    return act


def error(code: str) -> dict[str, Any]:
    return {"type": "error", "payload": [{"message": "No.", "extensions": {"code": code}}]}


def closing(code: int) -> Callable[[Script], Awaitable[None]]:
    async def act(script: Script) -> None:
        await script.ws.close(code=code, message=b"so")

    return act


async def silence(script: Script) -> None:
    await script.event("silent")
    await asyncio.sleep(5)


@asynccontextmanager
async def playing(*acts: Callable[[Script], Awaitable[None]]) -> AsyncIterator[tuple[Script, str]]:
    script = Script(*acts)
    app = web.Application()
    app.router.add_route("*", "/graphql", script.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield script, f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tomgql.client.pauses.FIRST_S", 0.02)
    monkeypatch.setattr(socket, "PING_S", 0.2)
    monkeypatch.setattr(socket, "PONG_S", 0.2)
    monkeypatch.setattr(socket, "GOODBYE_S", 0.1)


async def taken(url: str, count: int, after: str | None = "begin", **given: Any) -> list[str]:
    """The cursors of the first events."""
    found: list[str] = []
    async with Client(url, **given) as tom, aclosing(tom.subscribe(DOCUMENT, after=after)) as stream:
        async with asyncio.timeout(10):
            async for event in stream:
                found.append(event["jobs"]["cursor"])
                if len(found) == count:
                    break
    return found


async def test_it_resumes_behind_what_was_taken() -> None:
    async with playing(events("1", "2"), events(), events("3"), events("4")) as (script, url):
        assert await taken(url, 4) == ["1", "2", "3", "4"]
        assert script.asked == [{"from": each} for each in ("begin", "2", "2", "3")]


async def test_without_a_cursor_the_logs_end_is_asked_once_and_kept() -> None:
    async with playing(events(), events("1")) as (script, url):
        assert await taken(url, 1, after=None, token="tomgql_x") == ["1"]
        assert script.asked == [{"from": "latest"}, {"from": "latest"}]
        assert script.greeting == {"authorization": "Bearer tomgql_x"}


@pytest.mark.parametrize(
    "act",
    [
        *(then("1", error(code)) for code in ("SLOW_CONSUMER", "GOING_AWAY", "UNAVAILABLE", "TOO_MANY_STREAMS")),
        then("1", {"type": "complete"}),
        then("1", {"type": "next", "payload": {"data": None, "errors": error("UNAVAILABLE")["payload"]}}),
        then(
            "1",
            {"type": "next", "payload": {"data": {"jobs": {"cursor": "2"}}, "errors": error("INTERNAL")["payload"]}},
        ),
        silence,
    ],
)  # fmt: skip
async def test_it_comes_back_after(act: Any) -> None:
    async with playing(act, events("2")) as (script, url):
        first, second = await taken(url, 2)
        assert (script.asked[1], second) == ({"from": first}, "2")


@pytest.mark.parametrize("code", [1000, 1001, 1011, 1012, 1013, 4408, 4499])
async def test_it_comes_back_after_close_code(code: int) -> None:
    async with playing(closing(code), events("1")) as (script, url):
        assert await taken(url, 1) == ["1"]
        assert script.asked == [{"from": "begin"}] * 2


@pytest.mark.parametrize("code", ["CURSOR_EXPIRED", "INVALID_INPUT", "INVALID_CURSOR", "GRAPHQL_VALIDATION_FAILED"])
async def test_it_ends_for_good_with(code: str) -> None:
    async with playing(then("1", error(code))) as (_script, url):
        with pytest.raises(Refused, match="No") as refusal:
            await taken(url, 2)
        assert refusal.value.code == code


@pytest.mark.parametrize(("code", "kind"), [(4401, NotSignedIn), (4403, NotSignedIn), (4400, Refused)])
async def test_it_ends_for_good_with_close_code(code: int, kind: type[ClientError]) -> None:
    async with playing(closing(code)) as (script, url):
        with pytest.raises(kind, match=f"code {code}: so"):
            await taken(url, 1)
        assert len(script.asked) == 1


async def test_a_bug_of_the_server_is_not_tried_for_ever() -> None:
    async with playing(*[then(None, error("INTERNAL"))] * 7) as (script, url):
        with pytest.raises(Refused) as refusal:
            await taken(url, 1)
        assert (refusal.value.code, len(script.asked)) == ("INTERNAL", 5)


async def test_an_event_in_part_can_be_reached() -> None:
    broken = {"data": {"jobs": {"cursor": "2"}}, "errors": error("NOT_ALLOWED")["payload"]}
    async with playing(then("1", {"type": "next", "payload": broken})) as (_script, url):
        with pytest.raises(Refused) as refusal:
            await taken(url, 2)
        assert refusal.value.data == {"jobs": {"cursor": "2"}}


async def test_an_event_without_its_cursor_is_not_passed_over() -> None:
    async with playing(then("1", {"type": "next", "payload": {"data": {"jobs": {}}}})) as (_script, url):
        with pytest.raises(InvalidCall, match=r"`jobs\.cursor`"):
            await taken(url, 2)


async def test_an_event_has_a_largest_size() -> None:
    async def large(script: Script) -> None:
        await script.event("1", extensions="x" * 5000)

    async with playing(large) as (_script, url):
        with pytest.raises(AnswerTooLarge, match="max_message_bytes"):
            await taken(url, 1, max_message_bytes=4000)


async def test_pings_are_answered_while_the_caller_is_busy() -> None:
    async def pinging(script: Script) -> None:
        await script.event("1")
        for _ in range(3):
            await script.say({"type": "ping"})
        await asyncio.sleep(0.2)
        await script.event("2")
        await asyncio.sleep(5)

    async with (
        playing(pinging) as (script, url),
        Client(url) as tom,
        aclosing(tom.subscribe(DOCUMENT, after="begin")) as stream,
    ):
        await anext(stream)
        await asyncio.sleep(0.4)
        assert script.pongs == 3
        assert await anext(stream) == {"jobs": {"cursor": "2"}}
    assert len(script.asked) == 1


async def test_who_takes_nothing_reads_nothing_and_is_not_taken_for_dead() -> None:
    async def flood(script: Script) -> None:
        for number in range(1000):
            await script.event(str(number), extensions="x" * 100_000)
        await asyncio.sleep(5)

    async with (
        playing(flood) as (script, url),
        Client(url) as tom,
        aclosing(tom.subscribe(DOCUMENT, after="begin")) as stream,
    ):
        await anext(stream)
        await asyncio.sleep(0.5)
        before = script.sent
        await asyncio.sleep(0.5)
        assert script.sent == before < 200
        assert script.pongs >= 2
        async with asyncio.timeout(10):
            cursors = [(await anext(stream))["jobs"]["cursor"] for _ in range(999)]
    assert cursors == [str(number) for number in range(1, 1000)]
    assert len(script.asked) == 1


def test_pauses_grow_to_a_bound_and_begin_anew() -> None:
    pauses = Pauses(longest_s=0.1)
    drawn = [pauses.next() for _ in range(200)]
    assert max(drawn) <= 0.1
    assert len(set(drawn)) > 100
    pauses.reset()
    assert pauses.next() <= 0.02
