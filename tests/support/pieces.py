"""Files sent in pieces through the public door, and requests that are cut on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.support.client import TLS, Client
from tests.support.site import Site

BEGIN = """
mutation ($input: BeginUploadInput!) {
  beginUpload(input: $input) { uploadId url expires errors { code message path } }
}
"""


async def begin(client: Client, target: str, size: int, **given: Any) -> dict[str, Any]:
    """`beginUpload`; its payload."""
    given = {"target": target, "fileName": "large.csv", "sizeBytes": size, **given}
    payload: dict[str, Any] = (await client.query(BEGIN, input=given))["beginUpload"]
    return payload


async def begun(client: Client, target: str, size: int, **given: Any) -> str:
    """The address of an upload that was let begin."""
    payload = await begin(client, target, size, **given)
    assert payload["errors"] == []
    address: str = payload["url"]
    return address


async def send(client: Client, address: str, offset: Any, content: bytes = b"", **headers: str) -> httpx.Response:
    """PUT bytes from an offset on."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return await request(client, "PUT", address, content, **{"Upload-Offset": str(offset), **given})


async def request(client: Client, method: str, address: str, content: bytes = b"", **headers: str) -> httpx.Response:
    """Any request."""
    async with httpx.AsyncClient(timeout=60, verify=TLS) as http:
        return await http.request(method, client.url + address, content=content, headers={**client.headers, **headers})


async def offset_of(client: Client, address: str) -> int:
    """Where to go on, as HEAD tells it."""
    head = await request(client, "HEAD", address)
    assert head.status_code == 204, head.status_code
    return int(head.headers["upload-offset"])


async def counts(site: Site, target: str) -> tuple[int, int, int]:
    """Products, jobs and events about a target, beside its own."""
    row = await site.rt.reads.fetchrow(
        "select (select count(*) from data_products where target_id = $1),"
        " (select count(*) from jobs where target_id = $1),"
        " (select count(*) from events where target_id = $1 and topic <> 'targets')",
        int(target[1:]),
    )
    return tuple(row)


@asynccontextmanager
async def slow_put(client: Client, address: str, offset: int, length: int) -> AsyncIterator[SlowPut]:
    """A PUT that announces ``length`` bytes and sends what the test wants; cut off at the end of the block."""
    where = urlsplit(client.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    lines = [
        f"PUT {address} HTTP/1.1", f"Host: {where.netloc}", f"Content-Length: {length}", f"Upload-Offset: {offset}",
        *(f"{name}: {value}" for name, value in client.headers.items()), "", "",
    ]  # fmt: skip
    writer.write("\r\n".join(lines).encode())
    try:
        yield SlowPut(reader, writer)
    finally:
        writer.transport.abort()


class SlowPut:
    """A request whose body the test sends by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, content: bytes) -> None:
        """Some more of the body."""
        self._writer.write(content)
        await self._writer.drain()

    async def status(self) -> int:
        """The status that the server answers."""
        return int((await asyncio.wait_for(self._reader.readline(), 30)).split()[1])
