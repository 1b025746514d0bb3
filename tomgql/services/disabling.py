"""Reduced data taken out of use, or back into it, by somebody who says why.

A person's decision stands against later readings: `tomgql.services.ingest.withdraw_missing` enables only what an
earlier reading withdrew, and what a person disables is not withdrawn any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tomgql.access import guard
from tomgql.access.principal import Principal
from tomgql.domain.cells import clean_text
from tomgql.errors import InvalidInput
from tomgql.events.log import DATA_PER_EVENT
from tomgql.runtime import Runtime
from tomgql.services.bulk import LONGEST_REPORT, BulkOutcome
from tomgql.store.transaction import Transaction, transaction

MOST_DATA = 10_000
"""Most data of one call."""

LONGEST_REASON = 500
"""Characters; the table keeps the same bound."""

Key = tuple[int, int]
"""Keys of a target and of its datum."""

_NAMED = (
    "unnest($1::bigint[], $2::bigint[]) as k(target_id, id)"
    " join reduced_data d on d.target_id = k.target_id and d.id = k.id"
)
"""SQL for the data whose keys are the first two parameters."""

_REFUSALS = {
    None: ("NOT_FOUND", "There is no such datum."),
    False: ("NOT_ALLOWED", "You may see this datum, but you lack the right CHANGE on its target."),
}
"""What a row reports, by whether the datum may be changed; None where it may not be seen."""

_NO_ID = ("INVALID_INPUT", "This is not the id of a reduced datum; ids come from the field `id`.")
"""What a row reports of an id of another kind."""


@dataclass(frozen=True)
class Decision:
    """What is to become of which data, and why; ``reason`` has 1 to 500 characters.

    ``data`` hold None in place of what is no id of a datum: that row is rejected.
    """

    data: Sequence[Key | None]
    disabled: bool
    reason: str


async def decide(rt: Runtime, actor: Principal, decision: Decision) -> BulkOutcome:
    """Disable or enable data; those that may not be changed are reported, the others done.

    Permission: CHANGE on each datum's target, and the datum visible. Emits reduced-data events, in portions of 500 a
    target. Idempotent: what is so already is unchanged. Raises InvalidInput.
    """
    user_id = guard.require_writer(actor)
    reason = _reason(decision.reason)
    named = [key for key in decision.data if key is not None]
    async with transaction(rt.writes) as tx:
        rights = await _locked_rights(tx, actor, named)
        allowed = [key for key, may_change in rights.items() if may_change]
        changed = await _write(tx, allowed, disabled=decision.disabled)
        await _keep_history(tx, changed, decision.disabled, reason, user_id)
        outcome = _outcome(decision.data, rights, changed)
        await _announce(tx, [key for key, visibly in changed.items() if visibly], disabled=decision.disabled)
    return outcome


def _reason(text: str) -> str:
    reason = text.strip()
    if not 0 < len(reason) <= LONGEST_REASON or clean_text(reason) != reason:
        raise InvalidInput(f"`reason` needs 1 to {LONGEST_REASON} characters.", path=["reason"])
    return reason


async def _locked_rights(tx: Transaction, actor: Principal, data: Sequence[Key]) -> dict[Key, bool]:
    """What the actor may do with the data that the actor sees, asked again once writers of their targets wait."""
    distinct = list(dict.fromkeys(data))
    seen = await guard.data_rights(tx, actor, distinct)
    targets = sorted({target for (target, _), may_change in seen.items() if may_change})
    await tx.execute("select from targets where id = any($1::bigint[]) order by id for no key update", targets)
    return await guard.data_rights(tx, actor, distinct)


async def _write(tx: Transaction, data: Sequence[Key], *, disabled: bool) -> dict[Key, bool]:
    """The data that change, and whether that shows: a person may confirm what a reading withdrew."""
    rows = await tx.rows(
        f"select d.target_id, d.id, d.disabled <> $3 as visibly from {_NAMED} where d.disabled <> $3 or d.withdrawn",
        *_arrays(data),
        disabled,
    )
    changed = {(row["target_id"], row["id"]): row["visibly"] for row in rows}
    # Not one statement: joined to itself the table is taken for small, and 10,000 data take half a minute.
    await tx.execute(
        "update reduced_data d set disabled = $3, withdrawn = false, modified = now()"
        " from unnest($1::bigint[], $2::bigint[]) as k(target_id, id) where d.target_id = k.target_id and d.id = k.id",
        *_arrays(list(changed)),
        disabled,
    )
    return changed


async def _keep_history(tx: Transaction, changed: dict[Key, bool], disabled: bool, reason: str, user_id: int) -> None:
    await tx.execute(
        "insert into reduced_data_disablings (target_id, datum_id, disabled, reason, decided_by_id)"
        " select k.target_id, k.id, $3, $4, $5 from unnest($1::bigint[], $2::bigint[]) as k(target_id, id)"
        " order by k.target_id, k.id",
        *_arrays(list(changed)),
        disabled,
        reason,
        user_id,
    )


async def _announce(tx: Transaction, data: Sequence[Key], *, disabled: bool) -> None:
    """Append the events, the transaction's last step; one names its data product where all its data share it."""
    await tx.execute(
        "insert into events (topic, change, target_id, data_product_id, data_ids)"
        " select 'reduced_data', $3, target_id,"
        "  case when count(data_product_id) = count(*) and min(data_product_id) = max(data_product_id)"
        "   then min(data_product_id) end, array_agg(id order by id)"
        " from (select d.target_id, d.id, d.data_product_id,"
        f"   (row_number() over (partition by d.target_id order by d.id) - 1) / $4 as part from {_NAMED}) n"
        " group by target_id, part order by target_id, part",
        *_arrays(data),
        "DISABLED" if disabled else "ENABLED",
        DATA_PER_EVENT,
    )


def _arrays(data: Sequence[Key]) -> tuple[list[int], list[int]]:
    return [target for target, _ in data], [datum for _, datum in data]


def _refusal(key: Key | None, rights: dict[Key, bool]) -> tuple[str | None, str | None]:
    """Code and message of a row that cannot be done; None and None of one that can."""
    if key is None:
        return _NO_ID
    return (None, None) if rights.get(key) else _REFUSALS[rights.get(key)]


def _outcome(asked: Sequence[Key | None], rights: dict[Key, bool], changed: dict[Key, bool]) -> BulkOutcome:
    """The report of every id, in order; of one that is named twice only the first is a change."""
    rows: list[dict[str, Any]] = []
    done: set[Key] = set()
    for row, key in enumerate(asked, 1):
        code, message = _refusal(key, rights)
        outcome = "REJECTED" if code else "REVISED" if key in changed and key not in done else "UNCHANGED"
        kept = None if code or key is None else list(key)
        rows.append({"row": row, "outcome": outcome, "code": code, "message": message, "field": None, "key": kept})
        if key is not None:
            done.add(key)
    counts = {word: sum(each["outcome"] == word for each in rows) for word in ("REVISED", "UNCHANGED", "REJECTED")}
    rows.sort(key=lambda each: each["outcome"] != "REJECTED")
    keys: list[tuple[int, ...]] = [key for key in dict.fromkeys(asked) if key is not None and key in changed]
    return BulkOutcome(0, counts["REVISED"], counts["UNCHANGED"], counts["REJECTED"], rows[:LONGEST_REPORT], keys)
