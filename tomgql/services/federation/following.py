"""Follow another tomgql server: copy what it has, then hear of every change behind that, for as long as it takes.

What is heard is written in one transaction with the cursor behind which it was heard, so that a follower that is killed
anywhere goes on with the next event. What a peer refuses ends the following with its words, until somebody changes the
subscription; a peer that is away is waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg

from tomgql.client import Client
from tomgql.client.errors import (
    AnswerTooLarge,
    ClientError,
    CursorExpired,
    InvalidCall,
    NotSignedIn,
    Refused,
)
from tomgql.errors import TomError
from tomgql.runtime import OUTAGES, Runtime
from tomgql.services import accounts
from tomgql.services.federation import claims
from tomgql.services.federation.claims import Claim, Lost
from tomgql.services.federation.copying import TOO_MUCH, Link, copy_targets, fetch_files, give
from tomgql.services.federation.deletions import follow_deleted_product, follow_deleted_target
from tomgql.services.federation.documents import BRIEF_CHANGES, CHANGES, GONE, HELLO, TARGET_IDS
from tomgql.services.federation.given import Given, Giver
from tomgql.services.sealing import Unreadable, unseal
from tomgql.store.connection import outlive
from tomgql.store.transaction import transaction

logger = logging.getLogger(__name__)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 300.0
"""Pauses before a peer that does not answer is asked again: doubled with every attempt in vain."""

GOOD_S = 60.0
"""What has gone well for so long counts as going well."""

RELEASE_LIMIT_S = 2.0
"""How long an ending process tries to give a subscription back; else its lease runs out."""

IDS_AT_ONCE = 1_000
"""Global ids that are asked for at once."""


_WRONG_FILTER = ("GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT", "INVALID_INPUT")
"""Codes by which a server says that it does not understand `where`: no retry mends that."""


class _Unfollowable(TomError):  # noqa: N818 - named by what is wrong
    """The subscription cannot go on until somebody changes it."""


async def follow(rt: Runtime, claim: Claim) -> None:
    """Follow until the subscription is no longer this worker's; returns when it is given back."""
    beat = asyncio.create_task(_heartbeat(rt, claim), name="peer lease")
    work = asyncio.create_task(_follow(rt, claim), name="peer")
    try:
        await asyncio.wait({beat, work}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            await work
    except asyncio.CancelledError:
        await asyncio.shield(_let_go(rt, claim))
        raise
    finally:
        for task in (work, beat):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, *OUTAGES, TomError, ClientError):
                await task


async def _let_go(rt: Runtime, claim: Claim) -> None:
    with contextlib.suppress(*OUTAGES):
        async with asyncio.timeout(RELEASE_LIMIT_S):
            await claims.let_go(rt, claim)


async def _heartbeat(rt: Runtime, claim: Claim) -> None:
    while True:
        await asyncio.sleep(rt.settings.peer_lease_s / 5)
        try:
            if not await claims.renew(rt, claim):
                return
        except OUTAGES as error:
            outlive(error)


async def _follow(rt: Runtime, claim: Claim) -> None:
    """Copy and hear, again and again; what went wrong last is told in the subscription."""
    pause_s = FIRST_PAUSE_S
    while True:
        began = time.monotonic()
        try:
            async with _linked(rt, claim) as link:
                await _go_on(link)
        except Lost:
            return
        except (_Unfollowable, Unreadable, NotSignedIn, InvalidCall) as error:
            await claims.release(rt, claim, "REFUSED", error.message, None)
            return
        except (ClientError, TomError) as error:
            if isinstance(error, Refused) and error.code in _WRONG_FILTER:
                await claims.release(rt, claim, "REFUSED", error.message, None)
                return
            await claims.report(rt, claim, "INTERRUPTED", error.message)
        except (KeyError, TypeError, ValueError, AttributeError):
            logger.exception("peer %s", claim.name)
            await claims.report(rt, claim, "INTERRUPTED", "It answers what no tomgql server does; the log says what.")
        except asyncpg.PostgresError as error:
            outlive(error)
            logger.exception("peer %s", claim.name)
            await claims.report(rt, claim, "INTERRUPTED", "It gave what cannot be stored here; the log says why.")
        pause_s = FIRST_PAUSE_S if time.monotonic() - began > GOOD_S else min(pause_s * 2, LONGEST_PAUSE_S)
        await asyncio.sleep(pause_s)


