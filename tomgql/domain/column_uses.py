"""How the columns of a file are taken: what a preview tells before anything is stored.

Meanings are the words of the column mapping (`tomgql.domain.synonyms`), so that what a preview shows can be put right
by the options of the same names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tomgql.domain.cells import Column, clean_text
from tomgql.domain.flux_units import stated_unit
from tomgql.domain.measurements import ColumnUse

MOST_COLUMNS = 1_000
"""Columns that are told of; wider tables hold what nobody reads by eye."""

LONGEST_TEXT = 200
"""Characters of a name or unit that are told."""


def column_uses(
    columns: Sequence[Column], roles: Mapping[str, int], units: Mapping[str, str | None]
) -> list[ColumnUse]:
    """The first 1,000 columns; ``roles`` are their places by meaning, ``units`` what is known beside stated units."""
    uses = named_uses([column.name for column in columns], roles, units)
    return [
        replace(use, unit=use.unit or _told(stated_unit(column)), derived=column.derived)
        for use, column in zip(uses, columns, strict=False)
        if use.meaning is not None or not column.derived
    ]


def named_uses(names: Sequence[str], roles: Mapping[str, int], units: Mapping[str, str | None]) -> list[ColumnUse]:
    """The same of columns of which only the names are at hand."""
    meanings: dict[int, list[str]] = {}
    for role, at in roles.items():
        meanings.setdefault(at, []).append(role)
    return [_use(name, meanings.get(at, []), units) for at, name in enumerate(names[:MOST_COLUMNS])]


def _use(name: str, roles: Sequence[str], units: Mapping[str, str | None]) -> ColumnUse:
    known = [unit for unit in map(units.get, roles) if unit]
    return ColumnUse(_told(name) or "", ", ".join(roles) or None, _told(known[0]) if known else None)


def _told(text: str | None) -> str | None:
    return None if text is None else clean_text(text)[:LONGEST_TEXT]
