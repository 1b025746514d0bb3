"""How target names are compared: "SN 2011fe", "sn2011FE" and "SN_2011-fe" are one name."""

from __future__ import annotations

import re

_DROPPED = str.maketrans("", "", " \t\n\r\u00a0-_()")
"""Blanks, hyphens, underscores and parentheses: what TOM Toolkit's fuzzy name matching ignores as well."""


def simplify_name(text: str) -> str:
    """The form under which names are compared: lower-case, without blanks, ``-``, ``_``, ``(`` and ``)``."""
    return text.lower().translate(_DROPPED)


_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters, line ends, and what changes the direction of text (Unicode Standard Annex 9, section 2)."""

UNPRINTABLE_WORDS = "a name is one line, without control characters and without those that turn the direction of text"
"""What is said to who sends such a name."""


def is_printable_name(text: str) -> bool:
    """Whether a name shows as itself wherever it is printed: in a line, a cell, a log."""
    return _UNPRINTABLE.search(text) is None
