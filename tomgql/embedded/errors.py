"""What goes wrong when tomgql starts or stops a server of its own.

Every message says what failed, where to look and what would help: the reader has a terminal, not a debugger.
"""

from __future__ import annotations

from pathlib import Path

TAIL_LINES = 12
"""Lines of a log that a message quotes: PostgreSQL's reason and its hint fit, a page is not filled."""


class EmbeddedServerError(Exception):
    """An embedded server, or the directory it lives in, cannot be used. The message is fit for an operator."""


class DirectoryInUseError(EmbeddedServerError):
    """Another process holds the lock of the directory; ``pid`` is that process where it is known."""

    def __init__(self, directory: Path, pid: int | None) -> None:
        self.directory = directory
        self.pid = pid
        holder = f"process {pid}" if pid else "another process"
        super().__init__(
            f"The directory {directory} is in use by {holder}. "
            "Stop that process first, or choose another data directory with TOMGQL_DATA_DIR."
        )


def server_failure(what: str, log_file: Path, *, log_offset: int = 0, remedy: str) -> EmbeddedServerError:
    """Build the error of a server that failed: what, the log file with its last lines, and the remedy.

    `log_offset` (bytes) skips what earlier runs left in the log.
    """
    lines = read_from(log_file, log_offset).splitlines()[-TAIL_LINES:]
    quoted = "\n".join(f"    {line}" for line in lines) or "    (the log is empty)"
    return EmbeddedServerError(f"{what}\nThe log {log_file} ends with:\n{quoted}\n{remedy}")


def read_from(log_file: Path, offset: int) -> str:
    """Text of a log from `offset` bytes on; empty when there is no log. Never raises for odd bytes."""
    try:
        with log_file.open("rb") as log:
            log.seek(offset)
            return log.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
