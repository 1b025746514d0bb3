"""Harvest rules: a survey service is asked about a target, or every target of a list, every so many days.

A rule acts as its maker: with the maker's rights on each target and the maker's secrets at that moment. Workers look
for rules that are due; one worker works on a rule at a time, and a query that has not ended is not asked a second time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tomgql.access import guard, predicates
from tomgql.access.principal import Principal
from tomgql.errors import InvalidInput, NotAllowed, TomError
from tomgql.jobs import ledger
from tomgql.runtime import Runtime
from tomgql.services import accounts, surveys
from tomgql.services.survey_credentials import find_credentials
from tomgql.store.sql import Parameters
from tomgql.store.transaction import Transaction, transaction

SHORTEST_DAYS, LONGEST_DAYS = 0.04, 3653.0
"""Bounds of the pause of a rule: about an hour, and ten years."""

TARGETS_AT_ONCE = 200
"""Targets of a list that are asked about in one transaction."""

AT_ONCE = 20
"""Queries of one rule that begin at once; later ones follow as often as the service may be asked."""

MOST_RULES = 100
"""Rules of one user."""

PATIENCE_S = 600.0
"""How long the work on one rule may take before another worker begins it anew."""

LONGEST_MESSAGE = 2_000
"""Characters kept of what a rule did."""

_FAULTS_SHOWN = 3


@dataclass(frozen=True)
class NewRule:
    """What is to be asked of which service, about a target or about a list, and how often."""

    service: str
    parameters: Mapping[str, Any]
    every_days: float
    target_id: int | None = None
    target_list_id: int | None = None


async def create_harvest_rule(rt: Runtime, actor: Principal, new: NewRule) -> tuple[int]:
    """Make a rule, which is due at once; its key.

    Permission: CHANGE on the target, or to see the list. Raises NotFound, NotAllowed, UnknownPlugin, and InvalidInput
    for what `querySurvey` would refuse.
    """
    user_id = guard.require_writer(actor)
    if (new.target_id is None) == (new.target_list_id is None):
        raise InvalidInput("Give either `target` or `targetList`.", path=["input", "target"])
    plugin = rt.surveys.locate(new.service).plugin
    parameters = surveys.read_parameters(plugin, new.parameters)
    _check_pause(new.every_days)
    async with transaction(rt.writes) as tx:
        if new.target_id is not None:
            await guard.require_target(tx, actor, new.target_id, predicates.CHANGE, ["input", "target"])
            await surveys.require_askable(tx, plugin, new.target_id, parameters)
        else:
            await guard.require_visible_target_list(tx, actor, new.target_list_id or 0, ["input", "targetList"])
        await find_credentials(rt.settings, tx.rows, plugin, user_id)
        await _require_room(tx, user_id)
        rule_id = await tx.value(
            "insert into harvest_rules (service, parameters, target_id, target_list_id, every_days, created_by_id)"
            " values ($1, $2, $3, $4, $5, $6) returning id",
            new.service, parameters, new.target_id, new.target_list_id, new.every_days, user_id,
        )  # fmt: skip
    return (int(rule_id),)


async def update_harvest_rule(
    rt: Runtime, actor: Principal, rule_id: int, *, every_days: float | None = None, enabled: bool | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> tuple[int]:  # fmt: skip
    """Change a rule; one that is changed is due at once.

    Permission: its maker and administrators; who may CHANGE its target may only disable it, since it asks with its
    maker's secrets. Raises NotFound, NotAllowed, InvalidInput.
    """
    user_id = guard.require_writer(actor)
    _check_pause(every_days)
    async with transaction(rt.writes) as tx:
        await guard.require_harvest_rule(tx, actor, rule_id, ["input", "id"])
        maker = await tx.value("select created_by_id from harvest_rules where id = $1", rule_id)
        only_disables = enabled is False and every_days is None and parameters is None
        if maker != user_id and not actor.is_admin and not only_disables:
            raise NotAllowed(
                "This rule asks with the secrets of its maker; others may disable or delete it.", path=["input", "id"]
            )
        asked = None
        if parameters is not None:
            service = await tx.value("select service from harvest_rules where id = $1", rule_id)
            asked = surveys.read_parameters(rt.surveys.locate(service).plugin, parameters)
        await tx.execute(
            "update harvest_rules set every_days = coalesce($2, every_days), enabled = coalesce($3, enabled),"
            " parameters = coalesce($4, parameters), due = now(), modified = now() where id = $1",
            rule_id, every_days, enabled, asked,
        )  # fmt: skip
    return (rule_id,)


async def delete_harvest_rule(rt: Runtime, actor: Principal, rule_id: int) -> None:
    """Delete a rule; what it has asked goes on. Permission: who sees it. Raises NotFound."""
    guard.require_writer(actor)
    async with transaction(rt.writes) as tx:
        await guard.require_harvest_rule(tx, actor, rule_id, ["id"])
        await tx.execute("delete from harvest_rules where id = $1", rule_id)


async def harvest(rt: Runtime) -> int:
    """Let every rule that is due ask; how many rules did. A rule that cannot says why and is due again as usual."""
    done = 0
    while await _harvest_one(rt):
        done += 1
    return done


async def _harvest_one(rt: Runtime) -> bool:
    """The rule that is due for longest, if any.

    It is put off for a while first, and not locked meanwhile: who deletes its target would wait for us and we for them.
    A worker that dies over it leaves it to another one.
    """
    rule = await rt.writes.fetchrow(
        "update harvest_rules set due = now() + $1 * interval '1 second' where id = (select id from harvest_rules"
        " where enabled and due <= now() order by due, id limit 1 for no key update skip locked)"
        " returning id, service, parameters, target_id, target_list_id, created_by_id, due",
        PATIENCE_S,
    )
    if rule is None:
        return False
    try:
        message = await _ask_all(rt, rule)
    except TomError as error:
        message = error.message
    await rt.writes.execute(  # unless somebody changed it meanwhile
        "update harvest_rules set due = now() + every_days * interval '1 day', message = $3 where id = $1 and due = $2",
        rule["id"],
        rule["due"],
        message[:LONGEST_MESSAGE],
    )
    return True


async def _ask_all(rt: Runtime, rule: Mapping[str, Any]) -> str:
    """Ask about each target of the rule that its maker may change; what became of it, for people."""
    plugin = rt.surveys.locate(rule["service"]).plugin
    actor = await accounts.principal_of_user(rt, rule["created_by_id"])
    await find_credentials(rt.settings, rt.writes.fetch, plugin, actor.user_id)
    targets = await _targets(rt, actor, rule)
    asked, faults = 0, []
    for start in range(0, len(targets), TARGETS_AT_ONCE):
        async with transaction(rt.writes) as tx:
            new_jobs: list[int] = []
            for target_id in targets[start : start + TARGETS_AT_ONCE]:
                try:
                    await surveys.require_askable(tx, plugin, target_id, rule["parameters"])
                except TomError as error:
                    faults.append(error.message)
                    continue
                # Not more at once than the service may be asked: else other jobs would wait behind them all.
                delay_s = max(asked + len(new_jobs) - AT_ONCE, 0) * 60 / plugin.requests_per_minute
                job_id, is_new = await surveys.ask(
                    tx, rt, actor, plugin, target_id, rule["parameters"], delay_s=delay_s
                )
                new_jobs += [job_id] * is_new
            for job_id in new_jobs:
                await ledger.announce(tx, job_id, "CREATED")
        asked += len(new_jobs)
    return _words(len(targets), asked, faults)


async def _targets(rt: Runtime, actor: Principal, rule: Mapping[str, Any]) -> list[int]:
    parameters = Parameters()
    bind = parameters.bind
    key, list_key = bind(rule["target_id"], "bigint"), bind(rule["target_list_id"], "bigint")
    of_list = f"select m.target_id from target_list_members m where m.target_list_id = {list_key}"
    allowed = predicates.target_allows(actor, "t", predicates.CHANGE, bind)
    rows = await rt.writes.fetch(
        f"select t.id from targets t where (t.id = {key} or t.id in ({of_list}))"
        f" and {allowed} order by t.id",
        *parameters.values,
    )
    return [row["id"] for row in rows]


def _words(targets: int, asked: int, faults: list[str]) -> str:
    if not targets:
        return "There is no target that the maker of this rule may change."
    said = f"Asked about {asked} of {targets} targets."
    going_on = targets - asked - len(faults)
    said += f" {going_on} queries of before have not ended." if going_on else ""
    return said + (f" {len(faults)} cannot be asked about: {' '.join(faults[:_FAULTS_SHOWN])}" if faults else "")


def _check_pause(every_days: float | None) -> None:
    if every_days is not None and not SHORTEST_DAYS <= every_days <= LONGEST_DAYS:
        raise InvalidInput(
            f"`everyDays` must lie between {SHORTEST_DAYS} and {LONGEST_DAYS:.0f}.", path=["input", "everyDays"]
        )


async def _require_room(tx: Transaction, user_id: int) -> None:
    await tx.execute("select from users where id = $1 for no key update", user_id)
    if await tx.value("select count(*) from harvest_rules where created_by_id = $1", user_id) >= MOST_RULES:
        raise InvalidInput(f"One user may have {MOST_RULES} harvest rules; delete one first.", path=["input"])
