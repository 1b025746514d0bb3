"""What every file store can do, and the local directory where files lie until they are whole."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from tomgql.errors import TooLarge, Unavailable

CHUNK_BYTES = 1024 * 1024
"""Bytes handled at a time, so that no file is ever held in memory whole."""

PARTIAL = "partial-"
"""How the name of a file begins that comes in pieces."""

INCOMING = "incoming-"
"""How the name of a file begins that comes at once, until it is whole."""

COPY = "copy-"
"""How the name of a file begins that was fetched for one job."""


@dataclass(frozen=True)
class StoredFile:
    """A file as stored: its SHA-256 in hexadecimal, and its size."""

    sha256: str
    size_bytes: int


class FileStore(ABC):
    """Files by their SHA-256; what still comes lies in a local directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def put(self, chunks: AsyncIterator[bytes], limit_bytes: int) -> StoredFile:
        """Store a stream of bytes; raises TooLarge, and keeps nothing, when it exceeds the limit."""
        with telling_of_room():
            handle, temporary = await self._temporary(INCOMING)
            try:
                with os.fdopen(handle, "wb") as stream:
                    stored = await _copy(chunks, stream, limit_bytes)
                    await asyncio.to_thread(_sync, stream)
                await self._keep(temporary, stored.sha256)
            finally:
                await asyncio.to_thread(temporary.unlink, missing_ok=True)
        return stored

    def partial_path(self, name: str) -> Path:
        """Where a file of this name lies while it comes in pieces."""
        return self._directory / f"{PARTIAL}{name}"

    def partial_names(self) -> list[str]:
        """Names of the files that come in pieces."""
        return [path.name.removeprefix(PARTIAL) for path in self._directory.glob(f"{PARTIAL}*")]

    def discard_partial(self, name: str) -> None:
        """Remove what came of a file, if anything."""
        self.partial_path(name).unlink(missing_ok=True)

    @abstractmethod
    async def adopt(self, name: str, sha256: str) -> None:
        """Give a file that came in pieces its place as well; idempotent.

        It keeps the partial name until `discard_partial`, so that nothing is lost when its row is not committed.
        """

    @abstractmethod
    async def _keep(self, whole: Path, sha256: str) -> None:
        """Give a file its place; the caller removes ``whole`` afterwards, if it is still there."""

    @abstractmethod
    def local(self, sha256: str) -> AbstractAsyncContextManager[Path]:
        """The file as an absolute path of this machine, for the length of the block; nobody may change it."""

    @abstractmethod
    async def size_of(self, sha256: str) -> int:
        """The size of a stored file in bytes; raises Unavailable when it is lost."""

    @abstractmethod
    def read(self, sha256: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """The bytes of a stored file from ``start`` to before ``stop``, both within its size."""

    @abstractmethod
    async def older_than(self, seconds: float) -> list[str]:
        """Hashes of the files whose bytes came longer ago than this; discards what was left half-written then."""

    @abstractmethod
    async def discard(self, sha256: str, seconds: float) -> bool:
        """Remove a file, unless its bytes came within so many seconds; the caller sees to it that no row names it."""

    @abstractmethod
    async def describe(self) -> str:
        """Where the files lie, for the operator; raises Unavailable when they cannot be stored there."""

    async def _temporary(self, prefix: str) -> tuple[int, Path]:
        """A new file, open for writing, and its path."""
        await asyncio.to_thread(self._directory.mkdir, mode=0o700, parents=True, exist_ok=True)
        handle, name = await asyncio.to_thread(tempfile.mkstemp, dir=self._directory, prefix=prefix)
        return handle, Path(name)

    def _discard_half_written(self, before: float) -> None:
        """Remove what processes left that were killed before a time (seconds since 1970)."""
        for prefix in (INCOMING, COPY):
            for path in self._directory.glob(f"{prefix}*"):
                if came_before(path, before):
                    path.unlink(missing_ok=True)


@contextlib.contextmanager
def telling_of_room() -> Iterator[None]:
    """Raises Unavailable in place of the system's error when the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            raise Unavailable("This server has no room left for files; tell its administrator.") from error
        raise


def lost() -> Unavailable:
    """The error for a file that a row names and that is not there."""
    return Unavailable("This file is not in the file store of this server; tell its administrator.")


def came_before(path: Path, moment: float) -> bool:
    """Whether the bytes came before a time (seconds since 1970); false of a file that is gone."""
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_mtime < moment
    return False


def ago(seconds: float) -> float:
    """A time so long ago, in seconds since 1970."""
    return time.time() - seconds


async def _copy(chunks: AsyncIterator[bytes], stream: object, limit_bytes: int) -> StoredFile:
    digest, size = hashlib.sha256(), 0
    async for chunk in chunks:
        size += len(chunk)
        if size > limit_bytes:
            raise TooLarge(f"The file is larger than {limit_bytes} bytes, the limit of this server.")
        digest.update(chunk)
        await asyncio.to_thread(stream.write, chunk)  # type: ignore[attr-defined]
    return StoredFile(digest.hexdigest(), size)


def _sync(stream: object) -> None:
    # The row that names this file is committed after it: the bytes must survive a power cut by then.
    stream.flush()  # type: ignore[attr-defined]
    os.fsync(stream.fileno())  # type: ignore[attr-defined]
