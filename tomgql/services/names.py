"""Names that people give to things."""

from __future__ import annotations

from tomgql.domain.names import UNPRINTABLE_WORDS, is_printable_name
from tomgql.errors import InvalidInput


def given_name(text: str, longest: int = 200, *, field: str = "name") -> str:
    """The name without blanks around it; raises InvalidInput when it is empty, too long or not one plain line."""
    stripped = text.strip()
    if not stripped or len(stripped) > longest or "\x00" in stripped:
        raise InvalidInput(f"`{field}` needs 1 to {longest} characters.", path=["input", field])
    if not is_printable_name(stripped):
        raise InvalidInput(f"`{field}`: {UNPRINTABLE_WORDS}.", path=["input", field])
    return stripped
