"""One query of a survey service as it was left, and the making of one step of it.

What goes wrong in a step is decided here: a service that is busy, or that does not answer, is asked again later; what
it refuses, or breaks down over, fails its own query and nothing else.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from tomgql.errors import ServiceFailed, UpstreamBusy, UpstreamDown
from tomgql.plugins.surveys import Going, Later, Result, State, Step, SurveyQuery, SurveyService, SurveyTarget
from tomgql.runtime import Runtime
from tomgql.services.strangers_code import in_its_words, told
from tomgql.services.survey_calls import PacedHttp, addresses_of
from tomgql.services.survey_credentials import find_credentials
from tomgql.services.surveys import load_target
from tomgql.store.public_ids import encode
from tomgql.store.transaction import Transaction

BUSY_S = 30.0
"""Pause where a busy service does not say when to come back."""

LEAST_PAUSE_S = 1.0
"""Shortest pause before a busy service is asked again, whatever it says."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 10.0, 3600.0
"""Pause before a service that does not answer is asked again: doubled with every failure, with a random part."""


@dataclass(frozen=True)
class Machine:
    """A query of a service: its state, and since when it has been going on."""

    plugin: SurveyService
    query: SurveyQuery
    parameters: Mapping[str, Any]
    state: State
    begun: datetime
    job_id: int

    def after(self, state: State) -> Machine:
        """The query after a step of known outcome."""
        return replace(self, state=state, query=replace(self.query, interrupted=False))

    def as_left(self, rt: Runtime, left: Mapping[str, Any]) -> Machine:
        """The query with this ``state``, ``begun`` and ``stepping``: as it stands, or stood before it began anew."""
        begun = left["begun"]
        begun = datetime.fromisoformat(begun) if isinstance(begun, str) else begun
        query = replace(self.query, key=_key(rt, self.job_id, begun), interrupted=left["stepping"])
        return replace(self, state=left["state"], begun=begun, query=query)


@dataclass(frozen=True)
class Unanswered:
    """A step that is to be made again in so many seconds; ``interrupted``: it may have been made although."""

    seconds: float
    why: str
    interrupted: bool


async def load_machine(tx: Transaction, rt: Runtime, job_id: int) -> Machine | None:
    """The query of a job, locked; None when the job has none, or is gone.

    Raises UnknownPlugin, NotFound for a target that is gone, and InvalidInput for credentials that are.
    """
    row = await tx.row(
        "select q.service, q.parameters, q.state, q.stepping, q.begun, j.target_id, j.created_by_id"
        " from survey_queries q join jobs j on j.id = q.job_id where j.id = $1 for update of q",
        job_id,
    )
    if row is None:
        return None
    target = await load_target(tx.row, row["target_id"])
    machine = await _assemble(tx, rt, job_id, row["created_by_id"], row["service"], row["parameters"], target)
    return machine.as_left(rt, row)


async def recall_machine(
    tx: Transaction, rt: Runtime, job_id: int, gone: Mapping[str, Any], left: Mapping[str, Any], user_id: int | None
) -> Machine:
    """A query that was deleted with its target, from what was kept of it. Raises UnknownPlugin, InvalidInput."""
    target = SurveyTarget(**{**gone["target"], "names": tuple(gone["target"]["names"])})
    machine = await _assemble(tx, rt, job_id, user_id, gone["service"], gone["parameters"], target)
    return machine.as_left(rt, left)


async def _assemble(
    tx: Transaction, rt: Runtime, job_id: int, user_id: int | None, service: str, parameters: Mapping[str, Any],
    target: SurveyTarget,
) -> Machine:  # fmt: skip
    """A query as it is before its first step."""
    plugin = rt.surveys.locate(service).plugin
    addresses = addresses_of(rt.settings, plugin)
    begun = datetime.now(UTC)
    query = SurveyQuery(
        key=_key(rt, job_id, begun),
        target=target,
        parameters=plugin.parameters.model_validate(parameters),
        http=PacedHttp(rt, plugin, addresses),
        addresses=addresses,
        credentials=await find_credentials(rt.settings, tx.rows, plugin, user_id),
    )
    return Machine(plugin, query, parameters, {}, begun, job_id)


async def make_step(rt: Runtime, machine: Machine) -> Step | Unanswered:
    """Let the service make its next step. Raises what it refuses with, and ServiceFailed."""
    plugin, interrupted = machine.plugin, machine.query.interrupted
    blocked_s = await rt.pacing.blocked(plugin.name, rt.settings.survey_step_s)
    if blocked_s > 0:
        words = f"{plugin.title} does not answer; it is left alone for a while."
        return Unanswered(blocked_s * _spread(), words, interrupted)
    try:
        async with in_its_words(plugin, machine.query.credentials, rt.settings.survey_step_s):
            step = checked_step(machine, await plugin.step(machine.query, machine.state))
    except UpstreamBusy as busy:
        await rt.pacing.answered(plugin.name)
        seconds = max(min(float(busy.details.get("seconds", BUSY_S)), LONGEST_PAUSE_S), LEAST_PAUSE_S)
        return Unanswered(seconds, f"{plugin.title} is busy: {busy.message}", interrupted)
    except UpstreamDown as down:
        failures = await rt.pacing.failed(plugin.name)
        pause_s = min(FIRST_PAUSE_S * 2.0 ** min(failures - 1, 20), LONGEST_PAUSE_S)
        return Unanswered(pause_s * _spread(), f"{plugin.title} does not answer: {down.message}", interrupted=True)
    await rt.pacing.answered(plugin.name)
    return step


async def withdraw(rt: Runtime, machine: Machine) -> None:
    """Let the service take back what was submitted. Raises Upstream and ServiceFailed."""
    async with in_its_words(machine.plugin, machine.query.credentials, rt.settings.survey_step_s):
        await machine.plugin.withdraw(machine.query, machine.state)


def checked_step(machine: Machine, step: object) -> Step:
    """The step if it is one, its words fit to be shown. Raises ServiceFailed."""
    secrets = machine.query.credentials
    if isinstance(step, Going):
        return replace(step, message=told(step.message, secrets))
    if isinstance(step, Later):
        return replace(step, why=told(step.why, secrets))
    if isinstance(step, Result):
        files = tuple(
            replace(
                file,
                name=told(file.name, secrets),
                address=told(file.address, secrets),
                remote_id=told(file.remote_id, secrets),
            )
            for file in step.files
        )
        return replace(step, message=told(step.message, secrets), files=files)
    raise ServiceFailed(f"{machine.plugin.title}: its step returned {type(step).__name__}, which is none.")


def _key(rt: Runtime, job_id: int, begun: datetime) -> str:
    return f"tomgql {rt.instance_id} {encode('jobs', job_id)} {begun.astimezone(UTC):%Y%m%dT%H%M%S%f}"


def _spread() -> float:
    """A factor of about one, so that queries do not come back all at once."""
    return random.uniform(1.0, 1.2)  # noqa: S311 - no secret