@asynccontextmanager
async def _linked(rt: Runtime, claim: Claim) -> AsyncIterator[Link]:
    """The peer, asked who it is. Raises _Unfollowable when it is another one than before, or this site itself."""
    actor = await accounts.principal_of_user(rt, claim.created_by_id)
    if not actor.is_admin:
        raise _Unfollowable(
            "Who made this subscription is no administrator any more; delete it, and have one make it anew."
        )
    token = unseal(rt.settings, claim.token)
    async with Client(claim.address, token=token, public_only=not rt.settings.private_peers) as client:
        server = (await client.query(HELLO))["server"]
        instance_id = str(UUID(server["instanceId"]))
        if instance_id == rt.instance_id:
            raise _Unfollowable("This is the address of this site itself.")
        known = await rt.writes.fetchval("select instance_id::text from peer_subscriptions where id = $1", claim.id)
        if known is not None and known != instance_id:
            raise _Unfollowable(
                f"At this address there is another installation now ({instance_id}, {server['tomName']}) than the one"
                f" that was followed ({known}). If that is meant, delete this subscription and make a new one."
            )
        if known is None:
            await claims.introduce(rt, claim, instance_id)
        yield Link(rt, claim, client, Giver(instance_id, actor, claim.access, claim.target_list_id, True))


async def _go_on(link: Link) -> None:
    """Behind the last event that is written here; where the peer has forgotten what came since, all is copied again."""
    cursor = await _cursor(link)
    if cursor is None:
        cursor = await _copy_all(link)
    looking = asyncio.create_task(_look(link), name="peer look")
    try:
        while True:
            try:
                await _hear(link, cursor)
            except (AnswerTooLarge, Refused) as error:
                if isinstance(error, CursorExpired) or (isinstance(error, Refused) and error.code != TOO_MUCH):
                    raise
                cursor = await _copy_next(link, cursor)
    except CursorExpired as error:
        await _begin_anew(link, error.message)
    finally:
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError, *OUTAGES, ClientError, TomError):
            await looking


async def _cursor(link: Link) -> str | None:
    cursor: str | None = await link.rt.writes.fetchval(
        "select cursor from peer_subscriptions where id = $1", link.claim.id
    )
    return cursor


async def _begin_anew(link: Link, words: str) -> None:
    await claims.report(link.rt, link.claim, "COPYING", f"Everything is copied again: {words}")
    await link.rt.writes.execute(
        "update peer_subscriptions set cursor = null where id = $1 and fence = $2", link.claim.id, link.claim.fence
    )


async def _copy_all(link: Link) -> str:
    """Copy everything as of a place in the peer's log; what was deleted there meanwhile is deleted, too."""
    cursor: str = (await link.client.query(HELLO))["server"]["latestCursor"]
    await claims.report(link.rt, link.claim, "COPYING", "Copying what is there.")
    await _follow_deletions(link)  # first: what was made anew there under an old name is no longer the old one
    await copy_targets(link, {})
    async with transaction(link.rt.writes) as tx:
        await claims.hold(tx, link.claim, cursor)
    return cursor


async def _hear(link: Link, cursor: str) -> None:
    """Write every change behind the cursor. Raises what no retry mends."""
    await claims.report(link.rt, link.claim, "FOLLOWING", "")
    variables = {"where": link.claim.where, "notVia": link.not_via}

    async def interrupted(reason: ClientError | None) -> None:
        state = "FOLLOWING" if reason is None else "INTERRUPTED"
        await claims.report(link.rt, link.claim, state, "" if reason is None else reason.message)

    events = link.client.subscribe(CHANGES, variables, after=cursor, interrupted=interrupted)
    async with aclosing(events):
        async for data in events:
            await _write(link, data["changes"])


