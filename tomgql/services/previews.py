"""What would come of a file: read as a job reads it, counted as a job counts it, and nothing of it stored.

The file of a call is read in the web process' own sandbox, of few at a time, and is gone with the call. That of a
stored product is read by a job. Both count in a transaction that is rolled back.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tomgql.access import guard
from tomgql.access.principal import Principal
from tomgql.domain.measurements import Note
from tomgql.errors import Conflict, ProcessingLimit, TomError, TooLarge, Unavailable
from tomgql.files import DirectoryStore
from tomgql.jobs.run import JobRun
from tomgql.jobs.specs import PreviewDataProduct
from tomgql.plugins.sandbox import Limits, Sandbox, SandboxRequest, SandboxResult
from tomgql.runtime import Runtime
from tomgql.services import accounts
from tomgql.services.file_readings import (
    counts_text,
    describe_file,
    find_product,
    notes_on,
    processing_limits,
    reading_request,
    result_of,
)
from tomgql.services.ingest import Origin, record_data, withdraw_missing
from tomgql.services.product_checks import require_place
from tomgql.services.products import NewProduct, check_product, clean_file_name, wants_job
from tomgql.services.same_product import find_same
from tomgql.store.transaction import Transaction, rolled_back, transaction

logger = logging.getLogger(__name__)

SHOWN_ROWS = 20
"""Rows that a preview shows."""

SHARE_OF_REQUEST = 0.5
"""Of the time of a request, at most so much goes to a preview: the rest is for sending its file and its answer."""

_INNER = ("row", "identity", "content", "beside", "apart_for")
"""Staged columns that tell nothing to people."""


@dataclass(frozen=True)
class Preview:
    """``result`` is that of a job which read the file, None where no job would; ``rows`` are the first to be stored."""

    result: Mapping[str, Any] | None
    notes: Sequence[Note]
    columns: Sequence[Mapping[str, Any]] = ()
    rows: Sequence[Mapping[str, Any]] = ()

    def report(self) -> dict[str, Any]:
        """All of it in JSON's terms, as the result of a job."""
        shown = {"columns": list(self.columns), "rows": list(self.rows), "notes": [vars(note) for note in self.notes]}
        return {**(self.result or {}), **shown}


async def preview_product(rt: Runtime, actor: Principal, new: NewProduct, content: AsyncIterator[bytes]) -> Preview:
    """Read a file as `register_product`'s job would, and keep nothing: no product, job, event or file.

    Permission: CHANGE on the target. Emits and enqueues nothing; the idempotency key is not used.
    Raises what the upload would raise, and what its job would fail with; TooLarge for files beyond
    ``max_preview_bytes``, ProcessingLimit after ``preview_timeout_s``, Unavailable when too many are read already.
    """
    guard.require_writer(actor)
    check_product(rt, new)
    async with rolled_back(rt.writes) as tx:  # before a stranger's bytes are kept
        await require_place(tx, actor, new.target_id, new.observation_id, new.groups)
    if not wants_job(rt, new):
        words = f"as {new.data_product_type} the file would be kept without being read"
        return Preview(None, [Note("INFO", "not_read", words)])
    name, limit_s = clean_file_name(new.file_name), _time_limit(rt)
    try:
        async with asyncio.timeout(limit_s), _turn(rt, limit_s / 2), _directory() as directory:
            return await _preview(rt, actor, new, content, directory)
    except TimeoutError:
        words = f"{name}: the preview took longer than {limit_s:g} seconds. Upload it, and have a job read it."
        raise ProcessingLimit(words) from None


async def preview_stored_product(rt: Runtime, sandbox: Sandbox, run: JobRun, spec: PreviewDataProduct) -> None:
    """Read a stored product's file again; the job's result is the preview, and nothing else changes.

    Emits only the job's own events; hooks are not told. Raises UnreadableFile, ProcessingLimit, UnknownPlugin and
    NotFound.
    """
    product = await find_product(rt, spec.data_product_id)
    await run.report(0.05, f"Reading {product['file_name']}.")
    async with _directory() as directory:
        async with rt.files.local(product["sha256"]) as path:
            request = _request(rt, product, path, directory, spec.processor, spec.options)
            read = await sandbox.read(request, processing_limits(rt))
        actor = await accounts.principal_of_user(rt, run.claim.created_by_id)
        async with rolled_back(rt.writes) as tx:
            preview = await _count(tx, Origin(product["target_id"], actor, product["id"]), read)
    report = preview.report()
    said = counts_text(report)
    words = f"There would be: {said}. Nothing was stored." if said else "The file holds no data."
    async with transaction(rt.writes) as tx:
        await run.succeed(tx, report, words)


