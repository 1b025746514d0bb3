"""Observations: requests to facilities, kept so that data products can be told apart by them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tomgql.access import guard, predicates
from tomgql.access.guard import Hold
from tomgql.access.principal import Principal
from tomgql.errors import Conflict, InvalidInput, NotFound
from tomgql.runtime import Runtime
from tomgql.services.names import given_name
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
    """Record an observation of a target; the same again is answered with the one that is there.

    Permission: CHANGE on the target. Raises NotFound, NotAllowed, InvalidInput, and Conflict where the facility's id
    of this target has another status or other parameters. Idempotent.
    """
    user_id = guard.require_writer(actor)
    named = (
        new.target_id,
        given_name(new.facility, LONGEST_TEXTS["facility"], field="facility"),
        given_name(new.observation_id, LONGEST_TEXTS["observation_id"], field="observationId"),
    )
    said = (_status(new.status), dict(new.parameters))
    async with transaction(rt.writes) as tx:
        await guard.require_target(tx, actor, new.target_id, predicates.CHANGE, ["input", "target"])
        same = await _find_same(tx, named, said)
        if same is not None:
            return (same,)
        key = await tx.value(
            "insert into observations (target_id, facility, observation_id, status, parameters, user_id)"
            " values ($1, $2, $3, $4, $5, $6) returning id",
            *named,
            *said,
            user_id,
        )
    return (int(key),)


async def _find_same(tx: Transaction, named: tuple[int, str, str], said: tuple[str, dict[str, Any]]) -> int | None:
    """The oldest such observation; the same call at the same time waits until this one is done. Raises Conflict."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"observation {named}")
    rows = await tx.rows(
        "select id, status = $4 and parameters = $5 as same from observations"
        " where target_id = $1 and facility = $2 and observation_id = $3 order by id",
        *named,
        *said,
    )
    if rows and not any(row["same"] for row in rows):
        raise Conflict(
            f'{named[1]} has an observation "{named[2]}" of this target already, with another status or other'
            " parameters; change it by `updateObservation`.",
            path=["input", "observationId"],
        )
    return next((row["id"] for row in rows if row["same"]), None)


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
        await tx.execute("select from data_products where observation_id = $1 order by id for no key update", key)
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
