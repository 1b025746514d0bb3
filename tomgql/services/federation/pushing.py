"""Records that another server pushes, in the name of a user of this site: the same that following servers ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from tomgql.access import guard
from tomgql.access.principal import Principal
from tomgql.errors import InvalidInput, NotAllowed, QueryTooCostly
from tomgql.runtime import Runtime
from tomgql.services.federation.given import Given, Giver, Record, Taken, as_uuid
from tomgql.services.federation.taking import take
from tomgql.services.lists import put_into_lists_of_names
from tomgql.store.transaction import transaction

MOST_DATA = 500
"""Reduced data of one call."""


@dataclass(frozen=True)
class Pushed:
    """What is pushed by the installation ``instance_id``, and the user's own target lists for its target, by name."""

    instance_id: str
    target: Record
    data: Sequence[Record] = ()
    list_names: Sequence[str] = ()


async def push_records(rt: Runtime, actor: Principal, pushed: Pushed) -> Taken:
    """Take over a target and data of it, where they are newer than what is here.

    Permission: administrators, and accounts that one of them has named as the `peer` of a destination: a record says
    by itself which thing it is, and where it was made. These need CHANGE on a target that is here already, and see no
    less of it than what is changed. What cannot be taken is told in the answer, thing by thing. Raises InvalidInput,
    NotAllowed, QueryTooCostly. Idempotent. Emits target and reduced-data events.
    """
    await _require_peer(rt, actor)
    if len(pushed.data) > MOST_DATA:
        raise QueryTooCostly(f"At most {MOST_DATA} reduced data at once; these are {len(pushed.data)}.")
    return await _take(rt, actor, pushed, Given(pushed.target, data=pushed.data))


async def push_product(
    rt: Runtime, actor: Principal, pushed: Pushed, product: Record, file: AsyncIterator[bytes]
) -> Taken:
    """Take over a data product with its file, which must be the one that its record names by its SHA-256.

    Permission and answer as of `push_records`. Raises InvalidInput, NotAllowed, TooLarge. Emits data-product events.
    """
    await _require_peer(rt, actor)
    stored = await rt.files.put(file, rt.settings.max_upload_bytes)
    if stored.sha256 != product.get("sha256"):
        words = f"The file that came has the SHA-256 {stored.sha256}, which is not that of its record."
        raise InvalidInput(words, path=["input", "file"])
    return await _take(rt, actor, pushed, Given(pushed.target, products=[product]))


async def _require_peer(rt: Runtime, actor: Principal) -> None:
    user_id = guard.require_writer(actor)
    named = "select true from destinations where peer_id = $1 limit 1"
    if not actor.is_admin and not await rt.writes.fetchval(named, user_id):
        raise NotAllowed(
            "Records are taken from accounts of other servers: an administrator must name this one as the `peer` of a"
            " destination (`saveDestination`)."
        )


async def _take(rt: Runtime, actor: Principal, pushed: Pushed, given: Given) -> Taken:
    user_id = guard.require_writer(actor)
    giver = Giver(str(as_uuid(pushed.instance_id, "instanceId")), actor)
    async with transaction(rt.writes) as tx:
        taken = await take(tx, rt, giver, given)
        if taken.target_id is not None:
            await put_into_lists_of_names(tx, user_id, taken.target_id, pushed.list_names)
    return taken
