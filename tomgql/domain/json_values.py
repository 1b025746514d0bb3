"""JSON values as clients send them, and what PostgreSQL's ``jsonb`` and other programs can hold of them."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from tomgql.domain.cells import clean_text

DEEPEST = 200
"""Levels of arrays and objects in one value; orjson writes 254, with the row and its list around them."""

_PLAIN = (str, int, bool, type(None))


def why_refused(value: Any, depth: int = 0) -> tuple[str, str] | None:
    """Code and words for what must not be stored: an infinity or NaN, which JSON cannot say, or endless nesting."""
    if isinstance(value, float):
        return None if isfinite(value) else ("NOT_FINITE", "holds a number beyond every double, or none; leave it out")
    if isinstance(value, _PLAIN):
        return None
    if depth == DEEPEST:
        return "NESTED_TOO_DEEP", f"is nested deeper than {DEEPEST} levels"
    inner = value.values() if isinstance(value, Mapping) else value
    return next((why for each in inner if (why := why_refused(each, depth + 1))), None)


def storable(value: Any) -> Any:
    """The value with texts that PostgreSQL can store, and whole numbers that others cannot read as text."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else str(value)
    if isinstance(value, Mapping):
        return {clean_text(name): storable(each) for name, each in value.items()}
    return [storable(each) for each in value] if isinstance(value, list) else value
