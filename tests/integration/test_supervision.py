"""Supervision and `tomgql up`, with real processes: what dies comes back, what stops leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
import redis

from tomgql.embedded import EmbeddedPostgres, EmbeddedValkey
from tomgql.embedded.processes import is_alive, marked_processes, wait_until
from tomgql.supervision import ChildSpec, Pauses, Supervisor

SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")

UP = """
import asyncio, sys
from pathlib import Path
import asyncpg
from tomgql.settings import Settings
from tomgql.supervision import ChildSpec
from tomgql.up import run_up

async def prepare(settings):
    connection = await asyncpg.connect(settings.database_url)
    await connection.execute("CREATE TABLE IF NOT EXISTS starts (at timestamptz DEFAULT now())")
    await connection.execute("INSERT INTO starts DEFAULT VALUES")
    count = await connection.fetchval("SELECT count(*) FROM starts")
    await connection.close()
    (settings.data_dir / "admin-token").write_text("secret")
    return [f"Prepared {count}; {settings.database_url} {settings.redis_url}"]

def children(settings):
    web = [sys.executable, "-m", "http.server", "--bind", settings.host, str(settings.port)]
    work = "from tomgql.supervision import exit_when_orphaned; import time; exit_when_orphaned(0.1); time.sleep(60)"
    mark = f"--tomgql-test={settings.data_dir}"
    return [ChildSpec("web", [*web, "-d", str(settings.data_dir)]),
            ChildSpec("worker", [sys.executable, "-c", work, mark])]

def report(line):
    print(line, flush=True)

