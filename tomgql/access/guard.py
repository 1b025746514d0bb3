"""Asks the predicates before a verb changes anything.

What the actor may not see is NotFound, so a refusal tells nothing about what exists; what may be seen but not changed
is NotAllowed and names the missing right. Rows asked for are locked until the transaction ends: against deletion, or as
the verb is going to need them. A verb never takes a stronger lock afterwards: two that hold the weak one would wait for
each other. Who locks several rows takes targets before what hangs on them, and rows of one table in the order of keys.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from tomgql.access import predicates
from tomgql.access.principal import Principal
from tomgql.errors import NotAllowed, NotAuthenticated, NotFound
from tomgql.store.sql import Bind, Parameters
from tomgql.store.transaction import Transaction

Condition = Callable[[Principal, str, Bind], str]


class Hold(StrEnum):
    """What a verb is going to do with the row that it asks for; the values are PostgreSQL's row locks."""

    KEEP = "key share"
    CHANGE = "no key update"
    DELETE = "update"


def require_user(actor: Principal) -> int:
    """The actor's user id; raises NotAuthenticated for nobody."""
    if actor.user_id is None:
        raise NotAuthenticated("Sign in first: send the header `Authorization: Bearer <token>`.")
    return actor.user_id


def require_writer(actor: Principal) -> int:
    """The actor's user id; raises NotAuthenticated for nobody, NotAllowed for a token without the write scope."""
    user_id = require_user(actor)
    if not actor.may_write:
        raise NotAllowed('This token may only read; it lacks the scope "write".')
    return user_id


def require_admin(actor: Principal) -> int:
    """The actor's user id; raises NotAllowed unless an administrator acts with an unrestricted token."""
    user_id = require_writer(actor)
    if not actor.is_admin:
        raise NotAllowed("Only administrators may do this.")
    return user_id


async def require_targets(
    tx: Transaction, actor: Principal, keys: Sequence[int], permission: str, path: list[str], hold: Hold = Hold.KEEP
) -> None:
    """The actor holds ``permission`` on each target, else NotFound or NotAllowed; asked by one statement."""
    what, right = ("targets", keys, "target"), f"the right {permission} on this target"
    await _require_all(tx, actor, what, predicates.target_visible_to, _on_target(permission), right, path, hold)


async def require_target(
    tx: Transaction, actor: Principal, target_id: int, permission: str, path: list[str], hold: Hold = Hold.KEEP
) -> None:
    """The actor holds ``permission`` on the target, else NotFound or NotAllowed."""
    await require_targets(tx, actor, [target_id], permission, path, hold)


async def require_products(
    tx: Transaction, actor: Principal, keys: Sequence[int], permission: str, path: list[str], hold: Hold = Hold.KEEP
) -> None:
    """The actor sees each data product and holds ``permission`` on its target; asked by one statement."""
    what, right = ("data_products", keys, "data product"), f"the right {permission} on its target"
    await _require_all(tx, actor, what, predicates.product_visible_to, _of_its_target(permission), right, path, hold)


async def require_product(
    tx: Transaction, actor: Principal, product_id: int, permission: str, path: list[str], hold: Hold = Hold.KEEP
) -> None:
    """The actor sees the data product and holds ``permission`` on its target."""
    await require_products(tx, actor, [product_id], permission, path, hold)


async def require_deletable_product(tx: Transaction, actor: Principal, product_id: int, path: list[str]) -> None:
    """The actor sees the data product and may delete it."""
    await _require(
        tx,
        actor,
        ("data_products", product_id, "data product"),
        predicates.product_visible_to,
        predicates.product_deletable_by,
        "the right DELETE on its target, or CHANGE as its uploader",
        path,
        Hold.DELETE,
    )


async def require_observation(tx: Transaction, actor: Principal, key: int, path: list[str], hold: Hold) -> None:
    """The actor may change the observation, as who may CHANGE its target may."""
    what, right = ("observations", key, "observation"), "the right CHANGE on its target"
    allowed = _of_its_target(predicates.CHANGE)
    await _require(tx, actor, what, predicates.observation_visible_to, allowed, right, path, hold)


def _on_target(permission: str) -> Condition:
    """The condition that the actor holds a right on a target."""
    return lambda who, row, bind: predicates.target_allows(who, row, permission, bind)


def _of_its_target(permission: str) -> Condition:
    """The condition that the actor holds a right on the target of a row."""

    def allowed(who: Principal, row: str, bind: Bind) -> str:
        target = predicates.target_allows(who, "gt", permission, bind)
        return f"exists (select from targets gt where gt.id = {row}.target_id and {target})"

    return allowed


async def data_rights(
    tx: Transaction, actor: Principal, data: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], bool]:
    """Of those data (keys of target and datum) that the actor sees: whether the actor may change each."""
    parameters = Parameters()
    bind = parameters.bind
    targets, keys = bind([target for target, _ in data], "bigint[]"), bind([key for _, key in data], "bigint[]")
    rows = await tx.rows(
        f"select g.target_id, g.id, ({predicates.datum_changeable_by(actor, 'g', bind)}) as allowed"
        f" from unnest({targets}, {keys}) as asked(target_id, id)"
        f" join reduced_data g on g.target_id = asked.target_id and g.id = asked.id"
        f" where {predicates.datum_visible_to(actor, 'g', bind)}",
        *parameters.values,
    )
    return {(row["target_id"], row["id"]): row["allowed"] for row in rows}


async def require_user_groups(tx: Transaction, actor: Principal, keys: Sequence[int], path: list[str]) -> None:
    """The actor belongs to each user group, or is an administrator; asked by one statement."""
    what, visible = ("user_groups", keys, "user group"), predicates.user_group_visible_to
    await _require_all(tx, actor, what, visible, visible, "membership", path)


