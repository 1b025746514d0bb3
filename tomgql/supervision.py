"""Keep processes running: the web process, the worker and the embedded servers of `tomgql up`.

A child that ends is started again, after pauses that grow while it keeps ending soon. Children have a process
group of their own, so Ctrl-C in the terminal reaches only the supervisor, which then ends them in order.
A supervisor that is killed cannot end anybody: children notice it themselves (`exit_when_orphaned`).
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import STDOUT
from typing import Protocol

from tomgql.embedded import EmbeddedServerError
from tomgql.embedded.directory import rotate_log

log = logging.getLogger(__name__)

PARENT_VARIABLE = "TOMGQL_PARENT_PID"
"""Environment variable with the supervisor's pid. No setting: it only passes between supervisor and child."""

LOOK_S = 0.5
"""Seconds between two looks at an embedded server."""

ORPHAN_LOOK_S = 1.0
"""Seconds between two looks of a child at its parent."""

ORPHAN_GRACE_S = 10.0
"""Seconds that an orphan has to end cleanly before it is cut off."""


@dataclass(frozen=True)
class ChildSpec:
    """A process to keep running. `env` is added to ours; `grace_s` are the seconds from SIGTERM to SIGKILL.

    Output goes to `log_file`, or where ours goes when there is none.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    grace_s: float = 10.0
    log_file: Path | None = None


@dataclass(frozen=True)
class Pauses:
    """Pauses before a restart, in seconds: from `first_s`, doubled up to `longest_s`, reset after `healthy_s` alive."""

    first_s: float = 0.2
    longest_s: float = 10.0
    healthy_s: float = 30.0

    def after(self, previous_s: float | None, lived_s: float) -> float:
        """The pause that follows a life of `lived_s` and an earlier pause of `previous_s`."""
        if previous_s is None or lived_s >= self.healthy_s:
            return self.first_s
        return min(previous_s * 2, self.longest_s)


class KeptServer(Protocol):
    """A server that can say whether it runs and can be started again; both block. `embedded` has two."""

    @property
    def name(self) -> str:
        """Name for messages."""

    def is_running(self) -> bool:
        """Whether its process is alive."""

    def start(self) -> None:
        """Start it and wait until it answers. Raises: `EmbeddedServerError`."""


class Supervisor:
    """Starts children and keeps them, and the given servers, running until told to stop.

    `report` gets one line for everything worth telling; by default it goes to the log.
    """

    def __init__(
        self,
        children: Sequence[ChildSpec],
        servers: Sequence[KeptServer] = (),
        *,
        report: Callable[[str], None] = log.warning,
        pauses: Pauses | None = None,
    ) -> None:
        self._report = report
        self._pauses = pauses or Pauses()
        self._servers = servers
        self._children = [_Child(spec, report) for spec in children]

    def pid_of(self, name: str) -> int | None:
        """Process id of the child of this name, while it runs."""
        return next((child.pid for child in self._children if child.spec.name == name), None)

    async def run(self, stop_event: asyncio.Event) -> None:
        """Supervise until the event is set; then end the children, in the order they were given, and return.

        The servers are left running: who started them stops them.
        """
        async with AsyncExitStack() as stack:
            for child in reversed(self._children):
                stack.push_async_callback(child.end)
            keepers = [asyncio.create_task(self._keep_child(child)) for child in self._children]
            keepers += [asyncio.create_task(self._keep_server(server)) for server in self._servers]
            stack.push_async_callback(_cancel, keepers)
            stopping = asyncio.create_task(stop_event.wait())
            stack.push_async_callback(_cancel, [stopping])
            done, _ = await asyncio.wait([stopping, *keepers], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # a keeper only ends through a bug, which must be seen

    async def _keep_child(self, child: _Child) -> None:
        pause_s: float | None = None
        while True:
            started = time.monotonic()
            outcome = await child.run_once()
            pause_s = self._pauses.after(pause_s, time.monotonic() - started)
            self._report(f"{child.spec.name} {outcome}; starting it again in {pause_s:g} s{child.where_to_look()}")
            await asyncio.sleep(pause_s)

    async def _keep_server(self, server: KeptServer) -> None:
        pause_s: float | None = None
        started = time.monotonic()
        while True:
            await asyncio.sleep(LOOK_S)
            if await asyncio.to_thread(server.is_running):
                continue
            self._report(f"{server.name} has died; starting it again")
            pause_s = self._pauses.after(pause_s, time.monotonic() - started)
            started = time.monotonic()
            try:
                await asyncio.to_thread(server.start)
            except EmbeddedServerError as error:
                self._report(f"{server.name} could not be started, trying again in {pause_s:g} s. {error}")
                await asyncio.sleep(pause_s)
            else:
                self._report(f"{server.name} is back")


class _Child:
    """One supervised process and its successors."""

    def __init__(self, spec: ChildSpec, report: Callable[[str], None]) -> None:
        self.spec = spec
        self._report = report
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.returncode is None else None

    async def run_once(self) -> str:
        """Start the process, wait for its end, and say how it ended."""
        try:
            process = self._process = await self._spawn()
        except OSError as error:
            return f"cannot be started ({error})"
        log.info("%s started with pid %d", self.spec.name, process.pid)
        await process.wait()
        _signal_group(process.pid, signal.SIGKILL)  # what it had started itself must not live on without it
        return f"(pid {process.pid}) ended with {describe_exit(process.returncode)}"

    async def end(self) -> None:
        """End the process: SIGTERM, then, after its grace, SIGKILL to its whole group."""
        if self._process is None or self._process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), self.spec.grace_s)
        except TimeoutError:
            self._report(f"{self.spec.name} (pid {self._process.pid}) did not stop in time and was killed")
        _signal_group(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        log.info("%s ended with %s", self.spec.name, describe_exit(self._process.returncode))

    def where_to_look(self) -> str:
        return f" (log: {self.spec.log_file})" if self.spec.log_file else ""

    async def _spawn(self) -> asyncio.subprocess.Process:
        environment = {**os.environ, **self.spec.env, PARENT_VARIABLE: str(os.getpid())}
        with ExitStack() as stack:
            output = None
            if self.spec.log_file:
                rotate_log(self.spec.log_file)
                output = stack.enter_context(self.spec.log_file.open("ab"))
            return await asyncio.create_subprocess_exec(
                *self.spec.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=STDOUT if output else None,
                env=environment,
                process_group=0,
            )


def describe_exit(code: int | None) -> str:
    """A return code in words: ``exit status 3`` or ``SIGKILL``."""
    if code is None or code >= 0:
        return f"exit status {code}"
    return signal.Signals(-code).name


def exit_when_orphaned(look_s: float = ORPHAN_LOOK_S, grace_s: float = ORPHAN_GRACE_S) -> threading.Thread | None:
    """Let this process end when its supervisor is gone: call it once, early; it returns at once.

    A thread looks, so that a busy event loop cannot miss it: SIGTERM to ourselves first, for a clean end, and
    `os._exit` after `grace_s` seconds. Does nothing (returns None) in a process that no supervisor started.
    """
    parent = os.environ.pop(PARENT_VARIABLE, None)
    if parent is None:
        return None
    thread = threading.Thread(target=_end_with, args=(int(parent), look_s, grace_s), name="parent-watch", daemon=True)
    thread.start()
    return thread


def _end_with(parent: int, look_s: float, grace_s: float) -> None:
    while os.getppid() == parent:
        time.sleep(look_s)
    print("The supervising process is gone: ending.", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace_s)
    os._exit(1)


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


async def _cancel(tasks: Sequence[asyncio.Task[object]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
