"""Servers that play survey services: nothing real can be had of them in a test, so these are doubles.

Their exchanges are those of recordings, or of documentation where there is none; each says which.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.support.client import Client
from tests.support.faults import ENDED, job_of
from tests.support.site import Site, until

QUERY = """mutation ($input: QuerySurveyInput!) {
  querySurvey(input: $input) { job { id state kind } errors { code message path } } }"""
CREDENTIALS = """mutation ($input: SetSurveyCredentialsInput!) {
  setSurveyCredentials(input: $input) { surveyService { isConfigured } errors { code message path } } }"""


@dataclass
class Heard:
    """One request as the server heard it."""

    method: str
    path: str
    params: dict[str, str]
    form: dict[str, str]
    headers: dict[str, str]
    content: bytes


BadDay = Callable[[web.Request], "web.StreamResponse | None"]
Spoiling = Callable[[web.Request], web.StreamResponse]
"""What one request is answered with, whatever it asks for."""

LOGIN = "/sign-in/"
"""Where every double has a page to sign in."""


@dataclass
class ServiceDouble:
    """A service on a loopback port. Subclasses answer; tests spoil answers and hold them up."""

    address: str = ""
    heard: list[Heard] = field(default_factory=list)
    bad_days: list[BadDay] = field(default_factory=list)
    """Each is tried in turn, and used up by the request that it answers."""
    spoilt: dict[int, Spoiling] = field(default_factory=dict)
    """Spoilt answers by the number of the request, counted from 0."""
    lost: set[int] = field(default_factory=set)
    """Numbers of requests that do their work, and whose connection breaks off before they are answered."""
    held: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a request hangs."""
    _hold: int | None = None
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    def hold(self, number: int) -> None:
        """Have the request of this number, counted from 0, do its work and hang before it is answered."""
        self._hold = number

    def release(self) -> None:
        """Let what hangs go, and hold nothing more."""
        self._hold = None
        self._released.set()

    async def answer(self, heard: Heard) -> web.StreamResponse:
        """What the service answers on a good day."""
        raise NotImplementedError

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Hear, answer, spoil, hold."""
        content = await request.read()
        is_form = request.content_type == "application/x-www-form-urlencoded"
        form = {name: str(value) for name, value in (await request.post()).items()} if is_form else {}
        heard = Heard(request.method, request.path, dict(request.query), form, dict(request.headers), content)
        self.heard.append(heard)
        number = len(self.heard) - 1
        if number in self.spoilt:
            return self.spoilt[number](request)
        if request.path == LOGIN:
            return web.Response(text="<!doctype html><title>Sign in</title>", content_type="text/html")
        for bad_day in self.bad_days:
            spoilt = bad_day(request)
            if spoilt is not None:
                self.bad_days.remove(bad_day)
                return spoilt
        response = await self.answer(heard)
        if number in self.lost:
            return broken_off(request)
        if number == self._hold:
            self.held.set()
            await self._released.wait()
        return response

    def counts(self, method: str, path: str = "") -> int:
        """How many requests of a method were heard, below a path."""
        return sum(each.method == method and each.path.startswith(path) for each in self.heard)


@asynccontextmanager
async def playing(double: ServiceDouble) -> AsyncIterator[ServiceDouble]:
    """The double on a free port for the length of the block."""
    app = web.Application(client_max_size=10_000_000)
    app.router.add_route("*", "/{path:.*}", double.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    door = web.TCPSite(runner, "127.0.0.1", 0)
    await door.start()
    port = runner.addresses[0][1]
    double.address = f"http://127.0.0.1:{port}"
    try:
        yield double
    finally:
        double.release()
        await runner.cleanup()


def once(method: str, path: str, status: int, body: Any = "", **headers: str) -> BadDay:
    """Answer the first request of this method whose path begins so; a body that is no text is sent as JSON."""

    def bad_day(request: web.Request) -> web.StreamResponse | None:
        if request.method != method or not request.path.startswith(path):
            return None
        return answering(status, body, **headers)(request)

    return bad_day


def answering(status: int, body: Any = "", **headers: str) -> Spoiling:
    """Answer so; a body that is no text is sent as JSON."""

    def spoiling(request: web.Request) -> web.StreamResponse:
        text = body if isinstance(body, str) else json.dumps(body)
        is_page = text.lower().startswith(("<html", "<!doctype html"))
        kind = "text/html" if is_page else "text/plain" if isinstance(body, str) else "application/json"
        return web.Response(status=status, text=text, content_type=kind, headers=headers)

    return spoiling


def cut(method: str, path: str) -> BadDay:
    """Break off the first such request's connection in the middle."""

    def bad_day(request: web.Request) -> web.StreamResponse | None:
        if request.method != method or not request.path.startswith(path):
            return None
        return broken_off(request)

    return bad_day


def broken_off(request: web.Request) -> web.StreamResponse:
    """Break off the connection before the answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def hanging(request: web.Request) -> web.StreamResponse:
    """Never answer."""
    return _Hanging()


class _Hanging(web.Response):
    async def prepare(self, request: web.BaseRequest) -> Any:
        await asyncio.sleep(3600)


async def query_survey(client: Client, target: str, service: str, **parameters: Any) -> str:
    """Ask a service; the job's id."""
    given = {"target": target, "service": service, "parameters": parameters}
    payload = (await client.query(QUERY, input=given))["querySurvey"]
    assert payload["errors"] == []
    job_id: str = payload["job"]["id"]
    return job_id


async def refused_survey(client: Client, target: str, service: str, **parameters: Any) -> dict[str, Any]:
    """Ask a service that refuses; the only error."""
    given = {"target": target, "service": service, "parameters": parameters}
    payload = (await client.query(QUERY, input=given))["querySurvey"]
    assert payload["job"] is None
    (error,) = payload["errors"]
    return dict(error)


async def hurry(site: Site) -> None:
    """Make what waits due, and forget how often services may be asked and which are down."""
    await site.rt.writes.execute("update jobs set waiting_until = now() where state = 'WAITING'")
    redis = site.rt.pacing.redis
    for pattern in ("tomgql:pace:*", "tomgql:breaker:*"):
        async for key in redis.scan_iter(pattern):
            await redis.delete(key)


async def hurried(site: Site, client: Client, job_id: str, seconds: float = 60) -> dict[str, Any]:
    """The job once it has ended, without its pauses."""

    async def look() -> Any:
        await hurry(site)
        job = await job_of(client, job_id)
        return job if job["state"] in ENDED else None

    job: dict[str, Any] = await until(seconds, look)
    return job
