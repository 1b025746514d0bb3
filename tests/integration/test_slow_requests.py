"""Connections that say nothing, or their request byte by byte, are ended; who goes away leaves no traceback."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio

from tests.support.people import Person
from tests.support.site import Site
from tomgql.settings import Settings

GRAPHQL = b"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def settings(settings: Settings) -> Settings:
    limits = {"head_timeout_s": 1.0, "body_timeout_s": 4.0, "anonymous_body_timeout_s": 1.0}
    return settings.model_copy(update=limits)


@asynccontextmanager
async def line(site: Site) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A bare connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(site.url).port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def rest(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the server ends the connection."""
    try:
        return await asyncio.wait_for(reader.read(), 3)
    except ConnectionResetError:
        return b""


async def trickle(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Byte by byte, as long as somebody takes them."""
    while not writer.transport.is_closing():
        writer.write(data)
        await asyncio.sleep(0.2)


@pytest.mark.parametrize("given", [b"", GRAPHQL, b"GET /hea"], ids=["nothing", "half a head", "half a line"])
async def test_a_head_that_does_not_come_ends_the_connection(site: Site, given: bytes) -> None:
    began = time.monotonic()
    async with line(site) as (reader, writer):
        writer.write(given)
        assert await rest(reader) == b""
    assert 0.9 < time.monotonic() - began < 2.5


async def test_a_head_that_comes_line_by_line_ends_the_connection(site: Site) -> None:
    began = time.monotonic()
    async with line(site) as (reader, writer):
        writer.write(GRAPHQL)
        slow = asyncio.create_task(trickle(writer, b"X: y\r\n"))
        assert await rest(reader) == b""
        slow.cancel()
    assert 0.9 < time.monotonic() - began < 2.5


async def test_a_head_without_end_is_refused(site: Site) -> None:
    began = time.monotonic()
    async with line(site) as (reader, writer):
        writer.write(GRAPHQL + b"X: " + b"x" * 60_000)
        await asyncio.sleep(0.1)
        writer.write(b"x" * 6_000)
        assert (await rest(reader)).startswith(b"HTTP/1.1 400 ")
    assert time.monotonic() - began < 0.9


async def test_a_body_that_comes_byte_by_byte_is_408(site: Site) -> None:
    began = time.monotonic()
    async with line(site) as (reader, writer):
        writer.write(GRAPHQL + b"Content-Length: 1000000\r\n\r\n{")
        slow = asyncio.create_task(trickle(writer, b" "))
        answer = await rest(reader)
        slow.cancel()
    assert 0.9 < time.monotonic() - began < 2.5
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert json.loads(body) == {
        "errors": [
            {
                "message": "A request body must come within 1 seconds here, without signing in.",
                "extensions": {"code": "REQUEST_TIMEOUT"},
            }
        ]
    }


async def test_a_body_that_nobody_waits_for_ends_the_connection_after_the_answer(site: Site) -> None:
    async with line(site) as (reader, writer):
        writer.write(b"POST /nothing-here HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
        slow = asyncio.create_task(trickle(writer, b" "))
        assert (await rest(reader)).startswith(b"HTTP/1.1 404 ")
        slow.cancel()


async def test_who_signed_in_has_more_time(site: Site, admin: Person) -> None:
    async def slowly() -> AsyncIterator[bytes]:
        for part in (b'{"query": "{viewer ', b"{isAdmin}", b'}"}'):
            await asyncio.sleep(0.6)
            yield part

    async with httpx.AsyncClient(timeout=10) as http:
        headers = {**admin.client.headers, "content-type": "application/json"}
        response = await http.post(f"{site.url}/graphql", content=slowly(), headers=headers)
    assert response.json() == {"data": {"viewer": {"isAdmin": True}}}


async def test_connections_that_are_kept_and_long_answers_are_not_ended(site: Site) -> None:
    events = {"accept": "text/event-stream"}
    subscription = {"query": "subscription {targets {cursor}}"}
    async with (
        httpx.AsyncClient(timeout=10, base_url=site.url) as http,
        http.stream("POST", "/graphql", json=subscription, headers=events) as response,
    ):
        for _ in range(5):
            assert (await http.get("/health")).status_code == 200
            await asyncio.sleep(0.4)
        assert not response.is_closed
        assert site.rt.hub.subscribers == 1


async def test_requests_one_behind_another_are_answered(site: Site) -> None:
    request = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
    async with line(site) as (reader, writer):
        writer.write(request * 3)
        assert (await rest(reader)).count(b"HTTP/1.1 200 ") == 3


async def test_who_goes_in_the_middle_of_a_request_leaves_nothing_in_the_log(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    for path in (b"/graphql", b"/session"):
        async with line(site) as (_, writer):
            writer.write(GRAPHQL.replace(b"/graphql", path) + b'Content-Length: 1000\r\n\r\n{"query"')
            await writer.drain()
            await asyncio.sleep(0.3)
    await asyncio.sleep(0.3)
    assert [record.getMessage() for record in caplog.records if record.levelname in ("ERROR", "WARNING")] == []
