"""Files in a local directory, or in one that several machines share."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tomgql.errors import Unavailable
from tomgql.files.store import CHUNK_BYTES, INCOMING, FileStore, ago, came_before, lost

SET_ASIDE = "set-aside-"
"""How a file's name begins while it is decided whether it goes."""


class DirectoryStore(FileStore):
    """Files below the directory where they come in, so that a rename gives them their place."""

    def local_path(self, sha256: str) -> Path:
        """Where the file with this hash lies; it exists for every stored data product."""
        return self._directory / sha256[:2] / sha256

    @asynccontextmanager
    async def local(self, sha256: str) -> AsyncIterator[Path]:
        """The file itself."""
        yield await asyncio.to_thread(self.local_path(sha256).absolute)

    async def size_of(self, sha256: str) -> int:
        """See `FileStore.size_of`."""
        try:
            return (await asyncio.to_thread(self.local_path(sha256).stat)).st_size
        except FileNotFoundError:
            raise lost() from None

    async def read(self, sha256: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """See `FileStore.read`."""
        stream = await asyncio.to_thread(self.local_path(sha256).open, "rb", buffering=0)
        with stream:
            stream.seek(start)
            while start < stop:
                chunk = await asyncio.to_thread(stream.read, min(CHUNK_BYTES, stop - start))
                if not chunk:
                    raise lost()
                start += len(chunk)
                yield chunk

    async def adopt(self, name: str, sha256: str) -> None:
        """See `FileStore.adopt`."""
        await asyncio.to_thread(self._adopt, name, sha256)

    async def older_than(self, seconds: float) -> list[str]:
        """See `FileStore.older_than`."""
        return await asyncio.to_thread(self._older_than, ago(seconds))

    async def discard(self, sha256: str, seconds: float) -> bool:
        """See `FileStore.discard`."""
        return await asyncio.to_thread(self._discard, sha256, ago(seconds))

    async def describe(self) -> str:
        """See `FileStore.describe`."""
        return await asyncio.to_thread(self._describe)

    async def _keep(self, whole: Path, sha256: str) -> None:
        await asyncio.to_thread(self._place, whole, sha256)

    def _adopt(self, name: str, sha256: str) -> None:
        temporary = self._directory / f"{INCOMING}{name}"
        temporary.unlink(missing_ok=True)
        os.link(self.partial_path(name), temporary)
        os.utime(temporary)
        self._place(temporary, sha256)
        temporary.unlink(missing_ok=True)  # stays where both names were one file already

    def _older_than(self, before: float) -> list[str]:
        for path in self._directory.glob(f"{SET_ASIDE}*"):  # by a process that was killed before it decided
            with contextlib.suppress(FileNotFoundError):
                path.rename(self.local_path(path.name.removeprefix(SET_ASIDE)))
        self._discard_half_written(before)
        return [path.name for path in self._directory.glob("??/*") if came_before(path, before)]

    def _discard(self, sha256: str, before: float) -> bool:
        aside = self._directory / f"{SET_ASIDE}{sha256}"
        with contextlib.suppress(FileNotFoundError):  # another worker was quicker
            self.local_path(sha256).rename(aside)  # now nobody replaces what is looked at
            if came_before(aside, before):
                aside.unlink()
                return True
            aside.rename(self.local_path(sha256))
        return False

    def _describe(self) -> str:
        directory = self._directory
        if not directory.is_dir():
            return f"none yet: {directory} is made by the first upload"
        if not os.access(directory, os.W_OK):
            raise Unavailable(f"{directory} cannot be written to by this account")
        count = sum(1 for path in directory.glob("??/*"))
        return f"{count} files in {directory}"

    def _place(self, temporary: Path, sha256: str) -> None:
        final = self.local_path(sha256)
        final.parent.mkdir(mode=0o700, exist_ok=True)
        temporary.replace(final)
