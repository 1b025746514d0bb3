"""What a WebSocket that stays open may still do, and what it is told when it says nonsense."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import websockets

from tests.support.people import Person
from tests.support.site import Site

CREATE = "mutation ($name: String!) {createToken(input: {name: $name}) {token {id} secret errors {code}}}"
REVOKE = "mutation ($id: ID!) {revokeToken(id: $id) {errors {code}}}"
VIEWER = {"type": "subscribe", "id": "1", "payload": {"query": "{viewer {isAnonymous}}"}}


def opened(site: Site) -> Any:
    url = site.url.replace("http", "ws", 1) + "/graphql"
    return websockets.connect(url, subprotocols=["graphql-transport-ws"])  # type: ignore[list-item]


async def greet(socket: Any, secret: str | None = None) -> None:
    payload = {} if secret is None else {"authorization": f"Bearer {secret}"}
    await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
    assert json.loads(await socket.recv())["type"] == "connection_ack"


async def test_a_revoked_token_ends_its_open_socket(site: Site, admin: Person) -> None:
    made = (await admin.client.query(CREATE, name="for a socket"))["createToken"]
    async with asyncio.timeout(15), opened(site) as socket:
        await greet(socket, made["secret"])
        await socket.send(json.dumps(VIEWER))
        assert json.loads(await socket.recv())["payload"] == {"data": {"viewer": {"isAnonymous": False}}}
        assert json.loads(await socket.recv())["type"] == "complete"
        await admin.client.query(REVOKE, id=made["token"]["id"])
        await socket.send(json.dumps(VIEWER))
        with pytest.raises(websockets.ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 4403


@pytest.mark.parametrize(
    "message",
    [
        [], 5, {"type": "complete", "id": [1]}, {**VIEWER, "id": {"a": 1}}, {**VIEWER, "payload": "x"},
        {**VIEWER, "payload": {"query": 5}}, {**VIEWER, "payload": {"query": "{__typename}", "operationName": ["x"]}},
    ],
)  # fmt: skip
async def test_messages_of_another_form_close_the_socket_by_the_protocol(site: Site, message: Any) -> None:
    async with asyncio.timeout(15), opened(site) as socket:
        await greet(socket)
        await socket.send(json.dumps(message))
        with pytest.raises(websockets.ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 4400
