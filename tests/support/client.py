"""A client of the public door: GraphQL over HTTP and WebSocket, uploads, downloads."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import websockets

TLS = ssl.create_default_context()
"""Made once: httpx would read all certificates anew for every request."""

UPLOAD = """
mutation ($input: UploadDataProductInput!) {
  uploadDataProduct(input: $input) {
    dataProduct { id fileName sha256 sizeBytes }
    job { id state }
    alreadyExists
    errors { code message path }
  }
}
"""


class Client:
    """Speaks to one site as one actor."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url = url
        self.token = token

    @property
    def headers(self) -> dict[str, str]:
        """Headers of every request."""
        return {} if self.token is None else {"Authorization": f"Bearer {self.token}"}

    async def post(self, query: str, variables: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
        """The raw response to a GraphQL request."""
        async with httpx.AsyncClient(timeout=60, verify=TLS) as http:
            body = {"query": query, "variables": variables or {}}
            return await http.post(f"{self.url}/graphql", json=body, headers={**self.headers, **headers})

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The whole GraphQL answer, ``data`` and ``errors``."""
        answer: dict[str, Any] = (await self.post(query, variables)).json()
        return answer

    async def query(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of an answer without errors."""
        answer = await self.ask(query, **variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    async def upload(self, target: str, name: str, content: bytes, **given: Any) -> dict[str, Any]:
        """`uploadDataProduct`; its payload, of an answer without errors."""
        answer = await self.upload_answer(target, name, content, **given)
        assert "errors" not in answer, answer["errors"]
        payload: dict[str, Any] = answer["data"]["uploadDataProduct"]
        return payload

    async def upload_answer(self, target: str, name: str, content: bytes, **given: Any) -> dict[str, Any]:
        """`uploadDataProduct`; the whole answer."""
        return await self.send_file(UPLOAD, name, content, target=target, **given)

    async def send_file(self, query: str, name: str, content: bytes, **given: Any) -> dict[str, Any]:
        """A mutation whose input holds a file, by the GraphQL multipart request specification; its whole answer."""
        variables = {"input": {"file": None, **given}}
        parts = {
            "operations": (None, json.dumps({"query": query, "variables": variables})),
            "map": (None, json.dumps({"0": ["variables.input.file"]})),
            "0": (name, content),
        }
        async with httpx.AsyncClient(timeout=60, verify=TLS) as http:
            response = await http.post(f"{self.url}/graphql", files=parts, headers=self.headers)
        answer: dict[str, Any] = response.json()
        return answer

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """A plain GET."""
        async with httpx.AsyncClient(timeout=60, verify=TLS) as http:
            return await http.get(self.url + path, headers={**self.headers, **headers})

    @asynccontextmanager
    async def subscribe(self, query: str, **variables: Any) -> AsyncIterator[Subscription]:
        """One subscription over graphql-transport-ws, signed in by connection_init."""
        address = self.url.replace("http", "ws", 1) + "/graphql"
        async with websockets.connect(address, subprotocols=["graphql-transport-ws"], max_size=None) as socket:  # type: ignore[list-item]
            payload = {"authorization": self.headers["Authorization"]} if self.token else {}
            await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
            assert json.loads(await socket.recv())["type"] == "connection_ack"
            request = {"query": query, "variables": variables}
            await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": request}))
            yield Subscription(socket)


class Subscription:
    """A running subscription."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket

    async def next(self) -> dict[str, Any]:
        """The data of the next event; an error message fails."""
        message = await self.message()
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message["payload"]
        data: dict[str, Any] = message["payload"]["data"]
        return data

    async def message(self) -> dict[str, Any]:
        """The next message of the protocol; pings are answered and passed over."""
        while True:
            message: dict[str, Any] = json.loads(await self._socket.recv())
            if message["type"] != "ping":
                return message
            await self._socket.send('{"type": "pong"}')

    def drop(self) -> None:
        """Break the connection as a killed subscriber does: no goodbye."""
        self._socket.transport.abort()
