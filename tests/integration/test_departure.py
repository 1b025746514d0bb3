"""Clients that hang up before they are answered: what they read ends in the database, what they change is changed."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
import pytest_asyncio
import websockets

from tests.support.people import Person
from tests.support.site import Site, until

QUERY = "{ targets(first: 1) { nodes { name } } }"
LATEST = "{ server { latestCursor } targets(first: 1) { nodes { name } } }"
CREATE = 'mutation { createTarget(input: {name: "%s", raDeg: 1, decDeg: 2}) { target { id name } errors { code } } }'
NAMED = "query ($name: String!) { target(name: $name) { name } }"

WAITING = """
select count(*) from pg_stat_activity
where datname = current_database() and application_name = 'tomgql' and state = 'active' and wait_event_type = 'Lock'
"""
"""Statements of the site that wait for a lock of ours."""


@asynccontextmanager
async def locked(site: Site) -> AsyncIterator[None]:
    """Nobody reads or writes targets until the block ends: every statement about them is slow."""
    connection = await asyncpg.connect(site.settings.database_url)  # the site's own end when they idle too long
    try:
        async with connection.transaction():
            await connection.execute("lock table targets in access exclusive mode")
            yield
    finally:
        await connection.close()


async def waiting(site: Site) -> int:
    number: int = await site.rt.reads.fetchval(WAITING)
    return number


async def are_waiting(site: Site, number: int) -> bool:
    return await waiting(site) == number


@asynccontextmanager
async def by_http(site: Site, token: str, query: str, accept: str = "application/json") -> AsyncIterator[None]:
    """A request that is sent, and whose line is cut (RST) at the end of the block."""
    body = json.dumps({"query": query}).encode()
    port = urlsplit(site.url).port
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\nAccept: {accept}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await writer.drain()
    try:
        yield
    finally:
        line = writer.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


@asynccontextmanager
async def by_stream(site: Site, token: str, query: str) -> AsyncIterator[None]:
    async with by_http(site, token, query, "text/event-stream"):
        yield


@asynccontextmanager
async def by_reserved_stream(site: Site, token: str, query: str) -> AsyncIterator[None]:
    signed = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=site.url, timeout=10) as http:
        reserved = {"x-graphql-event-stream-token": (await http.put("/graphql", headers=signed)).text}
        async with http.stream("GET", "/graphql", headers={**reserved, "accept": "text/event-stream"}):
            body = {"query": query, "extensions": {"operationId": "1"}}
            assert (await http.post("/graphql", json=body, headers={**signed, **reserved})).status_code == 202
            yield


@asynccontextmanager
async def by_socket(site: Site, token: str, query: str) -> AsyncIterator[None]:
    async with site.client(token).subscribe(query) as events:
        yield
        events.drop()


ROADS: dict[str, Callable[[Site, str, str], Any]] = {
    "HTTP": by_http, "stream": by_stream, "reserved stream": by_reserved_stream, "WebSocket": by_socket,
}  # fmt: skip


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def nothing_runs(site: Site) -> AsyncIterator[None]:
    """Before and after a test no stream runs, and no connection of the site is lent."""
    yield
    pools = (site.rt.reads, site.rt.writes)
    await until(10, lambda: site.rt.hub.streams == 0)
    await until(10, lambda: all(pool.get_idle_size() == pool.get_size() for pool in pools))


@pytest.mark.parametrize("query", [QUERY, LATEST], ids=["any", "of one moment"])
@pytest.mark.parametrize("road", ROADS)
async def test_the_statement_of_a_client_that_has_gone_ends(road: str, query: str, site: Site, admin: Person) -> None:
    async with locked(site):
        with suppress(websockets.ConnectionClosed):
            async with ROADS[road](site, str(admin.client.token), query):
                await until(10, lambda: are_waiting(site, 1))
        await until(2, lambda: are_waiting(site, 0))
    assert "errors" not in await admin.client.ask(query)


@pytest.mark.parametrize("road", ROADS)
async def test_what_a_client_that_has_gone_changes_is_changed(road: str, site: Site, admin: Person) -> None:
    name = f"Gone by {road}"
    async with locked(site):
        with suppress(websockets.ConnectionClosed):
            async with ROADS[road](site, str(admin.client.token), CREATE % name):
                await until(10, lambda: are_waiting(site, 1))
        await asyncio.sleep(1.5)
        assert await waiting(site) == 1
    await until(5, lambda: is_there(admin, name))


async def is_there(person: Person, name: str) -> bool:
    return bool((await person.client.query(NAMED, name=name))["target"] == {"name": name})


async def test_a_client_that_stays_is_answered(site: Site, admin: Person) -> None:
    async with locked(site):
        asked = [asyncio.create_task(admin.client.ask(text)) for text in (QUERY, LATEST, CREATE % "Patience")]
        await until(10, lambda: are_waiting(site, 3))
        await asyncio.sleep(0.5)
    answers = await asyncio.gather(*asked)
    assert all("errors" not in answer for answer in answers)
    assert answers[2]["data"]["createTarget"]["target"]["name"] == "Patience"


async def test_a_mutation_by_socket_has_the_time_of_any_request(site: Site, admin: Person, monkeypatch: Any) -> None:
    hasty = site.settings.model_copy(update={"request_timeout_s": 0.5})
    monkeypatch.setattr(site.rt, "settings", hasty)
    async with locked(site), admin.client.subscribe(CREATE % "Too late") as events:
        refused = await asyncio.wait_for(events.message(), 10)
        assert refused["payload"][0]["extensions"]["code"] == "QUERY_TOO_COSTLY"
        await until(2, lambda: are_waiting(site, 0))
    assert not (await admin.client.query(NAMED, name="Too late"))["target"]
