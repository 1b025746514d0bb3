"""Where the bytes of data products lie: a directory, each file under its SHA-256.

Content addresses make a repeated upload free and a half-written file impossible to mistake for a whole one: bytes go
to a temporary name, are hashed on the way, and are renamed when complete.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from tomgql.errors import TooLarge, Unavailable

CHUNK_BYTES = 1024 * 1024
"""Bytes handled at a time, so that no file is ever held in memory whole."""


SET_ASIDE = "set-aside-"
"""How a file's name begins while it is decided whether it goes."""

PARTIAL = "partial-"
"""How the name of a file begins that comes in pieces."""


@dataclass(frozen=True)
class StoredFile:
    """A file as stored: its SHA-256 in hexadecimal, and its size."""

    sha256: str
    size_bytes: int


class FileStore:
    """Files in a local directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def put(self, chunks: AsyncIterator[bytes], limit_bytes: int) -> StoredFile:
        """Store a stream of bytes; raises TooLarge, and keeps nothing, when it exceeds the limit."""
        await asyncio.to_thread(self._directory.mkdir, mode=0o700, parents=True, exist_ok=True)
        handle, name = await asyncio.to_thread(tempfile.mkstemp, dir=self._directory, prefix="incoming-")
        temporary = Path(name)
        try:
            with telling_of_room():
                with os.fdopen(handle, "wb") as stream:
                    stored = await self._copy(chunks, stream, limit_bytes)
                    await asyncio.to_thread(_sync, stream)
                await asyncio.to_thread(self._keep, temporary, stored.sha256)
        finally:
            await asyncio.to_thread(temporary.unlink, missing_ok=True)
        return stored

    def partial_path(self, name: str) -> Path:
        """Where a file of this name lies while it comes in pieces."""
        return self._directory / f"{PARTIAL}{name}"

    def adopt(self, name: str, sha256: str) -> None:
        """Give a file that came in pieces its place as well; idempotent.

        It keeps the partial name until `discard_partial`, so that nothing is lost when its row is not committed.
        """
        temporary = self._directory / f"incoming-{name}"
        temporary.unlink(missing_ok=True)
        os.link(self.partial_path(name), temporary)
        os.utime(temporary)
        self._keep(temporary, sha256)
        temporary.unlink(missing_ok=True)  # stays where both names were one file already

    def partial_names(self) -> list[str]:
        """Names of the files that come in pieces."""
        return [path.name.removeprefix(PARTIAL) for path in self._directory.glob(f"{PARTIAL}*")]

    def discard_partial(self, name: str) -> None:
        """Remove what came of a file, if anything."""
        self.partial_path(name).unlink(missing_ok=True)

    def local_path(self, sha256: str) -> Path:
        """Where the file with this hash lies; it exists for every stored data product."""
        return self._directory / sha256[:2] / sha256

    def older_than(self, seconds: float) -> list[str]:
        """Hashes of the files whose bytes came longer ago than this; discards what uploads left half-written then."""
        before = time.time() - seconds
        for path in self._directory.glob(f"{SET_ASIDE}*"):  # by a process that was killed before it decided
            with contextlib.suppress(FileNotFoundError):
                path.rename(self.local_path(path.name.removeprefix(SET_ASIDE)))
        for path in self._directory.glob("incoming-*"):
            if _came_before(path, before):
                path.unlink(missing_ok=True)
        return [path.name for path in self._directory.glob("??/*") if _came_before(path, before)]

    def discard(self, sha256: str, seconds: float) -> bool:
        """Remove a file unless its bytes came anew within so many seconds, by an upload that runs just now."""
        aside = self._directory / f"{SET_ASIDE}{sha256}"
        with contextlib.suppress(FileNotFoundError):  # another worker was quicker
            self.local_path(sha256).rename(aside)  # now nobody replaces what is looked at
            if _came_before(aside, time.time() - seconds):
                aside.unlink()
                return True
            aside.rename(self.local_path(sha256))
        return False

    async def _copy(self, chunks: AsyncIterator[bytes], stream: object, limit_bytes: int) -> StoredFile:
        digest, size = hashlib.sha256(), 0
        async for chunk in chunks:
            size += len(chunk)
            if size > limit_bytes:
                raise TooLarge(f"The file is larger than {limit_bytes} bytes, the limit of this server.")
            digest.update(chunk)
            await asyncio.to_thread(stream.write, chunk)  # type: ignore[attr-defined]
        return StoredFile(digest.hexdigest(), size)

    def _keep(self, temporary: Path, sha256: str) -> None:
        final = self.local_path(sha256)
        final.parent.mkdir(mode=0o700, exist_ok=True)
        temporary.replace(final)


@contextlib.contextmanager
def telling_of_room() -> Iterator[None]:
    """Raises Unavailable in place of the system's error when the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            raise Unavailable("This server has no room left for files; tell its administrator.") from error
        raise


def _came_before(path: Path, moment: float) -> bool:
    """Whether the bytes came before a time (seconds since 1970); false of a file that is gone."""
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_mtime < moment
    return False


def _sync(stream: object) -> None:
    # The row that names this file is committed after it: the bytes must survive a power cut by then.
    stream.flush()  # type: ignore[attr-defined]
    os.fsync(stream.fileno())  # type: ignore[attr-defined]
