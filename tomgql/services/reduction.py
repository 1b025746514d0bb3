"""Reduced data: from a data product's file, or from rows that a client sends."""

from __future__ import annotations

import asyncio
import io
import logging
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tomgql.access import guard, predicates
from tomgql.access.principal import Principal
from tomgql.domain.measurements import Note, Reading, RejectedRow, rows_text
from tomgql.domain.staging import write_reading
from tomgql.errors import InvalidInput, NotFound, TomError
from tomgql.events import log
from tomgql.jobs.run import JobRun
from tomgql.jobs.specs import ProcessDataProduct
from tomgql.plugins.sandbox import Limits, Sandbox, SandboxRequest, SandboxResult
from tomgql.runtime import Runtime
from tomgql.services import accounts, hooks, idempotency
from tomgql.services.bulk import LONGEST_REPORT, BulkOutcome, remembered_outcome
from tomgql.services.given_rows import read_given
from tomgql.services.ingest import (
    Origin,
    Recorded,
    announce_data,
    changed_keys,
    outcomes,
    record_data,
    withdraw_missing,
)
from tomgql.services.thumbnails import try_thumbnail
from tomgql.store.transaction import Transaction, transaction

logger = logging.getLogger(__name__)


async def process_data_product(rt: Runtime, sandbox: Sandbox, run: JobRun, spec: ProcessDataProduct) -> None:
    """Read a product's file in a process of its own and record what was measured.

    The product and its file stay whatever happens; notes say what was assumed, skipped or wrong. Data, events and
    the job's outcome are one transaction. Idempotent: the same file again changes nothing.
    Raises UnreadableFile, ProcessingLimit, UnknownPlugin, NotFound, Unavailable.
    """
    product = await _product(rt, spec.data_product_id)
    await run.report(0.05, f"Reading {product['file_name']}.")
    with tempfile.TemporaryDirectory(prefix="tomgql-") as directory:
        async with rt.files.local(product["sha256"]) as path:
            await try_thumbnail(rt, sandbox, product, path)
            read = await _read(rt, sandbox, product, _sandbox_request(rt, spec, product, path, Path(directory)))
        await run.report(0.5, f"Recording {read.rows} rows.")
        await _record(rt, run, product, read)


async def _read(rt: Runtime, sandbox: Sandbox, product: Any, request: SandboxRequest) -> SandboxResult:
    try:
        return await sandbox.read(request, _limits(rt))
    except TomError as error:
        await _keep_notes(rt, product["id"], [Note("ERROR", error.code.lower(), error.message)])
        raise


def _sandbox_request(
    rt: Runtime, spec: ProcessDataProduct, product: Any, path: Path, directory: Path
) -> SandboxRequest:
    installed = rt.processors.installed
    chosen: tuple[tuple[str, str], ...]
    if spec.processor is not None:
        chosen = ((spec.processor, rt.processors.locate(spec.processor).location),)
    else:
        chosen = tuple((name, item.location) for name, item in installed.items())
    return SandboxRequest(
        path=path,
        name=product["file_name"],
        data_product_type=product["data_product_type"],
        processors=chosen,
        output_dir=directory,
        options=spec.options,
        target_names=tuple(product["names"]),
        target_ra_deg=product["ra_deg"],
        target_dec_deg=product["dec_deg"],
    )


def _limits(rt: Runtime) -> Limits:
    settings = rt.settings
    return Limits(settings.processing_memory_bytes, settings.processing_cpu_s, settings.processing_timeout_s)


async def _product(rt: Runtime, data_product_id: int) -> Any:
    row = await rt.writes.fetchrow(
        "select p.id, p.target_id, p.file_name, p.sha256, p.data_product_type, t.ra_deg, t.dec_deg,"
        " array(select n.name from target_names n where n.target_id = t.id order by n.id) as names"
        " from data_products p join targets t on t.id = p.target_id where p.id = $1",
        data_product_id,
    )
    if row is None:
        raise NotFound("The data product was deleted before it was processed.")
    return row


