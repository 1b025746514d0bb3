"""Inputs as the verbs want them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from strawberry import UNSET

from tomgql.domain.json_values import why_refused
from tomgql.errors import InvalidInput
from tomgql.reading import ids

MOST_IDS = 10_000
"""Different ids of one list of one call: as many targets as one call creates."""


def key(resource: str, public_id: str, *path: str) -> int:
    """The key of an id given at ``path``; raises InvalidInput when it is not an id of that kind."""
    return ids.require(resource, public_id, list(path))[-1]


def keys(resource: str, public_ids: Sequence[str] | None, *path: str) -> list[int]:
    """The keys of ids given at ``path``, each once; raises InvalidInput for more than one call takes."""
    different = dict.fromkeys(public_ids or ())
    if len(different) > MOST_IDS:
        message = f"`{path[-1]}` names {len(different)} different ids; one call takes {MOST_IDS} at most."
        raise InvalidInput(message, path=list(path))
    return list(dict.fromkeys(key(resource, each, *path) for each in different))


def maybe_key(resource: str, public_id: str | None, *path: str) -> int | None:
    """The key of an id that may be missing."""
    return None if public_id is None else key(resource, public_id, *path)


def given(input: Any, *without: str) -> dict[str, Any]:
    """The fields of an input that the caller named, by their Python names; UNSET ones are left out."""
    return {name: value for name, value in vars(input).items() if value is not UNSET and name not in without}


def mapping(value: Any, *path: str) -> dict[str, Any]:
    """A JSON input that must be an object; null is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidInput(f"`{path[-1]}` must be a JSON object.", path=list(path))
    if why := why_refused(value):
        raise InvalidInput(f"A value in `{path[-1]}` {why[1]}.", path=list(path))
    return value
