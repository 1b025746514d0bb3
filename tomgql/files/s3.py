"""Files in an S3 bucket: this store's rules, over the requests of `bucket`.

S3 has neither rename nor append, so a file comes to the local disk first and is sent when it is whole; for a job it
is fetched to the local disk again. The time of an object is that of S3's clock.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tomgql.files.bucket import Bucket
from tomgql.files.store import COPY, FileStore, ago, lost, telling_of_room

BLOCK_BYTES = 4 * 1024 * 1024
"""Bytes asked for at a time: no request lasts long, however slowly a client takes what it asked for."""

_KEY = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{62})")
"""A key of ours; whatever else lies below the prefix is left alone."""


class S3Store(FileStore):
    """Files in a bucket."""

    def __init__(self, directory: Path, bucket: Bucket) -> None:
        super().__init__(directory)
        self._bucket = bucket

    @asynccontextmanager
    async def local(self, sha256: str) -> AsyncIterator[Path]:
        """A copy, removed at the end of the block."""
        size = await self.size_of(sha256)
        with telling_of_room():
            handle, path = await self._temporary(COPY)
        try:
            with telling_of_room(), os.fdopen(handle, "wb", buffering=0) as stream:
                async for block in self.read(sha256, 0, size):
                    await asyncio.to_thread(_write, stream.fileno(), block)
            yield await asyncio.to_thread(path.absolute)
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)

    async def size_of(self, sha256: str) -> int:
        """See `FileStore.size_of`."""
        found = await self._bucket.find(_key(sha256))
        if found is None:
            raise lost()
        return found.size_bytes

    async def read(self, sha256: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """See `FileStore.read`."""
        for place in range(start, stop, BLOCK_BYTES):
            block = await self._bucket.read(_key(sha256), place, min(stop, place + BLOCK_BYTES))
            if block is None:
                raise lost()
            yield block

    async def adopt(self, name: str, sha256: str) -> None:
        """See `FileStore.adopt`."""
        await self._keep(self.partial_path(name), sha256)

    async def older_than(self, seconds: float) -> list[str]:
        """See `FileStore.older_than`."""
        before = ago(seconds)
        await asyncio.to_thread(self._discard_half_written, before)
        keys = [found.key async for found in self._bucket.objects() if found.modified < before]
        return [match[2] for key in keys if (match := _KEY.fullmatch(key))]

    async def discard(self, sha256: str, seconds: float) -> bool:
        """See `FileStore.discard`."""
        found = await self._bucket.find(_key(sha256))
        if found is None or found.modified >= ago(seconds):
            return False
        await self._bucket.delete(found.key)
        return True

    async def describe(self) -> str:
        """See `FileStore.describe`."""
        await self._bucket.list_some()
        return f'the bucket "{self._bucket.name}" answers'

    async def _keep(self, whole: Path, sha256: str) -> None:
        """Send the file unless it is there: its time stays the old one then."""
        size = (await asyncio.to_thread(whole.stat)).st_size
        found = await self._bucket.find(_key(sha256))
        if found is None or found.size_bytes != size:
            await self._bucket.send(_key(sha256), whole, size)


def _key(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256}"


def _write(handle: int, block: bytes) -> None:
    rest = memoryview(block)
    while rest:
        rest = rest[os.write(handle, rest) :]