async def _record(rt: Runtime, run: JobRun, product: Any, read: SandboxResult) -> None:
    actor = await accounts.principal_of_user(rt, run.claim.created_by_id)
    origin = Origin(product["target_id"], actor, product["id"], run.claim.job_id)
    notes = [*read.notes, *_rejections(read.rejected, read.rejected_count)]
    async with transaction(rt.writes) as tx:
        recorded = await record_data(tx, origin, str(read.rows_path))
        withdrawn = await withdraw_missing(tx, origin)
        if withdrawn:
            words = f"{withdrawn} data of earlier readings of this file are not in this one and were disabled"
            notes.append(Note("WARNING", "withdrawn", words, count=withdrawn))
        await _write_notes(tx, product["id"], notes)
        result = {
            "processor": read.processor,
            "version": read.version,
            "format": read.format_name,
            "created": recorded.created,
            "revised": recorded.revised,
            "unchanged": recorded.unchanged,
            "rejected": read.rejected_count,
            "withdrawn": withdrawn,
        }
        hook_jobs = await hooks.ask_recorded(tx, rt, origin, result)
        await announce_data(tx, origin)
        await log.append(tx, "data_products", "REVISED", target_id=product["target_id"], data_product_id=product["id"])
        await hooks.announce(tx, hook_jobs)
        await run.succeed(tx, result, _summary(recorded, read.rejected_count))


def _summary(recorded: Recorded, rejected: int) -> str:
    counts = {
        "created": recorded.created,
        "revised": recorded.revised,
        "unchanged": recorded.unchanged,
        "rejected": rejected,
    }
    said = [f"{count} {word}" for word, count in counts.items() if count]
    return f"Recorded reduced data: {', '.join(said)}." if said else "The file holds no data."


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


async def _keep_notes(rt: Runtime, product_id: int, notes: Sequence[Note]) -> None:
    async with transaction(rt.writes) as tx:
        await _write_notes(tx, product_id, notes)


async def _write_notes(tx: Transaction, product_id: int, notes: Sequence[Note]) -> None:
    await tx.execute(
        "update data_products set notes = $2, modified = now() where id = $1",
        product_id,
        [vars(note) for note in notes],
    )


