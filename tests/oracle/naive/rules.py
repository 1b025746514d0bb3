"""Rules: what a field of a type means, as a function of who asks, the thing asked, and the field's arguments."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

from tests.oracle.naive.leaves import iso
from tests.oracle.naive.rights import Asker

Rule = Callable[..., Any]
"""``rule(ask, thing, **arguments)``."""

Rules = dict[str, Rule]
"""Field -> rule."""


def snake(name: str) -> str:
    """``sizeBytes`` as ``size_bytes``: columns and Python's arguments are spelled so."""
    return re.sub(r"([A-Z])", r"_\1", name).lower()


def columns(*names: str, **others: str) -> Rules:
    """Fields that are columns of their row: under the same name, or ``field="column"``."""
    return {name: _column(column) for name, column in {**{each: snake(each) for each in names}, **others}.items()}


def _column(column: str) -> Rule:
    return lambda _ask, row: getattr(row, column)


def moments(*names: str) -> Rules:
    """Fields that are times of their row."""
    return {name: _moment(snake(name)) for name in names}


def _moment(column: str) -> Rule:
    return lambda _ask, row: iso(getattr(row, column))


def row_of(table: str, column: str) -> Rule:
    """The row of another table that a column names, if it may be seen."""
    return lambda ask, row: ask.one(table, getattr(row, column))


def linked(table: str, links: str, here: str, there: str) -> Callable[[Asker, Any], list[Any]]:
    """The rows of another table that a table of links joins to this one, of those that may be seen."""

    def find(ask: Asker, row: Any) -> list[Any]:
        keys = set(ask.sky.linked(links, here, row.id, there))
        return [each for each in ask.rows(table) if each.id in keys]

    return find


def newest_first(rows: list[Any]) -> list[Any]:
    """By when they were made, those made at once by key."""
    return sorted(rows, key=lambda row: (row.created, row.id), reverse=True)


def public_id(_ask: Asker, row: Any) -> str:
    """The rule for `id`."""
    return str(row.public_id)


def known(rules: Mapping[str, Any], name: str, owner: str) -> Any:
    """The rule for a name; an AssertionError that names it when there is none."""
    assert name in rules, f"the naive reader has no rule for {owner}.{name}"
    return rules[name]


def arguments_of(rule: Rule) -> set[str]:
    """The arguments that a rule knows, spelled as Python's."""
    return set(list(signature(rule).parameters)[2:])
