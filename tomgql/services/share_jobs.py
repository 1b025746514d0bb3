"""The jobs of sharing: put what is asked for into the ledger, then deliver what is due, and end with what came of it.

A destination that is busy or down has the whole job wait; what it refuses altogether (a wrong password) fails the job,
and its items stay queued. Both go on where they were.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from tomgql.errors import (
    Later,
    NotAllowed,
    NotFound,
    ServiceFailed,
    ShareIncomplete,
    Upstream,
    UpstreamBusy,
    UpstreamDown,
)
from tomgql.jobs.run import JobRun
from tomgql.jobs.specs import DeliverChanges
from tomgql.plugins.destinations import Delivery, Sender
from tomgql.runtime import Runtime
from tomgql.services import accounts, destinations, share_ledger
from tomgql.services.delivery_calls import DestinationHttp
from tomgql.services.jobs import send_after_commit
from tomgql.services.share_delivery import Carrier, breaker, deliver_target
from tomgql.services.share_items import HowRead, Request, expand
from tomgql.store.transaction import Transaction, transaction

SWITCHED_OFF_S, PAUSED_S = 300.0, 300.0
"""Pause before a job looks again whether its destination is enabled, or its continuous share goes on."""

BUSY_S = 30.0
"""Pause where a busy destination does not say when to come back."""

LEAST_PAUSE_S, FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 10.0, 3600.0
"""Pauses before a destination is asked again; doubled with every failure of one that does not answer."""

LONGEST_WAIT_S = 30.0
"""Longest pause of a job that delivers changes until it looks for what has come meanwhile."""

RULE_GONE = "The continuous share was deleted before it went."


async def share_out(rt: Runtime, run: JobRun, how: HowRead) -> None:
    """Put the items of the job's share into the ledger, once, and deliver them; each at least once.

    Emits job events. Raises NotFound, NotAllowed, UnknownPlugin, InvalidInput, FileStoreDown.
    """
    share = await rt.writes.fetchrow("select * from shares where job_id = $1", run.claim.job_id)
    if share is None:
        raise NotFound("The share was deleted.")
    request = Request(**share["request"])
    carrier = await _carrier(rt, run, share, how, request.target_list)
    carrier.queued = share["items"] - share["unchanged"]
    if not share["expanded"]:
        await _expand(carrier, share["id"], request)
    await _deliver(carrier)


async def deliver_changes(rt: Runtime, run: JobRun, spec: DeliverChanges, how: HowRead) -> None:
    """Deliver what a continuous share has put into the ledger. See `share_out`."""
    rule = await _rule(rt, spec.continuous_share_id)
    if rule is None:
        await share_ledger.end_items_of(rt.writes, run.claim.job_id, None, "REFUSED", RULE_GONE)
        return
    carrier = await _carrier(rt, run, rule, how, rule["target_list_id"])
    carrier.rule_id = rule["id"]
    if spec.existing:
        await _put_existing(carrier, rule)
    await _deliver(carrier)


async def _rule(rt: Runtime, rule_id: int) -> Mapping[str, Any] | None:
    """A continuous share, if it is not deleted. Raises Later while it is paused."""
    rule: Mapping[str, Any] | None = await rt.writes.fetchrow(
        "select id, destination, target_id, target_list_id, options, '' as message, paused from continuous_shares"
        " where id = $1",
        rule_id,
    )
    if rule is not None and rule["paused"]:
        raise Later(PAUSED_S, "The continuous share is paused.")
    return rule


async def _carrier(rt: Runtime, run: JobRun, of: Mapping[str, Any], how: HowRead, list_id: int | None) -> Carrier:
    """Raises Later while the destination is switched off."""
    async with transaction(rt.writes) as tx:
        place = await destinations.find_destination(tx, rt.settings, of["destination"])
        named = await tx.value("select name from target_lists where id = $1", list_id)
    if place is None:
        raise NotFound(f'The destination "{of["destination"]}" was deleted.')
    if not place.enabled:
        raise Later(SWITCHED_OFF_S, f'The destination "{place.name}" is switched off.')
    kind = rt.destinations.locate(place.kind).plugin
    giver = await accounts.principal_of_user(rt, run.claim.created_by_id)
    sender = Sender(rt.settings.tom_name, rt.settings.public_url or "", rt.instance_id, giver.username or "")
    delivery = Delivery(
        place.address, DestinationHttp(rt, place.address), sender, kind.options.model_validate(of["options"]),
        destinations.secrets_of(rt.settings, place), of["message"],
    )  # fmt: skip
    lists = (f"Imported From {rt.settings.tom_name}", *([named] if named else []))
    return Carrier(rt, run, place, kind, delivery, lists, how)


async def _expand(carrier: Carrier, share_id: int, request: Request) -> None:
    await carrier.run.report(0.0, "Looks up what is to go.")
    giving = await carrier.giving()
    async with transaction(carrier.rt.writes) as tx:
        await _require_usable(tx, carrier, giving.actor)
        counted = await expand(tx.connection, giving, request)
        await tx.execute(
            "update shares set expanded = true, items = $2, unchanged = $3 where id = $1",
            share_id, counted.total, counted.unchanged,
        )  # fmt: skip
    carrier.queued = counted.total - counted.unchanged


async def _put_existing(carrier: Carrier, rule: Mapping[str, Any]) -> None:
    """Put what is there already into the ledger, once; what has come since is put in by its event, or is unchanged."""
    giving = await carrier.giving()
    targets = [] if rule["target_id"] is None else [rule["target_id"]]
    request = Request(targets=targets, target_list=rule["target_list_id"], include_data=giving.sends_data)
    async with transaction(carrier.rt.writes) as tx:
        await _require_usable(tx, carrier, giving.actor)
        await expand(tx.connection, giving, request)
    # Apart: the job's row must stay free for its lease while the ledger fills, and to fill it twice does no harm.
    done = {"existing": False}
    await carrier.rt.writes.execute("update jobs set spec = spec || $2::jsonb where id = $1", carrier.job_id, done)


async def _require_usable(tx: Transaction, carrier: Carrier, actor: Any) -> None:
    if not await destinations.may_use(tx, actor, carrier.place.name):
        raise NotAllowed(f'Who shares this may not share with "{carrier.place.name}" any more.')


async def _deliver(carrier: Carrier) -> None:
    """Deliver for a while, then give others their turn, wait for the destination, or end."""
    rt = carrier.rt
    blocked_s = await rt.pacing.blocked(breaker(carrier.place.name), LONGEST_WAIT_S)
    if blocked_s > 0:
        raise Later(blocked_s * _spread(), f"{carrier.place.title} does not answer; it is left alone for a while.")
    try:
        if not await _deliver_due(carrier):
            await _let_others(carrier)
            return
    except UpstreamBusy as busy:
        await rt.pacing.answered(breaker(carrier.place.name))
        seconds = max(min(float(busy.details.get("seconds", BUSY_S)), LONGEST_PAUSE_S), LEAST_PAUSE_S)
        raise Later(seconds, f"{carrier.place.title} is busy: {busy.message}") from busy
    except UpstreamDown as down:
        await _wait_for(carrier, down)
        return
    except (Upstream, ServiceFailed) as refused:
        async with transaction(rt.writes) as tx:
            await carrier.run.fail(tx, refused.code, f"{carrier.place.title}: {refused.message}")
        return
    await _end(carrier)


async def _deliver_due(carrier: Carrier) -> bool:
    """Deliver what is due, as it was queued; false when the job's turn is over before. Raises Upstream."""
    counts = await share_ledger.counts(carrier.rt.writes, carrier.job_id)
    carrier.total = sum(counts.values())
    carrier.done = carrier.total - counts["QUEUED"]
    for _ in range(2):  # twice: what changed while it was on its way is queued where it was
        if not await _deliver_once(carrier):
            return False
    return True


