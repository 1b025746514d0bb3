"""Take back what queries of survey services have submitted: those that were cancelled, failed, or lost their target.

Jobs of their own do it, since a service may be away just then. A deleted target takes its queries along, so that a job
for one carries all that the service needs; secrets are looked up when it runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from tomgql.errors import Later as Again
from tomgql.jobs import ledger
from tomgql.jobs.run import JobRun
from tomgql.jobs.specs import WithdrawSurveyQuery
from tomgql.plugins.sandbox import Sandbox
from tomgql.plugins.surveys import withdraws
from tomgql.runtime import Runtime
from tomgql.services.jobs import send_after_commit
from tomgql.services.survey_machines import Machine, load_machine, recall_machine, withdraw
from tomgql.services.surveys import load_target
from tomgql.store.transaction import Transaction, transaction

_STILL_RUNNING_S = 2.0
_OVER = ("CANCELLED", "FAILED")
_PENDING = (
    "w.kind = $2 and (w.spec ->> 'query_job_id')::bigint = q.job_id and w.state in ('QUEUED', 'RUNNING', 'WAITING')"
)
_LEFT = "(q.state <> '{}' or q.stepping)"


def can_withdraw(rt: Runtime, service: str) -> bool:
    """Whether the service is installed, and takes anything back."""
    installed = rt.surveys.installed.get(service)
    return installed is not None and withdraws(installed.plugin)


async def withdraw_query(tx: Transaction, rt: Runtime, job_id: int, user_id: int | None) -> int | None:
    """Ask for a query to be withdrawn, once, if it may have submitted anything; the job that does it.

    The caller appends its event. Enqueues `WithdrawSurveyQuery` in the user's name.
    """
    query = await tx.row(
        f"select q.service, j.target_id from survey_queries q join jobs j on j.id = q.job_id where q.job_id = $1"
        f" and {_LEFT} and not exists (select from jobs w where {_PENDING} and w.target_id = j.target_id"
        f"  and w.spec ->> 'left' is null)",
        job_id,
        WithdrawSurveyQuery.kind,
    )
    if query is None or not can_withdraw(rt, query["service"]):
        return None
    return await _enqueue(tx, rt, WithdrawSurveyQuery(job_id), user_id, query["target_id"])


async def withdraw_queries_of(tx: Transaction, rt: Runtime, target_id: int) -> list[int]:
    """Ask for all queries of a target to be withdrawn, which is about to be deleted; the jobs, in the askers' names.

    The caller appends their events. A step that is being made cannot be told from here: it may take its whole time.
    """
    queries = await tx.rows(
        "select q.job_id, q.service, q.parameters, q.state, q.stepping, q.begun, j.created_by_id,"
        f" j.state = 'RUNNING' as running, array(select w.spec -> 'left' from jobs w where {_PENDING}"
        "  and w.target_id = $1 and w.spec ->> 'left' is not null order by w.id) as earlier"
        " from survey_queries q join jobs j on j.id = q.job_id"
        f" where j.target_id = $1 and ({_LEFT} or exists (select from jobs w where {_PENDING} and w.target_id = $1))"
        " order by q.job_id for update of q",
        target_id,
        WithdrawSurveyQuery.kind,
    )
    known = [query for query in queries if can_withdraw(rt, query["service"])]
    target = asdict(await load_target(tx.row, target_id)) if known else {}
    jobs = []
    for query in known:
        gone = {"service": query["service"], "parameters": query["parameters"], "target": target}
        latest = [left_of(query)] if query["state"] or query["stepping"] else []
        for left in [*query["earlier"], *latest]:
            spec = WithdrawSurveyQuery(query["job_id"], left, gone)
            delay_s = rt.settings.survey_step_s if query["running"] else 0.0
            jobs.append(await _enqueue(tx, rt, spec, query["created_by_id"], None, delay_s))
    return jobs


def left_of(query: Mapping[str, Any]) -> dict[str, Any]:
    """What a query has left with its service, from its row, as a job keeps it."""
    return {"state": query["state"], "stepping": query["stepping"], "begun": query["begun"].isoformat()}


async def _enqueue(
    tx: Transaction, rt: Runtime, spec: WithdrawSurveyQuery, user_id: int | None, target_id: int | None,
    delay_s: float = 0.0,
) -> int:  # fmt: skip
    job_id = await ledger.insert(tx, spec, created_by_id=user_id, target_id=target_id, data_product_id=None)
    if delay_s > 0:
        await tx.execute(
            "update jobs set state = 'WAITING', waiting_until = now() + $2 * interval '1 second', message = $3"
            " where id = $1",
            job_id,
            delay_s,
            "Waits until the query's last step has ended.",
        )
    send_after_commit(tx, rt, job_id, attempt=1)
    return job_id


async def withdraw_survey_query(rt: Runtime, _sandbox: Sandbox, run: JobRun, spec: WithdrawSurveyQuery) -> None:
    """Take back what a query has submitted that is over, once its own job has come to rest. Idempotent.

    Raises Upstream, ServiceFailed, UnknownPlugin, NotFound, InvalidInput.
    """
    async with transaction(rt.writes) as tx:
        machine = await _machine(tx, rt, run, spec)
    if machine is None or not (machine.state or machine.query.interrupted):
        return
    await withdraw(rt, machine)
    async with transaction(rt.writes) as tx:
        await _forget(tx, run, spec)
        await run.succeed(tx, {}, f"Told {machine.plugin.title} that the query was given up.")


async def _forget(tx: Transaction, run: JobRun, spec: WithdrawSurveyQuery) -> None:
    """Drop what the query has left; of a deleted target nothing stays in the job."""
    if spec.gone is not None:
        await tx.execute("update jobs set spec = spec || '{\"gone\": null}' where id = $1", run.claim.job_id)
    elif spec.left is None:
        await tx.execute(
            "update survey_queries set state = '{}', stepping = false where job_id = $1", spec.query_job_id
        )


async def _machine(tx: Transaction, rt: Runtime, run: JobRun, spec: WithdrawSurveyQuery) -> Machine | None:
    """The query as it was left; None when it goes on, or is gone. Raises `Later` while a step is being made."""
    if spec.gone is not None and spec.left is not None:
        return await recall_machine(tx, rt, spec.query_job_id, spec.gone, spec.left, run.claim.created_by_id)
    state = await tx.value("select state from jobs where id = $1", spec.query_job_id)
    if state == "RUNNING" and spec.left is None:
        raise Again(_STILL_RUNNING_S, "Waits until the query has stopped.")
    machine = await load_machine(tx, rt, spec.query_job_id)
    if machine is not None and spec.left is not None:
        return machine.as_left(rt, spec.left)  # the query goes on anew
    return machine if state in _OVER else None
