"""graphql-transport-ws rule by rule (https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md).

=========================================================== ==========================================================
Rule                                                        Test
=========================================================== ==========================================================
the sub-protocol is ``graphql-transport-ws``                 test_another_subprotocol_is_4406
messages are JSON in text frames                             test_every_frame_is_text, NONSENSE
ConnectionInit in time, else 4408                            test_no_init_in_time_is_4408
one ConnectionInit, else 4429                                test_a_second_init_is_4429
ConnectionAck; payload of the init optional                  test_init_is_acknowledged
who may not connect: 4403                                    test_wrong_credentials_are_4403
Subscribe only after ConnectionAck, else 4401                test_an_operation_before_the_ack_is_4401
Ping is answered by Pong at any time, also before the init   test_a_ping_is_answered_at_any_time
Pong may come unsolicited                                    test_a_pong_is_taken_unasked
an id that is active: 4409                                   test_an_id_that_is_in_use_is_4409
Next, then Complete                                          test_a_query_is_next_and_complete
Error ends the operation; no Complete follows                test_a_refused_operation_is_an_error_and_its_id_is_free
Complete of a client ends the operation, unanswered          test_complete_ends_an_operation_in_silence
Complete of an unknown id is ignored                         test_complete_of_an_unknown_id_is_ignored
any other message: 4400 at once                              test_nonsense_is_4400
=========================================================== ==========================================================

Beyond the protocol: an operation's id holds at most 100 characters, a ping's payload 1,000.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
import websockets

from tests.support.people import Person
from tests.support.site import Site, running_site, until
from tomgql.graphql import view
from tomgql.settings import Settings

INIT = {"type": "connection_init"}
TARGETS = "subscription {targets {target {name}}}"
CREATE = "mutation ($name: String!) {createTarget(input: {name: $name, raDeg: 1, decDeg: 2}) {errors {code}}}"


def subscribe(query: str = "{__typename}", operation_id: Any = "1", **more: Any) -> dict[str, Any]:
    return {"type": "subscribe", "id": operation_id, "payload": {"query": query, **more}}


class Socket:
    """An open socket, in words of the protocol."""

    def __init__(self, opened: Any) -> None:
        self.opened = opened

    async def say(self, *messages: Any) -> None:
        for message in messages:
            await self.opened.send(message if isinstance(message, (str, bytes)) else json.dumps(message))

    async def told(self) -> Any:
        return json.loads(await self.opened.recv())

    async def closed(self) -> tuple[int, str]:
        """Code and reason of the end; fails when something is said before."""
        with pytest.raises(websockets.ConnectionClosed):
            raise AssertionError(await self.opened.recv())
        return self.opened.close_code, self.opened.close_reason


@asynccontextmanager
async def opened(site: Site, *first: Any, protocol: str = "graphql-transport-ws") -> Any:
    """A socket, with a message or so already said, and acknowledged when there is an init among them."""
    url = site.url.replace("http", "ws", 1) + "/graphql"
    protocols: Any = [protocol] if protocol else None
    async with asyncio.timeout(15), websockets.connect(url, subprotocols=protocols) as connection:
        socket = Socket(connection)
        await socket.say(*first)
        if first:
            assert await socket.told() == {"type": "connection_ack"}
        yield socket


@pytest.mark.parametrize("protocol", ["", "graphql-ws", "soap"])
async def test_another_subprotocol_is_4406(site: Site, protocol: str) -> None:
    try:
        async with opened(site, protocol=protocol) as socket:
            assert await socket.closed() == (4406, "Subprotocol not acceptable")
    except websockets.NegotiationError:
        assert protocol  # the client gives up itself: none of its sub-protocols was taken


async def test_every_frame_is_text(site: Site, admin: Person) -> None:
    async with opened(site, {**INIT, "payload": {"authorization": f"Bearer {admin.client.token}"}}) as socket:
        await socket.say(subscribe(TARGETS, "s"))
        await until(10, lambda: site.rt.hub.subscribers == 1)
        await socket.say({"type": "ping"}, subscribe(), subscribe("{nothing}", "e"))
        await admin.client.query(CREATE, name="In text")
        frames = [await socket.opened.recv() for _ in range(5)]
    assert [type(frame) for frame in frames] == [str] * 5
    assert {json.loads(frame)["type"] for frame in frames} == {"pong", "next", "complete", "error"}


async def test_no_init_in_time_is_4408(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "INIT_TIMEOUT", timedelta(seconds=0.3))
    async with running_site(settings) as site:
        async with opened(site) as socket:
            assert await socket.closed() == (4408, "Connection initialisation timeout")
        async with opened(site, INIT) as socket:
            await asyncio.sleep(0.6)
            await socket.say(subscribe())
            assert (await socket.told())["type"] == "next"


async def test_a_second_init_is_4429(site: Site) -> None:
    async with opened(site, INIT) as socket:
        await socket.say(INIT)
        assert await socket.closed() == (4429, "Too many initialisation requests")


@pytest.mark.parametrize("more", [{}, {"payload": None}, {"payload": {}}, {"payload": {"anything": [1]}}])
async def test_init_is_acknowledged(site: Site, more: dict[str, Any]) -> None:
    async with opened(site, {**INIT, **more}) as socket:
        await socket.say(subscribe())
        assert (await socket.told())["payload"] == {"data": {"__typename": "Query"}}


async def test_wrong_credentials_are_4403(site: Site) -> None:
    async with opened(site) as socket:
        await socket.say({**INIT, "payload": {"authorization": "Bearer wrong"}}, subscribe())
        assert await socket.closed() == (4403, "Forbidden")


async def test_an_operation_before_the_ack_is_4401(site: Site, admin: Person) -> None:
    async with opened(site) as socket:
        greeting = {**INIT, "payload": {"authorization": f"Bearer {admin.client.token}"}}
        await socket.say(subscribe(), greeting, subscribe(CREATE, variables={"name": "Too early"}))
        assert await socket.closed() == (4401, "Unauthorized")
    assert (await admin.client.query('{target(name: "Too early") {id}}'))["target"] is None


async def test_a_ping_is_answered_at_any_time(site: Site) -> None:
    async with opened(site) as socket:
        await socket.say({"type": "ping"}, {"type": "ping", "payload": None}, {"type": "ping", "payload": {"at": 1}})
        assert [await socket.told() for _ in range(3)] == [
            {"type": "pong"}, {"type": "pong"}, {"type": "pong", "payload": {"at": 1}}
        ]  # fmt: skip
        await socket.say(INIT, {"type": "ping"})
        assert [(await socket.told())["type"] for _ in range(2)] == ["connection_ack", "pong"]


async def test_a_pong_is_taken_unasked(site: Site) -> None:
    async with opened(site) as socket:
        await socket.say({"type": "pong"}, INIT, {"type": "pong", "payload": {"at": 1}}, {"type": "ping"})
        assert [(await socket.told())["type"] for _ in range(2)] == ["connection_ack", "pong"]


@pytest.mark.parametrize("operation_id", ["1", "é" * 100], ids=["short", "long"])
async def test_an_id_that_is_in_use_is_4409(site: Site, operation_id: str) -> None:
    async with opened(site, INIT) as socket:
        await socket.say(subscribe(TARGETS, operation_id), subscribe(operation_id=operation_id))
        code, reason = await socket.closed()
    assert code == 4409
    assert reason == f"Subscriber for {operation_id} already exists".encode()[:123].decode(errors="ignore")
    await until(10, lambda: site.rt.hub.streams == 0)


async def test_a_query_is_next_and_complete(site: Site) -> None:
    async with opened(site, INIT) as socket:
        for _ in range(2):  # the id is free again
            await socket.say(subscribe())
            assert await socket.told() == {"id": "1", "type": "next", "payload": {"data": {"__typename": "Query"}}}
            assert await socket.told() == {"id": "1", "type": "complete"}


BAD = {
    "syntax": subscribe("{"), "validation": subscribe("{nothing}"), "empty": subscribe(""),
    "unknown operation": subscribe("query a {__typename}", operationName="b"),
    "several operations": subscribe("query a {__typename} query b {__typename}"),
    "variable": subscribe("query ($a: Int!) {nodes(ids: []) {id}}", variables={"a": "x"}),
    "cursor": subscribe('subscription {targets(after: "x") {cursor}}'),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
async def test_a_refused_operation_is_an_error_and_its_id_is_free(site: Site, admin: Person, name: str) -> None:
    async with opened(site, {**INIT, "payload": {"authorization": f"Bearer {admin.client.token}"}}) as socket:
        await socket.say(subscribe(TARGETS, "other"))
        await until(10, lambda: site.rt.hub.subscribers == 1)
        await socket.say(BAD[name])
        refused = await socket.told()
        assert (refused["type"], refused["id"]) == ("error", "1")
        assert all(error["message"] for error in refused["payload"])
        await socket.say(subscribe())
        assert [(await socket.told())["type"] for _ in range(2)] == ["next", "complete"]
        await admin.client.query(CREATE, name=f"Despite {name}")
        event = await socket.told()
        assert event["payload"]["data"]["targets"]["target"]["name"] == f"Despite {name}"


async def test_complete_ends_an_operation_in_silence(site: Site, admin: Person) -> None:
    async with opened(site, INIT) as socket:
        await socket.say(subscribe(TARGETS))
        await until(10, lambda: site.rt.hub.subscribers == 1)
        await socket.say({"type": "complete", "id": "1"})
        await until(10, lambda: site.rt.hub.streams == 0)
        await socket.say(subscribe(TARGETS), {"type": "ping"})
        assert await socket.told() == {"type": "pong"}


async def test_complete_of_an_unknown_id_is_ignored(site: Site) -> None:
    async with opened(site, INIT) as socket:
        await socket.say({"type": "complete", "id": "never"}, {"type": "ping"})
        assert await socket.told() == {"type": "pong"}


NONSENSE = {
    "no JSON": "hello", "half a message": '{"type": "ping"', "binary": b'{"type": "ping"}', "empty": "",
    "NaN": '{"type": "ping", "payload": {"a": NaN}}', "half a surrogate pair": '{"type": "complete", "id": "\\ud800"}',
    "deep": "[" * 100_000, "list": [], "number": 5, "null": None, "string": '"ping"',
    "no type": {"id": "1"}, "type of another type": {"type": ["ping"]}, "unknown type": {"type": "start" * 50},
    "type of the server": {"type": "next", "id": "1", "payload": {}},
    "init with a list": {**INIT, "payload": []}, "ping with a string": {"type": "ping", "payload": "x"},
    "pong with a list": {"type": "pong", "payload": []}, "large ping": {"type": "ping", "payload": {"a": "x" * 1_000}},
    "no id": {"type": "subscribe", "payload": {"query": "{__typename}"}}, "empty id": subscribe(operation_id=""),
    "id of another type": subscribe(operation_id=1), "id of null": subscribe(operation_id=None),
    "long id": subscribe(operation_id="x" * 101),
    "complete without an id": {"type": "complete"}, "complete with a number": {"type": "complete", "id": 1},
    "no payload": {"type": "subscribe", "id": "1"}, "payload of another type": {**subscribe(), "payload": "x"},
    "no query": {**subscribe(), "payload": {}}, "query of another type": {**subscribe(), "payload": {"query": 5}},
    "variables in a list": subscribe(variables=[]), "operation name in a list": subscribe(operationName=["x"]),
    "extensions in a list": subscribe(extensions=[]),
}  # fmt: skip


@pytest.mark.parametrize("is_greeted", [True, False], ids=["after the init", "before"])
@pytest.mark.parametrize("name", NONSENSE)
async def test_nonsense_is_4400(site: Site, admin: Person, name: str, is_greeted: bool) -> None:
    payload = {"authorization": f"Bearer {admin.client.token}"}
    async with opened(site, *[{**INIT, "payload": payload}] * is_greeted) as socket:
        await socket.say(NONSENSE[name], subscribe(CREATE, variables={"name": "After nonsense"}))
        code, reason = await socket.closed()
    assert (code, bool(reason)) == (4400, True)
    assert (await admin.client.query('{target(name: "After nonsense") {id}}'))["target"] is None
