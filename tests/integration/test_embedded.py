"""The embedded servers, with real processes: restarts, crashes, orphans, closed directories, locks."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
import redis
from tortoise.connection import ConnectionHandler

from tomgql.embedded import (
    DirectoryInUseError,
    DirectoryLock,
    EmbeddedPostgres,
    EmbeddedServerError,
    EmbeddedValkey,
    directory,
)
from tomgql.embedded.processes import PROC, directory_mark, marked_processes, wait_until
from tomgql.embedded.program import LIBRARIES, installed_postgres
from tomgql.embedded.server import EmbeddedServer

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to find another identity for PostgreSQL")

Keep = Callable[[EmbeddedServer], None]


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that every account can reach; pytest's own are closed to others."""
    path = Path(tempfile.mkdtemp(prefix="tomgql-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def stopped_at_end() -> Iterator[Keep]:
    """Register servers to be stopped whatever the test does; none of their processes may be left then."""
    servers: list[EmbeddedServer] = []
    yield servers.append
    for server in servers:
        server.stop()
        assert marked_processes(directory_mark(server.directory)) == []


@pytest.fixture(scope="module")
def postgres() -> Iterator[EmbeddedPostgres]:
    """One cluster for the tests that leave it able to start; each starts it itself."""
    home = Path(tempfile.mkdtemp(prefix="tomgql-test-"))
    home.chmod(0o755)
    server = EmbeddedPostgres(home / "postgres", for_tests=True)
    yield server
    server.stop()
    assert marked_processes(directory_mark(server.directory)) == []
    shutil.rmtree(home)


async def run_sql(server: EmbeddedPostgres, statement: str) -> object:
    connection = await asyncpg.connect(server.dsn())
    try:
        *first, last = statement.split("; ")
        for each in first:
            await connection.execute(each)
        return await connection.fetchval(last)
    finally:
        await connection.close()


def modes_above(path: Path) -> list[tuple[int, int, int]]:
    return [(s.st_mode, s.st_uid, s.st_gid) for s in (parent.stat() for parent in path.parents)]


def kill(server: EmbeddedServer) -> None:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    assert wait_until(lambda: not server.is_running(), 5)


async def test_postgres_keeps_data_port_and_password_over_a_restart(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    address = postgres.dsn()
    await run_sql(postgres, "DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 42 AS answer")
    postgres.stop()
    assert not postgres.is_running()
    assert marked_processes(directory_mark(postgres.directory)) == []
    later = EmbeddedPostgres(postgres.directory, for_tests=True)
    later.start()
    try:
        assert await run_sql(later, "SELECT answer FROM kept") == 42
        assert later.dsn() == address
        assert later.version.startswith("18.")
    finally:
        later.stop()


async def test_postgres_has_the_settings_that_the_store_counts_on(open_directory: Path, stopped_at_end: Keep) -> None:
    server = EmbeddedPostgres(open_directory / "postgres", settings={"work_mem": "7MB"})
    stopped_at_end(server)
    server.start()
    wanted = {
        "fsync": "on",
        "jit": "off",
        "TimeZone": "UTC",
        "work_mem": "7MB",
        "max_connections": "200",
        "server_encoding": "UTF8",
        "data_checksums": "on",
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
    }
    assert {name: await run_sql(server, f"SHOW {name}") for name in wanted} == wanted
    await run_sql(server, "CREATE EXTENSION cube")
    assert await run_sql(server, "SELECT upper('é')") == "É"
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(server.dsn().replace(server.password, "wrong"))
    assert stat.S_IMODE((server.directory / "password").stat().st_mode) == 0o600
    assert not (server.directory / "initdb-password").exists()


async def test_tortoise_takes_the_address(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    connections = ConnectionHandler()
    await connections._init({"default": postgres.dsn()}, False)
    try:
        _, rows = await connections.get("default").execute_query("SELECT current_database() AS name")
        assert rows[0]["name"] == "tomgql"
    finally:
        await connections.close_all()


async def test_killed_postgres_starts_again_on_its_port(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    address = postgres.dsn()
    await run_sql(postgres, "DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 42 AS answer")
    busy = await asyncpg.connect(address)
    kill(postgres)
    postgres.start()
    assert postgres.dsn() == address
    assert await run_sql(postgres, "SELECT answer FROM kept") == 42
    busy.terminate()


async def test_half_made_cluster_is_made_again(open_directory: Path, stopped_at_end: Keep) -> None:
    server = EmbeddedPostgres(open_directory / "postgres", for_tests=True)
    stopped_at_end(server)
    half = server.directory / "cluster.new"
    directory.make_directory(half, 0o755)
    (half / "PG_VERSION").write_text("18\n")
    server.start()
    assert await run_sql(server, "SELECT 1") == 1
    assert not half.exists()


async def test_dropped_database_is_made_again(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    connection = await asyncpg.connect(postgres.dsn("postgres"))
    await connection.execute("DROP DATABASE tomgql")
    await connection.close()
    postgres.stop()
    postgres.start()
    assert await run_sql(postgres, "SELECT current_database()") == "tomgql"


async def test_pid_file_from_before_a_reboot_harms_nobody(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    pid_file = postgres.cluster / "postmaster.pid"
    text = pid_file.read_text()
    kill(postgres)
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        postgres.stop()
        pid_file.write_text(text.replace(text.splitlines()[0], str(bystander.pid), 1))
        postgres.start()
        assert await run_sql(postgres, "SELECT 1") == 1
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


async def test_cluster_of_another_version_is_refused(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    postgres.stop()
    (postgres.cluster / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedServerError, match="made by PostgreSQL 17"):
        postgres.start()
    (postgres.cluster / "PG_VERSION").write_text("18\n")
    postgres.start()


async def test_orphans_of_a_killed_parent_are_replaced(
    open_directory: Path, postgres: EmbeddedPostgres, stopped_at_end: Keep
) -> None:
    postgres.stop()
    valkey = EmbeddedValkey(open_directory / "valkey")
    stopped_at_end(valkey)
    program = (
        "import sys, time; from pathlib import Path; from tomgql.embedded import *\n"
        "pg = EmbeddedPostgres(Path(sys.argv[1]), for_tests=True); pg.start()\n"
        "vk = EmbeddedValkey(Path(sys.argv[2])); vk.start()\n"
        "print(pg.pid, vk.pid, pg.dsn(), flush=True); time.sleep(60)\n"
    )
    argv = [sys.executable, "-c", program, str(postgres.directory), str(valkey.directory)]
    parent = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    postgres_pid, valkey_pid, address = parent.stdout.readline().split()
    connection = await asyncpg.connect(address)
    await connection.execute("DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 42 AS answer")
    parent.kill()
    parent.communicate()
    for server, orphan in ((postgres, int(postgres_pid)), (valkey, int(valkey_pid))):
        assert server.is_running()
        assert orphan in marked_processes(directory_mark(server.directory))
        server.start()
        assert server.pid != orphan
        assert orphan not in marked_processes(directory_mark(server.directory))
    assert await run_sql(postgres, "SELECT answer FROM kept") == 42
    connection.terminate()


async def test_running_directory_and_taken_port_are_refused(open_directory: Path, postgres: EmbeddedPostgres) -> None:
    postgres.start()
    with pytest.raises(DirectoryInUseError, match=f"in use by process {os.getpid()}"):
        EmbeddedPostgres(postgres.directory).start()
    with pytest.raises(EmbeddedServerError, match=f"Port {postgres.port} of 127.0.0.1"):
        EmbeddedValkey(open_directory / "valkey", port=postgres.port).start()
    assert await run_sql(postgres, "SELECT 1") == 1


def test_failed_start_quotes_the_log(open_directory: Path) -> None:
    server = EmbeddedPostgres(open_directory / "postgres", settings={"work_mem": "many", "fsync": "off"})
    with pytest.raises(EmbeddedServerError, match=r'did not start.\n.*server.log ends with:\n.*"work_mem": "many"'):
        server.start()
    assert not server.is_running()


@as_root
async def test_root_below_a_closed_parent(tmp_path: Path, stopped_at_end: Keep) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(0o700)
    home = closed / "home"
    before = modes_above(home)
    server = EmbeddedPostgres(home / "postgres", for_tests=True)
    stopped_at_end(server)
    server.start()
    assert server.identity.label == "in a user namespace"
    await run_sql(server, "DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 42 AS answer")
    assert modes_above(home) == before
    server.stop()
    server.start()
    assert await run_sql(server, "SELECT answer FROM kept") == 42
    assert not list(server.directory.glob("program-*"))


@as_root
async def test_root_below_a_closed_parent_where_namespaces_are_barred(
    tmp_path: Path, stopped_at_end: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    find = shutil.which
    monkeypatch.setattr(shutil, "which", lambda tool, path: None if tool == "unshare" else find(tool))
    server = EmbeddedPostgres(tmp_path / "postgres", for_tests=True)
    stopped_at_end(server)
    server.start()
    assert server.identity.label == "as nobody with CAP_DAC_OVERRIDE"
    assert await run_sql(server, "SELECT 1") == 1
    server.stop()
    monkeypatch.setattr(shutil, "which", lambda tool, path: None)
    with pytest.raises(EmbeddedServerError, match=r"as the account nobody: .*denied") as caught:
        server.start()
    assert "TOMGQL_DATA_DIR=/var/lib/tomgql" in str(caught.value)
    assert not list(server.directory.glob("probe-*"))


@as_root
async def test_root_with_programs_that_only_root_can_reach(
    tmp_path: Path, open_directory: Path, stopped_at_end: Keep
) -> None:
    original = installed_postgres().root
    hidden = tmp_path / "hidden"
    hidden.mkdir(0o700)
    shutil.copytree(original, hidden / "package" / "pginstall", ignore=shutil.ignore_patterns("include"))
    shutil.copytree(original.parent.parent / LIBRARIES, hidden / LIBRARIES)
    program = hidden / "package" / "pginstall"
    before = modes_above(program)
    server = EmbeddedPostgres(open_directory / "postgres", for_tests=True, program=program)
    stopped_at_end(server)
    server.start()
    copy = server.directory / f"program-{server.version}"
    assert server.identity.label == "as the account nobody"
    assert PROC.joinpath(str(server.pid), "exe").readlink().is_relative_to(copy)
    await run_sql(server, "CREATE EXTENSION pg_trgm")
    made = copy.stat().st_ino
    server.stop()
    server.start()
    assert copy.stat().st_ino == made
    assert modes_above(program) == before


@as_root
async def test_cluster_that_moves_behind_a_closed_parent(
    tmp_path: Path, postgres: EmbeddedPostgres, stopped_at_end: Keep
) -> None:
    postgres.start()
    assert postgres.identity.label == "as the account nobody"
    await run_sql(postgres, "DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 42 AS answer")
    postgres.stop()
    shutil.copytree(postgres.directory, tmp_path / "moved")
    for folder, _, names in os.walk(tmp_path / "moved" / "cluster"):
        for name in ("", *names):
            os.chown(Path(folder, name), *postgres.identity.owner)
    moved = EmbeddedPostgres(tmp_path / "moved", for_tests=True)
    stopped_at_end(moved)
    moved.start()
    assert moved.identity.label == "in a user namespace"
    assert await run_sql(moved, "SELECT answer FROM kept") == 42


def test_valkey_keeps_its_data_when_killed(open_directory: Path, stopped_at_end: Keep) -> None:
    server = EmbeddedValkey(open_directory / "valkey")
    stopped_at_end(server)
    server.start()
    address = server.url()
    with redis.Redis.from_url(address) as client:
        client.set("first", "1")
    server.stop()
    server.start()
    with redis.Redis.from_url(address) as client:
        client.set("second", "2")
        kill(server)
    server.start()
    assert server.url() == address
    with redis.Redis.from_url(address) as client:
        assert (client.get("first"), client.get("second")) == (b"1", b"2")
    with pytest.raises(redis.AuthenticationError), redis.Redis(port=server.port) as stranger:
        stranger.ping()
    assert stat.S_IMODE((server.directory / "valkey.conf").stat().st_mode) == 0o600
    assert server.password not in PROC.joinpath(str(server.pid), "cmdline").read_text()


def test_valkey_loads_a_file_that_was_cut_short(open_directory: Path, stopped_at_end: Keep) -> None:
    server = EmbeddedValkey(open_directory / "valkey")
    stopped_at_end(server)
    server.start()
    with redis.Redis.from_url(server.url()) as client:
        client.set("whole", "1")
        client.set("cut", "2")
        (tail,) = (server.directory / "appendonlydir").glob("*.incr.aof")
        while b"cut" not in tail.read_bytes():  # Valkey holds a write back while the disk is busy with the last one
            time.sleep(0.01)
        kill(server)
    os.truncate(tail, tail.stat().st_size - 3)
    server.start()
    with redis.Redis.from_url(server.url()) as client:
        assert (client.get("whole"), client.get("cut")) == (b"1", None)


def test_valkey_without_persistence_forgets(open_directory: Path, stopped_at_end: Keep) -> None:
    server = EmbeddedValkey(open_directory / "valkey", persist=False)
    stopped_at_end(server)
    server.start()
    with redis.Redis.from_url(server.url()) as client:
        client.set("gone", "1")
    server.stop()
    server.start()
    with redis.Redis.from_url(server.url()) as client:
        assert client.get("gone") is None


def test_lock_refuses_a_second_owner_until_the_first_is_dead(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from tomgql.embedded import DirectoryLock\n"
        "DirectoryLock(Path(sys.argv[1])).acquire(); print('held', flush=True); time.sleep(60)\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    assert owner.stdout.readline() == "held\n"
    with pytest.raises(DirectoryInUseError, match=f"in use by process {owner.pid}") as caught:
        DirectoryLock(tmp_path).acquire()
    assert caught.value.pid == owner.pid
    owner.kill()
    owner.communicate()
    with DirectoryLock(tmp_path) as lock:
        assert lock.path.read_text() == f"{os.getpid()}\n"


def test_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedServerError, match="TOMGQL_DATA_DIR"):
        directory.make_directory(tmp_path / "file" / "below")
    with pytest.raises(EmbeddedServerError, match="It is a file"):
        directory.make_directory(tmp_path / "file")


def test_large_log_is_set_aside(tmp_path: Path) -> None:
    log_file = tmp_path / "server.log"
    assert directory.rotate_log(log_file, limit_bytes=10) == 0
    log_file.write_text("0123456789")
    assert directory.rotate_log(log_file, limit_bytes=10) == 10
    log_file.write_text("0123456789+")
    assert directory.rotate_log(log_file, limit_bytes=10) == 0
    assert (log_file.read_text(), (tmp_path / "server.log.1").read_text()) == ("", "0123456789+")
