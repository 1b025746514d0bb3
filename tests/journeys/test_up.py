"""`tomgql up` as a child process: one start that serves, survives kills, stops cleanly and finds its data again."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import Client
from tests.support.faults import announced, ended, latest_cursor, light_curve
from tests.support.people import CREATE_TARGET
from tests.support.site import until
from tomgql.embedded.processes import directory_mark, is_alive, marked_processes

CURVE = '{ target(name: "ASASSN-15oz") { lightCurve { count } } }'
COUNT = "query ($t: ID!) { reducedData(where: {target: $t}, first: 1) { totalCount } }"


class Up:
    """A `tomgql up` with what it has printed so far."""

    def __init__(self, home: Path, *options: str) -> None:
        self.home = home
        self.output = home.parent / "up.log"
        with self.output.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tomgql", "up", "--data", str(home), "--port", "0", *options],
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=environment(home),
                start_new_session=True,
            )

    def said(self) -> str:
        return self.output.read_text()

    async def ready(self) -> None:
        def look() -> bool:
            assert self.process.poll() is None, self.said()
            return "token is in" in self.said()

        await until(60, look)

    @property
    def url(self) -> str:
        match = re.search(r"listens on (http://127\.0\.0\.1:\d+)", self.said())
        assert match is not None, self.said()
        return match[1]

    def child(self, command: str) -> int | None:
        """Process id of the web process (`serve`) or the worker."""
        return next(
            (pid for pid in marked_processes(f"-m tomgql {command}") if parent_of(pid) == self.process.pid), None
        )

    async def stops(self, number: signal.Signals) -> None:
        """It ends by the signal, cleanly, and leaves no process behind."""
        family = descendants(self.process.pid)
        marks = [directory_mark(self.home / name) for name in ("postgres", "valkey")]
        assert len(family) >= 5
        self.process.send_signal(number)
        assert await asyncio.to_thread(self.process.wait, 30) == 0
        assert self.said().splitlines()[-2:] == ["Stopping.", "Stopped."]
        await until(2, lambda: not any(map(is_alive, family)))
        assert [pid for mark in (*marks, str(self.home)) for pid in marked_processes(mark)] == []
        assert "Traceback" not in self.said()


def environment(home: Path) -> dict[str, str]:
    """The environment of a shell in which nothing of tomgql is set but its data directory."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TOMGQL_")}
    return {**kept, "TOMGQL_DATA_DIR": str(home)}


def parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def descendants(pid: int) -> list[int]:
    """Every process that a process has, at any depth."""
    parents = {int(path.name): parent_of(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit()}
    found, edge = [], [pid]
    while edge:
        edge = [child for child, parent in parents.items() if parent in edge]
        found += edge
    return found


@pytest.fixture
def home() -> Iterator[Path]:
    """A data directory, not yet made, in an empty one that every account can reach."""
    path = Path(tempfile.mkdtemp(prefix="tomgql-up-"))
    path.chmod(0o755)
    yield path / "data"
    shutil.rmtree(path)


async def command(home: Path, *arguments: str, code: int = 0) -> str:
    """What a command prints, run against the site in a data directory."""

    def run() -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "tomgql", *arguments]
        return subprocess.run(argv, env=environment(home), capture_output=True, text=True, timeout=60)

    done = await asyncio.to_thread(run)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


async def create_target(client: Client, name: str) -> str:
    given = {"name": name, "raDeg": 150.0, "decDeg": 2.0}
    payload = (await client.query(CREATE_TARGET, input=given))["createTarget"]
    assert payload["errors"] == []
    target: str = payload["target"]["id"]
    return target


async def a_file_makes_its_way(client: Client, name: str) -> tuple[str, str]:
    """Upload a light curve, see it processed, announced and readable; the target and a cursor before it."""
    target, cursor = await create_target(client, name), await latest_cursor(client)
    payload = await client.upload(target, "lc.csv", light_curve(50))
    assert payload["errors"] == []
    assert (await ended(client, payload["job"]["id"]))["state"] == "SUCCEEDED"
    told = await announced(client, target, cursor, 50)
    assert (len(told), set(told.values())) == (50, {1})
    assert (await client.query(COUNT, t=target))["reducedData"]["totalCount"] == 50
    return target, cursor


async def kill_and_wait(up: Up, which: str) -> None:
    """kill -9 of a child; return when its successor is there."""
    before = up.child(which)
    assert before is not None
    os.kill(before, signal.SIGKILL)
    await until(20, lambda: up.child(which) not in (None, before))


