"""Values that are compared within a tolerance of their own, or by what they stand for."""

from __future__ import annotations

import json
from datetime import datetime

CHECKSUM_DIGITS = 12
"""Digits before the position in a cursor."""


class Measured(float):
    """A number that the answer meets within ``tolerance``, in the number's own unit."""

    __slots__ = ("tolerance",)

    def __new__(cls, value: float, tolerance: float) -> Measured:
        made = super().__new__(cls, value)
        made.tolerance = tolerance
        return made


class Place(str):
    """In place of a cursor: the key of the row that it was given for."""

    __slots__ = ()


def place_of(cursor: str) -> int:
    """Key of the row that a cursor was given for.

    Cursors are opaque, and that a position ends with the row's key is all that is known of them here.
    """
    position = json.loads(bytes.fromhex(cursor[CHECKSUM_DIGITS:]))
    assert isinstance(position[-1], int), cursor
    return position[-1]


def iso(moment: datetime | None) -> str | None:
    """A time in UTC as the schema's DateTime: ISO 8601 with milliseconds, what is finer cut off."""
    if moment is None:
        return None
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
