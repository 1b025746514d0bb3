"""Hooks: one job for each hook and occasion, written in the transaction of what it is to be told of.

So a hook is told at least once, and only of what is committed; its job is seen by whoever sees the data product, or
may change the target of data without one. A hook runs apart from what called it and changes nothing here, so hooks
never call hooks. Where none is installed nothing is asked or written.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from tomgql.access.principal import Principal
from tomgql.errors import NotFound
from tomgql.jobs import ledger
from tomgql.jobs.run import JobRun
from tomgql.jobs.specs import RunHook
from tomgql.plugins.contracts import DATA_RECORDED, PRODUCT_STORED, HookProduct, HookTarget, Occasion, RecordedData
from tomgql.plugins.hook_call import call_hook
from tomgql.plugins.sandbox import Limits, Sandbox
from tomgql.runtime import Runtime
from tomgql.services.ingest import Origin, count_changes
from tomgql.services.jobs import enqueue
from tomgql.store.public_ids import encode
from tomgql.store.transaction import Transaction, transaction


async def ask_stored(
    tx: Transaction, rt: Runtime, actor: Principal, target_id: int, data_product_id: int
) -> list[int]:
    """Enqueue the hooks that want to know of stored products; returns the keys of their jobs, for `announce`."""
    return [
        await enqueue(
            tx, rt, actor, RunHook(name, PRODUCT_STORED), target_id=target_id, data_product_id=data_product_id
        )
        for name in rt.hooks.wanting(PRODUCT_STORED)
    ]


async def ask_recorded(
    tx: Transaction, rt: Runtime, origin: Origin, result: Mapping[str, Any] | None = None
) -> list[int]:
    """Enqueue the hooks that want to know of what `tomgql.services.ingest` recorded in this transaction, if anything.

    ``result`` is that of the job that read a file. Returns the keys of the hooks' jobs, for `announce`.
    """
    wanting = rt.hooks.wanting(DATA_RECORDED)
    changes = await count_changes(tx) if wanting else {}
    if not changes:
        return []
    recorded = _recorded(changes, origin, result or {})
    return [
        await enqueue(
            tx, rt, origin.actor, RunHook(name, DATA_RECORDED, recorded),
            target_id=origin.target_id, data_product_id=origin.data_product_id,
        )
        for name in wanting
    ]  # fmt: skip


def _recorded(changes: Mapping[str, int], origin: Origin, result: Mapping[str, Any]) -> dict[str, Any]:
    counts = {word.lower(): changes.get(word, 0) for word in ("CREATED", "REVISED", "DISABLED", "ENABLED")}
    job_id = None if origin.job_id is None else encode("jobs", origin.job_id)
    names = {"processor": "processor", "version": "version", "format_name": "format"}
    return {**counts, "job_id": job_id, **{name: result.get(key) for name, key in names.items()}}


async def announce(tx: Transaction, jobs: Sequence[int]) -> None:
    """Append the events of the hooks' jobs; among the last of the transaction."""
    for job_id in jobs:
        await ledger.announce(tx, job_id, "CREATED")


async def run_hook(rt: Runtime, sandbox: Sandbox, run: JobRun, spec: RunHook) -> None:
    """Call a hook in a process of its own; what it says becomes the job's message and result.

    At least once: again when the worker dies meanwhile. Raises UnknownPlugin, HookFailed, Upstream, ProcessingLimit,
    Unavailable, NotFound.
    """
    installed = rt.hooks.locate(spec.hook)
    row = await _row(rt, run)
    await run.report(0.05, f'Calling the hook "{spec.hook}".')
    async with nullcontext() if row["sha256"] is None else rt.files.local(row["sha256"]) as path:
        occasion = _occasion(run, spec, row, path)
        with tempfile.TemporaryDirectory(prefix="tomgql-") as directory:
            answer = await call_hook(sandbox, (spec.hook, installed.location), occasion, Path(directory), _limits(rt))
    result = {"hook": spec.hook, "version": answer.version, "occasion": spec.occasion, "notes": answer.notes}
    async with transaction(rt.writes) as tx:
        await run.succeed(tx, result, answer.message or f'The hook "{spec.hook}" is done.')


def _limits(rt: Runtime) -> Limits:
    settings = rt.settings
    return Limits(settings.hook_memory_bytes, settings.hook_cpu_s, settings.hook_timeout_s)


async def _row(rt: Runtime, run: JobRun) -> Any:
    """Target and product as they are now, wherever a merge has taken them."""
    row = await rt.writes.fetchrow(
        "select t.id as target_id, t.type, t.ra_deg, t.dec_deg, p.id as product_id, p.data_product_type, p.file_name,"
        " p.size_bytes, p.sha256, array(select n.name from target_names n where n.target_id = t.id"
        "  order by n.is_primary desc, n.id) as names"
        " from jobs j left join data_products p on p.id = j.data_product_id"
        " join targets t on t.id = coalesce(p.target_id, j.target_id) where j.id = $1",
        run.claim.job_id,
    )
    if row is None:
        raise NotFound("The target was deleted before the hook was called.")
    return row


def _occasion(run: JobRun, spec: RunHook, row: Any, path: Path | None) -> Occasion:
    """What the hook is told; ``path`` is the product's file, if there is a product."""
    return Occasion(
        id=encode("jobs", run.claim.job_id),
        name=spec.occasion,
        attempt=run.claim.attempt,
        target=HookTarget(
            encode("targets", row["target_id"]), tuple(row["names"]), row["type"], row["ra_deg"], row["dec_deg"]
        ),
        product=None if path is None else _product(row, path),
        recorded=None if spec.recorded is None else RecordedData(**spec.recorded),
    )


def _product(row: Any, path: Path) -> HookProduct:
    return HookProduct(
        id=encode("data_products", row["product_id"]),
        data_product_type=row["data_product_type"],
        file_name=row["file_name"],
        size_bytes=row["size_bytes"],
        sha256=row["sha256"],
        path=path,
    )
