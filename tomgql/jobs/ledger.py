"""The ledger of jobs: every change of a job row's state, each in one statement.

States: QUEUED -> RUNNING -> SUCCEEDED, FAILED or CANCELLED; RUNNING -> WAITING -> QUEUED when a step must come later.
``attempts`` fences: a worker that was taken for dead and wakes up changes nothing, since the row carries a newer
number. ``faults`` counts the attempts that failed or died since the job last got on. Every change of state appends an
event as its last step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tomgql.domain.listing import shortened
from tomgql.events import log
from tomgql.jobs.specs import Spec, from_json, to_json
from tomgql.store.transaction import Transaction

LONGEST_PAUSE_S = 7 * 86_400.0
"""Longest pause before a job's next step."""


@dataclass(frozen=True)
class Claim:
    """One attempt at one job, claimed by this worker."""

    job_id: int
    attempt: int
    spec: Spec
    created_by_id: int | None
    target_id: int | None
    data_product_id: int | None
    cancel_requested: bool = False
    faults: int = 0


async def insert(
    tx: Transaction, spec: Spec, *, created_by_id: int | None, target_id: int | None, data_product_id: int | None
) -> int:
    """Write a QUEUED job; returns its id. The caller appends its event and sends it after the commit."""
    job_id: int = await tx.value(
        "insert into jobs (kind, spec, created_by_id, target_id, data_product_id) values ($1, $2, $3, $4, $5)"
        " returning id",
        spec.kind,
        to_json(spec),
        created_by_id,
        target_id,
        data_product_id,
    )
    return job_id


async def announce(tx: Transaction, job_id: int, change: str = "REVISED") -> None:
    """Append the event of a job; last in its transaction."""
    job = await tx.row("select target_id, data_product_id from jobs where id = $1", job_id)
    if job is not None:
        await log.append(
            tx, "jobs", change, job_id=job_id, target_id=job["target_id"], data_product_id=job["data_product_id"]
        )


async def claim(tx: Transaction, job_id: int, lease_s: float) -> Claim | None:
    """Take a job that is ready, or whose worker fell silent; None when it is not to be run now."""
    row = await tx.row(
        "update jobs set state = 'RUNNING', attempts = attempts + 1, started = coalesce(started, now()),"
        " lease_until = now() + $2 * interval '1 second', waiting_until = null, message = '',"
        " faults = faults + (state = 'RUNNING')::int"
        " where id = $1 and (state = 'QUEUED' or (state = 'WAITING' and waiting_until <= now())"
        " or (state = 'RUNNING' and lease_until < now()))"
        " returning id, attempts, kind, spec, created_by_id, target_id, data_product_id, cancel_requested,"
        " faults",
        job_id,
        float(lease_s),
    )
    if row is None:
        return None
    await announce(tx, job_id)
    spec = from_json(row["kind"], row["spec"])
    return Claim(
        row["id"],
        row["attempts"],
        spec,
        row["created_by_id"],
        row["target_id"],
        row["data_product_id"],
        row["cancel_requested"],
        row["faults"],
    )


async def renew(connection: Any, claim: Claim, lease_s: float) -> bool:
    """Say that the attempt is alive. False when it was cancelled, or is no longer ours: stop."""
    wanted = await connection.fetchval(
        "update jobs set lease_until = now() + $3 * interval '1 second'"
        " where id = $1 and attempts = $2 and state = 'RUNNING' returning not cancel_requested",
        claim.job_id,
        claim.attempt,
        float(lease_s),
    )
    return bool(wanted)


async def report(tx: Transaction, claim: Claim, progress: float, message: str) -> None:
    """Write how far the attempt is (0 to 1) and what it does."""
    if await _change(tx, claim, "progress = $3, message = $4", _between(progress, 1.0), shortened(message)):
        await announce(tx, claim.job_id)