@dataclass(frozen=True)
class NewData:
    """Rows or columns that a client sends for one target; ``on_duplicate`` is SKIP, REVISE or ERROR."""

    target_id: int
    data_type: str
    source_name: str = ""
    source_location: str = ""
    data_product_id: int | None = None
    rows: Sequence[Mapping[str, Any]] | None = None
    columns: Mapping[str, Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    on_duplicate: str = "REVISE"
    all_or_nothing: bool = False
    dry_run: bool = False
    idempotency_key: str | None = None


async def create_reduced_data(rt: Runtime, actor: Principal, new: NewData) -> BulkOutcome:
    """Record rows as reduced data; good rows are kept although others are rejected, unless ``all_or_nothing``.

    Permission: CHANGE on the target. Emits reduced-data events. Raises NotFound, NotAllowed, InvalidInput, Conflict.
    Idempotent by identity of the data, and by ``idempotency_key`` as a call.
    """
    user_id = guard.require_writer(actor)
    async with transaction(rt.writes) as tx:  # before anything is computed for a stranger
        await _require_place(tx, actor, new)
        position = await tx.row("select ra_deg, dec_deg from targets where id = $1", new.target_id)
    reading, staged = await asyncio.to_thread(_read_and_stage, new, position)
    request = {name: value for name, value in vars(new).items() if name != "idempotency_key"}
    key = None if new.dry_run else new.idempotency_key  # a rehearsal uses nothing up
    async with transaction(rt.writes) as tx:
        answer = await idempotency.earlier_answer(tx, user_id, key, "createReducedData", request)
        if answer is not None:
            return remembered_outcome(answer)
        await _require_place(tx, actor, new)
        staged.seek(0)
        outcome = await _record_given(tx, actor, new, reading, staged)
        await idempotency.remember(tx, user_id, key, vars(outcome))
        if outcome.keys:  # else nothing was written
            origin = Origin(new.target_id, actor, new.data_product_id)
            hook_jobs = await hooks.ask_recorded(tx, rt, origin)
            await announce_data(tx, origin)
            await hooks.announce(tx, hook_jobs)
    return outcome


async def _require_place(tx: Transaction, actor: Principal, new: NewData) -> None:
    await guard.require_target(tx, actor, new.target_id, predicates.CHANGE, ["input", "target"])
    if new.data_product_id is not None:
        await guard.require_product(tx, actor, new.data_product_id, predicates.CHANGE, ["input", "dataProduct"])
        if not await tx.value(
            "select true from data_products where id = $1 and target_id = $2", new.data_product_id, new.target_id
        ):
            raise InvalidInput("This data product belongs to another target.", path=["input", "dataProduct"])


def _read_and_stage(new: NewData, position: Any) -> tuple[Reading, io.BytesIO]:
    """The rows of a call as facts and as CSV: seconds of work for large calls, so away from the event loop."""
    reading, staged = read_given(new, position), io.BytesIO()
    write_reading(reading, staged, source_location=new.source_location or None)
    return reading, staged


async def _record_given(
    tx: Transaction, actor: Principal, new: NewData, reading: Reading, staged: io.BytesIO
) -> BulkOutcome:
    origin = Origin(new.target_id, actor, new.data_product_id)
    only_count = new.dry_run or (new.all_or_nothing and bool(reading.rejected))
    recorded = await record_data(tx, origin, staged, revise=new.on_duplicate == "REVISE", undo=only_count)
    refused = recorded.skipped if new.on_duplicate == "ERROR" else 0
    if refused and new.all_or_nothing and not new.dry_run:
        raise InvalidInput(f"{refused} rows exist already with other content, and all or nothing was asked for.")
    rejected = [_reported(each) for each in reading.rejected]
    made = [] if only_count else await changed_keys(tx)
    repeated = sum(note.count for note in reading.notes if note.code == "REPEATED_ROW")
    reports = await _row_reports(tx, new)
    if new.all_or_nothing and rejected:
        recorded, repeated, reports = Recorded(0, 0, 0), 0, []
    unchanged = recorded.unchanged + repeated + (0 if new.on_duplicate == "ERROR" else recorded.skipped)
    return BulkOutcome(
        created=recorded.created,
        revised=recorded.revised,
        unchanged=unchanged,
        rejected=len(rejected) + refused,
        rows=(rejected + reports)[:LONGEST_REPORT],
        keys=[(new.target_id, key) for key in made],
        notes=[vars(note) for note in reading.notes],
    )


def _reported(row: RejectedRow) -> dict[str, Any]:
    return {
        "row": row.row,
        "outcome": "REJECTED",
        "code": row.code,
        "message": row.message,
        "field": row.field,
        "key": None,
    }


async def _row_reports(tx: Transaction, new: NewData) -> list[dict[str, Any]]:
    refusing = new.on_duplicate == "ERROR"
    names = {"SKIPPED": "REJECTED" if refusing else "UNCHANGED"}
    reports = []
    for row, outcome, key in await outcomes(tx, LONGEST_REPORT):
        clash = outcome == "SKIPPED" and refusing
        reports.append(
            {
                "row": row,
                "outcome": names.get(outcome, outcome),
                "code": "DUPLICATE" if clash else None,
                "message": "This datum exists already with other content." if clash else None,
                "field": None,
                "key": None if key is None else [new.target_id, key],
            }
        )
    return sorted(reports, key=lambda report: report["outcome"] != "REJECTED")
