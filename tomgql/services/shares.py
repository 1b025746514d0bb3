"""Shares: one act of giving to one destination. Asking for one writes its rows; its job does the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from tomgql.access import guard, predicates
from tomgql.access.principal import Principal
from tomgql.errors import InvalidInput
from tomgql.jobs import ledger
from tomgql.jobs.specs import ShareOut
from tomgql.plugins.destinations import DATA_PRODUCTS, REDUCED_DATA, TARGETS, DestinationKind
from tomgql.runtime import Runtime
from tomgql.services import idempotency
from tomgql.services.destinations import Destination, read_options, require_usable
from tomgql.services.jobs import enqueue
from tomgql.services.share_items import Counted, Giving, HowRead, Request, preview
from tomgql.store.sql import Parameters
from tomgql.store.transaction import Transaction, transaction

LONGEST_MESSAGE = 10_000
"""Characters of the message that goes with a share."""

LARGEST_FILTER_BYTES = 500_000
"""Bytes of the filter of a share as JSON: 10,000 ids have room."""


@dataclass(frozen=True)
class NewShare:
    """What is to go where."""

    destination: str
    request: Request
    message: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    dry_run: bool = False
    idempotency_key: str | None = None


@dataclass(frozen=True)
class Shared:
    """What became of it: keys of the share and its job, or what would go."""

    share_id: int | None = None
    job_id: int | None = None
    preview: Counted | None = None


async def share(rt: Runtime, actor: Principal, new: NewShare, how: HowRead) -> Shared:
    """Give targets, data products or reduced data to a destination; with ``dry_run`` only say what would go.

    Permission: the destination's own right, and SHARE on every target named; of a list those targets go that the actor
    may SHARE. Asked again of each item when it goes. Enqueues `ShareOut`. Raises NotFound, NotAllowed, InvalidInput,
    UnknownPlugin. Idempotent by ``idempotency_key``.
    """
    user_id = guard.require_writer(actor)
    stored = _checked(actor, new, how)
    async with transaction(rt.writes) as tx:
        place = await require_usable(tx, rt, actor, new.destination, ["input", "destination"])
        kind = rt.destinations.locate(place.kind).plugin
        options = read_options(kind, place.options, new.options)
        request = _within(kind, new.request)
        await _require_things(tx, actor, request)
        if not new.dry_run:
            return await _ask(tx, rt, actor, user_id, replace(new, request=request), stored, options)
    async with rt.shares.of(actor.user_id).acquire() as connection:
        return Shared(preview=await preview(connection, giving_of(actor, place, kind, how), request))


def giving_of(
    actor: Principal, place: Destination, kind: DestinationKind, how: HowRead, *,
    job_id: int | None = None, rule_id: int | None = None,
) -> Giving:  # fmt: skip
    """Who gives to which destination, as the statements about items want it."""
    return Giving(
        actor, place.name, place.peer_id, how, job_id, rule_id,
        takes_disabled=bool(getattr(kind, "takes_disabled", False)), sends_targets=TARGETS in kind.capabilities,
        sends_data=REDUCED_DATA in kind.capabilities,
    )  # fmt: skip


async def _ask(
    tx: Transaction, rt: Runtime, actor: Principal, user_id: int, new: NewShare, stored: dict[str, Any],
    options: dict[str, Any],
) -> Shared:  # fmt: skip
    asked = {"destination": new.destination, "message": new.message, "options": options, "request": stored}
    answer = await idempotency.earlier_answer(tx, user_id, new.idempotency_key, "share", asked)
    if answer is not None:
        return Shared(answer["share_id"], answer["job_id"])
    job_id = await enqueue(tx, rt, actor, ShareOut())
    share_id = await tx.value(
        "insert into shares (destination, message, request, options, job_id, created_by_id)"
        " values ($1, $2, $3, $4, $5, $6) returning id",
        new.destination, new.message, {**stored, "include_data": new.request.include_data}, options, job_id, user_id,
    )  # fmt: skip
    await idempotency.remember(tx, user_id, new.idempotency_key, {"share_id": share_id, "job_id": job_id})
    await ledger.announce(tx, job_id, "CREATED")
    return Shared(share_id, job_id)


def _checked(actor: Principal, new: NewShare, how: HowRead) -> dict[str, Any]:
    """The request as it is stored. Raises InvalidInput, and QueryTooCostly for its filter."""
    if len(new.message) > LONGEST_MESSAGE:
        raise InvalidInput(f"A message has {LONGEST_MESSAGE} characters at most.", path=["input", "message"])
    given = new.request
    if not (given.targets or given.target_list or given.data_products or given.where is not None):
        raise InvalidInput(
            "Say what to share: `targets`, `targetList`, `dataProducts` or `reducedData`.", path=["input", "targets"]
        )
    if given.where is not None:
        how.data_filter(actor, given.where, "d", Parameters().bind)
    text = orjson.dumps(given.to_json())
    if len(orjson.dumps(given.to_json()["where"])) > LARGEST_FILTER_BYTES:
        raise InvalidInput(f"The filter has more than {LARGEST_FILTER_BYTES} bytes.", path=["input", "reducedData"])
    stored: dict[str, Any] = orjson.loads(text)  # times become texts
    return stored


def _within(kind: DestinationKind, request: Request) -> Request:
    """The request without the data of targets where a destination takes none. Raises InvalidInput for what is asked."""
    if request.data_products and DATA_PRODUCTS not in kind.capabilities:
        raise InvalidInput(f"{kind.title} takes no data products.", path=["input", "dataProducts"])
    if REDUCED_DATA in kind.capabilities:
        return request
    if request.where is not None:
        raise InvalidInput(f"{kind.title} takes no reduced data.", path=["input", "reducedData"])
    return replace(request, include_data=False)


async def _require_things(tx: Transaction, actor: Principal, request: Request) -> None:
    await guard.require_targets(tx, actor, request.targets, predicates.SHARE, ["input", "targets"])
    if request.target_list is not None:
        await guard.require_visible_target_list(tx, actor, request.target_list, ["input", "targetList"])
    await guard.require_products(tx, actor, request.data_products, predicates.SHARE, ["input", "dataProducts"])
