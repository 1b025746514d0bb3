"""A file to be read, and what its reading says: shared by what records it and by what only shows it.

Nothing here writes; what is to be written to is held.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tomgql.domain.measurements import Note, RejectedRow, rows_text
from tomgql.errors import NotFound
from tomgql.plugins.sandbox import Limits, SandboxRequest, SandboxResult
from tomgql.runtime import Runtime
from tomgql.services.ingest import Recorded
from tomgql.store.transaction import Transaction

_TARGET = (
    "t.ra_deg, t.dec_deg, array(select n.name from target_names n where n.target_id = t.id order by n.id) as names"
)
"""What a processor may know of a target."""

DELETED = "The data product was deleted before it was processed."
"""What a job's owner is told."""

_COUNTED = ("created", "revised", "unchanged", "rejected")
"""The counts of a result that its message names."""


async def find_product(rt: Runtime, data_product_id: int) -> Mapping[str, Any]:
    """A stored product as `reading_request` wants it. Raises NotFound when it is gone."""
    row = await rt.writes.fetchrow(
        f"select p.id, p.target_id, p.file_name, p.sha256, p.data_product_type, {_TARGET}"
        " from data_products p join targets t on t.id = p.target_id where p.id = $1",
        data_product_id,
    )
    if row is None:
        raise NotFound(DELETED)
    return dict(row)


async def hold_target_of(tx: Transaction, data_product_id: int) -> int:
    """Lock the target of a product, wherever merges have taken it, as all do who write its data; the target's key.

    Raises NotFound when the product was deleted meanwhile.
    """
    where = "select target_id from data_products where id = $1"
    while (target_id := await tx.value(where, data_product_id)) is not None:
        await tx.execute("select from targets where id = $1 for no key update", target_id)
        if await tx.value(where, data_product_id) == target_id:
            return int(target_id)
    raise NotFound(DELETED)


async def describe_file(rt: Runtime, target_id: int, file_name: str, data_product_type: str) -> Mapping[str, Any]:
    """The same of a file that is not stored. Raises NotFound when its target is gone."""
    row = await rt.writes.fetchrow(f"select {_TARGET} from targets t where t.id = $1", target_id)
    if row is None:
        raise NotFound("The target was deleted meanwhile.")
    return {**row, "file_name": file_name, "data_product_type": data_product_type}


def reading_request(
    rt: Runtime, about: Mapping[str, Any], path: Path, directory: Path, processor: str | None,
    options: Mapping[str, Any], *, preview_rows: int = 0,
) -> SandboxRequest:  # fmt: skip
    """What the sandbox is to read: the file at ``path``, with results into ``directory``, which is empty.

    Raises UnknownPlugin when the processor is not installed.
    """
    installed = rt.processors.installed
    chosen = {processor: rt.processors.locate(processor)} if processor is not None else installed
    return SandboxRequest(
        path=path,
        name=about["file_name"],
        data_product_type=about["data_product_type"],
        processors=tuple((name, item.location) for name, item in chosen.items()),
        output_dir=directory,
        options=options,
        target_names=tuple(about["names"]),
        target_ra_deg=about["ra_deg"],
        target_dec_deg=about["dec_deg"],
        preview_rows=preview_rows,
    )


def processing_limits(rt: Runtime) -> Limits:
    """What a job grants to the reading of one file."""
    settings = rt.settings
    return Limits(settings.processing_memory_bytes, settings.processing_cpu_s, settings.processing_timeout_s)


def result_of(read: SandboxResult, recorded: Recorded, withdrawn: int) -> dict[str, Any]:
    """The result of a job that read a file."""
    return {
        "processor": read.processor,
        "version": read.version,
        "format": read.format_name,
        "created": recorded.created,
        "revised": recorded.revised,
        "unchanged": recorded.unchanged,
        "rejected": read.rejected_count,
        "withdrawn": withdrawn,
    }


def counts_text(result: Mapping[str, Any]) -> str:
    """The counts of a result for people; empty when the file holds no data."""
    return ", ".join(f"{result[word]} {word}" for word in _COUNTED if result[word])


def notes_on(read: SandboxResult, withdrawn: int) -> list[Note]:
    """All notes on a reading; ``withdrawn`` counts the data of earlier readings that it does not hold."""
    notes = [*read.notes, *_rejections(read.rejected, read.rejected_count)]
    if withdrawn:
        words = f"{withdrawn} data of earlier readings of this file are not in this one and are disabled by it"
        words += "; those that other data products of the target hold come back when these are read again, as asked for"
        notes.append(Note("WARNING", "withdrawn", words, count=withdrawn))
    return notes


def _rejections(rejected: Sequence[RejectedRow], count: int) -> list[Note]:
    if not count:
        return []
    first = rejected[0]
    listed = "; ".join(_placed(each) for each in rejected[:5])
    verb = "was" if count == 1 else "were"
    return [Note("WARNING", "rejected_rows", f"{rows_text(count)} {verb} not taken: {listed}", first.row, count)]


def _placed(rejected: RejectedRow) -> str:
    """The message with its row, which our own processors say themselves."""
    place = f"row {rejected.row}"
    says = re.match(rf"{place}\b", rejected.message)
    return rejected.message if says else f"{place}: {rejected.message}"
