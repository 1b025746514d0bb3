"""Jobs: ask for one; `job_steering` cancels it and has it tried again."""

from __future__ import annotations

from tomgql.access.principal import Principal
from tomgql.jobs import ledger
from tomgql.jobs.specs import Spec
from tomgql.runtime import Runtime
from tomgql.store.transaction import Transaction


async def enqueue(
    tx: Transaction,
    rt: Runtime,
    actor: Principal,
    spec: Spec,
    *,
    target_id: int | None = None,
    data_product_id: int | None = None,
) -> int:
    """Write a job in the caller's transaction and send it after the commit; returns its key.

    The caller appends the job's event with `ledger.announce`, as the transaction's last step.
    """
    job_id = await ledger.insert(
        tx, spec, created_by_id=actor.user_id, target_id=target_id, data_product_id=data_product_id
    )
    send_after_commit(tx, rt, job_id, attempt=1)
    return job_id


def send_after_commit(tx: Transaction, rt: Runtime, job_id: int, attempt: int) -> None:
    """Send a job once it is committed."""

    async def send() -> None:
        await rt.queue.send(job_id, attempt)

    tx.after_commit(send)
