"""Large files in pieces: the web process killed on the way, and how much memory it takes."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest_asyncio

import tomgql.client
from tests.support.client import TLS, Client
from tests.support.people import Person, make_person
from tests.support.pieces import begun, offset_of, send
from tests.support.site import Child, Site, free_port, until, web_child

MEBIBYTE = 1024 * 1024
CHUNK = os.urandom(MEBIBYTE)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sender(site: Site) -> Person:
    return await make_person(site, "sender")


def part(start: int, stop: int) -> bytes:
    """Bytes of a file that repeats no mebibyte, so that a displaced one shows."""
    blocks = range(start // MEBIBYTE, -(-stop // MEBIBYTE))
    whole = b"".join(block.to_bytes(8, "big") + CHUNK[8:] for block in blocks)
    return whole[start % MEBIBYTE :][: stop - start]


async def pieces(start: int, stop: int, sent: list[int] | None = None) -> AsyncIterator[bytes]:
    """The file from a place on, in chunks of at most a mebibyte; ``sent`` takes down how far it is."""
    while start < stop:
        end = min(stop, (start // MEBIBYTE + 1) * MEBIBYTE)
        yield part(start, end)
        start = end
        if sent is not None:
            sent.append(start)
            await asyncio.sleep(0.01)


async def put(client: Client, address: str, content: AsyncIterator[bytes], offset: int) -> httpx.Response:
    """A PUT of unknown length from an offset on."""
    headers = {**client.headers, "Upload-Offset": str(offset)}
    async with httpx.AsyncClient(timeout=120, verify=TLS) as http:
        return await http.put(client.url + address, content=content, headers=headers)


@asynccontextmanager
async def another_web(site: Site, person: Person) -> AsyncIterator[tuple[Child, Client]]:
    """A web process of its own over the site's servers, and the person's client of it."""
    settings = site.settings.model_copy(update={"port": free_port()})
    async with web_child(settings) as web:
        yield web, Client(f"http://127.0.0.1:{settings.port}", person.client.token)


def hash_of(size: int) -> str:
    """SHA-256 of the whole file."""
    digest = hashlib.sha256()
    for start in range(0, size, MEBIBYTE):
        digest.update(part(start, min(size, start + MEBIBYTE)))
    return digest.hexdigest()


async def test_a_killed_web_process_loses_no_byte_that_head_tells_of(site: Site, sender: Person) -> None:
    target, size = await sender.create_target("Killed while sending"), 40 * MEBIBYTE + 7
    settings = site.settings.model_copy(update={"port": free_port()})
    client = Client(f"http://127.0.0.1:{settings.port}", sender.client.token)
    # Without a hash given, so that the server's own sum over what is on its disk is what is compared.
    address = await begun(sender.client, target, size, dataProductType="fits_file", process=False)
    places = [0]
    for run in range(3):
        async with web_child(settings) as web:
            places.append(await offset_of(client, address))
            sent: list[int] = []
            sending = asyncio.create_task(put(client, address, pieces(places[-1], size, sent), places[-1]))
            await until(20, lambda sent=sent, run=run: len(sent) > 4 + 3 * run)
            web.kill()
            (answer,) = await asyncio.gather(sending, return_exceptions=True)
            assert isinstance(answer, httpx.TransportError)
    async with web_child(settings):
        places.append(await offset_of(client, address))
        assert places == sorted(places)
        assert size > places[-1] > places[-2] > places[2] > 0
        answer = await put(client, address, pieces(places[-1], size), places[-1])
        assert (answer.status_code, answer.headers["upload-complete"]) == (200, "?1")
        assert (await send(client, address, size)).json() == answer.json()
    stored = "select sha256, size_bytes from data_products where target_id = $1"
    rows = await site.rt.reads.fetch(stored, int(target[1:]))
    assert [tuple(row) for row in rows] == [(hash_of(size), size)]
    assert site.rt.files.local_path(hash_of(size)).stat().st_size == size


async def test_a_large_file_takes_little_memory(site: Site, sender: Person) -> None:
    target, size = await sender.create_target("Large"), 300 * MEBIBYTE
    address = await begun(sender.client, target, size, dataProductType="fits_file", process=False)
    async with another_web(site, sender) as (web, client):
        assert (await send(client, address, 0, part(0, MEBIBYTE))).status_code == 204  # everything is loaded then
        before = peak_bytes(web.process.pid)
        assert (await put(client, address, pieces(MEBIBYTE, size), MEBIBYTE)).status_code == 200
        assert peak_bytes(web.process.pid) - before < 40_000_000


def peak_bytes(pid: int) -> int:
    """Most memory that a process has held at a time."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (peak,) = (line for line in lines if line.startswith("VmHWM:"))
    return int(peak.split()[1]) * 1024


async def test_the_client_goes_on_when_the_server_comes_back(site: Site, sender: Person, tmp_path: Path) -> None:
    target, size = await sender.create_target("By the client"), 40 * MEBIBYTE + 3
    settings = site.settings.model_copy(update={"port": free_port()})
    path = tmp_path / "large.fits"
    path.write_bytes(part(0, size))
    told: list[int] = []

    def tell(sent: int, _size: int) -> None:
        told.append(sent)
        time.sleep(0.004)  # slow enough to be killed on the way

    async with tomgql.client.Client(f"http://127.0.0.1:{settings.port}", token=sender.client.token) as tom:
        async with web_child(settings) as web:
            sending = asyncio.create_task(
                tom.upload(
                    path,
                    target=target,
                    data_product_type="fits_file",
                    progress=tell,
                    more={"process": False},
                )
            )
            await until(20, lambda: told and told[-1] > 24 * MEBIBYTE)
            web.kill()
        async with web_child(settings):
            sent = await asyncio.wait_for(sending, 60)
            again = await tom.upload(path, target=target, data_product_type="fits_file", more={"process": False})
    assert (sent["dataProduct"]["sha256"], sent["dataProduct"]["sizeBytes"]) == (hash_of(size), size)
    assert (sent["job"], sent["alreadyExists"], again["alreadyExists"]) == (None, False, True)
    assert again["dataProduct"] == sent["dataProduct"]
    assert told[-1] == size
    assert min(told[told.index(next(sent for sent in told if sent > 24 * MEBIBYTE)) :]) > 8 * MEBIBYTE