async def _copy_next(link: Link, cursor: str) -> str:
    """Go over the next event, which is too large to be told whole, by copying its target page by page; its cursor."""
    variables = {"where": link.claim.where, "notVia": link.not_via}
    events = link.client.subscribe(BRIEF_CHANGES, variables, after=await _cursor(link) or cursor)
    async with aclosing(events):
        event = (await anext(events))["changes"]
    if event["change"] == "DELETED":
        await _delete(link, event)
    else:
        await copy_targets(link, {"globalId": event["target"]["globalId"]})
        async with transaction(link.rt.writes) as tx:
            await claims.hold(tx, link.claim, event["cursor"])
    return str(event["cursor"])


async def _write(link: Link, event: Mapping[str, Any]) -> None:
    if event["change"] == "DELETED":
        await _delete(link, event)
        return
    target, product = event["target"], event["dataProduct"]
    if not await _is_here(link, target["record"]):
        await copy_targets(link, {"globalId": target["globalId"]})  # it came into view: with what it had before
    stored, refusals = await fetch_files(link, [] if product is None else [product])
    data = [each["record"] for each in event["data"]]
    await give(link, Given(target["record"], stored, data), refusals, event["cursor"])


async def _delete(link: Link, event: Mapping[str, Any]) -> None:
    """Follow a deletion that the thing's origin decided; of others only the place is kept."""
    async with transaction(link.rt.writes) as tx:
        await claims.hold(tx, link.claim, event["cursor"])
        if not event["byOrigin"]:
            return
        if event["kind"] == "TARGETS":
            global_id = event["target"]["globalId"]
            taken = await follow_deleted_target(tx, global_id)
        else:
            global_id = event["dataProduct"]["globalId"]
            taken = await follow_deleted_product(tx, global_id)
        await claims.keep_refusals(tx, link.claim, [global_id], taken.refusals)


async def _is_here(link: Link, record: Mapping[str, Any]) -> bool:
    """Whether the target is known here, or was: what was deleted here is not copied again."""
    ids = [record["global_id"], *record["other_global_ids"]]
    found = await link.rt.writes.fetchval(
        "select true from targets where global_id = any($1::uuid[])"
        " union all select true from target_global_ids where global_id = any($1::uuid[])"
        " union all select true from tombstones where global_id = any($1::uuid[]) limit 1",
        ids,
    )
    return bool(found)


async def _look(link: Link) -> None:
    """From time to time, copy targets that have come into view without an event: by a grant, or into a list."""
    while True:
        await asyncio.sleep(link.rt.settings.peer_look_s)
        try:
            await _look_once(link)
        except (ClientError, TomError, *OUTAGES) as error:
            outlive(error)
            logger.warning("peer %s: what has come into view is looked for again later: %s", link.claim.name, error)


async def _look_once(link: Link) -> None:
    after: str | None = None
    while True:
        variables = {"where": link.claim.where, "first": IDS_AT_ONCE, "after": after}
        found = (await link.client.query(TARGET_IDS, variables))["targets"]
        for node in found["nodes"]:
            if not await _is_here(link, {"global_id": node["globalId"], "other_global_ids": []}):
                await copy_targets(link, {"globalId": node["globalId"]})
        after = found["pageInfo"]["endCursor"]
        if not found["pageInfo"]["hasNextPage"]:
            return


async def _follow_deletions(link: Link) -> None:
    """Delete what was made elsewhere and has been deleted there, as far as this peer knows; its log tells no more."""
    for table, follow_deleted in (("data_products", follow_deleted_product), ("targets", follow_deleted_target)):
        rows = await link.rt.writes.fetch(
            f"select global_id::text as id from {table} where origin_instance_id is not null order by id"
        )
        for start in range(0, len(rows), IDS_AT_ONCE):
            asked = [row["id"] for row in rows[start : start + IDS_AT_ONCE]]
            for gone in (await link.client.query(GONE, {"ids": asked}))["deletedAmong"]:
                async with transaction(link.rt.writes) as tx:
                    await claims.hold(tx, link.claim)
                    taken = await follow_deleted(tx, gone)
                    await claims.keep_refusals(tx, link.claim, [gone], taken.refusals)
