"""Requests to other people's servers that answer badly: a real server on loopback plays each."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from tomgql.builtin.surveys.answers import require
from tomgql.builtin.surveys.html_tables import page_words, table_rows
from tomgql.errors import TomError, UpstreamBusy, UpstreamDown, UpstreamRefused
from tomgql.outbound import Asked, Outbound, origin
from tomgql.plugins.surveys import Answer

LIMIT_BYTES, LIMIT_S = 100_000, 1.0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def address() -> AsyncIterator[str]:
    """A server on two ports, which knows the other one as ``elsewhere``."""
    app = web.Application()
    runner = web.AppRunner(app, shutdown_timeout=0.1)

    async def play(request: web.Request) -> web.StreamResponse:
        part = request.match_info["part"]
        if part.startswith("to-"):
            return web.Response(status=302, headers={"Location": request.query["where"]})
        if part == "loop":
            return web.Response(status=307, headers={"Location": "/loop"})
        if part == "bomb":
            return web.Response(body=gzip.compress(b"0" * 10_000_000), headers={"Content-Encoding": "gzip"})
        if part == "long":
            return web.Response(body=b"0" * (LIMIT_BYTES + 1))
        if part == "drip":
            return await _drip(request)
        if part == "short":
            return await _short(request)
        return web.json_response({"path": request.path, "headers": dict(request.headers), "query": dict(request.query)})

    app.router.add_route("*", "/{part:.*}", play)
    await runner.setup()
    for _ in range(2):
        await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield " ".join(f"http://127.0.0.1:{port}" for _, port in runner.addresses)
    await runner.cleanup()


async def _drip(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(100):
        await response.write(b"0")
        await asyncio.sleep(0.1)
    return response


async def _short(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b"0")
    assert request.transport is not None
    request.transport.abort()
    return response


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def outbound() -> AsyncIterator[Outbound]:
    made = Outbound()
    yield made
    await made.close()


async def ask(outbound: Outbound, address: str, path: str, method: str = "GET", **asked: Any) -> Any:
    home, _ = address.split()
    path = path.replace("HOME", home.rpartition(":")[2])
    full = path if "://" in path else f"{home}{path}"
    return await outbound.ask(
        Asked(method, full, **asked), origins={origin(home)}, limit_bytes=LIMIT_BYTES, limit_s=LIMIT_S
    )


async def test_a_redirect_on_the_same_host_is_followed_with_its_credentials(outbound: Outbound, address: str) -> None:
    answered = await ask(outbound, address, "/to-here", params={"where": "/there?x=1"}, basic=("me", "secret"))
    assert (answered.status, answered.address.endswith("/there?x=1")) == (200, True)
    assert b'"Authorization": "Basic bWU6c2VjcmV0"' in answered.content
    assert b'"User-Agent": "tomgql/' in answered.content


async def test_a_redirected_post_is_not_sent_again(outbound: Outbound, address: str) -> None:
    answered = await ask(outbound, address, "/to-here", "POST", params={"where": "/there"}, form={"a": "b"})
    assert answered.status == 302


@pytest.mark.parametrize(
    ("path", "params", "error", "words"),
    [
        ("/to-", {"where": "ELSEWHERE/x"}, UpstreamRefused, "another host; it was not followed"),
        ("/to-", {"where": "https://127.0.0.1:1/x"}, UpstreamRefused, "another host; it was not followed"),
        ("/to-", {"where": "ftp://127.0.0.1/x"}, UpstreamRefused, "is no address of a web server"),
        ("/to-", {"where": "http://[::1/x"}, UpstreamRefused, "is no address of a web server"),
        ("/to-", {"where": "//user:pw@example.org/x"}, UpstreamRefused, "with a user or a password in it"),
        ("/loop", None, UpstreamRefused, "redirects without end"),
        ("/long", None, UpstreamRefused, "larger than 100000 bytes"),
        ("/bomb", None, UpstreamRefused, "larger than 100000 bytes"),
        ("/drip", None, UpstreamDown, "no whole answer within 1 seconds"),
        ("/short", None, UpstreamDown, "the connection broke off"),
        ("http://127.0.0.1:1/x", None, UpstreamRefused, "which is not one of its hosts"),
        ("https://127.0.0.1:HOME/x", None, UpstreamRefused, "which is not one of its hosts"),
        ("http://[::1/x", None, UpstreamRefused, "is no address of a web server"),
        ("file:///etc/passwd", None, UpstreamRefused, "is no address of a web server"),
        ("http://example.org:99999/", None, UpstreamRefused, "is no address of a web server"),
    ],
)
async def test_bad_answers(
    outbound: Outbound, address: str, path: str, params: Any, error: type[TomError], words: str
) -> None:
    given = {name: value.replace("ELSEWHERE", address.split()[1]) for name, value in (params or {}).items()}
    with pytest.raises(error) as raised:
        await ask(outbound, address, path, params=given)
    assert words in raised.value.message


@pytest.mark.parametrize(
    ("header", "body", "least", "most"),
    [
        ("120", "", 120, 120), ("9" * 400, "", 1e9, float("inf")), ("-5", "", None, None), ("nan", "", None, None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", "", None, None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", "", -1e10, 0), ("soon", "", None, None),
        ("", "available in 52 seconds", 53, 53), ("", "available in 2 minutes.", 121, 121), ("", "", None, None),
    ],
)  # fmt: skip
def test_when_a_busy_service_may_be_asked_again(header: str, body: str, least: float | None, most: float) -> None:
    headers = {"retry-after": header} if header else {}
    with pytest.raises(UpstreamBusy) as raised:
        require(Answer(429, headers, body.encode(), "http://x"))
    seconds = raised.value.details.get("seconds")
    assert seconds is None if least is None else seconds is not None and least <= seconds <= most


@pytest.mark.parametrize("status", [503, 500, 400])
def test_a_deeply_nested_answer_is_told_in_short(status: int) -> None:
    with pytest.raises(TomError) as raised:
        require(Answer(status, {}, b"[" * 900 + b"1" + b"]" * 900, "http://x"))
    assert raised.value.message.endswith("...")


@pytest.mark.parametrize("part", ["<title", "<a ", "<a b='", "<!--", "</", "<td", "<", "<tr><td>"])
def test_a_page_of_a_megabyte_is_read_at_once(part: str) -> None:
    page = part * (1_000_000 // len(part))
    begun = time.perf_counter()
    with pytest.raises(UpstreamDown):
        require(Answer(500, {"content-type": "text/html"}, page.encode(), "http://x"))
    table_rows(page)
    page_words(page)
    assert time.perf_counter() - begun < 10  # a quadratic reader takes minutes