async def require_user_group(tx: Transaction, actor: Principal, group_id: int, path: list[str]) -> None:
    """The actor belongs to the user group, or is an administrator."""
    await require_user_groups(tx, actor, [group_id], path)


async def require_managed_user_group(
    tx: Transaction, actor: Principal, group_id: int, path: list[str], hold: Hold
) -> None:
    """The actor may change the user group."""
    await _require(
        tx,
        actor,
        ("user_groups", group_id, "user group"),
        predicates.user_group_visible_to,
        predicates.user_group_managed_by,
        "the right to change this user group, which its managers and administrators have",
        path,
        hold,
    )


async def require_product_group(
    tx: Transaction, actor: Principal, group_id: int, path: list[str], hold: Hold = Hold.KEEP
) -> None:
    """The actor may change the data product group."""
    await require_product_groups(tx, actor, [group_id], path, hold)


async def require_product_groups(
    tx: Transaction, actor: Principal, keys: Sequence[int], path: list[str], hold: Hold = Hold.KEEP
) -> None:
    """The actor may change each data product group; asked by one statement."""
    await _require_all(
        tx,
        actor,
        ("data_product_groups", keys, "data product group"),
        predicates.product_group_visible_to,
        predicates.product_group_managed_by,
        "the right to change this data product group, which its maker and administrators have",
        path,
        hold,
    )


async def require_target_list(
    tx: Transaction, actor: Principal, list_id: int, path: list[str], hold: Hold = Hold.KEEP
) -> None:
    """The actor may change the target list."""
    await require_target_lists(tx, actor, [list_id], path, hold)


async def require_target_lists(
    tx: Transaction, actor: Principal, keys: Sequence[int], path: list[str], hold: Hold = Hold.KEEP
) -> None:
    """The actor may change each target list; asked by one statement."""
    await _require_all(
        tx,
        actor,
        ("target_lists", keys, "target list"),
        predicates.target_list_visible_to,
        predicates.target_list_managed_by,
        "the right to change this target list, which its maker and administrators have",
        path,
        hold,
    )


async def require_visible_target_list(tx: Transaction, actor: Principal, list_id: int, path: list[str]) -> None:
    """The actor may see the target list."""
    visible = predicates.target_list_visible_to
    await _require(tx, actor, ("target_lists", list_id, "target list"), visible, visible, "the right to see it", path)


async def require_harvest_rule(tx: Transaction, actor: Principal, rule_id: int, path: list[str]) -> None:
    """The actor may change the harvest rule, as who sees it may."""
    visible = predicates.harvest_rule_visible_to
    await _require(tx, actor, ("harvest_rules", rule_id, "harvest rule"), visible, visible, "the right to see it", path)


async def require_continuous_share(tx: Transaction, actor: Principal, rule_id: int, path: list[str]) -> None:
    """The actor may pause and delete the continuous share, as who sees it may."""
    visible = predicates.continuous_share_visible_to
    what = "continuous_shares", rule_id, "continuous share"
    await _require(tx, actor, what, visible, visible, "the right to see it", path, Hold.CHANGE)


async def require_job(tx: Transaction, actor: Principal, job_id: int, path: list[str]) -> None:
    """The actor may cancel or retry the job."""
    await _require(
        tx,
        actor,
        ("jobs", job_id, "job"),
        predicates.job_visible_to,
        predicates.job_cancellable_by,
        "the right to steer this job, which its creator and those who may CHANGE its target have",
        path,
        Hold.CHANGE,
    )


async def require_retryable_job(tx: Transaction, actor: Principal, job_id: int, path: list[str]) -> None:
    """The actor may have the job run again."""
    await _require(
        tx,
        actor,
        ("jobs", job_id, "job"),
        predicates.job_visible_to,
        predicates.job_retryable_by,
        "the right CHANGE on its target",
        path,
        Hold.CHANGE,
    )


async def hold_target_of(tx: Transaction, table: str, key: int, hold: Hold = Hold.KEEP) -> None:
    """Lock the target that a row of ``table`` hangs on, if there is one; call it before the row is asked for."""
    await tx.execute(f"select from targets where id = (select target_id from {table} where id = $1) for {hold}", key)


async def _require(
    tx: Transaction,
    actor: Principal,
    what: tuple[str, int, str],
    visible: Condition,
    allowed: Condition,
    right: str,
    path: list[str],
    hold: Hold = Hold.KEEP,
) -> None:
    table, key, noun = what
    await _require_all(tx, actor, (table, [key], noun), visible, allowed, right, path, hold)


async def _require_all(
    tx: Transaction,
    actor: Principal,
    what: tuple[str, Sequence[int], str],
    visible: Condition,
    allowed: Condition,
    right: str,
    path: list[str],
    hold: Hold = Hold.KEEP,
) -> None:
    """Rows are locked in the order of their keys, as a merge locks them: none waits for the other."""
    table, keys, noun = what
    wanted = sorted(set(keys))
    if not wanted:
        return
    parameters = Parameters()
    bind = parameters.bind
    asked = (
        f"select ({allowed(actor, 'g', bind)}) as allowed from {table} g"
        f" where g.id = any({bind(wanted, 'bigint[]')}) and {visible(actor, 'g', bind)} order by g.id"
    )
    rows = await tx.rows(f"{asked} for {hold} of g", *parameters.values)
    if rows and hold is not Hold.KEEP:  # anew: while it waited, rights may have been taken away
        rows = await tx.rows(asked, *parameters.values)
    if len(rows) < len(wanted):
        raise NotFound(f"There is no such {noun}.", path=path)
    if not all(row["allowed"] for row in rows):
        raise NotAllowed(f"You may see this {noun}, but you lack {right}.", path=path)
