"""Which worker follows which server: a lease on the subscription's row, with a fence for those taken for dead.

Everything that a follower writes is written while its fence is the row's, in one transaction with the place it stands
for, so that no event is written twice or half, whoever takes over when.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tomgql.domain.listing import shortened
from tomgql.errors import Conflict, Unavailable
from tomgql.runtime import Runtime
from tomgql.services.federation.given import Refusal
from tomgql.services.sealing import Unreadable, unseal
from tomgql.services.secrets import without_secrets
from tomgql.store.transaction import Transaction, transaction


@dataclass(frozen=True)
class Claim:
    """A subscription as this worker took it."""

    id: int
    fence: int
    name: str
    address: str
    token: bytes
    where: Mapping[str, Any]
    instance_id: str | None
    access: str
    target_list_id: int | None
    cursor: str | None
    created_by_id: int


class Lost(Conflict):
    """The subscription was changed, paused, ended, or taken over by another worker."""


_COLUMNS = (
    's.id, s.fence, s.name, s.address, s.token, s."where", s.instance_id::text, s.access, s.target_list_id, s.cursor,'
    " s.created_by_id"
)


async def claim_one(rt: Runtime) -> Claim | None:
    """Take a subscription that is due and that nobody follows; None when there is none."""
    async with transaction(rt.writes) as tx:
        row = await tx.row(
            "update peer_subscriptions s set fence = s.fence + 1, lease_until = now() + $1 * interval '1 second'"
            " where s.id = (select id from peer_subscriptions where enabled and due <= now()"
            "  and (lease_until is null or lease_until < now()) order by due, id limit 1 for update skip locked)"
            f" returning {_COLUMNS}",
            rt.settings.peer_lease_s,
        )
    return None if row is None else Claim(**dict(row))


async def renew(rt: Runtime, claim: Claim) -> bool:
    """Say that the follower is alive; False when the subscription is no longer its own."""
    found = await rt.writes.fetchval(
        "update peer_subscriptions set lease_until = now() + $3 * interval '1 second'"
        " where id = $1 and fence = $2 and enabled returning true",
        claim.id,
        claim.fence,
        rt.settings.peer_lease_s,
    )
    return bool(found)


async def release(rt: Runtime, claim: Claim, state: str, message: str, pause_s: float | None) -> None:
    """Give a subscription back, to be taken again after a pause; None: only when somebody changes it."""
    await rt.writes.execute(
        "update peer_subscriptions set lease_until = null, state = $3, message = $4,"
        " due = case when $5::float8 is null then 'infinity' else now() + $5 * interval '1 second' end"
        " where id = $1 and fence = $2",
        claim.id,
        claim.fence,
        state,
        _told(rt, claim, message),
        pause_s,
    )


async def let_go(rt: Runtime, claim: Claim) -> None:
    """Give a subscription back, since this process ends."""
    await rt.writes.execute(
        "update peer_subscriptions set lease_until = null where id = $1 and fence = $2", claim.id, claim.fence
    )


async def report(rt: Runtime, claim: Claim, state: str, message: str = "") -> None:
    """Write how it goes."""
    await rt.writes.execute(
        "update peer_subscriptions set state = $3, message = $4, heard = now() where id = $1 and fence = $2",
        claim.id,
        claim.fence,
        state,
        _told(rt, claim, message),
    )


def _told(rt: Runtime, claim: Claim, message: str) -> str:
    """Words that may be a peer's, for the subscription's row: short, and without the token, if it repeats that."""
    try:
        return shortened(without_secrets(message, {"token": unseal(rt.settings, claim.token)}))
    except (Unreadable, Unavailable):
        return shortened(message)  # and nothing was sent with a token that cannot be read


async def introduce(rt: Runtime, claim: Claim, instance_id: str) -> None:
    """Write down which installation it is. Raises Lost."""
    async with transaction(rt.writes) as tx:
        await hold(tx, claim)
        await tx.execute("update peer_subscriptions set instance_id = $2 where id = $1", claim.id, instance_id)


async def hold(tx: Transaction, claim: Claim, cursor: str | None = None) -> None:
    """Make sure that the subscription is still this worker's, to the end of the transaction; move its cursor.

    Raises Lost, which rolls the transaction back.
    """
    held = await tx.value(
        "update peer_subscriptions set cursor = coalesce($3, cursor), heard = now()"
        " where id = $1 and fence = $2 and enabled"
        " and exists (select from users u where u.id = created_by_id and u.is_active and u.is_admin) returning true",
        claim.id,
        claim.fence,
        cursor,
    )
    if not held:
        raise Lost("This subscription was changed, its maker lost the rights, or another worker took it over.")


async def keep_refusals(
    tx: Transaction, claim: Claim, told: Sequence[str], refusals: Sequence[Refusal]
) -> None:
    """Write down what was not taken of the things with the global ids ``told``, and forget what was."""
    await tx.execute(
        "delete from peer_refusals where peer_subscription_id = $1 and global_id = any($2::uuid[])",
        claim.id,
        list(told),
    )
    for each in refusals:
        await tx.execute(
            "insert into peer_refusals (peer_subscription_id, kind, global_id, name, message)"
            " values ($1, $2, $3, $4, $5) on conflict (peer_subscription_id, kind, global_id)"
            " do update set message = excluded.message, created = now()",
            claim.id,
            each.kind,
            each.global_id,
            each.name,
            shortened(each.message),
        )
