"""What came out of a sandbox: the child's result file, read with distrust, or why there is none."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tomgql.domain.measurements import ColumnUse, Note, RejectedRow
from tomgql.errors import ProcessingLimit, ProcessorFailed, TomError
from tomgql.plugins.sandbox_child import OUT_OF_DISK, OUT_OF_MEMORY

_LARGEST_RESULT_BYTES = 64 * 1024 * 1024
"""Beyond any honest list of notes and rejected rows."""


@dataclass(frozen=True)
class SandboxResult:
    """``rows_path``: ``rows`` staged rows (`tomgql.domain.staging`); ``rejected``: the first 10,000 of them."""

    rows_path: Path
    rows: int
    processor: str
    version: str
    format_name: str
    notes: list[Note]
    rejected: list[RejectedRow]
    rejected_count: int
    preview: list[dict[str, Any]]
    columns: list[ColumnUse]


def read_result(name: str, output_dir: Path) -> SandboxResult:
    """The result of a child that ended well. Raises what the processor raised, as an error of our tree."""
    try:
        said = load_result(output_dir)
        if "broke_down" in said:
            words = f"{name}: The processor broke down ({said['broke_down']}); the server's log says where."
            raise with_log(ProcessorFailed(words), str(said["log"]))
        if "error" in said:
            raise _error(name, said["error"])
        return SandboxResult(
            rows_path=output_dir / "rows.copy", rows=said["rows"], processor=said["processor"],
            version=said["version"], format_name=said["format"], notes=[Note(**note) for note in said["notes"]],
            rejected=[RejectedRow(**row) for row in said["rejected"]], rejected_count=said["rejected_count"],
            preview=said["preview"], columns=[ColumnUse(**use) for use in said["columns"]],
        )  # fmt: skip
    except (ValueError, KeyError, TypeError) as fault:
        raise ProcessorFailed(f"{name}: the processor left no usable result.") from fault


def load_result(output_dir: Path) -> dict[str, Any]:
    """What the child wrote. Raises ValueError when that is missing, too large, or no JSON object."""
    path = output_dir / "result.json"
    if not path.is_file() or path.stat().st_size > _LARGEST_RESULT_BYTES:
        raise ValueError("no result, or a result too large")
    said = orjson.loads(path.read_bytes())
    if not isinstance(said, dict):
        raise ValueError("the result is no object")
    return said


def _error(name: str, error: Mapping[str, Any]) -> TomError:
    """The error of our tree with the code that the child wrote."""
    message = str(error["message"])
    kind = error_class(error["code"]) or ProcessorFailed
    if kind is ProcessorFailed:
        return ProcessorFailed(f"{name}: {message}")
    found = kind.__new__(kind)
    TomError.__init__(found, message, path=error.get("path"), **(error.get("details") or {}))
    return found


def error_class(code: str) -> type[TomError] | None:
    """The class of our tree with this code."""
    return {found.code: found for found in _family(TomError)}.get(code)


def _family(root: type[TomError]) -> list[type[TomError]]:
    return [root, *(found for child in root.__subclasses__() for found in _family(child))]


def explain(name: str, status: int, output_dir: Path, doing: str = "reading") -> TomError:
    """Why a child ended without a result, from its wait status; ``doing`` names what it was about."""
    code = os.waitstatus_to_exitcode(status)
    if code == OUT_OF_MEMORY:
        return ProcessingLimit(f"{name}: {doing} needs more memory than this server grants.")
    if code == OUT_OF_DISK:
        return ProcessingLimit(f"{name}: {doing} wrote more than this server grants.")
    if code in (-signal.SIGXCPU, -signal.SIGALRM):
        return ProcessingLimit(f"{name}: {doing} took more processor time than this server grants.")
    cause = f"signal {-code}, {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    return with_log(ProcessingLimit(f"{name}: {doing} crashed ({cause})."), _tail(output_dir / "log.txt"))


def with_log(error: TomError, log: str) -> TomError:
    """What the server's log should show below the error; clients see the message alone."""
    if log:
        error.add_note(log)
    return error


def _tail(path: Path, size: int = 4000) -> str:
    """The end of what the child printed, for the server's log."""
    if not path.is_file():
        return ""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - size))
        return stream.read().decode("utf-8", "replace")
