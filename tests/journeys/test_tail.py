"""`tomgql tail` as a child process: lines of JSON, a cursor in a file, a server that restarts."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.faults import latest_cursor
from tests.support.people import Person
from tests.support.site import Site, free_port, until, web_child

CREATE = "mutation ($name: String!) {createTarget(input: {name: $name, raDeg: 1, decDeg: 2}) {errors {code}}}"


@asynccontextmanager
async def tailing(url: str, token: str | None, *options: str) -> AsyncIterator[Process]:
    command = [sys.executable, "-m", "tomgql", "tail", "targets", "--url", url, *options]
    environment = {**os.environ, "TOMGQL_TOKEN": token or ""} if token else dict(os.environ)
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=PIPE, stderr=PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def line(process: Process) -> dict[str, Any]:
    assert process.stdout is not None
    async with asyncio.timeout(20):
        told: dict[str, Any] = orjson.loads(await process.stdout.readline())
        return told


async def create(person: Person, *names: str) -> None:
    for name in names:
        assert (await person.client.query(CREATE, name=name))["createTarget"]["errors"] == []


async def test_it_goes_on_across_a_restart_of_the_server_and_of_itself(
    site: Site, admin: Person, tmp_path: Path
) -> None:
    settings = site.settings.model_copy(update={"port": free_port()})
    url, kept = f"http://127.0.0.1:{settings.port}", tmp_path / "cursor"
    begin = await latest_cursor(admin.client)
    options = ("--after", begin, "--cursor-file", str(kept))
    async with tailing(url, admin.client.token, *options) as process:  # before there is a server at all
        async with web_child(settings):
            await create(admin, "Tail 1")
            assert (await line(process))["target"]["name"] == "Tail 1"
        await create(admin, "Tail 2")
        async with web_child(settings) as web:
            second = await line(process)
            assert (second["change"], second["target"]["name"]) == ("CREATED", "Tail 2")
            await until(5, lambda: kept.exists() and kept.read_text().strip() == second["cursor"])
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
            await create(admin, "Tail 3")
            async with tailing(url, admin.client.token, "--cursor-file", str(kept)) as again:
                assert (await line(again))["target"]["name"] == "Tail 3"
            await asyncio.to_thread(web.stop)


async def test_filters_and_fields_of_ones_own(site: Site, admin: Person) -> None:
    begin = await latest_cursor(admin.client)
    await create(admin, "Not this", "But this")
    options = ("--after", begin, "--where", '{"name": {"eq": "But this"}}', "--fields", "target { name access }")
    async with tailing(site.url, admin.client.token, *options) as process:
        told = await line(process)
    assert told == {"cursor": told["cursor"], "target": {"name": "But this", "access": "PRIVATE"}}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--where", "{"], "--where is no JSON"),
        (["--after", "nonsense"], "This is not a cursor"),
        (["--fields", "nothing"], "nothing"),
        (["--url", "ftp://somewhere"], "Give the site's address"),
        (["--token-file", "/nowhere/token"], "No such file"),
    ],
)
async def test_what_cannot_work_ends_it_with_words(site: Site, admin: Person, options: list[str], words: str) -> None:
    async with tailing(site.url, admin.client.token, *options) as process:
        _, said = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1
    assert words in said.decode()
    assert "Traceback" not in said.decode()


async def test_a_wrong_token_ends_it(site: Site) -> None:
    async with tailing(site.url, "tomgql_wrong") as process:
        _, said = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1
    assert "NOT_AUTHENTICATED" in said.decode()


async def test_it_ends_quietly_when_nobody_reads(site: Site, admin: Person) -> None:
    begin = await latest_cursor(admin.client)
    command = [sys.executable, "-m", "tomgql", "tail", "targets", "--url", site.url, "--after", begin]
    environment = {**os.environ, "TOMGQL_TOKEN": str(admin.client.token)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    await create(admin, "Nobody reads this")
    assert await asyncio.to_thread(process.wait, 20) == 0
    assert process.stderr is not None
    assert process.stderr.read() == b""
