"""Servers that are followed and answer what they should not: what an administrator sees of it."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.people import Person
from tests.support.site import Site, until
from tests.support.toms import FOLLOW, an_admin, followers, stands, two_toms

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
INSTANCE = "00000000-0000-0000-0000-00000000abcd"
SERVER = {"instanceId": INSTANCE, "tomName": "x", "version": "9", "latestCursor": "0000000000000000001-00000000"}


@pytest_asyncio.fixture(loop_scope="session")
async def west(addresses: dict[str, str], tmp_path: Path, worker_id: str) -> AsyncIterator[tuple[Site, Person]]:
    async with two_toms(addresses, tmp_path, worker_id) as (_, site):
        yield site, await an_admin(site)


@asynccontextmanager
async def answering(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A double of a followed server that answers everything by one function; its address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


def always(**given: Any) -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(**given)

    return answer


def saying(data: Any) -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.json_response(data)

    return answer


async def half(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "500"})
    await response.prepare(request)
    await response.write(b'{"data": {"server": {"instanceId": ')
    assert request.transport is not None
    request.transport.abort()
    return response


def with_targets(nodes: Any) -> Answer:
    """A server whose targets are these."""

    async def answer(request: web.Request) -> web.StreamResponse:
        asked = (await request.json())["query"]
        page = {"nodes": nodes, "pageInfo": {"hasNextPage": False, "endCursor": None}}
        return web.json_response({"data": {"targets": page} if "targets(" in asked else {"server": SERVER}})

    return answer


BAD_DAYS: dict[str, tuple[Answer, str]] = {
    "a web page": (always(text="<html><title>Sign in</title></html>", content_type="text/html"), "INTERRUPTED"),
    "no JSON": (always(text="certainly!", content_type="application/json"), "INTERRUPTED"),
    "another page": (always(status=302, headers={"Location": "/login"}), "INTERRUPTED"),
    "401": (always(status=401, text="{}", content_type="application/json"), "REFUSED"),
    "500": (always(status=500, text="oh"), "INTERRUPTED"),
    "half a body": (half, "INTERRUPTED"),
    "null": (saying(None), "INTERRUPTED"),
    "a list": (saying([1]), "INTERRUPTED"),
    "no server": (saying({"data": {"server": None}}), "INTERRUPTED"),
    "an id that is none": (saying({"data": {"server": {**SERVER, "instanceId": "7"}}}), "INTERRUPTED"),
    "targets without records": (with_targets([{"id": "t1"}]), "INTERRUPTED"),
    "a record of nothing": (with_targets([{"id": "t1", "globalId": INSTANCE, "record": {}}]), "INTERRUPTED"),
    "targets that are none": (with_targets("all"), "INTERRUPTED"),
}


@pytest.mark.parametrize("day", BAD_DAYS)
async def test_a_server_that_answers_nonsense_is_told_of_in_words(west: tuple[Site, Person], day: str) -> None:
    (site, admin), (answer, state) = west, BAD_DAYS[day]
    async with answering(answer) as address, followers(site):
        asked = {"name": "odd", "address": address, "token": "t"}
        assert (await admin.client.query(FOLLOW, i=asked))["createPeerSubscription"]["errors"] == []
        await until(15, lambda: stands(admin, state))
        assert not await stands(admin, state, "Traceback")
        assert (await admin.client.query("{ targets { totalCount } }"))["targets"]["totalCount"] == 0


async def test_a_certificate_that_nobody_vouches_for_is_told_of(west: tuple[Site, Person], tmp_path: Path) -> None:
    site, admin = west
    async with answering(saying({"data": {"server": SERVER}}), self_signed(tmp_path)) as address, followers(site):
        await admin.client.query(FOLLOW, i={"name": "odd", "address": address, "token": "t"})
        await until(15, lambda: stands(admin, "INTERRUPTED", "certificate"))


def self_signed(directory: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = directory / "tls.pem"
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
