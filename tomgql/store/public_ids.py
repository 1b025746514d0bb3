"""Public ids: a letter or two for the kind, then the key, unique over all types (``t12``, ``p7``, ``d12-345``).

A reduced datum's id carries its target's key, because every key of reduced data begins with the target.
"""

from __future__ import annotations

PREFIXES = {
    "targets": "t",
    "data_products": "p",
    "data_product_groups": "pg",
    "reduced_data": "d",
    "observations": "o",
    "jobs": "j",
    "users": "u",
    "user_groups": "ug",
    "tokens": "k",
    "target_lists": "l",
    "harvest_rules": "h",
    "shares": "s",
    "share_items": "si",
    "continuous_shares": "cs",
    "peer_subscriptions": "ps",
}
"""Resource -> prefix of its ids."""


def encode(resource: str, *key: int) -> str:
    """The public id of a row."""
    return PREFIXES[resource] + "-".join(str(part) for part in key)
