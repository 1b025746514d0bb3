"""What became of a bulk call, whatever its rows are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LONGEST_REPORT = 1_000
"""Most rows that a bulk answer reports one by one, rejected ones first (contract)."""


@dataclass(frozen=True)
class BulkOutcome:
    """What became of a bulk call: counts, the report of single rows, and public keys of what was changed.

    ``notes`` say what was assumed, converted or warned of, as those of files do.
    """

    created: int
    revised: int
    unchanged: int
    rejected: int
    rows: list[dict[str, Any]]
    keys: list[tuple[int, ...]]
    notes: list[dict[str, Any]] = field(default_factory=list)


def remembered_outcome(answer: Mapping[str, Any]) -> BulkOutcome:
    """The outcome that a call with the same idempotency key had."""
    return BulkOutcome(**{**answer, "keys": [tuple(key) for key in answer["keys"]]})
