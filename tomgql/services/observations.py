"""Observations: requests to facilities, kept so that data products can be told apart by them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tomgql.access import guard, predicates
from tomgql.access.guard import Hold
from tomgql.access.principal import Principal
from tomgql.errors import Conflict, InvalidInput, NotFound
from tomgql.runtime import Runtime
from tomgql.services.names import given_name
from tomgql.store.public_ids import encode
from tomgql.store.transaction import Transaction, transaction

LONGEST_TEXTS = {"facility": 50, "observation_id": 255, "status": 200}
"""Characters of an observation's texts, as in TOM Toolkit."""


@dataclass(frozen=True)
class NewObservation:
    """An observation to be recorded; ``observation_id`` is the facility's own id."""

    target_id: int
    facility: str
    observation_id: str
    status: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)


async def create_observation(rt: Runtime, actor: Principal, new: NewObservation) -> tuple[int]:
    """Record an observation of a target, or find it recorded.

    Permission: CHANGE on the target. Idempotent by target, facility and the facility's id. Raises NotFound,
    NotAllowed, InvalidInput, and Conflict where it is recorded with another status or other parameters.
    """
    user_id = guard.require_writer(actor)
    facility = given_name(new.facility, LONGEST_TEXTS["facility"], field="facility")
    observation_id = given_name(new.observation_id, LONGEST_TEXTS["observation_id"], field="observationId")
    of = (new.target_id, facility, observation_id)
    content = (_status(new.status), dict(new.parameters))
    async with transaction(rt.writes) as tx:
        await guard.require_target(tx, actor, new.target_id, predicates.CHANGE, ["input", "target"])
        key = await _recorded(tx, of, content)
        if key is None:
            key = await tx.value(
                "insert into observations (target_id, facility, observation_id, status, parameters, user_id)"
                " values ($1, $2, $3, $4, $5, $6) returning id",
                *of,
                *content,
                user_id,
            )
    return (int(key),)


async def _recorded(tx: Transaction, of: tuple[int, str, str], content: tuple[str, dict[str, Any]]) -> int | None:
    """The key of the oldest observation of that id and content; the same call at the same time waits its turn.

    Raises Conflict where only other contents are there.
    """
    await tx.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", "observation " + json.dumps(of))
    found = await tx.rows(
        "select id, status = $4 and parameters = $5::jsonb as equal from observations"
        " where target_id = $1 and facility = $2 and observation_id = $3 order by 2 desc, id limit 1",
        *of,
        *content,
    )
    if found and not found[0]["equal"]:
        raise Conflict(
            f"{of[1]}'s observation {of[2]} is recorded already, as {encode('observations', found[0]['id'])} with"
            " another status or other parameters; change it with `updateObservation`.",
            path=["input", "observationId"],
        )
    return int(found[0]["id"]) if found else None


async def update_observation(
    rt: Runtime, actor: Principal, key: int, status: str | None, parameters: Mapping[str, Any] | None
) -> tuple[int]:
    """Change an observation's status or parameters. Permission: CHANGE on its target. Raises NotFound, NotAllowed."""
    guard.require_writer(actor)
    async with transaction(rt.writes) as tx:
        await guard.require_observation(tx, actor, key, ["input", "id"], Hold.CHANGE)
        await tx.execute(
            "update observations set status = coalesce($2, status), parameters = coalesce($3, parameters),"
            " modified = now() where id = $1",
            key,
            None if status is None else _status(status),
            None if parameters is None else dict(parameters),
        )
    return (key,)


async def delete_observation(rt: Runtime, actor: Principal, key: int) -> None:
    """Delete an observation; its data products stay. Permission: CHANGE on its target. Raises NotFound, NotAllowed."""
    guard.require_writer(actor)
    async with transaction(rt.writes) as tx:
        # Its products first, as all who lock both: they forget the observation.
        await tx.execute(
            "select from data_products where observation_id = $1 order by id for no key update", key
        )
        await guard.require_observation(tx, actor, key, ["id"], Hold.DELETE)
        await tx.execute("delete from observations where id = $1", key)


async def require_observation_of(tx: Transaction, target_id: int, observation_id: int | None) -> None:
    """Raises NotFound when the observation is not one of the target; it stays until the transaction ends."""
    if observation_id is not None and not await tx.value(
        "select true from observations where id = $1 and target_id = $2 for key share", observation_id, target_id
    ):
        raise NotFound("There is no such observation of this target.", path=["input", "observation"])


def _status(text: str) -> str:
    if len(text) > LONGEST_TEXTS["status"] or "\x00" in text:
        raise InvalidInput(f"`status` may have {LONGEST_TEXTS['status']} characters.", path=["input", "status"])
    return text.strip()
