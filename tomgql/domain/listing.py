"""What others sent, in words of a length that people can read."""

from __future__ import annotations

from collections.abc import Sequence

from tomgql.domain.cells import clean_text

MOST_NAMES = 30
"""Names that a message lists; a table of ours has 40 columns at most, and a header gone wrong has 200,000."""

LONGEST_NAME = 100
"""Characters of each of them."""

LONGEST_MESSAGE = 4_000
"""Characters of a stored message or note: `MOST_NAMES` of `LONGEST_NAME` and words around them."""


def listed(names: Sequence[str]) -> str:
    """The first names with commas between, and how many more there are; ``none`` where there are none."""
    shown = [_cut(name, LONGEST_NAME) or "(no name)" for name in names[:MOST_NAMES]]
    more = [f"and {len(names) - MOST_NAMES} more"] if len(names) > MOST_NAMES else []
    return ", ".join([*shown, *more]) or "none"


def shortened(message: str) -> str:
    """A message that may be stored: not too long, and without NUL and halves of surrogate pairs."""
    return _cut(clean_text(message), LONGEST_MESSAGE)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 3] + "..."
