"""Pauses between attempts: growing, random, bounded; so that a thousand clients do not return in the same instant."""

from __future__ import annotations

import random

FIRST_S = 0.5
"""Longest first pause, seconds: a restarted server is there again within a second or two."""

LONGEST_S = 30.0
"""Longest pause, seconds."""

SHORTEST_S = 0.05
"""Shortest pause, seconds: no attempt follows at once."""


class Pauses:
    """Full jitter: each pause is drawn up to a bound that doubles with every failure in a row."""

    def __init__(self, longest_s: float = LONGEST_S) -> None:
        self.failures = 0
        self._longest_s = longest_s

    def next(self) -> float:
        """Seconds to wait after one more failure."""
        bound = min(self._longest_s, FIRST_S * 2 ** min(self.failures, 30))
        self.failures += 1
        return random.uniform(min(SHORTEST_S, bound), bound)  # noqa: S311 - spreads clients, keeps no secret

    def reset(self) -> None:
        """It works again."""
        self.failures = 0
