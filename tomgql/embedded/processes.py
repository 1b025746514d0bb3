"""Find and end the processes of one embedded server, also those of a run whose parent was killed.

Each server carries a *mark*, made from its directory, in the command line of every process it has. Command lines
can be read by everybody, unlike working directories or open files, so the mark is found again from another
account and inside containers. A pid from a file is never trusted by itself: after a reboot it is anybody's.

The servers are not tied to their parent by PR_SET_PDEATHSIG: that signal comes when the *thread* that started
them ends, and they are started from threads that end.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
"""Where Linux shows its processes; elsewhere `ps` is asked."""

POLL_S = 0.02
"""Pause between two looks, in seconds: short beside the 0.1 s that a server takes to stop."""

QUIT_WAIT_S = 5.0
"""Seconds from SIGQUIT (leave at once) to SIGKILL."""


def directory_mark(directory: Path) -> str:
    """The mark of a directory's server: the same after a move, another for a copy."""
    status = directory.stat()
    return "tomgql-" + hashlib.sha256(f"{status.st_dev}:{status.st_ino}".encode()).hexdigest()[:12]


def command_of(pid: int) -> str:
    """Command line or title of a live process; empty when there is none, or only a zombie."""
    if not PROC.joinpath("self").exists():
        return dict(_commands_by_ps()).get(pid, "")
    try:
        # A zombie's command line reads as empty, so one that nobody reaps does not count as alive.
        return PROC.joinpath(str(pid), "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""


def marked_processes(mark: str) -> list[int]:
    """Ids of the live processes that carry the mark."""
    if not PROC.joinpath("self").exists():
        return [pid for pid, command in _commands_by_ps() if mark in command]
    pids = [int(name) for name in os.listdir(PROC) if name.isdigit()]  # noqa: PTH208 (names only, many times a second)
    return [pid for pid in pids if mark in command_of(pid)]


def _commands_by_ps() -> list[tuple[int, str]]:
    listing = subprocess.run(["ps", "-axww", "-o", "pid=,command="], capture_output=True, text=True, check=True)  # noqa: S607
    rows = (line.split(maxsplit=1) for line in listing.stdout.splitlines())
    return [(int(row[0]), row[1]) for row in rows if len(row) == 2]


def end_processes(mark: str, main_pid: int | None, gentle: signal.Signals, wait_s: float) -> bool:
    """End all processes of a mark; return whether the gentle signal alone, sent to the main one, was enough.

    After `wait_s` seconds the rest gets SIGQUIT, and SIGKILL when that does not help. Idempotent.
    """
    pids = marked_processes(mark)
    if main_pid in pids:
        _send(main_pid, gentle)
        if _ended(mark, pids, wait_s):
            return True
    elif not pids:
        return True
    for number in (signal.SIGQUIT, signal.SIGKILL):
        pids = marked_processes(mark)
        for pid in pids:
            _send(pid, number)
        if _ended(mark, pids, QUIT_WAIT_S):
            break
    return False


def is_alive(pid: int) -> bool:
    """Whether the process has not ended; a zombie, which holds no port and no memory, has."""
    if not PROC.joinpath("self").exists():
        return bool(command_of(pid))
    try:
        status = PROC.joinpath(str(pid), "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in ("Z", "X")  # proc(5): the state follows the name


def _ended(mark: str, pids: list[int], limit_s: float) -> bool:
    """Whether these processes, and all others of the mark, ended within the limit (seconds).

    An ending process loses its command line, and so its mark, before its port and its shared memory.
    """
    return wait_until(lambda: not any(map(is_alive, pids)) and not marked_processes(mark), limit_s)


def wait_until(condition: Callable[[], bool], limit_s: float) -> bool:
    """Whether the condition came true within the limit (seconds). Blocks."""
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def _send(pid: int | None, number: signal.Signals) -> None:
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
