"""What the embedded servers keep on disk beside their data: directories, a password, a log, a port.

Only what is made here gets its mode set here. Parents that exist already are never touched, and whether a
server's account can pass through them is found out by trying (`accounts`).
"""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path

from tomgql.embedded.errors import EmbeddedServerError

LOG_LIMIT_BYTES = 10 * 1024 * 1024
"""A log larger than this is set aside at the next start; one older log is kept."""

PASSWORD_BYTES = 24
"""Random bytes of a server's password: 192 bits, more than anybody guesses."""

LOOPBACK = "127.0.0.1"
"""The only address that embedded servers listen on."""


def make_directory(path: Path, mode: int = 0o700) -> None:
    """Make a directory and its missing parents with exactly `mode`, whatever the umask. Idempotent.

    Raises: `EmbeddedServerError` when it cannot be made or is no directory.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        for folder in reversed(missing):
            folder.mkdir()
            folder.chmod(mode)
        if not path.is_dir():
            raise NotADirectoryError(20, "It is a file")
    except OSError as error:
        raise EmbeddedServerError(
            f"The directory {path} cannot be used: {error.strerror}. "
            "Choose another data directory with TOMGQL_DATA_DIR, or give yourself the right to write there."
        ) from error


def passable_mode() -> int:
    """Mode of a directory that another account must be able to pass through, though not to list, when we are root."""
    return 0o711 if os.geteuid() == 0 else 0o700


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, and make sure that a crash leaves the old one or the new one."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Put a directory's entries on disk, so that a rename in it outlives a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def kept_password(path: Path) -> str:
    """The password in this file; a random one is made and kept (mode 0600) when there is none yet."""
    if not path.exists():
        write_private(path, secrets.token_hex(PASSWORD_BYTES))
    return path.read_text().strip()


def rotate_log(log_file: Path, limit_bytes: int = LOG_LIMIT_BYTES) -> int:
    """Set a log aside that has grown beyond the limit; return the size in bytes at which the next run begins."""
    make_directory(log_file.parent)
    size = log_file.stat().st_size if log_file.exists() else 0
    if size > limit_bytes:
        log_file.replace(log_file.with_name(f"{log_file.name}.1"))
    log_file.touch(0o600)  # statements and addresses stand in it
    return size if size <= limit_bytes else 0


def accepts_connections(port: int) -> bool:
    """Whether somebody listens on the loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((LOOPBACK, port)) == 0


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now (connections in TIME_WAIT do not matter)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A loopback port that nobody listens on. Somebody may take it before we do: callers try again."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
