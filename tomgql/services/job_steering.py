"""Jobs: cancel, and have them tried again."""

from __future__ import annotations

from tomgql.access import guard
from tomgql.access.principal import Principal
from tomgql.errors import Conflict, JobNotCancellable
from tomgql.jobs import ledger
from tomgql.jobs.specs import WithdrawSurveyQuery
from tomgql.runtime import Runtime
from tomgql.services import share_ledger
from tomgql.services.jobs import enqueue, send_after_commit
from tomgql.services.survey_credentials import find_credentials
from tomgql.store.public_ids import encode
from tomgql.store.transaction import Transaction, transaction


async def cancel_job(rt: Runtime, actor: Principal, job_id: int) -> tuple[int]:
    """Cancel a job that has not ended: at once when it waits, else its worker stops at its next step.

    Enqueues `WithdrawSurveyQuery` for a query that may have submitted something. Raises NotFound, NotAllowed,
    JobNotCancellable. Emits job events.
    """
    guard.require_writer(actor)
    async with transaction(rt.writes) as tx:
        await guard.hold_target_of(tx, "jobs", job_id)  # before the job: a job that withdraws names the target, too
        await guard.require_job(tx, actor, job_id, ["id"])
        state = await ledger.cancel(tx, job_id)
        if state in ("SUCCEEDED", "FAILED"):
            raise JobNotCancellable(f"This job has ended ({state}); only a job that has not can be cancelled.")
        withdrawing = await _withdraw(tx, rt, actor, job_id)
        await ledger.announce(tx, job_id)
        if withdrawing is not None:
            await ledger.announce(tx, withdrawing, "CREATED")
    return (job_id,)


async def _withdraw(tx: Transaction, rt: Runtime, actor: Principal, job_id: int) -> int | None:
    """The job that takes back what a cancelled query of a survey service has submitted, if it may have, once."""
    query = await tx.row(
        "select j.target_id from survey_queries q join jobs j on j.id = q.job_id where q.job_id = $1"
        " and (q.state <> '{}' or q.stepping) and not exists (select from jobs w where w.kind = $2"
        "  and w.target_id = j.target_id and (w.spec ->> 'query_job_id')::bigint = $1 and w.spec ->> 'left' is null"
        "  and w.state in ('QUEUED', 'RUNNING', 'WAITING'))",
        job_id,
        WithdrawSurveyQuery.kind,
    )
    if query is None:
        return None
    return await enqueue(tx, rt, actor, WithdrawSurveyQuery(job_id), target_id=query["target_id"])


async def retry_job(rt: Runtime, actor: Principal, job_id: int) -> tuple[int]:
    """Run a failed or cancelled job again.

    A query of a survey service begins anew, in the actor's name and with the actor's secrets; what it left is
    withdrawn. Of a share, what did not go is tried again. Raises NotFound, NotAllowed, Conflict, and InvalidInput where
    secrets are missing. Emits job events.
    """
    guard.require_writer(actor)
    async with transaction(rt.writes) as tx:
        await guard.hold_target_of(tx, "jobs", job_id)
        await guard.require_retryable_job(tx, actor, job_id, ["id"])
        if not await ledger.requeue(tx, job_id):
            raise Conflict("Only a job that FAILED or was CANCELLED can be tried again.", path=["id"])
        withdrawing = await _begin_anew(tx, rt, actor, job_id)
        await share_ledger.queue_again(tx, job_id)
        attempts = await tx.value("select attempts from jobs where id = $1", job_id)
        send_after_commit(tx, rt, job_id, attempts + 1)
        await ledger.announce(tx, job_id)
        if withdrawing is not None:
            await ledger.announce(tx, withdrawing, "CREATED")
    return (job_id,)


async def _begin_anew(tx: Transaction, rt: Runtime, actor: Principal, job_id: int) -> int | None:
    """Reset the query of a survey service, if the job has one; the job that takes back what it left there, if any.

    From now on it is the actor's. Raises Conflict when an equal query goes on, InvalidInput where secrets are missing.
    """
    query = await tx.row(
        "select q.service, q.digest, q.state, q.stepping, q.begun, j.target_id from survey_queries q"
        " join jobs j on j.id = q.job_id where q.job_id = $1",
        job_id,
    )
    if query is None:
        return None
    plugin = rt.surveys.locate(query["service"]).plugin
    await find_credentials(rt.settings, tx.rows, plugin, actor.user_id)
    await tx.execute("update jobs set created_by_id = $2 where id = $1", job_id, actor.user_id)
    await tx.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"survey {query['digest']}")
    same = await tx.value(
        "select j.id from survey_queries q join jobs j on j.id = q.job_id where q.digest = $1 and j.id <> $2"
        " and j.target_id = $3 and j.state in ('QUEUED', 'RUNNING', 'WAITING') and not j.cancel_requested limit 1",
        query["digest"],
        job_id,
        query["target_id"],
    )
    if same is not None:
        raise Conflict(f"An equal query goes on already: {encode('jobs', same)}.", path=["id"])
    await tx.execute(
        "update survey_queries set state = '{}', stepping = false, begun = now() where job_id = $1", job_id
    )
    if not query["state"] and not query["stepping"]:
        return None
    left = {"state": query["state"], "stepping": query["stepping"], "begun": query["begun"].isoformat()}
    asked = await tx.value(
        "update jobs set spec = spec || jsonb_build_object('left', $3::jsonb) where kind = $1 and target_id = $4"
        " and (spec ->> 'query_job_id')::bigint = $2 and state in ('QUEUED', 'WAITING') returning id",
        WithdrawSurveyQuery.kind,
        job_id,
        left,
        query["target_id"],
    )
    if asked is not None:
        return None
    return await enqueue(tx, rt, actor, WithdrawSurveyQuery(job_id, left), target_id=query["target_id"])
