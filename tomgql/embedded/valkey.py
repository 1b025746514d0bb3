"""The embedded Valkey: the queue's memory, kept in an append-only file.

::

    DIR/valkey.conf   written at each start; holds the password, so mode 0600 and never a command line
    DIR/appendonlydir the append-only file in Valkey's several parts
    DIR/password, DIR/port, DIR/lock, DIR/server.log, DIR/valkey.pid
"""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import ClassVar

import redis

from tomgql.embedded.accounts import ENVIRONMENT
from tomgql.embedded.directory import LOOPBACK, write_private
from tomgql.embedded.processes import directory_mark
from tomgql.embedded.program import installed_valkey
from tomgql.embedded.server import EmbeddedServer

PERSISTENCE = """\
appendonly yes
appendfsync everysec
aof-load-truncated yes
"""
"""Each command is written before it is answered, so a killed Valkey loses nothing; a machine that stops at once may
lose the last second. That is enough: job rows are in PostgreSQL, and the sweep sends again what the queue lost.
`always` would pay a disk flush per command for nothing. A tail cut off by a crash is dropped when loading."""


class EmbeddedValkey(EmbeddedServer):
    """Valkey on a loopback port. Without `persist` it keeps nothing over a restart (for tests)."""

    name: ClassVar[str] = "Valkey"
    gentle_signal: ClassVar[signal.Signals] = signal.SIGTERM
    """SIGTERM lets Valkey flush its file and end."""

    def __init__(
        self, directory: Path, *, port: int | None = None, persist: bool = True, log_file: Path | None = None
    ) -> None:
        super().__init__(directory, port=port, log_file=log_file)
        self.persist = persist
        self._program = installed_valkey()

    def url(self) -> str:
        """Address of the server with the password in it, as redis-py and arq take it."""
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    def _recorded_pid(self) -> int | None:
        path = self.directory / "valkey.pid"
        text = path.read_text().strip() if path.exists() else ""
        return int(text) if text.isdigit() else None

    def _prepare(self) -> None:
        """Nothing to make: Valkey makes its files itself."""

    def _launch(self, port: int) -> subprocess.Popen[bytes]:
        write_private(self.directory / "valkey.conf", self._configuration(port))
        with self.log_file.open("ab") as log:
            return subprocess.Popen(  # noqa: S603
                [self._program, "valkey.conf"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
                env=dict(ENVIRONMENT),
                umask=0o077,
                start_new_session=True,
            )

    def _configuration(self, port: int) -> str:
        # Paths are relative to the directory, so that no character in its name can upset the file's syntax.
        return (
            f"bind {LOOPBACK}\nport {port}\nprotected-mode yes\nrequirepass {self.password}\n"
            f'dir .\npidfile valkey.pid\nlogfile ""\ndaemonize no\nsave ""\nmaxmemory-policy noeviction\n'
            f'proc-title-template "{{title}} {directory_mark(self.directory)} {{listen-addr}}"\n'
            + (PERSISTENCE if self.persist else "appendonly no\n")
        )

    def _answers(self, port: int) -> bool:
        client = redis.Redis(host=LOOPBACK, port=port, password=self.password, socket_timeout=1.0)
        try:
            return bool(client.ping())  # a stranger's server on this port would refuse the password
        except redis.RedisError:
            return False
        finally:
            client.close()
