"""Small pieces of SQL text with bound parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Bind = Callable[[Any, str], str]
"""Binds a value: ``bind(12, "bigint")`` returns its placeholder with a cast, such as ``$3::bigint``."""


@dataclass
class Parameters:
    """The bound values of one statement, in order; equal values of one type share a placeholder."""

    values: list[Any] = field(default_factory=list)
    _known: dict[tuple[str, Any], str] = field(default_factory=dict)

    def bind(self, value: Any, sql_type: str) -> str:
        """A placeholder for ``value``, cast to ``sql_type``."""
        identity = (sql_type, repr(value))
        if identity not in self._known:
            self.values.append(value)
            self._known[identity] = f"${len(self.values)}::{sql_type}"
        return self._known[identity]

    def named_beside(self, source: str = "") -> str:
        """FROM with every placeholder: PostgreSQL refuses a value that stands nowhere.

        Those of a page of which only `totalCount` is asked, or of a filter on magnitudes without a comparison, do not.
        """
        values = f"(values ({', '.join(self._known.values())})) given" if self._known else ""
        return ", ".join(part for part in (source, values) if part)


def literal(text: str) -> str:
    """``text`` as an SQL string literal; for names that a schema or a query document defines, never for values."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """``name`` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def escape_like(text: str) -> str:
    """``text`` with the wildcards of LIKE made literal."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def conjunction(conditions: list[str]) -> str:
    """All conditions joined by AND; ``true`` when there are none."""
    return " and ".join(conditions) if conditions else "true"
