"""Public ids read and asked for; how they are made stands in `tomgql.store.public_ids`."""

from __future__ import annotations

import re

from tomgql.errors import InvalidInput
from tomgql.store.public_ids import PREFIXES
from tomgql.store.public_ids import encode as encode

RESOURCES = {prefix: resource for resource, prefix in PREFIXES.items()}
"""Prefix -> resource."""

_NUMBER = "(0|[1-9][0-9]{0,18})"
_FORM = re.compile(f"([a-z]{{1,2}}){_NUMBER}(?:-{_NUMBER})?")
_LARGEST = 2**63 - 1
"""Largest value of PostgreSQL's bigint."""


def sql_id(resource: str, *key: str) -> str:
    """SQL text for the public id of a row, from the expressions of its key; null when a part is null."""
    return f"'{PREFIXES[resource]}' || " + " || '-' || ".join(key)


def parse(public_id: str) -> tuple[str, tuple[int, ...]] | None:
    """Resource and key of an id, or None when it has no such form."""
    match = _FORM.fullmatch(public_id)
    if match is None or match[1] not in RESOURCES:
        return None
    resource = RESOURCES[match[1]]
    key = tuple(int(part) for part in match.groups()[1:] if part is not None)
    if len(key) != (2 if resource == "reduced_data" else 1) or any(part > _LARGEST for part in key):
        return None
    return resource, key


def decode(resource: str, public_id: str) -> tuple[int, ...] | None:
    """Key of an id of one resource; None when the id is of another kind or malformed, so names nothing."""
    parsed = parse(public_id)
    return parsed[1] if parsed and parsed[0] == resource else None


def require(resource: str, public_id: str, path: list[str]) -> tuple[int, ...]:
    """Key of an id given as input; raises InvalidInput with the path when it is not an id of that kind."""
    key = decode(resource, public_id)
    if key is None:
        noun = resource.replace("_", " ").rstrip("s")
        raise InvalidInput(f'"{public_id[:60]}" is not the id of a {noun}; ids come from the field `id`.', path=path)
    return key
