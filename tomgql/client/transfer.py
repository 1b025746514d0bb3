"""What is sent: a file on disk or bytes in memory, read piece by piece, with the caller told how far it is."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tomgql.client.errors import InvalidCall

CHUNK_BYTES = 256 * 1024
"""Bytes that are read from disk, sent and told of at a time."""

Progress = Callable[[int, int], None]
"""Is told the bytes moved so far and the bytes in all; the last call has both equal."""


@dataclass(frozen=True)
class Content:
    """A file to be sent; ``size`` is what it holds at the beginning, in bytes."""

    name: str
    size: int
    file: BinaryIO
    progress: Progress | None = None

    async def chunks(self, start: int = 0) -> AsyncIterator[bytes]:
        """Its bytes from an offset on; raises InvalidCall when the file is cut off meanwhile."""
        self.file.seek(start)
        sent = start
        while sent < self.size:
            chunk = await asyncio.to_thread(self.file.read, min(CHUNK_BYTES, self.size - sent))
            if not chunk:
                raise InvalidCall(f'"{self.name}" has become shorter than {self.size} bytes while it was sent.')
            yield chunk
            sent += len(chunk)
            if self.progress is not None:
                self.progress(sent, self.size)


@contextmanager
def opened(source: str | os.PathLike[str] | bytes, name: str | None, progress: Progress | None) -> Iterator[Content]:
    """The content of a path or of bytes; raises InvalidCall for what cannot be read, or bytes without a name."""
    if isinstance(source, bytes):
        if name is None:
            raise InvalidCall("Bytes have no name: give `file_name`.")
        yield Content(name, len(source), io.BytesIO(source), progress)
        return
    path = Path(source)
    try:
        file = path.open("rb")
    except OSError as error:
        raise InvalidCall(f"{path} cannot be read: {error.strerror}.") from error
    with file:
        yield Content(name or path.name, os.fstat(file.fileno()).st_size, file, progress)
