"""Files that are sent to other people's servers: a real server on loopback says what came."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import BodyPartReader, web

from tomgql.errors import NotFound, TomError, Unavailable, UpstreamDown
from tomgql.outbound import Asked, Outbound, origin
from tomgql.plugins.destinations import FilePart

Content = Callable[[], AsyncIterator[bytes]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def address() -> AsyncIterator[str]:
    """A server that tells the parts or the bytes it was sent, or hangs up on them."""
    app = web.Application(client_max_size=2**30)
    runner = web.AppRunner(app, shutdown_timeout=0.1)

    async def parts(request: web.Request) -> web.Response:
        found = []
        async for part in await request.multipart():
            assert isinstance(part, BodyPartReader)
            body = await part.read()
            kind = part.headers.get("Content-Type")
            found.append([part.name, part.filename, kind, len(body), hashlib.sha256(body).hexdigest()])
        return web.json_response({"length": request.headers.get("Content-Length"), "parts": found})

    async def raw(request: web.Request) -> web.Response:
        names = ("Content-Length", "Content-Type", "Transfer-Encoding")
        body = await request.read()
        told = {name: request.headers.get(name) for name in names}
        return web.json_response({**told, "sha256": hashlib.sha256(body).hexdigest()})

    async def hang_up(request: web.Request) -> web.Response:
        await request.content.readany()
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    app.add_routes([web.post("/parts", parts), web.put("/raw", raw), web.post("/hang-up", hang_up)])
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def content_of(*pieces: bytes, error: Exception | None = None) -> Content:
    async def content() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece
        if error is not None:
            raise error

    return content


async def ask(address: str, method: str, path: str, **asked: Any) -> dict[str, Any]:
    outbound = Outbound()
    try:
        answered = await outbound.ask(
            Asked(method, address + path, **asked), origins={origin(address)}, limit_bytes=100_000, limit_s=20
        )
    finally:
        await outbound.close()
    told: dict[str, Any] = json.loads(answered.content)
    return told


async def test_fields_and_files_arrive_as_they_were_named(address: str) -> None:
    piece = bytes(range(256)) * 256
    name = 'a "quoted", größe\r\nX: y.csv'
    file = FilePart("file", name, content_of(*[piece] * 100), "text/csv", size_bytes=100 * len(piece))
    told = await ask(address, "POST", "/parts", parts=[("target", "7"), ("extra_data", "é & more"), file])
    whole = hashlib.sha256(piece * 100).hexdigest()
    assert [part[0] for part in told["parts"]] == ["target", "extra_data", "file"]
    assert told["parts"][1][3] == len("é & more".encode())
    assert told["parts"][2] == [
        "file", "a %22quoted%22, größe%0D%0AX: y.csv", "text/csv", 100 * len(piece), whole
    ]  # fmt: skip
    assert int(told["length"]) > 100 * len(piece)


async def test_a_file_of_unknown_length_goes_in_chunks(address: str) -> None:
    told = await ask(address, "POST", "/parts", parts=[FilePart("file", "x", content_of(b"abc", b"def"))])
    assert (told["length"], told["parts"][0][3]) == (None, 6)


async def test_raw_content_goes_with_the_length_and_kind_that_its_headers_tell(address: str) -> None:
    headers = {"Content-Length": "6", "Content-Type": "image/fits"}
    told = await ask(address, "PUT", "/raw", content=content_of(b"abc", b"def"), headers=headers)
    assert told == {**headers, "Transfer-Encoding": None, "sha256": hashlib.sha256(b"abcdef").hexdigest()}
    told = await ask(address, "PUT", "/raw", content=content_of(b"abc"))
    assert (told["Content-Length"], told["Transfer-Encoding"]) == (None, "chunked")


@pytest.mark.parametrize(
    ("content", "size_bytes", "error", "words"),
    [
        (content_of(b"abc"), 4, Unavailable, "does not have the 4 bytes it had"),
        (content_of(b"abc", b"def"), 4, Unavailable, "does not have the 4 bytes it had"),
        (content_of(b"abc", error=NotFound("The file is gone.")), 4, NotFound, "The file is gone."),
        (content_of(b"abc", error=OSError(5, "I/O")), 4, Unavailable, "cannot be read"),
    ],
)
async def test_a_file_of_ours_that_cannot_be_read_is_not_blamed_on_the_server(
    address: str, content: Content, size_bytes: int, error: type[TomError], words: str
) -> None:
    with pytest.raises(error) as raised:
        await ask(address, "POST", "/parts", parts=[FilePart("file", "x", content, size_bytes=size_bytes)])
    assert words in raised.value.message


async def test_a_server_that_hangs_up_on_a_file_is_down(address: str) -> None:
    file = FilePart("file", "x", content_of(*[bytes(100_000)] * 200), size_bytes=20_000_000)
    with pytest.raises(UpstreamDown) as raised:
        await ask(address, "POST", "/hang-up", parts=[file])
    assert "broke off" in raised.value.message
