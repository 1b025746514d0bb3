"""Continuous shares: what is new of a target, or of each target of a list, goes to a destination as it comes.

Made, paused and deleted here; `tomgql.services.share_following` puts what is new into the ledger, and the job of the
rule delivers it (`tomgql.services.share_jobs`), in the name of its maker and with the rights that the maker has then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tomgql.access import guard, predicates
from tomgql.access.principal import Principal
from tomgql.errors import Conflict, InvalidInput, NotAllowed
from tomgql.events import log
from tomgql.jobs import ledger
from tomgql.jobs.specs import DeliverChanges
from tomgql.runtime import Runtime
from tomgql.services import share_ledger
from tomgql.services.destinations import read_options, require_usable
from tomgql.services.jobs import enqueue
from tomgql.store.transaction import Transaction, transaction

MOST_RULES = 100
"""Continuous shares of one user."""

DELETED = "Its continuous share was deleted before it went."
"""What is said of an item that was still to go."""


@dataclass(frozen=True)
class NewContinuousShare:
    """What is to go where as it comes; with ``share_existing`` also what is there already."""

    destination: str
    target_id: int | None = None
    target_list_id: int | None = None
    share_existing: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


async def create_continuous_share(rt: Runtime, actor: Principal, new: NewContinuousShare) -> tuple[int, int | None]:
    """Share from now on what is new; the keys of the rule, and of the job that gives what is there already, if any.

    Permission: the destination's own right, and SHARE on the target, or to see the list. Enqueues `DeliverChanges`.
    Raises NotFound, NotAllowed, UnknownPlugin, InvalidInput, and Conflict when there is an equal one of the actor's.
    """
    user_id = guard.require_writer(actor)
    if (new.target_id is None) == (new.target_list_id is None):
        raise InvalidInput("Give either `target` or `targetList`.", path=["input", "target"])
    async with transaction(rt.writes) as tx:
        place = await require_usable(tx, rt, actor, new.destination, ["input", "destination"])
        kind = rt.destinations.locate(place.kind).plugin
        options = read_options(kind, place.options, new.options)
        if new.target_id is not None:
            await guard.require_target(tx, actor, new.target_id, predicates.SHARE, ["input", "target"])
        else:
            await guard.require_visible_target_list(tx, actor, new.target_list_id or 0, ["input", "targetList"])
        await _require_room(tx, user_id)
        rule_id = await _insert(tx, user_id, new, options)
        job_id = None
        if new.share_existing:
            job_id = await enqueue(tx, rt, actor, DeliverChanges(rule_id, existing=True))
            await tx.execute("update continuous_shares set job_id = $2 where id = $1", rule_id, job_id)
            await ledger.announce(tx, job_id, "CREATED")
    return rule_id, job_id


async def update_continuous_share(rt: Runtime, actor: Principal, rule_id: int, *, paused: bool) -> tuple[int]:
    """Pause a continuous share, or have it go on where it was.

    Permission: its maker and administrators; who may SHARE its target may only pause it. Raises NotFound, NotAllowed.
    """
    user_id = guard.require_writer(actor)
    async with transaction(rt.writes) as tx:
        await guard.require_continuous_share(tx, actor, rule_id, ["input", "id"])
        rule = await tx.row("select created_by_id, job_id from continuous_shares where id = $1", rule_id)
        if rule is not None and rule["created_by_id"] != user_id and not actor.is_admin and not paused:
            raise NotAllowed("It shares in the name of its maker; others may pause or delete it.", path=["input", "id"])
        await tx.execute("update continuous_shares set paused = $2, modified = now() where id = $1", rule_id, paused)
        if rule is not None and not paused:
            await tx.execute(
                "update jobs set waiting_until = now() where id = $1 and state = 'WAITING'", rule["job_id"]
            )
    return (rule_id,)


async def delete_continuous_share(rt: Runtime, actor: Principal, rule_id: int) -> None:
    """Delete a continuous share; what it has still to give is not given. Permission: who sees it. Raises NotFound."""
    guard.require_writer(actor)
    async with transaction(rt.writes) as tx:
        await guard.require_continuous_share(tx, actor, rule_id, ["id"])
        job_id = await tx.value("delete from continuous_shares where id = $1 returning job_id", rule_id)
        if job_id is None:
            return
        cancelled = await ledger.cancel(tx, job_id) in ("CANCELLED", "RUNNING")
        await share_ledger.end_items_of(tx.connection, job_id, None, "REFUSED", DELETED)
        if cancelled:
            await ledger.announce(tx, job_id)


async def _insert(tx: Transaction, user_id: int, new: NewContinuousShare, options: dict[str, Any]) -> int:
    place = (await log.horizon(tx.connection)).latest
    rule_id: int | None = await tx.value(
        "insert into continuous_shares (destination, target_id, target_list_id, options, place, created_by_id)"
        " values ($1, $2, $3, $4, $5, $6) on conflict do nothing returning id",
        new.destination, new.target_id, new.target_list_id, options, place, user_id,
    )  # fmt: skip
    if rule_id is None:
        raise Conflict(f'You share this with "{new.destination}" continuously already.', path=["input", "destination"])
    return rule_id


async def _require_room(tx: Transaction, user_id: int) -> None:
    await tx.execute("select from users where id = $1 for no key update", user_id)
    if await tx.value("select count(*) from continuous_shares where created_by_id = $1", user_id) >= MOST_RULES:
        raise InvalidInput(f"One user may have {MOST_RULES} continuous shares; delete one first.", path=["input"])
