"""Strangers' code in isolation: what a processor or hook does wrong ends with its process.

`Sandbox` keeps one nursery (`tomgql.plugins.sandbox_server`) and asks it for a child per file, or call of a
hook. The child has limits on memory, processor time, file size and wall clock, a scrubbed environment and no
descriptor of ours. Its results are files, read as JSON; nothing is unpickled. It is protection against mistakes and
runaway files, not against malice: a child runs as the same user and can use the network.

A nursery that does not answer is killed and replaced; it never holds up the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from tomgql.domain.measurements import Note, RejectedRow
from tomgql.errors import ProcessingLimit, Unavailable
from tomgql.plugins.sandbox_result import SandboxResult, explain, read_result

__all__ = ["Errand", "Limits", "Note", "RejectedRow", "Sandbox", "SandboxRequest", "SandboxResult", "read_isolated"]

_START_S = 60.0
"""Until the nursery has loaded its libraries; a second on an idle machine."""

_ANSWER_S = 10.0
"""Until the nursery says that a child runs, or that a killed one is gone."""

_ANSWER_BYTES = 65536


@dataclass(frozen=True)
class Limits:
    """What one child may use: bytes of address space, seconds of processor and of wall clock, bytes a file."""

    memory_bytes: int = 2 * 1024**3
    cpu_s: int = 120
    wall_s: float = 180.0
    output_bytes: int = 2 * 1024**3


@dataclass(frozen=True)
class SandboxRequest:
    """One file to be read.

    ``processors``: name and place (``module:Class``) of the processors that may read it; the only one does, else
    the surest. ``output_dir`` is an empty directory of the caller's, who removes it. ``preview_rows``: so many rows
    are also returned by name.
    """

    path: Path
    name: str
    data_product_type: str
    processors: tuple[tuple[str, str], ...]
    output_dir: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    target_names: tuple[str, ...] = ()
    target_ra_deg: float | None = None
    target_dec_deg: float | None = None
    source_location: str | None = None
    preview_rows: int = 0

    def message(self) -> dict[str, Any]:
        """The request in JSON's terms."""
        return {
            "errand": "read",
            "file": {
                "path": str(self.path.absolute()), "name": self.name, "data_product_type": self.data_product_type,
                "target_names": self.target_names, "target_ra_deg": self.target_ra_deg,
                "target_dec_deg": self.target_dec_deg,
            },
            "processors": self.processors, "options": dict(self.options), "source_location": self.source_location,
            "preview_rows": self.preview_rows,
        }  # fmt: skip


@dataclass(frozen=True)
class Errand:
    """What one child is to do: ``name`` and ``doing`` are what errors call it, ``message`` is the request in JSON.

    ``output_dir`` is an empty directory of the caller's, who removes it.
    """

    name: str
    doing: str
    message: dict[str, Any]
    output_dir: Path