async def answers(client: Client) -> bool:
    try:
        return (await client.get("/health")).status_code == 200
    except OSError:
        return False
    except Exception as error:  # noqa: BLE001 - httpx has its own words for a refused connection
        assert type(error).__name__ in ("ConnectError", "ReadError", "RemoteProtocolError"), error
        return False


async def test_up_serves_survives_and_finds_its_data_again(home: Path) -> None:
    up = Up(home, "--demo")
    try:
        await up.ready()
        token_file = home / "admin-token"
        assert f"Data are kept in {home}" in up.said()
        assert f"The administrator's token is in {token_file}." in up.said()
        for private in ("admin-token", "addresses.json"):
            assert (home / private).stat().st_mode & 0o777 == 0o600
        secret = token_file.read_text().strip()
        client = Client(up.url, secret)
        viewer = (await client.query("{ viewer { user { username } } }"))["viewer"]
        assert viewer == {"user": {"username": "admin"}}

        async def demo_is_read() -> Any:
            found = (await Client(up.url).query(CURVE))["target"]  # OPEN: nobody needs to sign in
            return found["lightCurve"]["count"]

        demo_count = await until(30, demo_is_read)
        assert demo_count > 50
        target, cursor = await a_file_makes_its_way(client, "Own target")

        assert f"in use by process {up.process.pid}" in await command(home, "up", "--port", "0", code=1)
        await the_commands_work(home, up, client)

        await kill_and_wait(up, "worker")
        await a_file_makes_its_way(client, "After the worker's death")
        await kill_and_wait(up, "serve")
        await until(20, lambda: answers(client))
        told = await announced(client, target, cursor, 50)
        assert (len(told), set(told.values())) == (50, {1})
        await a_file_makes_its_way(client, "After the web's death")
        await up.stops(signal.SIGTERM)

        up = Up(home, "--demo")
        await up.ready()
        assert "The demonstration data are there already." in up.said()
        assert token_file.read_text().strip() == secret
        client = Client(up.url, secret)
        assert await demo_is_read() == demo_count
        assert (await client.query(COUNT, t=target))["reducedData"]["totalCount"] == 50
        told = await announced(client, target, cursor, 50)
        assert (len(told), set(told.values())) == (50, {1})
        await a_file_makes_its_way(client, "After the restart")
        await up.stops(signal.SIGINT)
    finally:
        if up.process.poll() is None:
            up.process.terminate()
            up.process.wait(30)
    assert "Traceback" not in "".join(path.read_text() for path in (home / "logs").iterdir())


async def the_commands_work(home: Path, up: Up, client: Client) -> None:
    """Every command of the command line, beside the running site."""
    said = (await command(home, "doctor")).splitlines()
    assert {line.split()[0] for line in said} == {"ok"}
    assert {"postgresql", "schema", "queue", "files", "processors"} <= {line.split()[1].rstrip(":") for line in said}
    assert "The schema is up to date." in await command(home, "migrate")
    assert 'Created the user "vera"' in await command(home, "user", "vera")
    assert "Error: " in await command(home, "user", "vera", code=1)
    secret = (await command(home, "token", "vera", "--scope", "read")).strip()
    vera = Client(up.url, secret)
    assert (await vera.query("{ viewer { user { username } } }"))["viewer"] == {"user": {"username": "vera"}}
    assert 'There is no user "nobody"' in await command(home, "token", "nobody", code=1)
    assert 'There is no scope "fly"' in await command(home, "token", "vera", "--scope", "fly", code=1)
    assert "type Subscription" in await command(home, "schema")
    wrong = await Client(up.url, "tomgql_wrong").post("{ viewer { user { username } } }")
    assert (wrong.status_code, wrong.json()["errors"][0]["extensions"]["code"]) == (401, "NOT_AUTHENTICATED")


async def test_commands_without_a_site_say_so(home: Path) -> None:
    commands: list[tuple[str, ...]] = [("worker",), ("serve",), ("migrate",), ("user", "vera"), ("token", "vera")]
    waits = [command(home, *arguments, code=1) for arguments in commands]
    for said in await asyncio.gather(*waits):
        assert f"No site runs in {home}." in said
    assert "MISSING postgresql: no address" in await command(home, "doctor", code=1)
    helped = await command(home, "--help")
    for name in ("up", "serve", "worker", "migrate", "schema", "user", "token", "doctor"):
        assert re.search(rf"^  {name} ", helped, re.MULTILINE)