settings = Settings(data_dir=Path(sys.argv[1]), port=int(sys.argv[2]))
sys.exit(asyncio.run(run_up(settings, demo=False, report=report, prepare=prepare, children=children)))
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A data directory that every account can reach, as one below /var/lib would be."""
    path = Path(tempfile.mkdtemp(prefix="tomgql-test-"))
    path.chmod(0o755)
    yield path / "data"
    shutil.rmtree(path)


@asynccontextmanager
async def supervised(supervisor: Supervisor) -> AsyncIterator[None]:
    stop = asyncio.Event()
    running = asyncio.create_task(supervisor.run(stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(running, 20)


async def until(condition: Callable[[], object], limit_s: float = 10) -> None:
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110 (other processes set no event here)
            await asyncio.sleep(0.02)


async def test_killed_child_is_started_again_and_its_family_ended(tmp_path: Path) -> None:
    said: list[str] = []
    family = tmp_path / "family"
    program = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen({list(SLEEP)!r}); open({str(family)!r}, 'a').write(f'{{child.pid}}\\n')\n"
        "time.sleep(60)"
    )
    supervisor = Supervisor([ChildSpec("worker", [sys.executable, "-c", program])], report=said.append)
    async with supervised(supervisor):
        await until(lambda: family.exists() and family.read_text().endswith("\n"))
        first = supervisor.pid_of("worker")
        assert first is not None
        assert os.getpgid(first) == first
        os.kill(first, signal.SIGKILL)
        await until(lambda: len(family.read_text().splitlines()) == 2)
        second = supervisor.pid_of("worker")
        assert second not in (None, first)
    assert said == [f"worker (pid {first}) ended with SIGKILL; starting it again in 0.2 s"]
    members = [int(line) for line in family.read_text().splitlines()]
    everybody = [first, second or 0, *members]
    assert wait_until(lambda: not any(map(is_alive, everybody)), 2)
    assert supervisor.pid_of("worker") is None


async def test_children_end_in_order_and_the_stubborn_one_is_killed(tmp_path: Path) -> None:
    said: list[str] = []
    ends = tmp_path / "ends"
    polite = (
        "import signal, sys, time\n"
        f"signal.signal(signal.SIGTERM, lambda *_: (open({str(ends)!r}, 'a').write('web '), sys.exit(0)))\n"
        "print('ready', flush=True); time.sleep(60)"
    )
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    )
    web = ChildSpec("web", [sys.executable, "-c", polite], log_file=tmp_path / "web.log")
    worker = ChildSpec("worker", [sys.executable, "-c", deaf], grace_s=0.3, log_file=tmp_path / "worker.log")
    async with supervised(supervisor := Supervisor([web, worker], report=said.append)):
        await until(lambda: all((tmp_path / f"{n}.log").exists() for n in ("web", "worker")))
        await until(lambda: all((tmp_path / f"{n}.log").read_text() == "ready\n" for n in ("web", "worker")))
        pid = supervisor.pid_of("worker")
    assert ends.read_text() == "web "
    assert said == [f"worker (pid {pid}) did not stop in time and was killed"]


async def test_child_that_cannot_start_is_tried_again() -> None:
    said: list[str] = []
    supervisor = Supervisor([ChildSpec("web", ["/nonexistent"])], report=said.append, pauses=Pauses(first_s=0.05))
    async with supervised(supervisor):
        await until(lambda: len(said) == 3)
    assert [line.rpartition(" in ")[2] for line in said] == ["0.05 s", "0.1 s", "0.2 s"]
    assert said[0].startswith("web cannot be started (")


def test_pauses_grow_to_a_limit_and_start_anew_after_health() -> None:
    pauses = Pauses()
    assert pauses.after(None, 0) == 0.2
    assert pauses.after(0.2, 1) == 0.4
    assert pauses.after(8, 1) == 10
    assert pauses.after(10, 31) == 0.2


async def test_killed_servers_come_back_where_they_were(home: Path) -> None:
    said: list[str] = []
    servers = (EmbeddedPostgres(home / "postgres", for_tests=True), EmbeddedValkey(home / "valkey"))
    home.mkdir(0o755)
    postgres, valkey = servers
    try:
        for server in servers:
            server.start()
        addresses = postgres.dsn(), valkey.url()
        before = postgres.pid, valkey.pid
        async with supervised(Supervisor([], servers, report=said.append)):
            for pid in before:
                os.kill(pid or 0, signal.SIGKILL)
            await until(lambda: len(said) == 4)
            assert sorted(said) == [
                "PostgreSQL has died; starting it again",
                "PostgreSQL is back",
                "Valkey has died; starting it again",
                "Valkey is back",
            ]
        assert (postgres.dsn(), valkey.url()) == addresses
        connection = await asyncpg.connect(addresses[0])
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()
        with redis.Redis.from_url(addresses[1]) as client:
            assert client.ping()
    finally:
        for server in servers:
            server.stop()


def start_up(home: Path, port: int = 0) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", UP, str(home), str(port)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def lines_until(process: subprocess.Popen[str], text: str) -> list[str]:
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if text in line:
            return lines
    raise AssertionError(f"{text!r} never came: {lines}")


def test_up_runs_refuses_a_second_and_stops_cleanly(home: Path) -> None:
    up = start_up(home)
    try:
        lines = lines_until(up, "admin")
        assert lines[:2] == ["Starting Valkey and PostgreSQL.", "Preparing the database."]
        assert lines[2].startswith("Prepared 1; postgres://tomgql:")
        assert re.fullmatch(r"tomgql listens on http://127\.0\.0\.1:\d+", lines[3])
        assert lines[4] == f"Data are kept in {home}, logs in {home / 'logs'}."
        second = start_up(home)
        message, _ = second.communicate(timeout=20)
        assert second.returncode == 1
        assert f"in use by process {up.pid}" in message
        marks = marked_processes(str(home))
        assert len(marks) >= 4
        up.send_signal(signal.SIGINT)
        rest, _ = up.communicate(timeout=20)
        assert rest.splitlines() == ["Stopping.", "Stopped."]
        assert up.returncode == 0
        assert marked_processes(str(home)) == []
        assert {path.name for path in home.iterdir()} >= {"postgres", "valkey", "files", "logs", "lock", "admin-token"}
        assert (home / "files").stat().st_mode & 0o777 == 0o700
        assert {path.name for path in (home / "logs").iterdir()} == {
            f"{name}.log" for name in ("postgres", "valkey", "web", "worker")
        }
    finally:
        up.kill()


def test_up_that_was_killed_starts_again_with_its_data(home: Path) -> None:
    first = start_up(home)
    lines_until(first, "admin")
    first.kill()
    first.communicate()
    assert wait_until(lambda: not marked_processes(f"--tomgql-test={home}"), 5), "the worker outlived its supervisor"
    for orphan in marked_processes(f"-d {home}"):
        os.kill(orphan, signal.SIGKILL)  # this web process is Python's own and does not watch its parent
    second = start_up(home)
    try:
        assert any(line.startswith("Prepared 2;") for line in lines_until(second, "admin"))
        second.send_signal(signal.SIGTERM)
        second.communicate(timeout=20)
        assert second.returncode == 0
        assert marked_processes(str(home)) == []
    finally:
        second.kill()


def test_up_that_is_stopped_while_it_starts(home: Path) -> None:
    up = start_up(home)
    lines_until(up, "Starting")
    up.send_signal(signal.SIGINT)
    rest, _ = up.communicate(timeout=20)
    assert rest.splitlines()[-1] == "Stopping."
    assert up.returncode == 0
    assert marked_processes(str(home)) == []


def test_up_says_why_it_cannot_start(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        up = start_up(home, port)
        message, _ = up.communicate(timeout=20)
    assert up.returncode == 1
    assert f"Cannot listen on 127.0.0.1 port {port}: Address already in use" in message
    assert not (home / "postgres").exists()
    (home.parent / "file").write_text("")
    up = start_up(home.parent / "file")
    message, _ = up.communicate(timeout=20)
    assert up.returncode == 1
    assert "cannot be used: It is a file" in message