class Sandbox:
    """Child processes of one nursery; belongs to one event loop. Opens itself at the first errand."""

    def __init__(self) -> None:
        self._nursery: _Nursery | None = None
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> Sandbox:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End the nursery and every child."""
        nursery, self._nursery = self._nursery, None
        if nursery is not None:
            await nursery.end()

    async def read(self, request: SandboxRequest, limits: Limits | None = None) -> SandboxResult:
        """Read one file. Cancelling the caller kills the child.

        Raises what the processor raised, if it is of our tree; `ProcessorFailed` for anything else;
        `ProcessingLimit` when the child crashed or used up what it was granted; `Unavailable` when no child can be
        started.
        """
        granted = limits or Limits()
        errand = Errand(request.name, "reading", request.message(), request.output_dir)
        await self.run(errand, granted)
        return await asyncio.to_thread(read_result, request.name, request.output_dir)

    async def run(self, errand: Errand, granted: Limits) -> None:
        """Have a child do an errand; what it has to say stands in its output directory then.

        Cancelling the caller kills the child. Raises `ProcessingLimit` and `Unavailable` as `read` does.
        """
        nursery = await self._open()
        child = await self._start(nursery, _told(errand, granted))
        try:
            status = await asyncio.wait_for(asyncio.shield(child.ended), granted.wall_s)
        except TimeoutError:
            words = f"{errand.name}: {errand.doing} took longer than {granted.wall_s:g} seconds."
            raise ProcessingLimit(words) from None
        finally:
            if not child.ended.done():
                child.kill()
        if status != 0:
            raise explain(errand.name, status, errand.output_dir, errand.doing)

    async def _open(self) -> _Nursery:
        async with self._opening:
            if self._nursery is None or self._nursery.gone:
                self._nursery = await _Nursery.start()
            return self._nursery

    async def _start(self, nursery: _Nursery, message: dict[str, Any]) -> _Child:
        child = nursery.ask(message)
        try:
            await asyncio.wait_for(asyncio.shield(child.started), _ANSWER_S)
        except TimeoutError:
            await nursery.end()
            raise Unavailable("The process that reads files does not answer; it was replaced. Try again.") from None
        except asyncio.CancelledError:
            child.started.add_done_callback(lambda _: child.kill())
            raise
        return child


def _told(errand: Errand, granted: Limits) -> dict[str, Any]:
    return errand.message | {"output_dir": str(errand.output_dir.absolute()), "limits": asdict(granted)}


class _Child:
    """A running child: ``started`` is its process id, ``ended`` its wait status."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.started: asyncio.Future[int] = loop.create_future()
        self.ended: asyncio.Future[int] = loop.create_future()

    def kill(self) -> None:
        """Kill the child's whole process group; the nursery reaps it."""
        if self.started.done() and not self.started.cancelled() and self.started.exception() is None:
            _kill_group(self.started.result())

    def fail(self) -> None:
        for future in (self.started, self.ended):
            if not future.done():
                future.set_exception(Unavailable("The process that reads files has died. Try again."))
                future.exception()


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


class _Nursery:
    """The nursery as its parent sees it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._children: dict[int, _Child] = {}
        self._numbers = itertools.count(1)
        self.gone = False
        self._listener = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls) -> _Nursery:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tomgql.plugins.sandbox_server",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=_environment(), close_fds=True,
            start_new_session=True, limit=_ANSWER_BYTES,
        )  # fmt: skip
        with contextlib.ExitStack() as undo:
            undo.callback(_kill_group, process.pid)
            if not await asyncio.wait_for(_output(process).readline(), _START_S):
                raise Unavailable("The process that reads files cannot be started.")
            undo.pop_all()
        return cls(process)

    def ask(self, message: dict[str, Any]) -> _Child:
        number, child = next(self._numbers), _Child()
        self._children[number] = child
        pipe = self._process.stdin
        if self.gone or pipe is None or pipe.is_closing():
            child.fail()
        else:
            pipe.write(orjson.dumps({"id": number, "request": message}) + b"\n")
        return child

    async def _listen(self) -> None:
        try:
            while line := await _output(self._process).readline():
                answer = orjson.loads(line)
                child = self._children[answer["id"]]
                if "pid" in answer:
                    child.started.set_result(answer["pid"])
                else:
                    del self._children[answer["id"]]
                    child.ended.set_result(answer["status"])
        finally:
            self.gone = True
            for child in self._children.values():
                child.kill()
                child.fail()

    async def end(self) -> None:
        """Kill the nursery and what it has running; returns when it is gone."""
        for child in self._children.values():
            child.kill()
        _kill_group(self._process.pid)
        await self._process.wait()
        with contextlib.suppress(asyncio.CancelledError):
            await self._listener


def _output(process: asyncio.subprocess.Process) -> asyncio.StreamReader:
    if process.stdout is None:
        raise Unavailable("The process that reads files cannot be started.")
    return process.stdout


def _environment() -> dict[str, str]:
    """What a processor may know of ours: where Python finds its modules, and nothing secret."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TZ") if name in os.environ}
    paths = os.pathsep.join(path for path in sys.path if path)
    # One thread: a forked child of a threaded numpy may hang, and threads of OpenBLAS cost address space.
    return kept | {"PYTHONPATH": paths, "HOME": tempfile.gettempdir(), "OPENBLAS_NUM_THREADS": "1",
                   "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}  # fmt: skip


async def read_isolated(
    request: SandboxRequest, limits: Limits | None = None, *, sandbox: Sandbox | None = None
) -> SandboxResult:
    """Read one file in isolation, in the given sandbox or one opened for this file alone (a second more)."""
    if sandbox is not None:
        return await sandbox.read(request, limits)
    async with Sandbox() as own:
        return await own.read(request, limits)
