"""Reduced data: from a data product's file, or from rows that a client sends."""

from __future__ import annotations

import asyncio
import io
import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tomgql.access import guard, predicates
from tomgql.access.guard import Hold
from tomgql.access.principal import Principal
from tomgql.domain.listing import shortened
from tomgql.domain.measurements import Note, Reading, RejectedRow
from tomgql.domain.staging import write_reading
from tomgql.errors import InvalidInput, TomError
from tomgql.events import log
from tomgql.jobs.run import JobRun
from tomgql.jobs.specs import ProcessDataProduct
from tomgql.plugins.sandbox import Sandbox, SandboxRequest, SandboxResult
from tomgql.runtime import Runtime
from tomgql.services import accounts, hooks, idempotency, rereading
from tomgql.services.bulk import LONGEST_REPORT, BulkOutcome, remembered_outcome
from tomgql.services.file_readings import (
    counts_text,
    find_product,
    hold_target_of,
    notes_on,
    processing_limits,
    reading_request,
    result_of,
)
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
    the job's outcome are one transaction. Idempotent: the same file again changes nothing. Other files that may hold
    what this reading withdrew are read again.
    Raises UnreadableFile, ProcessingLimit, UnknownPlugin, NotFound, Unavailable.
    """
    product = await find_product(rt, spec.data_product_id)
    await run.report(0.05, f"Reading {product['file_name']}.")
    with tempfile.TemporaryDirectory(prefix="tomgql-") as directory:
        async with rt.files.local(product["sha256"]) as path:
            await try_thumbnail(rt, sandbox, product, path)
            request = reading_request(rt, product, path, Path(directory), spec.processor, spec.options)
            read = await _read(rt, sandbox, product, request)
        await run.report(0.5, f"Recording {read.rows} rows.")
        await _record(rt, run, product, read, spec.generation)


async def _read(rt: Runtime, sandbox: Sandbox, product: Any, request: SandboxRequest) -> SandboxResult:
    try:
        return await sandbox.read(request, processing_limits(rt))
    except TomError as error:
        await _keep_notes(rt, product["id"], [Note("ERROR", error.code.lower(), error.message)])
        raise


async def _record(rt: Runtime, run: JobRun, product: Any, read: SandboxResult, generation: int) -> None:
    actor = await accounts.principal_of_user(rt, run.claim.created_by_id)
    async with transaction(rt.writes) as tx:
        origin = Origin(await hold_target_of(tx, product["id"]), actor, product["id"], run.claim.job_id)
        recorded = await record_data(tx, origin, str(read.rows_path))
        withdrawn = await withdraw_missing(tx, origin)
        await _write_notes(tx, product["id"], notes_on(read, withdrawn))
        result = result_of(read, recorded, withdrawn)
        hook_jobs = await hooks.ask_recorded(tx, rt, origin, result)
        again = await _read_others(tx, rt, origin, generation + 1) if withdrawn else []
        await announce_data(tx, origin)
        await log.append(tx, "data_products", "REVISED", target_id=origin.target_id, data_product_id=product["id"])
        await hooks.announce(tx, hook_jobs)
        await rereading.announce(tx, again)
        await run.succeed(tx, result, _said(result, generation))


async def _read_others(tx: Transaction, rt: Runtime, origin: Origin, generation: int) -> list[int]:
    """The jobs that read other files which may hold what this reading withdrew."""
    holders = await rereading.holders_of_others(tx, origin.target_id, origin.data_product_id or 0)
    return await rereading.read_again(tx, rt, origin.target_id, holders, generation)


def _said(result: Mapping[str, Any], generation: int) -> str:
    why = "Read again, as data that this file may hold went with another. " if generation else ""
    said = counts_text(result)
    return why + (f"Recorded reduced data: {said}." if said else "The file holds no data.")


async def _keep_notes(rt: Runtime, product_id: int, notes: Sequence[Note]) -> None:
    async with transaction(rt.writes) as tx:
        await _write_notes(tx, product_id, notes)


async def _write_notes(tx: Transaction, product_id: int, notes: Sequence[Note]) -> None:
    await tx.execute(
        "update data_products set notes = $2, modified = now() where id = $1",
        product_id,
        [{**vars(note), "message": shortened(note.message)} for note in notes],
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
        await _require_place(tx, actor, new, Hold.CHANGE)
        staged.seek(0)
        outcome = await _record_given(tx, actor, new, reading, staged)
        await idempotency.remember(tx, user_id, key, vars(outcome))
        if outcome.keys:  # else nothing was written
            origin = Origin(new.target_id, actor, new.data_product_id)
            hook_jobs = await hooks.ask_recorded(tx, rt, origin)
            await announce_data(tx, origin)
            await hooks.announce(tx, hook_jobs)
    return outcome


async def _require_place(tx: Transaction, actor: Principal, new: NewData, hold: Hold = Hold.KEEP) -> None:
    await guard.require_target(tx, actor, new.target_id, predicates.CHANGE, ["input", "target"], hold)
    if new.data_product_id is not None:
        await guard.require_product(tx, actor, new.data_product_id, predicates.CHANGE, ["input", "dataProduct"])
        if not await tx.value(
            "select true from data_products where id = $1 and target_id = $2", new.data_product_id, new.target_id
        ):
            raise InvalidInput("This data product belongs to another target.", path=["input", "dataProduct"])


def _read_and_stage(new: NewData, position: Any) -> tuple[Reading, io.BytesIO]:
    """The rows of a call as facts and for COPY: seconds of work for large calls, so away from the event loop."""
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
        notes=[{**vars(note), "message": shortened(note.message)} for note in reading.notes],
    )


def _reported(row: RejectedRow) -> dict[str, Any]:
    return {
        "row": row.row,
        "outcome": "REJECTED",
        "code": row.code,
        "message": shortened(row.message),
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
