"""What is asked of a data product before its bytes come: lengths of its texts, and the right to put it in its place."""

from __future__ import annotations

from collections.abc import Sequence

from tomgql.access import guard, predicates
from tomgql.access.principal import Principal
from tomgql.errors import InvalidInput
from tomgql.services.idempotency import require_key
from tomgql.services.observations import require_observation_of
from tomgql.store.transaction import Transaction

LONGEST_EXTRA_DATA = 100_000
"""Characters of a product's free text."""

LONGEST_PRODUCT_ID = 255
"""Characters of the identifier that a product's source uses; the table keeps the same bound."""


def require_short_texts(product_id: str | None, extra_data: str | None, idempotency_key: str | None = None) -> None:
    """The texts that are given with a product fit; raises InvalidInput."""
    if len(product_id or "") > LONGEST_PRODUCT_ID:
        raise InvalidInput(f"`productId` may have {LONGEST_PRODUCT_ID} characters.", path=["input", "productId"])
    if len(extra_data or "") > LONGEST_EXTRA_DATA:
        raise InvalidInput(f"`extraData` may have {LONGEST_EXTRA_DATA} characters.", path=["input", "extraData"])
    if idempotency_key is not None:
        require_key(idempotency_key)


async def require_place(
    tx: Transaction, actor: Principal, target_id: int, observation_id: int | None, groups: Sequence[int]
) -> None:
    """The actor may put a product there. Permission: CHANGE on the target, and to change the product groups."""
    await guard.require_target(tx, actor, target_id, predicates.CHANGE, ["input", "target"])
    await require_observation_of(tx, target_id, observation_id)
    for group_id in sorted(set(groups)):
        await guard.require_product_group(tx, actor, group_id, ["input", "groups"])
