"""One owner per directory, kept by the kernel.

An advisory `flock` goes away with the process that holds it, however it dies, so a crash never leaves a lock
behind. The pid in the file is only for the message; it decides nothing.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from tomgql.embedded.errors import DirectoryInUseError, EmbeddedServerError


class DirectoryLock:
    """Exclusive lock of a directory, held from `acquire` to `release` or to the end of the process.

    Raises: `DirectoryInUseError` when another holds it, `EmbeddedServerError` when the file cannot be made.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / "lock"
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock and write this process's id into it. Idempotent while it is held."""
        if self._descriptor is not None:
            return
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise DirectoryInUseError(self.directory, self._holder()) from None
        except OSError as error:
            os.close(descriptor)
            raise EmbeddedServerError(f"The file system of {self.directory} cannot lock files: {error}.") from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock up. The file stays: removing it would let two owners lock two files of one name."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        try:
            return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise EmbeddedServerError(
                f"The directory {self.directory} cannot be written: {error.strerror}. "
                "Choose another data directory with TOMGQL_DATA_DIR."
            ) from error

    def _holder(self) -> int | None:
        text = self.path.read_text().strip()
        return int(text) if text.isdigit() else None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
