"""What the two embedded servers have in common: one owner, one port, one log, a clean end, a new start.

A server object may be started again after its process died; it then keeps its port and password, so that
clients reconnect by themselves. A later process finds the data, and whatever an earlier one left running.
"""

from __future__ import annotations

import signal
import subprocess
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar

from tomgql.embedded.directory import (
    LOOPBACK,
    free_port,
    kept_password,
    make_directory,
    port_is_free,
    rotate_log,
    write_private,
)
from tomgql.embedded.errors import EmbeddedServerError, read_from, server_failure
from tomgql.embedded.lock import DirectoryLock
from tomgql.embedded.processes import directory_mark, end_processes, marked_processes, wait_until

START_LIMIT_S = 300.0
"""Longest start in seconds: crash recovery reads the log of everything since the last checkpoint."""

STOP_LIMIT_S = 20.0
"""Seconds that a server has to write its data and stop before it is told harder."""

PORT_ATTEMPTS = 5
"""Free ports that are tried: another process may take one between our look and the server's."""


class EmbeddedServer(ABC):
    """A server process of our own in a directory of its own. Methods block and may be called from any thread."""

    name: ClassVar[str]
    gentle_signal: ClassVar[signal.Signals]

    def __init__(self, directory: Path, *, port: int | None = None, log_file: Path | None = None) -> None:
        self.directory = directory.resolve()
        self.log_file = log_file or self.directory / "server.log"
        self._wanted_port = port
        self._port: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._log_offset = 0
        self._lock = DirectoryLock(self.directory)
        self._turn = threading.RLock()

    @property
    def port(self) -> int:
        """Loopback port of the server. Raises: `EmbeddedServerError` before the first start."""
        if self._port is None:
            raise EmbeddedServerError(f"The embedded {self.name} has not been started yet.")
        return self._port

    @property
    def pid(self) -> int | None:
        """Id of the server's main process while it runs as our child."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def password(self) -> str:
        """The server's password, kept in its directory (mode 0600)."""
        return kept_password(self.directory / "password")

    def is_running(self) -> bool:
        """Whether the server runs: our child, or, if we started none, one that an earlier process left."""
        if self._process is not None:
            return self._process.poll() is None
        return self.directory.is_dir() and bool(marked_processes(directory_mark(self.directory)))

    def start(self) -> None:
        """Start the server and wait until it answers. Idempotent while it runs.

        What an earlier process left running in this directory is stopped first, so that the settings are ours.
        Raises: `DirectoryInUseError` when another process owns the directory, `EmbeddedServerError` otherwise.
        """
        with self._turn:
            if self.pid is not None:
                return
            make_directory(self.directory, self._directory_mode())
            self._lock.acquire()
            with ExitStack() as undo:
                undo.callback(self.stop)
                self._start_here()
                undo.pop_all()

    def _start_here(self) -> None:
        try:
            self._end_all()
            self._prepare()
            self._launch_on_a_port()
        except (OSError, subprocess.SubprocessError) as error:
            raise EmbeddedServerError(f"The embedded {self.name} cannot use {self.directory}: {error}.") from error

    def stop(self) -> None:
        """Stop the server cleanly, harder when it takes too long, and give its directory up. Idempotent."""
        with self._turn:
            if self._process is not None:
                self._end_all()
            self._lock.release()

    def _end_all(self) -> None:
        main_pid = self._process.pid if self._process else self._recorded_pid()
        end_processes(directory_mark(self.directory), main_pid, self.gentle_signal, STOP_LIMIT_S)
        if self._process is not None:
            # A child that has not put its mark into its command line yet is not found by it.
            if self._process.poll() is None:
                self._process.kill()
            self._process.wait()
            self._process = None

    def _launch_on_a_port(self) -> None:
        for port in self._candidate_ports():
            self._log_offset = rotate_log(self.log_file)
            self._process = self._launch(port)
            if self._becomes_ready(port):
                self._port = port
                write_private(self.directory / "port", f"{port}\n")
                return
            if "Address already in use" not in read_from(self.log_file, self._log_offset):
                raise self._failure(f"The embedded {self.name} did not start.")
        raise EmbeddedServerError(
            f"The embedded {self.name} found no port of {LOOPBACK} to listen on. Stop what listens there."
        )

    def _becomes_ready(self, port: int) -> bool:
        """Wait until the launched process accepts clients (true), or ended or took too long (false)."""
        return wait_until(lambda: self._has_exited() or self._answers(port), START_LIMIT_S) and not self._has_exited()

    def _candidate_ports(self) -> Iterator[int]:
        """The port it must have; else the one it had last time, then free ones."""
        must = self._wanted_port or self._port
        if must is not None:
            if not port_is_free(must):
                raise EmbeddedServerError(
                    f"Port {must} of {LOOPBACK}, which the embedded {self.name} needs, is already in use. "
                    "Stop what listens there."
                )
            yield must
            return
        remembered = self._remembered_port()
        if remembered and port_is_free(remembered):
            yield remembered
        yield from (free_port() for _ in range(PORT_ATTEMPTS))

    def _remembered_port(self) -> int | None:
        path = self.directory / "port"
        text = path.read_text().strip() if path.exists() else ""
        return int(text) if text.isdigit() else None

    def _has_exited(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _failure(self, what: str, remedy: str = "Nothing was removed: the next start tries again.") -> Exception:
        return server_failure(what, self.log_file, log_offset=self._log_offset, remedy=remedy)

    def _directory_mode(self) -> int:
        """Mode of the server's directory when it has to be made."""
        return 0o700

    @abstractmethod
    def _recorded_pid(self) -> int | None:
        """Id that the server itself wrote down as its main process, however old."""

    @abstractmethod
    def _prepare(self) -> None:
        """Make everything that must be there before the process is launched."""

    @abstractmethod
    def _launch(self, port: int) -> subprocess.Popen[bytes]:
        """Launch the process; do not wait for it."""

    @abstractmethod
    def _answers(self, port: int) -> bool:
        """Whether the launched process accepts clients."""
