"""Survey services: ask one about a target; the query is a job that goes on step by step (`survey_steps`)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError

from tomgql.access import guard, predicates
from tomgql.access.principal import Principal
from tomgql.errors import InvalidInput, NotFound
from tomgql.jobs import ledger
from tomgql.jobs.specs import QuerySurvey
from tomgql.plugins.surveys import SurveyService, SurveyTarget
from tomgql.runtime import Runtime
from tomgql.services import idempotency
from tomgql.services.jobs import enqueue
from tomgql.services.strangers_code import contained
from tomgql.services.survey_calls import addresses_of
from tomgql.services.survey_credentials import find_credentials
from tomgql.store.public_ids import encode
from tomgql.store.transaction import Transaction, transaction

LARGEST_PARAMETERS_BYTES = 20_000
"""Bytes of the parameters of one query as JSON."""

_FAULTS_SHOWN = 5


@dataclass(frozen=True)
class NewQuery:
    """What is to be asked of which service about which target."""

    target_id: int
    service: str
    parameters: Mapping[str, Any]
    idempotency_key: str | None = None


async def query_survey(rt: Runtime, actor: Principal, new: NewQuery) -> tuple[int]:
    """Ask a survey service about a target; the key of the job that does it.

    An equal query of the same target that has not ended is joined: its job is answered. Permission: CHANGE on the
    target. Enqueues `QuerySurvey`. Raises NotFound, NotAllowed, UnknownPlugin, and InvalidInput for parameters, targets
    that the service cannot be asked about, and missing credentials. Idempotent by ``idempotency_key``.
    """
    user_id = guard.require_writer(actor)
    plugin = rt.surveys.locate(new.service).plugin
    parameters = read_parameters(plugin, new.parameters)
    addresses_of(rt.settings, plugin)
    async with transaction(rt.writes) as tx:
        await guard.require_target(tx, actor, new.target_id, predicates.CHANGE, ["input", "target"])
        request = {"target": new.target_id, "service": new.service, "parameters": parameters}
        answer = await idempotency.earlier_answer(tx, user_id, new.idempotency_key, "querySurvey", request)
        if answer is not None:
            return (answer["job_id"],)
        await require_askable(tx, plugin, new.target_id, parameters)
        await find_credentials(rt.settings, tx.rows, plugin, user_id)
        job_id, is_new = await ask(tx, rt, actor, plugin, new.target_id, parameters)
        await idempotency.remember(tx, user_id, new.idempotency_key, {"job_id": job_id})
        if is_new:
            await ledger.announce(tx, job_id, "CREATED")
    return (job_id,)


async def ask(
    tx: Transaction, rt: Runtime, actor: Principal, plugin: SurveyService, target_id: int, parameters: dict[str, Any],
    *, delay_s: float = 0.0,
) -> tuple[int, bool]:  # fmt: skip
    """Enqueue a query, to begin after so many seconds, unless an equal one has not ended; its job's key, and whether
    it is new.

    The caller has asked for rights, and appends the event of a new job.
    """
    digest = _digest(plugin, target_id, parameters)
    await tx.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"survey {digest}")
    same = await tx.value(
        "select j.id from survey_queries q join jobs j on j.id = q.job_id where q.digest = $1 and j.target_id = $2"
        " and j.state in ('QUEUED', 'RUNNING', 'WAITING') and not j.cancel_requested order by j.id limit 1",
        digest,
        target_id,
    )
    if same is not None:
        return same, False
    job_id = await enqueue(tx, rt, actor, QuerySurvey(plugin.name), target_id=target_id)
    await tx.execute(
        "insert into survey_queries (job_id, service, parameters, digest) values ($1, $2, $3, $4)",
        job_id,
        plugin.name,
        parameters,
        digest,
    )
    if delay_s > 0:
        await tx.execute(
            "update jobs set state = 'WAITING', waiting_until = now() + $2 * interval '1 second', message = $3"
            " where id = $1",
            job_id,
            delay_s,
            f"Waits for its turn: {plugin.title} is asked about many targets.",
        )
    return job_id, True


def read_parameters(plugin: SurveyService, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters in full, as JSON. Raises InvalidInput, which names each wrong one."""
    try:
        text = orjson.dumps(given)
        if len(text) > LARGEST_PARAMETERS_BYTES:
            raise InvalidInput(f"The parameters have more than {LARGEST_PARAMETERS_BYTES} bytes.", path=_PATH)
        found: dict[str, Any] = plugin.parameters.model_validate_json(text, strict=True).model_dump(mode="json")
    except ValidationError as error:
        words = "; ".join(map(_fault_text, error.errors()[:_FAULTS_SHOWN]))
        raise InvalidInput(f"{words}.", path=_PATH) from error
    except TypeError as error:
        raise InvalidInput("The parameters hold a whole number beyond 64 bits, or no text.", path=_PATH) from error
    return found


_PATH = ["input", "parameters"]


def _fault_text(fault: Mapping[str, Any]) -> str:
    place = ".".join(map(str, fault["loc"])) or "parameters"
    return f"{place}: {str(fault['msg'])[:200]}"


async def require_askable(tx: Transaction, plugin: SurveyService, target_id: int, parameters: dict[str, Any]) -> None:
    """Raises InvalidInput, with the service's reason, for targets that it cannot be asked about."""
    target = await load_target(tx.row, target_id)
    with contained(plugin, {}):
        reason = plugin.refusal(target, plugin.parameters.model_validate(parameters))
    if reason is not None:
        raise InvalidInput(f"{plugin.title}: {reason}", path=["input", "target"])


async def load_target(row: Any, target_id: int | None) -> SurveyTarget:
    """What a service may know of a target; ``row`` runs a statement. Raises NotFound when the target is gone."""
    found = await row(
        "select t.id, t.type, t.ra_deg, t.dec_deg, t.epoch, t.proper_motion_ra_mas_yr, t.proper_motion_dec_mas_yr,"
        " t.scheme, array(select n.name from target_names n where n.target_id = t.id"
        "  order by n.is_primary desc, n.id) as names from targets t where t.id = $1",
        target_id,
    )
    if found is None:
        raise NotFound("The target was deleted.")
    return SurveyTarget(**{**found, "id": encode("targets", found["id"]), "names": tuple(found["names"])})


def _digest(plugin: SurveyService, target_id: int, parameters: dict[str, Any]) -> str:
    asked = [plugin.name, target_id, parameters]
    return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()
