"""A file that comes in pieces, over any number of requests and processes, until it is whole.

How much of it lies on the disk is the place where the next piece goes, so nothing else has to be kept up to date and a
process that is killed loses no more than what it had not written. One request writes at a time: it holds the lock of
the file, which the system takes from a process that dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from tomgql.errors import Conflict

Result = TypeVar("Result")


class PartialFile:
    """The file while one request holds its lock."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        # A thread of its own keeps the order: a piece that is in flight when its request is cancelled is down before
        # the file is closed, which is what gives the lock away.
        self._thread = ThreadPoolExecutor(1, "partial-file")

    async def size(self) -> int:
        """Bytes that are there."""
        return await self._do(lambda: os.fstat(self._handle).st_size)

    async def append(self, piece: bytes) -> None:
        """Write at the end; raises OSError when the disk is full, and what found room stays."""
        await self._do(lambda: self._write(memoryview(piece)))

    async def settle(self) -> None:
        """Have what is there survive a power cut."""
        await self._do(lambda: os.fsync(self._handle))

    async def sha256(self) -> str:
        """The hash of what lies on the disk, hexadecimal."""
        return await self._do(self._hash)

    async def empty(self) -> None:
        """Forget all that came."""
        await self._do(lambda: os.ftruncate(self._handle, 0))

    def close(self) -> None:
        """Give the lock away, once what is being written is down."""
        self._thread.submit(os.close, self._handle)
        self._thread.shutdown(wait=False)

    async def _do(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _write(self, rest: memoryview) -> None:
        while rest:
            rest = rest[os.write(self._handle, rest) :]

    def _hash(self) -> str:
        with os.fdopen(os.dup(self._handle), "rb", buffering=0) as stream:
            stream.seek(0)
            return hashlib.file_digest(stream, "sha256").hexdigest()


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[PartialFile]:
    """The file, made if it is new, for one request alone; raises Conflict while another one writes it."""
    part = PartialFile(await asyncio.to_thread(_open, path))
    try:
        yield part
    finally:
        part.close()


def size_of(path: Path) -> int:
    """Bytes that are there, whoever writes; 0 before the first."""
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _open(path: Path) -> int:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise Conflict(
            "Another request is sending bytes of this upload; end it, ask where to go on, and go on there.",
            offset=size_of(path),
        ) from None
    return handle