async def _deliver_once(carrier: Carrier) -> bool:
    connection, kind = carrier.rt.writes, carrier.kind
    after, most = 0, kind.data_at_once * kind.calls_at_once
    while items := await share_ledger.due_items(connection, carrier.job_id, after, most):
        for target_id in dict.fromkeys(each.target_id for each in items):
            if carrier.rule_id is not None and await _rule(carrier.rt, carrier.rule_id) is None:
                await share_ledger.end_items_of(connection, carrier.job_id, None, "REFUSED", RULE_GONE)
                return True
            await deliver_target(carrier, target_id, [each for each in items if each.target_id == target_id])
            if carrier.is_over:
                return False
        after = items[-1].id
    return True


async def _let_others(carrier: Carrier) -> None:
    async with transaction(carrier.rt.writes) as tx:
        await carrier.run.wait(tx, 0.0, "Other jobs have their turn.")
        send_after_commit(tx, carrier.rt, carrier.job_id, carrier.run.claim.attempt + 1)


async def _wait_for(carrier: Carrier, down: UpstreamDown) -> None:
    """Wait for a destination that does not answer; give up what it has not answered for days."""
    rt = carrier.rt
    if await share_ledger.park(rt.writes, carrier.job_id, down.message):
        await _end(carrier)
        return
    failures = await rt.pacing.failed(breaker(carrier.place.name))
    pause_s = min(FIRST_PAUSE_S * 2.0 ** min(failures - 1, 20), LONGEST_PAUSE_S) * _spread()
    raise Later(pause_s, f"{carrier.place.title} does not answer: {down.message}") from down


async def _end(carrier: Carrier) -> None:
    """End the job with what came of its items, unless some are to be tried again later, or have come meanwhile."""
    run, rt = carrier.run, carrier.rt
    async with transaction(rt.writes) as tx:
        # Who adds items locks the job, too: either they are seen here, or that one sees that the job has ended.
        await tx.execute("select from jobs where id = $1 for no key update", carrier.job_id)
        counts = await share_ledger.counts(tx.connection, carrier.job_id)
        if counts["QUEUED"]:
            pause_s = await share_ledger.due_in_s(tx.connection, carrier.job_id)
            if carrier.rule_id is not None:
                pause_s = min(pause_s, LONGEST_WAIT_S)
            await run.wait(tx, pause_s, f"{counts['QUEUED']} items are tried again later.")
            return
        missed, total = counts["FAILED"] + counts["REFUSED"], sum(counts.values())
        others = carrier.queued - total
        left = f" {others} went over to later shares of the same things." if others > 0 else ""
        if missed:
            words = f"{missed} of {total} items were not taken; the share's `ledger` says why.{left}"
            await run.fail(tx, ShareIncomplete.code, words)
        else:
            await run.succeed(tx, {"sent": counts["SENT"]}, f"{counts['SENT']} items were given.{left}")


def _spread() -> float:
    """A factor of about one, so that jobs do not come back all at once."""
    return random.uniform(1.0, 1.2)  # noqa: S311 - no secret
