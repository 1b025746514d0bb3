"""Subscribers that vanish leave nothing behind: no stream, task, database connection, LISTEN or file descriptor."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from strawberry.http.exceptions import WebSocketDisconnected

from tests.support.audience import KINDS, SUBSCRIPTION
from tests.support.client import Client
from tests.support.people import Person, make_person
from tests.support.site import Site, free_port, running_site, until, web_child
from tomgql.graphql.sockets import SocketHandler
from tomgql.settings import Settings

EACH = 6
"""Subscribers of each kind in one process; half of them never read."""

EVENTS, LARGE = 8, {"text": "x" * 30_000}
"""Events of about a megabyte: more than the kernel keeps for who does not read."""

CREATE = """mutation ($name: String!, $extras: JSON) {
  createTarget(input: {name: $name, raDeg: 1, decDeg: 2, extras: $extras}) {errors {code}}
}"""
ACTIVE = "{ server { activeStreams } }"


async def active_streams(person: Person) -> Any:
    return (await person.client.query(ACTIVE))["server"]["activeStreams"]


async def is_active(person: Person, number: int) -> bool:
    return bool(await active_streams(person) == number)


async def held(site: Site) -> dict[str, Any]:
    """What the process holds; its pools may have grown meanwhile, so their connections count while they are lent."""
    pools = (site.rt.reads, site.rt.writes)
    connections = sum(pool.get_size() for pool in pools)
    listening = "select count(*) from pg_stat_activity where datname = current_database() and query like 'LISTEN%'"
    return {
        "streams": (site.rt.hub.streams, site.rt.hub.subscribers),
        "tasks": Counter(task.get_name() for task in asyncio.all_tasks() if not task.get_name().startswith("Task-")),
        "nameless tasks": sum(task.get_name().startswith("Task-") for task in asyncio.all_tasks()),
        "lent connections": connections - sum(pool.get_idle_size() for pool in pools),
        "listening": await site.rt.reads.fetchval(listening),
        "descriptors": len(list(Path("/proc/self/fd").iterdir())) - connections,
    }


async def holds(site: Site, wanted: dict[str, Any]) -> bool:
    return await held(site) == wanted


@asynccontextmanager
async def audience(person: Person) -> AsyncIterator[Process]:
    """A process with subscribers, all of which are there."""
    port, token = urlsplit(person.client.url).port, person.client.token
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.audience", str(port), str(token), str(EACH), stdin=PIPE, stdout=PIPE
    )
    assert process.stdout is not None
    try:
        assert await asyncio.wait_for(process.stdout.readline(), 60) == b"all are there\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def kill(process: Process) -> None:
    process.kill()


async def cut(process: Process) -> None:
    assert process.stdin is not None
    process.stdin.write(b"cut\n")
    await process.stdin.drain()
    assert await process.wait() == 0


@pytest.mark.parametrize("end", [kill, cut], ids=["SIGKILL", "RST"])
async def test_subscribers_that_vanish_leave_nothing_behind(site: Site, admin: Person, end: Any) -> None:
    await active_streams(admin)
    before = await held(site)
    assert before["listening"] == 1
    async with audience(admin) as process:
        async with admin.client.subscribe(SUBSCRIPTION) as witness:
            await until(10, lambda: site.rt.hub.subscribers == EACH * len(KINDS) + 1)
            assert await active_streams(admin) == EACH * len(KINDS) + 1
            assert (await held(site))["listening"] == 1
            for number in range(EVENTS):
                await admin.client.query(CREATE, name=f"{end.__name__} {number}", extras=LARGE)
            for _ in range(EVENTS):
                await asyncio.wait_for(witness.next(), 20)
        await until(10, lambda: site.rt.hub.streams == EACH * len(KINDS))
        await end(process)
    await until(20, lambda: site.rt.hub.streams == 0)
    await until(20, lambda: holds(site, before))
    assert await active_streams(admin) == 0


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the kernel cannot cut who stalls")
async def test_who_takes_nothing_is_cut_and_who_reads_stays(site: Site, settings: Settings, admin: Person) -> None:
    impatient = settings.model_copy(update={"port": free_port(), "client_stall_s": 1.0})
    async with web_child(impatient):
        there = replace(admin, client=Client(f"http://127.0.0.1:{impatient.port}", admin.client.token))
        async with audience(there):
            await until(10, lambda: is_active(there, EACH * len(KINDS)))
            for number in range(EVENTS):
                await admin.client.query(CREATE, name=f"stall {number}", extras=LARGE)
            await until(20, lambda: is_active(there, EACH * len(KINDS) // 2))
            await asyncio.sleep(2)
            assert await active_streams(there) == EACH * len(KINDS) // 2
        await until(20, lambda: is_active(there, 0))


async def test_a_ping_that_finds_its_peer_gone_is_no_error(
    settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinged = asyncio.Event()
    send_message = SocketHandler.send_message

    async def into_the_void(handler: SocketHandler, message: Any) -> None:
        if message["type"] != "ping":
            return await send_message(handler, message)
        pinged.set()
        raise WebSocketDisconnected

    monkeypatch.setattr(SocketHandler, "send_message", into_the_void)
    async with running_site(settings.model_copy(update={"socket_ping_s": 0.05})) as site:
        monkeypatch.setattr(logging.getLogger("uvicorn"), "propagate", True)
        async with site.client().subscribe(SUBSCRIPTION) as events:
            await asyncio.wait_for(pinged.wait(), 10)
            events.drop()
        await until(10, lambda: site.rt.hub.streams == 0)
        assert [record.getMessage() for record in caplog.records if record.name == "uvicorn.error"] == []


async def test_the_number_of_streams_is_told_to_administrators(site: Site, admin: Person) -> None:
    somebody = await make_person(site, "somebody")
    narrow = await make_person(site, "narrow", is_admin=True, scopes=("read", "write"))
    assert await active_streams(admin) == 0
    for person in (somebody, narrow):
        assert await active_streams(person) is None
    assert await site.client().query(ACTIVE) == {"server": {"activeStreams": None}}
