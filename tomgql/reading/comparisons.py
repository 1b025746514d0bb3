"""Comparison inputs as SQL conditions: text, numbers, times and ids against what a filter gives."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tomgql.errors import InvalidInput, QueryTooCostly
from tomgql.reading import ids
from tomgql.store.sql import conjunction, escape_like

if TYPE_CHECKING:
    from tomgql.reading.filters import Filter

LARGEST_LIST = 10_000
"""Most values in one ``in`` or ``notIn``."""

LONGEST_PATTERN = 1_000
"""Characters of a pattern of ``like``."""

COMPARISONS = {"eq": "=", "ne": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
"""Comparison operators of filters and their SQL."""

TIME_RANGES = {
    "lt": "{0} < {1}",
    "lte": "{0} < {1} + interval '1 millisecond'",
    "gt": "{0} >= {1} + interval '1 millisecond'",
    "gte": "{0} >= {1}",
}
"""Ranges of times in whole milliseconds, said so that an index on the times serves them."""

Condition = Callable[["Filter", str, Any], str]
"""Given the running filter, a row's alias and what was given, SQL."""


def text_filter(sql: str) -> Condition:
    """StringFilter on an SQL expression."""

    def condition(running: Filter, row: str, given: dict[str, Any]) -> str:
        expression = sql.format(row=row)
        folded = given.get("caseSensitive") is False
        side = f"lower({expression})" if folded else expression
        parts = []
        for name, value in given.items():
            if value is None or name == "caseSensitive":
                continue
            parts.append(_text_part(running, expression, side, folded, name, value))
        return conjunction(parts)

    return condition


def _text_part(running: Filter, expression: str, side: str, folded: bool, name: str, value: Any) -> str:
    # Both sides are folded by the database: its rules for case need not be Python's.
    if name in ("lt", "lte", "gt", "gte"):
        side = f'{side} collate "C"'
    fold = "lower({})" if folded else "{}"
    if name == "isNull":
        return f"{expression} is {'' if value else 'not '}null"
    if name in ("in", "notIn"):
        values = running.bind(short_list(value), "text[]")
        given = f"(select lower(v) from unnest({values}) v)" if folded else f"({values})"
        return f"{side} = any {given}" if name == "in" else f"{side} <> all {given}"
    if name in ("contains", "startsWith"):
        pattern = ("%" if name == "contains" else "") + escape_like(value) + "%"
        return f"{side} like {fold.format(running.bind(pattern, 'text'))}"
    if name == "like":
        return f"{side} like {fold.format(running.bind(_pattern(value), 'text'))}"
    return f"{side} {COMPARISONS[name]} {fold.format(running.bind(value, 'text'))}"


def _pattern(given: str) -> str:
    """A LIKE pattern of the caller's own; raises InvalidInput for one that PostgreSQL would refuse."""
    if len(given) > LONGEST_PATTERN:
        raise QueryTooCostly(f"A pattern of `like` may have {LONGEST_PATTERN} characters.")
    if (len(given) - len(given.rstrip("\\"))) % 2:
        raise InvalidInput("A pattern of `like` may not end in a single backslash; write two for a backslash itself.")
    return given


def number_filter(sql: str | Callable[[Filter, str], str]) -> Condition:
    """FloatFilter on an SQL expression."""

    def condition(running: Filter, row: str, given: dict[str, Any]) -> str:
        expression = sql(running, row) if callable(sql) else sql.format(row=row)
        return _compare(running, f"({expression})", given, "float8", float)

    return condition


def time_filter(sql: str) -> Condition:
    """DateTimeFilter on an SQL expression, by whole milliseconds: what clients saw must equal what is stored."""

    def condition(running: Filter, row: str, given: dict[str, Any]) -> str:
        expression = sql.format(row=row)
        others = {name: value for name, value in given.items() if name not in TIME_RANGES}
        ranges = [
            TIME_RANGES[name].format(expression, running.bind(_milliseconds(value), "timestamptz"))
            for name, value in given.items()
            if name in TIME_RANGES and value is not None
        ]
        seen = f"date_trunc('milliseconds', {expression})"
        return conjunction([*ranges, _compare(running, seen, others, "timestamptz", _milliseconds)])

    return condition


def _compare(running: Filter, expression: str, given: dict[str, Any], sql_type: str, convert: Any) -> str:
    parts = []
    for name, value in given.items():
        if value is None:
            continue
        if name == "isNull":
            parts.append(f"{expression} is {'' if value else 'not '}null")
        elif name in ("in", "notIn"):
            values = running.bind([convert(each) for each in short_list(value)], f"{sql_type}[]")
            parts.append(f"{expression} {'= any' if name == 'in' else '<> all'} ({values})")
        else:
            parts.append(f"{expression} {COMPARISONS[name]} {running.bind(convert(value), sql_type)}")
    return conjunction(parts)


def _milliseconds(given: datetime | str) -> datetime:
    moment = datetime.fromisoformat(given) if isinstance(given, str) else given  # text where a filter was stored
    return moment.astimezone(UTC).replace(microsecond=moment.microsecond // 1000 * 1000)


def id_filter(resource: str) -> Condition:
    """IdFilter on a row's own key."""

    def condition(running: Filter, row: str, given: dict[str, Any]) -> str:
        parts = []
        for name, value in given.items():
            if value is None:
                continue
            keys = [ids.decode(resource, each) for each in ([value] if name in ("eq", "ne") else short_list(value))]
            inside = _key_in(running, resource, row, [key for key in keys if key is not None])
            parts.append(f"not ({inside})" if name in ("ne", "notIn") else inside)
        return conjunction(parts)

    return condition


def _key_in(running: Filter, resource: str, row: str, keys: list[tuple[int, ...]]) -> str:
    numbers = running.bind([key[-1] for key in keys], "bigint[]")
    if resource != "reduced_data":
        return f"{row}.id = any({numbers})"
    targets = running.bind([key[0] for key in keys], "bigint[]")
    return f"({row}.target_id, {row}.id) in (select * from unnest({targets}, {numbers}))"


def short_list(values: list[Any]) -> list[Any]:
    """The values; raises QueryTooCostly for more than a filter may hold."""
    if len(values) > LARGEST_LIST:
        raise QueryTooCostly(f"A list in a filter may hold {LARGEST_LIST} values, not {len(values)}.")
    return values
