"""Many targets at once: good rows are kept, bad ones are reported, in one transaction and a few statements."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tomgql.access import guard, predicates
from tomgql.access.principal import Principal
from tomgql.domain.names import simplify_name
from tomgql.errors import Conflict, QueryTooCostly, TomError
from tomgql.runtime import Runtime
from tomgql.services import idempotency
from tomgql.services.bulk import LONGEST_REPORT, BulkOutcome, remembered_outcome
from tomgql.services.lists import lists_of_names
from tomgql.services.target_plan import CheckedTarget, Draft, GivenTarget, Plan, Refusal, check
from tomgql.services.target_rows import (
    NameRow,
    grant_everything,
    grant_view,
    insert_names,
    insert_targets,
    lock_targets,
    put_into_lists,
    update_targets,
)
from tomgql.store.sql import Parameters
from tomgql.store.transaction import Transaction, transaction

MOST_TARGETS = 10_000
"""Most targets of one call or file."""

MOST_PLACES = 1_000
"""Most distinct user groups and target lists that one call names: each is asked for by itself."""

PATIENCE = 5
"""How often a call is planned anew because others took its names meanwhile."""


@dataclass(frozen=True)
class ManyTargets:
    """Targets of one call; ``on_duplicate`` is SKIP, REVISE or ERROR and is about names that are taken."""

    rows: Sequence[GivenTarget]
    on_duplicate: str = "ERROR"
    dry_run: bool = False
    idempotency_key: str | None = None
    operation: str = "createTargets"


async def create_targets(rt: Runtime, actor: Principal, many: ManyTargets) -> BulkOutcome:
    """Create targets as `create_target` does each, and revise those whose name is there, if that is asked for.

    A row that meets a target hidden from the actor is told that the name is taken, and no more. Permission: any
    signed-in user; CHANGE on targets that are revised, and SHARE to show them to user groups. Raises QueryTooCostly,
    InvalidInput, Conflict. Emits target events. Idempotent by ``idempotency_key``.
    """
    user_id = guard.require_writer(actor)
    if len(many.rows) > MOST_TARGETS:
        raise QueryTooCostly(f"One call takes {MOST_TARGETS} targets, not {len(many.rows)}; send several calls.")
    rows = await asyncio.to_thread(lambda: [check(each) for each in many.rows])
    key = None if many.dry_run else many.idempotency_key  # a rehearsal uses nothing up
    async with transaction(rt.writes) as tx:
        answer = await idempotency.earlier_answer(tx, user_id, key, many.operation, _request(many, rows))
        if answer is not None:
            return remembered_outcome(answer)
        plan = await _carry_out(tx, actor, user_id, many, rows)
        outcome = _outcome(plan)
        await idempotency.remember(tx, user_id, key, vars(outcome))
        if not many.dry_run:
            await _announce(tx, plan)
    return outcome


def _request(many: ManyTargets, rows: Sequence[CheckedTarget | Refusal]) -> dict[str, Any]:
    said = [each.error.message if isinstance(each, Refusal) else each for each in rows]
    return {"rows": said, "on_duplicate": many.on_duplicate, "dry_run": many.dry_run}


async def _carry_out(
    tx: Transaction, actor: Principal, user_id: int, many: ManyTargets, rows: Sequence[CheckedTarget | Refusal]
) -> Plan:
    """Plan and write; once more when others took a name meanwhile, whom the next plan sees."""
    barred = await _barred(tx, actor, rows)
    for _ in range(PATIENCE):
        plan = Plan(many.on_duplicate, await _known(tx, actor, many, rows), barred)
        await asyncio.to_thread(plan.walk, rows)
        if many.dry_run or await _write(tx, user_id, plan):
            return plan
    raise Conflict("Others give the same names at this moment; nothing was done, try again.")


async def _known(
    tx: Transaction, actor: Principal, many: ManyTargets, rows: Iterable[CheckedTarget | Refusal]
) -> dict[str, Draft]:
    """The targets that hold any of the given names, those that may be revised locked, by simplified name."""
    parameters, names = Parameters(), {simplify_name(name) for each in _good(rows) for name in each.names}
    bind = parameters.bind
    wanted = bind(sorted(names), "text[]")
    rights = [predicates.target_allows(actor, "t", right, bind) for right in ("VIEW", "CHANGE", "SHARE")]
    found = await tx.rows(
        f"select n.simplified, n.target_id, {rights[0]} as seen, {rights[1]} as may_change, {rights[2]} as may_share"
        f" from target_names n join targets t on t.id = n.target_id where n.simplified = any({wanted})",
        *parameters.values,
    )
    drafts = {row["target_id"]: Draft(key=row["target_id"], seen=row["seen"], may_change=row["may_change"],
                                      may_share=row["may_share"]) for row in found}  # fmt: skip
    if many.on_duplicate == "REVISE":
        await _fill(tx, [draft for draft in drafts.values() if draft.seen and draft.may_change])
    return {row["simplified"]: drafts[row["target_id"]] for row in found}


async def _fill(tx: Transaction, drafts: Sequence[Draft]) -> None:
    """Lock targets and read what they are and where they lie."""
    keys = [draft.key for draft in drafts if draft.key is not None]
    stored = await lock_targets(tx, keys)
    names = await tx.rows("select target_id, id from target_names where target_id = any($1::bigint[])", keys)
    groups = await tx.rows(
        "select target_id, user_group_id as id from target_grants where target_id = any($1::bigint[])", keys
    )
    lists = await tx.rows(
        "select target_id, target_list_id as id from target_list_members where target_id = any($1::bigint[])", keys
    )
    by_key = {draft.key: draft for draft in drafts}
    for key, columns in stored.items():
        by_key[key].stored = by_key[key].columns = columns
    for row in names:
        by_key[row["target_id"]].names += 1
    for row in groups:
        by_key[row["target_id"]].groups.add(row["id"])
    for row in lists:
        by_key[row["target_id"]].lists.add(row["id"])
    for draft in drafts:
        draft.seen = draft.key in stored  # one that was deleted meanwhile


async def _barred(
    tx: Transaction, actor: Principal, rows: Iterable[CheckedTarget | Refusal]
) -> dict[tuple[str, int], TomError]:
    """Why the actor may not use user groups and target lists, by field and key."""
    good = list(_good(rows))
    asked: dict[tuple[str, Callable[[Transaction, Principal, int, list[str]], Awaitable[None]]], set[int]] = {
        ("userGroups", guard.require_user_group): {key for each in good for key in each.new.user_groups},
        ("targetLists", guard.require_target_list): {key for each in good for key in each.new.target_lists},
    }
    if sum(map(len, asked.values())) > MOST_PLACES:
        raise QueryTooCostly(f"One call may name {MOST_PLACES} different user groups and target lists.")
    barred: dict[tuple[str, int], TomError] = {}
    for (place, require), keys in asked.items():
        for key in sorted(keys):
            try:
                await require(tx, actor, key, ["input", place])
            except TomError as error:
                barred[place, key] = error
    return barred


def _good(rows: Iterable[CheckedTarget | Refusal]) -> Iterable[CheckedTarget]:
    return (each for each in rows if isinstance(each, CheckedTarget))


async def _write(tx: Transaction, user_id: int, plan: Plan) -> bool:
    """Whether it could be written; when not, nothing was."""
    attempt = tx.connection.transaction()
    await attempt.start()
    keys = await insert_targets(tx, [draft.columns for draft in plan.created], user_id)
    for draft, key in zip(plan.created, keys, strict=True):
        draft.key = key
    names = [
        NameRow(draft.key or 0, name, draft.stored is None and number == 0)
        for draft in (*plan.created, *plan.revised)
        for number, name in enumerate(draft.new_names)
    ]
    if await insert_names(tx, names):
        await attempt.rollback()
        return False
    await attempt.commit()
    await update_targets(tx, [{"id": draft.key, **_columns(draft)} for draft in plan.revised])
    await _place(tx, user_id, plan, keys)
    return True


def _columns(draft: Draft) -> dict[str, Any]:
    return {name: value for name, value in draft.columns.items() if name not in ("id", "modified")}


async def _place(tx: Transaction, user_id: int, plan: Plan, created: Sequence[int]) -> None:
    """Grants of new targets, and the user groups and target lists that rows name."""
    drafts = [*plan.created, *plan.revised]
    await grant_everything(tx, user_id, created)
    await grant_view(tx, [(draft.key or 0, group) for draft in drafts for group in draft.new_groups])
    named = await lists_of_names(tx, user_id, [name for draft in drafts for name in draft.new_list_names])
    pairs = [(each, draft.key or 0) for draft in drafts for each in draft.new_lists]
    pairs += [(named[name], draft.key or 0) for draft in drafts for name in draft.new_list_names]
    await put_into_lists(tx, pairs)


async def _announce(tx: Transaction, plan: Plan) -> None:
    changes = [("CREATED", draft.key) for draft in plan.created] + [("REVISED", draft.key) for draft in plan.revised]
    await tx.execute(
        "insert into events (topic, change, target_id) select 'targets', c, t"
        " from unnest($1::text[], $2::bigint[]) with ordinality as e(c, t, n) order by n",
        [change for change, _ in changes],
        [key for _, key in changes],
    )


def _outcome(plan: Plan) -> BulkOutcome:
    counts = [outcome for _, outcome, _ in plan.outcomes]
    rows = [_refused(each) for each in plan.refusals] + [_done(*each) for each in plan.outcomes]
    changed = [draft.key for _, outcome, draft in plan.outcomes if outcome != "UNCHANGED" and draft.key is not None]
    return BulkOutcome(
        created=counts.count("CREATED"),
        revised=counts.count("REVISED"),
        unchanged=counts.count("UNCHANGED"),
        rejected=len(plan.refusals),
        rows=rows[:LONGEST_REPORT],
        keys=[(key,) for key in dict.fromkeys(changed)],
    )


def _refused(refusal: Refusal) -> dict[str, Any]:
    error = refusal.error
    return {
        "row": refusal.row,
        "outcome": "REJECTED",
        "code": error.code,
        "message": error.message,
        "field": ".".join((error.path or ["input"])[1:]) or None,
        "key": None,
    }


def _done(row: int, outcome: str, draft: Draft) -> dict[str, Any]:
    key = None if draft.key is None else (draft.key,)
    return {"row": row, "outcome": outcome, "code": None, "message": None, "field": None, "key": key}
