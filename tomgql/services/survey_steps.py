"""The steps of a query of a survey service: each is made, and its outcome stored, before the next.

A service that is busy or down is asked again until the query's time is used up; only what it refuses fails the query.
What it gave becomes data products in the transaction that stores the state, so that a query which goes on after a crash
neither loses nor doubles them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from tomgql.access import guard
from tomgql.errors import Conflict, NotFound, TomError, UpstreamTimeout
from tomgql.jobs import ledger
from tomgql.jobs.run import JobRun
from tomgql.jobs.specs import QuerySurvey
from tomgql.plugins.sandbox import Sandbox
from tomgql.plugins.surveys import Going, Later, Result, State, Step, SurveyFile
from tomgql.runtime import Runtime
from tomgql.services import accounts
from tomgql.services.products import NewProduct, register_stored
from tomgql.services.survey_machines import Machine, Unanswered, load_machine, make_step
from tomgql.services.survey_withdrawals import withdraw_query
from tomgql.store.public_ids import encode
from tomgql.store.transaction import Transaction, transaction

STEPS_AT_ONCE = 50
"""Steps that follow each other before other jobs get their turn."""


async def run_survey_query(rt: Runtime, _sandbox: Sandbox, run: JobRun, spec: QuerySurvey) -> None:
    """Make the next steps of a query; the job waits then, or ends with the data products that came of it.

    Each step at least once, its outcome stored once. A query that fails for good is withdrawn. Emits job and
    data-product events. Enqueues `WithdrawSurveyQuery`. Raises Upstream, ServiceFailed, UnknownPlugin, NotFound,
    NotAllowed, InvalidInput.
    """
    try:
        await _go_on(rt, run, spec)
    except Conflict:
        raise  # another attempt goes on with it
    except TomError as fault:
        if not fault.retryable:
            await _give_up(rt, run)
        raise


async def _go_on(rt: Runtime, run: JobRun, spec: QuerySurvey) -> None:
    async with transaction(rt.writes) as tx:
        machine = await load_machine(tx, rt, run.claim.job_id)
        if machine is None:
            raise NotFound(f"The query of {spec.service} was deleted.")
        await tx.execute("update survey_queries set stepping = true where job_id = $1", run.claim.job_id)
    for _ in range(STEPS_AT_ONCE):
        if (datetime.now(UTC) - machine.begun).total_seconds() > machine.plugin.time_limit_s:
            hours = machine.plugin.time_limit_s / 3600
            raise UpstreamTimeout(f"{machine.plugin.title} was not done within {hours:g} hours.")
        machine = await _settle(rt, run, machine, await make_step(rt, machine))
        if run.ended:
            return
    async with transaction(rt.writes) as tx:
        await _store(tx, machine, machine.state, stepping=False)
        await run.wait(tx, 0.0, "Other jobs have their turn.")


async def _give_up(rt: Runtime, run: JobRun) -> None:
    """Have withdrawn what a query has submitted that fails for good."""
    async with transaction(rt.writes) as tx:
        withdrawing = await withdraw_query(tx, rt, run.claim.job_id, run.claim.created_by_id)
        if withdrawing is not None:
            await ledger.announce(tx, withdrawing, "CREATED")


async def _settle(rt: Runtime, run: JobRun, machine: Machine, step: Step | Unanswered) -> Machine:
    """Store what came of a step; the query as the next step finds it."""
    if isinstance(step, Unanswered):
        async with transaction(rt.writes) as tx:
            await _store(tx, machine, machine.state, stepping=step.interrupted)
            await run.wait(tx, step.seconds, step.why)
        return machine
    if isinstance(step, Result):
        return await _keep(rt, run, machine, step)
    state = machine.state if step.state is None else step.state
    async with transaction(rt.writes) as tx:
        await _store(tx, machine, state, stepping=isinstance(step, Going))
        if isinstance(step, Later):
            await run.wait(tx, step.seconds, step.why, step.progress)
        else:
            await ledger.report(tx, run.claim, step.progress or 0.0, step.message)
    return machine.after(state)


async def _keep(rt: Runtime, run: JobRun, machine: Machine, result: Result) -> Machine:
    """Store the files as data products; with the state, or with the end of the job."""
    stored = [await rt.files.put(_whole(file), rt.settings.survey_answer_bytes) for file in result.files]
    actor = await accounts.principal_of_user(rt, run.claim.created_by_id)
    state = result.state or {}
    async with transaction(rt.writes) as tx:
        await guard.hold_target_of(tx, "jobs", machine.job_id)  # before the query: who deletes the target holds both
        await _store(tx, machine, state, stepping=result.state is not None)
        # Where a merge has taken the target meanwhile.
        target_id = await tx.value("select coalesce(target_id, 0) from jobs where id = $1", machine.job_id)
        for file, kept in zip(result.files, stored, strict=True):
            registered = await register_stored(tx, rt, actor, _product(target_id, machine, file), kept)
            await tx.execute(
                "update survey_queries set products = products || $2 where job_id = $1",
                machine.job_id,
                [registered.data_product_id],
            )
        if result.state is None:
            await run.succeed(tx, await _outcome(tx, machine), result.message or f"{machine.plugin.title} is done.")
    return machine.after(state)


async def _whole(file: SurveyFile) -> AsyncIterator[bytes]:
    yield file.content


def _product(target_id: int, machine: Machine, file: SurveyFile) -> NewProduct:
    origin = {
        "service": machine.plugin.name,
        "version": machine.plugin.version,
        "parameters": dict(machine.parameters),
        "address": file.address,
        "remote_id": file.remote_id,
        "received": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    return NewProduct(
        target_id=target_id,
        file_name=file.name,
        data_product_type=file.data_product_type,
        processor=file.processor,
        options=file.options,
        origin=origin,
        request_job_id=machine.job_id,
    )


async def _outcome(tx: Transaction, machine: Machine) -> dict[str, Any]:
    keys = await tx.value("select products from survey_queries where job_id = $1", machine.job_id)
    products = [encode("data_products", key) for key in keys]
    return {"service": machine.plugin.name, "version": machine.plugin.version, "dataProducts": products}


async def _store(tx: Transaction, machine: Machine, state: State, *, stepping: bool) -> None:
    await tx.execute(
        "update survey_queries set state = $2, stepping = $3 where job_id = $1", machine.job_id, dict(state), stepping
    )