async def succeed(tx: Transaction, claim: Claim, result: dict[str, Any], message: str) -> bool:
    """End the attempt well, in the transaction of its effect. False: the attempt is no longer ours, roll back."""
    changed = await _change(
        tx,
        claim,
        "state = 'SUCCEEDED', progress = 1, result = $3, message = $4, finished = clock_timestamp(),"
        " lease_until = null,"
        " error_code = null, error_message = null, error_retryable = null",
        result,
        shortened(message),
    )
    if changed:
        await announce(tx, claim.job_id)
    return changed


async def fail(tx: Transaction, claim: Claim, code: str, message: str, *, retryable: bool) -> bool:
    """End the attempt badly, with words that its owner can act on. False: it is no longer ours, roll back."""
    state = "CANCELLED" if code == "CANCELLED" else "FAILED"
    changed = await _change(
        tx,
        claim,
        f"state = '{state}', error_code = $3, error_message = $4, error_retryable = $5, finished = clock_timestamp(),"
        " lease_until = null",
        code,
        shortened(message),
        retryable,
    )
    if changed:
        await announce(tx, claim.job_id)
    return changed


async def wait(
    tx: Transaction, claim: Claim, seconds: float, message: str, *, progress: float | None = None, fault: bool = False
) -> bool:
    """Put the job aside until its next step is due: at once when it was asked to stop, so that it does.

    ``fault`` says that the attempt failed; else the job got on. False: the attempt is no longer ours, roll back.
    """
    changed = await _change(
        tx,
        claim,
        "state = 'WAITING', message = $4, lease_until = null, progress = coalesce($5, progress),"
        " faults = case when $6 then faults + 1 else 0 end,"
        " waiting_until = now() + case when cancel_requested then 0 else $3 end * interval '1 second'",
        _between(seconds, LONGEST_PAUSE_S),
        shortened(message),
        None if progress is None else _between(progress, 1.0),
        fault,
    )
    if changed:
        await announce(tx, claim.job_id)
    return changed


async def release(tx: Transaction, claim: Claim) -> None:
    """Give an attempt back, uncounted as a failure: its process ends before it could."""
    if await _change(tx, claim, "state = 'QUEUED', lease_until = null, message = ''"):
        await announce(tx, claim.job_id)


def _between(value: float, most: float) -> float:
    """The value within 0 and ``most``; 0 for what is no number."""
    return min(max(float(value), 0.0), most) if value == value else 0.0


async def _change(tx: Transaction, claim: Claim, changes: str, *values: Any) -> bool:
    sql = f"update jobs set {changes} where id = $1 and attempts = $2 and state = 'RUNNING' returning id"
    return await tx.value(sql, claim.job_id, claim.attempt, *values) is not None


async def cancel(tx: Transaction, job_id: int) -> str:
    """Cancel a job: at once when it does not run, else by asking its worker to stop. Returns the state then."""
    state: str = await tx.value("select state from jobs where id = $1 for no key update", job_id)
    if state in ("QUEUED", "WAITING"):
        await tx.execute(
            "update jobs set state = 'CANCELLED', finished = clock_timestamp(), waiting_until = null,"
            " cancel_requested = true,"
            " error_code = 'CANCELLED', error_message = 'Cancelled before it ran.', error_retryable = true"
            " where id = $1",
            job_id,
        )
        state = "CANCELLED"
    elif state == "RUNNING":
        await tx.execute("update jobs set cancel_requested = true where id = $1", job_id)
    return state


async def requeue(tx: Transaction, job_id: int) -> bool:
    """Have a failed or cancelled job run again; False when it is in another state."""
    changed = await tx.value(
        "update jobs set state = 'QUEUED', progress = 0, message = '', cancel_requested = false, finished = null,"
        " faults = 0,"
        " error_code = null, error_message = null, error_retryable = null"
        " where id = $1 and state in ('FAILED', 'CANCELLED') returning id",
        job_id,
    )
    return changed is not None
