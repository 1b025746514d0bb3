"""One errand in a process of its own: limits first, then a stranger's code, then the result as files.

Leaves in the output directory ``result.json`` and, of a file read, ``rows.copy`` (see `tomgql.domain.staging`).
Nobody unpickles anything that comes from here.
"""

from __future__ import annotations

import errno
import gc
import itertools
import os
import resource
import signal
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import orjson

from tomgql.domain.column_uses import MOST_COLUMNS
from tomgql.domain.measurements import Reading
from tomgql.domain.staging import read_staged, write_reading
from tomgql.errors import TomError, UnreadableFile
from tomgql.plugins.contracts import Processor, SourceFile
from tomgql.plugins.hook_child import call_hook
from tomgql.plugins.registry import PROCESSOR_GROUP, ProcessorRegistry
from tomgql.plugins.thumbnail_child import draw_thumbnail

OUT_OF_MEMORY, OUT_OF_DISK = 71, 72
"""Exit codes that tell what ran out, where no result could be written."""

_HEAD_BYTES = 65536
_LISTED_REJECTIONS = 10_000
"""More rejected rows than this are counted, not listed."""

_SHOWN_SAMPLES = 10
"""Samples of a spectrum that a preview shows."""

_CHECKED_AT_ONCE = 4096
"""JSON texts read together: memory that is used again costs half of what new memory for all of them does."""

_SHOWN_BYTES = 1024 * 1024
"""Size of all rows of a preview as JSON, beyond which the rest is left out: what was reported may be long."""

_ALARM_GRACE_S = 5


def run(request: Mapping[str, Any]) -> int:
    """Do what the request asks for; returns the exit code."""
    _apply_limits(request["limits"])
    # A short life with many small lists: collecting them would cost a fifth of the time and free nothing.
    gc.disable()
    output = Path(request["output_dir"])
    try:
        result = _ERRANDS[request["errand"]](request, output)
    except MemoryError:
        return OUT_OF_MEMORY
    except OSError as fault:
        if fault.errno in (errno.EFBIG, errno.ENOSPC):
            return OUT_OF_DISK
        result = _failed(fault)
    except TomError as fault:
        result = {"error": {"code": fault.code, "message": fault.message, "path": fault.path, "details": fault.details}}
    except BaseException as fault:  # noqa: BLE001 - a stranger's code may raise anything, and SystemExit too
        result = _failed(fault)
    (output / "result.json").write_bytes(orjson.dumps(result, default=str))
    return 0


def _apply_limits(limits: Mapping[str, Any]) -> None:
    cpu = int(limits["cpu_s"])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (limits["memory_bytes"], limits["memory_bytes"]))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits["output_bytes"], limits["output_bytes"]))
    # Should the nursery itself be killed, nobody else watches the clock.
    signal.alarm(int(limits["wall_s"]) + _ALARM_GRACE_S)


def _read(request: Mapping[str, Any], output: Path) -> dict[str, Any]:
    file = _source_file(request["file"])
    processor = _processor(request, file)
    os.chdir(output)
    reading = processor.read(file, request["options"])
    rows = _write_rows(reading, output / "rows.copy", request.get("source_location"))
    return {
        "processor": processor.name, "version": processor.version, "format": reading.format_name, "rows": rows,
        "notes": [asdict(note) for note in reading.notes],
        "rejected": [asdict(row) for row in reading.rejected[:_LISTED_REJECTIONS]],
        "rejected_count": len(reading.rejected), "columns": [asdict(use) for use in reading.columns[:MOST_COLUMNS]],
        "preview": _preview(output / "rows.copy", int(request.get("preview_rows") or 0)),
    }  # fmt: skip


def _source_file(said: Mapping[str, Any]) -> SourceFile:
    path = Path(said["path"])
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    return SourceFile(
        path=path, name=said["name"], size_bytes=path.stat().st_size, head=head,
        data_product_type=said["data_product_type"], target_names=tuple(said["target_names"]),
        target_ra_deg=said["target_ra_deg"], target_dec_deg=said["target_dec_deg"],
    )  # fmt: skip


def _processor(request: Mapping[str, Any], file: SourceFile) -> Processor:
    """The surest of the candidates, or the only one; one that cannot be loaded is nobody's fault but its own."""
    entries = [EntryPoint(name, place, PROCESSOR_GROUP) for name, place in request["processors"]]
    registry = ProcessorRegistry.load(entries)
    if not registry.installed:
        faults = "; ".join(f'"{fault.name}" {fault.fault}' for fault in registry.faults)
        raise UnreadableFile(f"{file.name}: no processor can be loaded: {faults}.")
    only = entries[0].name if len(entries) == 1 else None
    return registry.choose_processor(file, only)


def _write_rows(reading: Reading, path: Path, source_location: str | None) -> int:
    for data in (reading.photometry, reading.astrometry, reading.generic):
        if data is not None:
            _check_json(data.reported)
    _check_json([each.reported for each in reading.spectra])
    with path.open("wb") as stream:
        return write_reading(reading, stream, source_location=source_location)


def _check_json(reported: Sequence[str]) -> None:
    """Raises `ValueError` for texts that PostgreSQL would refuse in the middle of a transaction."""
    for start in range(0, len(reported), _CHECKED_AT_ONCE):
        some = reported[start : start + _CHECKED_AT_ONCE]
        joined = ",".join(some)
        if len(orjson.loads(f"[{joined}]")) != len(some) or "\\u0000" in joined:
            raise ValueError("Reading.reported must hold one JSON text a row, without NUL characters")


def _preview(path: Path, count: int) -> list[dict[str, Any]]:
    """The first rows by column name; of arrays, the first samples."""
    shown: list[dict[str, Any]] = []
    room = _SHOWN_BYTES
    with path.open("rb") as stream:
        for staged in itertools.islice(read_staged(stream), max(count, 0)):
            row = {name: cell[:_SHOWN_SAMPLES] if _is_array(name, cell) else cell for name, cell in staged.items()}
            room -= len(orjson.dumps(row))
            if room < 0:
                break
            shown.append(row)
    return shown


def _is_array(name: str, cell: Any) -> bool:
    return isinstance(cell, list) and name != "reported"  # JSON of a stranger's may be a list of its own


def _failed(fault: BaseException) -> dict[str, Any]:
    """A stranger's code broke down: only the kind of fault for clients, since its words may hold paths of ours."""
    return {"broke_down": type(fault).__name__, "log": "".join(traceback.format_exception(fault))}


_ERRANDS = {"read": _read, "hook": call_hook, "thumbnail": draw_thumbnail}
"""What can be asked for."""
