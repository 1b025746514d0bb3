"""One target at a time to a destination: the target itself, then its data products, then its data in portions.

Who gives is asked anew before each portion, with the rights of that moment. What came of each portion is written before
the next one; a worker that is killed in between sends that one again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from tomgql.errors import FileStoreDown, ServiceFailed, TomError, Unavailable, Upstream
from tomgql.jobs.run import JobRun
from tomgql.plugins.destinations import Delivery, DestinationKind, Outcome, Refused, Sent, SharedTarget, TargetGone
from tomgql.runtime import Runtime
from tomgql.services import accounts, share_ledger
from tomgql.services.destinations import Destination
from tomgql.services.share_items import Giving, HowRead, add_targets
from tomgql.services.share_ledger import Delivered, Item
from tomgql.services.share_loading import LoadedDatum, LoadedTarget, load_data, load_product, load_target
from tomgql.services.shares import giving_of
from tomgql.services.strangers_code import in_its_words, told

SLICE_S = 30.0
"""How long a job delivers before other jobs get their turn."""

MAY_NOT_GO = "It is gone, out of use, or may not be shared any more by who shared it."
"""What is said of an item that did not go."""


@dataclass
class Carrier:
    """A job that delivers: to which place, by which plug-in, what is said along, and until when it has its turn.

    ``queued`` is how many items a share had at its beginning: later shares of the same things take some over. ``total``
    and ``done`` count those of the job, as far as is reported.
    """

    rt: Runtime
    run: JobRun
    place: Destination
    kind: DestinationKind
    delivery: Delivery
    list_names: Sequence[str]
    how: HowRead
    rule_id: int | None = None
    queued: int = 0
    ends: float = field(default_factory=lambda: time.monotonic() + SLICE_S)
    total: int = 0
    done: int = 0
    answered: bool = False

    @property
    def job_id(self) -> int:
        """The key of its job."""
        return self.run.claim.job_id

    @property
    def is_over(self) -> bool:
        """Whether other jobs are to have their turn."""
        return time.monotonic() > self.ends

    async def giving(self) -> Giving:
        """Who gives, with the rights of this moment."""
        actor = await accounts.principal_of_user(self.rt, self.run.claim.created_by_id)
        return giving_of(actor, self.place, self.kind, self.how, job_id=self.job_id, rule_id=self.rule_id)

    async def call(self, what: Awaitable[Any]) -> Any:
        """What the plug-in answers. Raises Upstream and ServiceFailed, in words without secrets."""
        async with in_its_words(self.kind, self.delivery.credentials, self.rt.settings.delivery_call_s):
            answer = await what
        if not self.answered:
            self.answered = True
            await self.rt.pacing.answered(breaker(self.place.name))
        return answer

    async def tell(self, done: int) -> None:
        """Something came of so many items more; reports how far the job is."""
        self.done += done
        part = min(self.done / self.total, 1.0) if self.total else 1.0
        await self.run.report(part, f"{min(self.done, self.total)} of {self.total} items were given.")

    def checked(self, outcome: object) -> Outcome:
        """The outcome if it is one, its words fit to be shown. Raises ServiceFailed."""
        if not isinstance(outcome, (Sent, Refused)):
            raise ServiceFailed(f"{self.kind.title}: it answered {type(outcome).__name__}, which is no outcome.")
        words = told(outcome.words, self.delivery.credentials)
        if isinstance(outcome, Refused):
            return replace(outcome, words=words)
        remote_id = outcome.remote_id
        if remote_id is None or (len(remote_id) <= share_ledger.LONGEST_REMOTE_ID and remote_id.isprintable()):
            return replace(outcome, words=words)
        return Refused(f"It has an id there that cannot be kept: {told(remote_id[:100], self.delivery.credentials)}")


def breaker(destination: str) -> str:
    """The name under which it is kept whether a destination answers."""
    return f"destination {destination}"


async def deliver_target(carrier: Carrier, target_id: int, items: Sequence[Item]) -> None:
    """Send items of a target, and the target first if it must be; some may be left when the job's turn is over.

    Raises Upstream, ServiceFailed; what is not recorded then is sent again.
    """
    for attempt in (1, 2):
        loaded = await load_target(carrier.rt.writes, await carrier.giving(), target_id, carrier.list_names)
        if loaded is None:
            await share_ledger.end_items_of(carrier.rt.writes, carrier.job_id, target_id, "REFUSED", MAY_NOT_GO)
            return
        remote_id = await _place(carrier, target_id, loaded)
        if remote_id is None:
            return
        try:
            products = [each for each in items if each.kind == "data_product"]
            await _deliver_products(carrier, loaded.target, remote_id, products)
            data = [each for each in items if each.kind == "reduced_datum"]
            await _deliver_data(carrier, target_id, loaded.target, remote_id, data)
            return
        except TargetGone as gone:
            await share_ledger.forget_remote_id(carrier.rt.writes, carrier.place.name, loaded.target.global_id)
            if attempt == 2:
                pause_s, words = share_ledger.FIRST_PAUSE_S, gone.message
                await share_ledger.put_off_items_of(carrier.rt.writes, carrier.job_id, target_id, pause_s, words)


async def _place(carrier: Carrier, target_id: int, loaded: LoadedTarget) -> str | None:
    """What the target is called over there, sent first if it must be; None when nothing of it can go now."""
    giving = await carrier.giving()
    if not giving.sends_targets:
        return loaded.target.global_id
    async with _alone(carrier, loaded.target) as connection:
        item = await _target_item(connection, giving, loaded.target)
        if item.state == "SENT" and item.remote_id is not None:
            return item.remote_id
        sent = carrier.kind.send_target(carrier.delivery, loaded.target, item.remote_id)
        outcome = carrier.checked(await carrier.call(sent))
        if isinstance(outcome, Sent) and outcome.remote_id is None:
            outcome = replace(outcome, remote_id=item.remote_id or loaded.target.global_id)
        await share_ledger.record(connection, [Delivered(item, outcome, loaded.content)])
    if isinstance(outcome, Sent):
        return outcome.remote_id
    await _end_without_target(carrier, target_id, item, outcome)
    return None


@asynccontextmanager
async def _alone(carrier: Carrier, target: SharedTarget) -> AsyncIterator[Any]:
    """Nobody else sends the target there meanwhile: two at once would make two of it. The connection that locks it."""
    key = f"{breaker(carrier.place.name)} {target.global_id}"
    async with carrier.rt.writes.acquire() as connection:
        await connection.execute("select pg_advisory_lock(hashtextextended($1, 0))", key)
        try:
            yield connection
        finally:
            await connection.execute("select pg_advisory_unlock(hashtextextended($1, 0))", key)


async def _target_item(connection: Any, giving: Giving, target: SharedTarget) -> Item:
    asked = giving.destination, "target", UUID(target.global_id)
    item = await share_ledger.item_of(connection, *asked)
    if item is None:
        await add_targets(connection, giving)
        item = await share_ledger.item_of(connection, *asked)
    if item is None:
        raise Unavailable("The ledger of shares changes at this moment; it is tried again.")
    return item


async def _end_without_target(carrier: Carrier, target_id: int, item: Item, refused: Refused) -> None:
    """Nothing can hang on a target that is not taken: its items end, or wait, with it."""
    words = f"Its target was not taken: {refused.words}"
    if refused.lasting or item.attempts + 1 >= share_ledger.MOST_ATTEMPTS:
        await share_ledger.end_items_of(
            carrier.rt.writes, carrier.job_id, target_id, "FAILED", words, but_target=item.job_id != carrier.job_id
        )
    else:
        pause_s = share_ledger.pause_after(item.attempts + 1)
        await share_ledger.put_off_items_of(carrier.rt.writes, carrier.job_id, target_id, pause_s, words)


async def _deliver_products(carrier: Carrier, target: SharedTarget, remote_id: str, items: Sequence[Item]) -> None:
    rt = carrier.rt
    for item in items:
        if carrier.is_over:
            return
        loaded = await load_product(rt.writes, rt, await carrier.giving(), item)
        if loaded is None:
            await share_ledger.refuse(rt.writes, [item], MAY_NOT_GO)
            continue
        call = carrier.kind.send_product(carrier.delivery, target, remote_id, loaded.product)
        outcome = carrier.checked(await _or_unreadable(carrier.call(call)))
        await share_ledger.record(rt.writes, [Delivered(item, outcome, loaded.content)])
        await carrier.tell(1)


async def _or_unreadable(call: Awaitable[Any]) -> Any:
    """What came of sending a file; one that cannot be read here keeps no other from going."""
    try:
        return await call
    except FileStoreDown:
        raise
    except Unavailable as error:
        return Refused(error.message, lasting=False)


async def _deliver_data(
    carrier: Carrier, target_id: int, target: SharedTarget, remote_id: str, items: Sequence[Item]
) -> None:
    if not items or carrier.is_over:
        return
    at_once = carrier.kind.data_at_once
    loaded = await load_data(carrier.rt.writes, await carrier.giving(), target_id, items)
    there = {each.item.id for each in loaded}
    await share_ledger.refuse(carrier.rt.writes, [each for each in items if each.id not in there], MAY_NOT_GO)
    portions = [loaded[start : start + at_once] for start in range(0, len(loaded), at_once)]
    calls = [_deliver_portion(carrier, target, remote_id, portion) for portion in portions]
    ended = await asyncio.gather(*calls, return_exceptions=True)
    _raise_worst([each for each in ended if isinstance(each, BaseException)])
    await carrier.tell(len(items))


async def _deliver_portion(
    carrier: Carrier, target: SharedTarget, remote_id: str, portion: Sequence[LoadedDatum]
) -> None:
    data = [each.datum for each in portion]
    answer = await carrier.call(carrier.kind.send_data(carrier.delivery, target, remote_id, data))
    outcomes = list(answer) if isinstance(answer, Sequence) else []
    if len(outcomes) != len(portion):
        raise ServiceFailed(f"{carrier.kind.title}: {len(outcomes)} outcomes came of {len(portion)} data.")
    delivered = [
        Delivered(each.item, carrier.checked(outcome), each.content)
        for each, outcome in zip(portion, outcomes, strict=True)
    ]
    await share_ledger.record(carrier.rt.writes, delivered)


def _raise_worst(errors: Sequence[BaseException]) -> None:
    """Raise the error that says most: a bug before what somebody's code says, and that before an outage."""
    ranks: tuple[type[BaseException], ...] = (TargetGone, Upstream, TomError)
    ranked = sorted(
        errors, key=lambda error: next((rank for rank, kind in enumerate(ranks, 1) if isinstance(error, kind)), 0)
    )
    if ranked:
        raise ranked[0]
