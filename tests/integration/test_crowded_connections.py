"""Clients that do not read, send too much at once or reserve what they do not use: bounded, and no harm to others."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
import pytest_asyncio
import websockets

from tests.integration.test_sockets import greet, opened
from tests.integration.test_streams import ask, socket_of
from tests.support.people import Person, make_person
from tests.support.site import Site, until
from tomgql.graphql import sse
from tomgql.reading.execute import ReadSession
from tomgql.settings import Settings

MEBIBYTE = 1024 * 1024
LONG = "query {targets {nodes {name extras}}}"
EVENTS = {"accept": "text/event-stream"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"max_operations_at_once": 3, "socket_idle_s": 1.0, "socket_ping_s": 5.0})


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bob(site: Site) -> Person:
    person = await make_person(site, "bob")
    for number in range(8):
        extras = {f"k{number}": "x" * 900_000}
        await person.create_target(f"Long {number}", access="OPEN", extras=extras)
    return person


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that is read from now on."""
    seen: list[str] = []
    text = ReadSession.text

    async def counted(self: ReadSession, sql: str, values: list[Any]) -> str | None:
        seen.append(sql)
        return await text(self, sql, values)

    monkeypatch.setattr(ReadSession, "text", counted)
    return seen


async def settled(seen: list[str]) -> int:
    """How many, once there come no more."""
    count = -1
    while count != len(seen):
        count = len(seen)
        await asyncio.sleep(0.7)
    return count


@pytest.mark.usefixtures("bob")
async def test_a_socket_that_does_not_read_has_few_answers_made(site: Site, reads: list[str]) -> None:
    async with asyncio.timeout(30), socket_of(site, None) as silent:
        for number in range(40):
            await ask(silent, LONG, str(number))
        assert 3 <= await settled(reads) <= 6
        told = set()
        while len(told) < 40:
            message = json.loads(await silent.recv())
            if message["type"] == "complete":
                told.add(message["id"])
            elif message["type"] == "next":
                assert len(message["payload"]["data"]["targets"]["nodes"]) == 8
        assert len(reads) == 40


@pytest.mark.usefixtures("bob")
async def test_a_stream_of_events_that_is_not_read_has_few_answers_made(site: Site, reads: list[str]) -> None:
    async with asyncio.timeout(30), httpx.AsyncClient(timeout=20, base_url=site.url) as http:
        token = {sse.TOKEN_HEADER: (await http.put("/graphql")).text}
        for number in range(40):
            body = {"query": LONG, "extensions": {"operationId": str(number)}}
            assert (await http.post("/graphql", json=body, headers=token)).status_code == 202
        assert 3 <= await settled(reads) <= 8
        async with http.stream("GET", "/graphql", headers={**token, **EVENTS}) as response:
            completed = 0
            async for line in response.aiter_lines():
                completed += line == "event: complete"
                if completed == 40:
                    break
    assert len(reads) == 40


async def test_a_live_subscription_takes_no_turn_while_it_waits(site: Site, bob: Person) -> None:
    async with asyncio.timeout(15), socket_of(site, None) as socket:
        for number in range(10):
            await ask(socket, f"subscription {{targets {{x{number}: cursor}}}}", str(number))
        await until(10, lambda: site.rt.hub.subscribers == 10)
        await ask(socket, "{__typename}", "query")
        assert json.loads(await socket.recv()) == {
            "id": "query",
            "type": "next",
            "payload": {"data": {"__typename": "Query"}},
        }
    await until(10, lambda: site.rt.hub.subscribers == 0)


def message_of(size_bytes: int) -> str:
    """A subscribe message of so many bytes."""
    payload = {"query": "query ($v: JSON) {__typename}", "variables": {"v": ""}}
    message: dict[str, Any] = {"type": "subscribe", "id": "1", "payload": payload}
    payload["variables"] = {"v": "x" * (size_bytes - len(json.dumps(message)))}
    return json.dumps(message)


async def test_messages_of_nobody_are_as_small_as_bodies(site: Site) -> None:
    async with asyncio.timeout(15), opened(site) as socket:
        await greet(socket)
        await socket.send(message_of(MEBIBYTE))
        assert json.loads(await socket.recv())["type"] == "error"  # $v is never used
        await socket.send(message_of(MEBIBYTE + 1))
        with pytest.raises(websockets.ConnectionClosed):
            await socket.recv()
        assert (socket.close_code, socket.close_reason) == (1009, "A message may hold 1048576 bytes here.")


async def test_who_signed_in_may_send_larger_messages(site: Site, bob: Person) -> None:
    async with asyncio.timeout(15), opened(site) as socket:
        await greet(socket, bob.client.token)
        await socket.send(message_of(4 * MEBIBYTE))
        assert json.loads(await socket.recv())["type"] == "error"


async def test_reservations_of_nobody_leave_room_for_users(site: Site, bob: Person) -> None:
    async with httpx.AsyncClient(timeout=20, base_url=site.url) as http:
        strangers = [(await http.put("/graphql")).status_code for _ in range(260)]
        assert strangers.count(429) >= 10
        assert set(strangers) == {201, 429}
        users = [(await http.put("/graphql", headers=bob.client.headers)).status_code for _ in range(101)]
        assert users == [201] * 100 + [429]


async def test_an_open_stream_on_which_nothing_runs_is_ended(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MOST_OF_STRANGERS", 1_000)
    async with asyncio.timeout(10), httpx.AsyncClient(timeout=20, base_url=site.url) as http:
        token = {sse.TOKEN_HEADER: (await http.put("/graphql")).text}
        async with http.stream("GET", "/graphql", headers={**token, **EVENTS}) as response:
            assert {line async for line in response.aiter_lines()} <= {"", ":"}
        assert (await http.get("/graphql", headers={**token, **EVENTS})).status_code == 404
