"""How target names are compared: "SN 2011fe", "sn2011FE" and "SN_2011-fe" are one name."""

from __future__ import annotations

_DROPPED = str.maketrans("", "", " \t\n\r\u00a0-_()")
"""Blanks, hyphens, underscores and parentheses: what TOM Toolkit's fuzzy name matching ignores as well."""


def simplify_name(text: str) -> str:
    """The form under which names are compared: lower-case, without blanks, ``-``, ``_``, ``(`` and ``)``."""
    return text.lower().translate(_DROPPED)
