"""The nursery: a small process with numpy and astropy loaded, which forks one child for each file to be read.

Spoken to in lines of JSON over its own standard input and output, and in nothing else; it holds no secrets, no
sockets and no database. Forking costs milliseconds where a fresh interpreter costs a second.

Asked ``{"id": 1, "request": {...}}`` it answers ``{"id": 1, "pid": 4711}`` and, when the child has ended,
``{"id": 1, "status": <wait status>}``. When its input ends it kills its children and goes.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import selectors
import signal
import sys
from typing import Any

import orjson

PRELOADED = ("numpy", "tomgql.domain.columns", "tomgql.domain.staging", "tomgql.plugins.sandbox_child",
             "astropy.units", "astropy.table", "astropy.io.ascii", "astropy.io.fits")  # fmt: skip
"""What nearly every processor needs."""


class Nursery:
    """Forks children and tells how they ended."""

    def __init__(self) -> None:
        self._children: dict[int, int] = {}
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        os.set_blocking(self._wake_read, False)

    def run(self) -> None:
        """Serve until the input ends."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        _say({"ready": True})
        pending = b""
        with selectors.DefaultSelector() as selector:
            selector.register(0, selectors.EVENT_READ)
            selector.register(self._wake_read, selectors.EVENT_READ)
            while True:
                ready = {key.fd for key, _ in selector.select()}
                if self._wake_read in ready:
                    self._reap()
                if 0 in ready:
                    received = os.read(0, 65536)
                    if not received:
                        break
                    *lines, pending = (pending + received).split(b"\n")
                    for line in lines:
                        self._start(orjson.loads(line))
        self._kill_all()

    def _start(self, message: dict[str, Any]) -> None:
        pid = os.fork()
        if pid == 0:
            self._become_child(message["request"])
        self._children[pid] = message["id"]
        _say({"id": message["id"], "pid": pid})

    def _become_child(self, request: dict[str, Any]) -> None:
        """Never returns: a session of its own, no descriptor but the null device and a log."""
        status = 70
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            log = os.open(os.path.join(request["output_dir"], "log.txt"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)  # noqa: PTH118
            null = os.open(os.devnull, os.O_RDONLY)
            os.dup2(null, 0)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.closerange(3, 256)
            from tomgql.plugins import sandbox_child

            status = sandbox_child.run(request)
        finally:
            os._exit(status)

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_read, 4096)
        for pid in list(self._children):
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            # Before the child is reaped its number cannot be anyone else's: take its own children along now.
            _kill_group(pid)
            _, status = os.waitpid(pid, 0)
            _say({"id": self._children.pop(pid), "status": status})

    def _kill_all(self) -> None:
        for pid in self._children:
            _kill_group(pid)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _say(message: dict[str, Any]) -> None:
    os.write(1, orjson.dumps(message) + b"\n")


def main() -> None:
    """Load what is needed once, then serve; objects loaded so far are kept out of the children's collections."""
    for name in PRELOADED:
        importlib.import_module(name)
    from astropy.utils import iers

    iers.conf.auto_download = False
    gc.collect()
    gc.freeze()
    Nursery().run()


if __name__ == "__main__":
    # Whatever a library prints while it loads must not stand between the lines of the protocol.
    _answers = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    os.dup2(_answers, 1)
    os.close(_answers)
    main()