async def _preview(
    rt: Runtime, actor: Principal, new: NewProduct, content: AsyncIterator[bytes], directory: Path
) -> Preview:
    store = DirectoryStore(directory / "file")
    stored = await _put(rt, store, content)
    about = await describe_file(rt, new.target_id, clean_file_name(new.file_name), new.data_product_type)
    async with store.local(stored) as path:
        read = await _read(rt, _request(rt, about, path, directory, new.processor, new.options))
    async with rolled_back(rt.writes) as tx:
        # Again: rights may have changed meanwhile.
        await require_place(tx, actor, new.target_id, new.observation_id, new.groups)
        same = await find_same(tx, actor, new, stored)
        if same is None:
            await _require_free_product_id(tx, new)
        doer = await accounts.principal_of_user(rt, actor.user_id)  # who the job would act as
        return await _count(tx, Origin(new.target_id, doer, same), read)


async def _put(rt: Runtime, store: DirectoryStore, content: AsyncIterator[bytes]) -> str:
    limit = rt.settings.max_preview_bytes
    try:
        return (await store.put(content, limit)).sha256
    except TooLarge:
        words = f"The file is larger than {limit} bytes, the limit of a preview. Upload it, and have a job read it"
        raise TooLarge(f"{words} with `dryRun`.", path=["input", "file"]) from None


def _request(
    rt: Runtime,
    about: Mapping[str, Any],
    path: Path,
    directory: Path,
    processor: str | None,
    options: Mapping[str, Any],
) -> SandboxRequest:
    output = directory / "output"
    output.mkdir()
    return reading_request(rt, about, path, output, processor, options, preview_rows=SHOWN_ROWS)


async def _read(rt: Runtime, request: SandboxRequest) -> SandboxResult:
    limit_s = _time_limit(rt)
    limits = Limits(rt.settings.processing_memory_bytes, max(1, int(limit_s)), limit_s)
    try:
        return await rt.previews.sandbox.read(request, limits)
    except TomError as error:
        for note in getattr(error, "__notes__", ()):
            logger.warning("preview: %s", note)
        raise


async def _require_free_product_id(tx: Transaction, new: NewProduct) -> None:
    if await tx.value("select true from data_products where product_id = $1", new.product_id):
        raise Conflict(
            f'A data product with the productId "{new.product_id}" exists already.', path=["input", "productId"]
        )


async def _count(tx: Transaction, origin: Origin, read: SandboxResult) -> Preview:
    """What recording the reading would do; the caller rolls the transaction back."""
    recorded = await record_data(tx, origin, str(read.rows_path), undo=True)
    withdrawn = await withdraw_missing(tx, origin, undo=True)
    result = result_of(read, recorded, withdrawn)
    return Preview(result, notes_on(read, withdrawn), [asdict(use) for use in read.columns], _shown(read.preview))


def _shown(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows by the columns that hold something in any of them."""
    used = {name for row in rows for name, value in row.items() if value is not None} - set(_INNER)
    return [{name: value for name, value in row.items() if name in used} for row in rows]


def _time_limit(rt: Runtime) -> float:
    return min(rt.settings.preview_timeout_s, rt.settings.request_timeout_s * SHARE_OF_REQUEST)


@asynccontextmanager
async def _turn(rt: Runtime, patience_s: float) -> AsyncIterator[None]:
    """One of the few readings at a time of this process; raises Unavailable when none is free in time."""
    try:
        async with asyncio.timeout(patience_s):
            await rt.previews.turns.acquire()
    except TimeoutError:
        raise Unavailable("This server reads other files just now; try the preview again.") from None
    try:
        yield
    finally:
        rt.previews.turns.release()


@asynccontextmanager
async def _directory() -> AsyncIterator[Path]:
    """A directory that is gone when the block ends, with what a killed child was still writing."""
    with tempfile.TemporaryDirectory(prefix="tomgql-", ignore_cleanup_errors=True) as place:
        yield Path(place)
