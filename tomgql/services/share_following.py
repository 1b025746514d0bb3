"""Continuous shares and the event log: what is new of their targets goes into the ledger, event by event.

Every rule has its place in the log, which goes on in the transaction that puts what came into the ledger: while a
worker or a destination is down nothing is missed. Any number of workers may look; one at a time works on a rule.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tomgql.access import predicates
from tomgql.access.principal import Principal
from tomgql.errors import NotAllowed, NotFound, TomError, Unavailable
from tomgql.events import log
from tomgql.jobs import ledger
from tomgql.jobs.specs import DeliverChanges
from tomgql.runtime import Runtime
from tomgql.services import accounts, destinations, share_items
from tomgql.services.jobs import enqueue
from tomgql.services.share_items import Giving, HowRead
from tomgql.services.shares import giving_of
from tomgql.store.sql import Bind, Parameters
from tomgql.store.transaction import Transaction, transaction

logger = logging.getLogger(__name__)

EVENTS_AT_ONCE = 200
"""Places of the log that a rule goes on in one transaction: an event may speak of hundreds of data."""

STANDS_STILL = "Stands still: "
"""How the message of a rule begins that cannot go on."""

FORGOTTEN = "The event log had forgotten what came since the last look; everything was compared anew"
"""What is said of a rule that was away for longer than the log reaches back."""

_ABOUT = (
    "e.topic in ('targets', 'reduced_data') and (e.target_id = c.target_id or e.target_id in"
    " (select m.target_id from target_list_members m where m.target_list_id = c.target_list_id))"
)
"""Whether an event ``e`` is about a target of a rule ``c``."""

_NEXT = (
    "select c.id from continuous_shares c, (select event_horizon as oldest,"
    "  greatest(event_horizon, coalesce((select max(id) from events), 0)) as latest from instance) l"
    " where not c.paused and c.place < l.latest and c.id > $1"
    f" and (c.place < l.oldest or c.place < l.latest - {EVENTS_AT_ONCE}"
    f"  or exists (select from events e where e.id > c.place and {_ABOUT})) order by c.id limit 1"
)
"""The next rule behind a key that something is new for, or whose place is far behind."""


async def follow_shares(rt: Runtime, how: HowRead) -> bool:
    """Let every continuous share that is behind go on in the log for a bit; whether one is to go on at once.

    A rule that cannot go on says why, stands still, and tries again.
    """
    last, more = 0, False
    while (rule_id := await rt.writes.fetchval(_NEXT, last)) is not None:
        last = rule_id
        try:
            more |= await _follow(rt, how, rule_id)
        except Unavailable as error:
            logger.warning("continuous share %s: %s", rule_id, error.message)
        except TomError as error:
            await rt.writes.execute(
                "update continuous_shares set message = $2 where id = $1 and message <> $2",
                rule_id,
                STANDS_STILL + error.message,
            )
    return more


async def _follow(rt: Runtime, how: HowRead, rule_id: int) -> bool:
    """Let one rule go on; whether there is more for it. Raises NotFound, NotAllowed, UnknownPlugin, Unavailable."""
    maker_id = await rt.writes.fetchval("select created_by_id from continuous_shares where id = $1", rule_id)
    actor = await accounts.principal_of_user(rt, maker_id)
    async with transaction(rt.writes) as tx:
        rule = await tx.row(
            "select * from continuous_shares where id = $1 and not paused for no key update skip locked", rule_id
        )
        if rule is None:
            return False
        reach = await log.horizon(tx.connection)
        giving = await _giving(tx, rt, actor, rule, how)
        if rule["place"] < reach.oldest:
            await _begin_anew(tx, rt, actor, rule, reach.latest)
            return False
        upto = min(reach.latest, rule["place"] + EVENTS_AT_ONCE)
        queued = await _put(tx, giving, rule, upto)
        new_job = await _attach(tx, rt, actor, rule, giving) if queued else None
        await tx.execute(
            "update continuous_shares set place = $2,"
            " message = case when starts_with(message, $3) then '' else message end where id = $1",
            rule_id, upto, STANDS_STILL,
        )  # fmt: skip
        if new_job is not None:
            await ledger.announce(tx, new_job, "CREATED")
    return bool(upto < reach.latest)


async def _giving(tx: Transaction, rt: Runtime, actor: Principal, rule: Mapping[str, Any], how: HowRead) -> Giving:
    """Who gives. Raises NotFound and NotAllowed where the maker has lost the rights."""
    place = await destinations.find_destination(tx, rt.settings, rule["destination"])
    if place is None:
        raise NotFound(f'the destination "{rule["destination"]}" was deleted.')
    if not await destinations.may_use(tx, actor, place.name):
        raise NotAllowed(f'its maker may not share with "{place.name}" any more.')
    parameters = Parameters()
    allowed = predicates.target_allows(actor, "t", predicates.SHARE, parameters.bind)
    shared = f"select true from targets t where t.id = {parameters.bind(rule['target_id'], 'bigint')} and {allowed}"
    if rule["target_id"] is not None and not await tx.value(shared, *parameters.values):
        raise NotAllowed("its maker may not SHARE its target any more.")
    return giving_of(actor, place, rt.destinations.locate(place.kind).plugin, how, rule_id=rule["id"])


async def _put(tx: Transaction, giving: Giving, rule: Mapping[str, Any], upto: int) -> int:
    """Queue what the events up to a place speak of, of what the maker may share; returns how many items."""
    queued = 0
    for kind, topic, choose in (("target", "targets", _targets), ("reduced_datum", "reduced_data", _data)):
        parameters = Parameters()
        bind = parameters.bind
        within = f"e.id > {bind(rule['place'], 'bigint')} and e.id <= {bind(upto, 'bigint')} and e.topic = '{topic}'"
        events = f"continuous_shares c join events e on {within} and {_ABOUT} where c.id = {bind(rule['id'], 'bigint')}"
        chosen = choose(giving, events, bind)
        if chosen is not None:
            row = await tx.row(share_items.put(kind, giving, chosen, bind, resend=False), *parameters.values)
            queued += row["queued"] if row is not None else 0
    return queued


def _targets(giving: Giving, events: str, bind: Bind) -> str | None:
    if not giving.sends_targets:
        return None
    return share_items.targets(giving, f"t.id in (select e.target_id from {events})", bind)


def _data(giving: Giving, events: str, bind: Bind) -> str | None:
    if not giving.sends_data:
        return None
    named = f"select e.target_id, unnest(e.data_ids) from {events}"
    return share_items.data(giving, f"(d.target_id, d.id) in ({named})", bind)


async def _attach(
    tx: Transaction, rt: Runtime, actor: Principal, rule: Mapping[str, Any], giving: Giving
) -> int | None:
    """Give what the rule has queued to its job that has not ended, else to a new one, whose key is returned."""
    job_id = await tx.value(
        "select id from jobs where id = $1 and state in ('QUEUED', 'RUNNING', 'WAITING') and not cancel_requested"
        " for no key update",
        rule["job_id"],
    )
    new_job = None
    if job_id is None:
        job_id = new_job = await enqueue(tx, rt, actor, DeliverChanges(rule["id"]))
        await tx.execute("update continuous_shares set job_id = $2 where id = $1", rule["id"], job_id)
    await tx.execute(
        "update share_ledger set job_id = $1 where state = 'QUEUED' and continuous_share_id = $2"
        " and (job_id is null or job_id = $3)",
        job_id, rule["id"], rule["job_id"],
    )  # fmt: skip
    await share_items.add_targets(tx.connection, share_items.by_job(giving, job_id))
    return new_job


async def _begin_anew(tx: Transaction, rt: Runtime, actor: Principal, rule: Mapping[str, Any], latest: int) -> None:
    """The log has forgotten what the rule has not read: all that there is is compared with the ledger."""
    job_id = await enqueue(tx, rt, actor, DeliverChanges(rule["id"], existing=True))
    await tx.execute(
        "update share_ledger set job_id = $1 where state = 'QUEUED' and continuous_share_id = $2 and job_id = $3",
        job_id, rule["id"], rule["job_id"],
    )  # fmt: skip
    await tx.execute(
        "update continuous_shares set place = $2, job_id = $3, message = $4 where id = $1",
        rule["id"], latest, job_id, f"{FORGOTTEN} ({datetime.now(UTC):%Y-%m-%d %H:%M} UTC).",
    )  # fmt: skip
    await ledger.announce(tx, job_id, "CREATED")
