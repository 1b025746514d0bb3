"""Targets as a CSV file in TOM Toolkit's columns, read in portions as the reader may see them.

Portions follow each other by key and hold no connection between them, so memory stays flat and a slow reader keeps
nobody waiting. The headings are asked for first: what is added to a target while the file is read and has no heading
is left out, as if that target had been read before.
"""

from __future__ import annotations

import asyncio
import csv
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

import orjson

from tomgql.access import predicates
from tomgql.domain.target_files import ELEMENTS, NUMBERS, PLAIN_COLUMNS, is_extra, write_extra, write_words
from tomgql.errors import NotFound
from tomgql.reading import ids
from tomgql.reading.execute import ReadSession
from tomgql.reading.filters import Filter
from tomgql.store.sql import Parameters, conjunction

PORTION = 2_000
"""Targets read at a time."""

MOST_EXTRAS = 500
"""Columns of extras, the most frequent keys; other keys share the column ``extras``."""

COLUMNS = {"ra": "ra_deg", "dec": "dec_deg", "permissions": "access", **NUMBERS, **ELEMENTS}
"""Headings whose column is called otherwise here."""


@dataclass(frozen=True)
class Headings:
    """What a file has columns for, beside the plain ones."""

    aliases: int
    groups: bool
    extras: Sequence[str]
    further: bool

    def line(self) -> list[str]:
        """The first line."""
        aliases = [f"name{number + 2}" for number in range(self.aliases)]
        return [*PLAIN_COLUMNS, *aliases, *["groups"] * self.groups, *self.extras, *["extras"] * self.further]


@dataclass(frozen=True)
class Chosen:
    """Which targets: those of a list, if one is named, that match a filter and that the reader may see."""

    session: ReadSession
    target_list: str | None
    where: Mapping[str, Any]

    def condition(self, parameters: Parameters) -> str:
        """SQL about the target with alias ``t``."""
        actor, bind = self.session.reader.actor, parameters.bind
        filters = [self.where, {} if self.target_list is None else {"targetList": self.target_list}]
        parts = [Filter(bind, actor).where("TargetWhere", "t", each) for each in filters]
        return conjunction([predicates.target_visible_to(actor, "t", bind), *parts])


async def export_targets(
    session: ReadSession, target_list: str | None, where: Mapping[str, Any]
) -> AsyncIterator[bytes]:
    """The file in pieces; what is refused is refused before the first one.

    Permission: to see the targets; of target lists, their names where the reader may see them. Raises NotFound for a
    list that is not there or may not be seen, InvalidInput, QueryTooCostly.
    """
    chosen = Chosen(session, target_list, where)
    await _require_list(chosen)
    headings = await _headings(chosen)
    return _pieces(chosen, headings)


async def _pieces(chosen: Chosen, headings: Headings) -> AsyncIterator[bytes]:
    yield _csv([headings.line()])
    last = 0
    while rows := await _portion(chosen, last):
        yield await asyncio.to_thread(lambda rows=rows: _csv([_line(row, headings) for row in rows]))  # type: ignore[misc]
        last = rows[-1]["id"]


async def _require_list(chosen: Chosen) -> None:
    if chosen.target_list is None:
        return
    key = ids.decode("target_lists", chosen.target_list)
    parameters = Parameters()
    visible = predicates.target_list_visible_to(chosen.session.reader.actor, "l", parameters.bind)
    number = parameters.bind(key[0] if key else None, "bigint")
    sql = f"select from target_lists l where l.id = {number} and {visible}"
    if not await chosen.session.rows(sql, parameters.values):
        raise NotFound("There is no such target list.", path=["list"])


async def _headings(chosen: Chosen) -> Headings:
    parameters = Parameters()
    condition = chosen.condition(parameters)
    visible = predicates.target_list_visible_to(chosen.session.reader.actor, "l", parameters.bind)
    (row,) = await chosen.session.rows(
        f"with chosen as materialized (select t.id, t.extras from targets t where {condition})"
        " select (select coalesce(max(c.n), 0) from (select count(*) - 1 as n from target_names n"
        "  where n.target_id in (select id from chosen) group by n.target_id) c)::integer as aliases,"
        " exists (select from target_list_members m join target_lists l on l.id = m.target_list_id"
        f"  where m.target_id in (select id from chosen) and {visible}) as groups,"
        " array(select k.key from chosen, jsonb_object_keys(extras) k(key) group by k.key"
        f"  order by count(*) desc, k.key limit {parameters.bind(MOST_EXTRAS + 1, 'integer')}) as keys",
        parameters.values,
    )
    extras = [key for key in row["keys"][:MOST_EXTRAS] if is_extra(key)]
    return Headings(row["aliases"], row["groups"], extras, further=len(extras) < len(row["keys"]))


async def _portion(chosen: Chosen, last: int) -> list[Any]:
    parameters = Parameters()
    condition = chosen.condition(parameters)
    visible = predicates.target_list_visible_to(chosen.session.reader.actor, "l", parameters.bind)
    columns = ", ".join(f"t.{COLUMNS.get(name, name)}" for name in PLAIN_COLUMNS)
    return await chosen.session.rows(
        f"select t.id, t.extras, {columns},"
        " array(select n.name from target_names n where n.target_id = t.id and not n.is_primary order by n.id)"
        " as aliases, array(select l.name from target_list_members m join target_lists l on l.id = m.target_list_id"
        f"  where m.target_id = t.id and {visible} order by l.id) as groups"
        f" from targets t where t.id > {parameters.bind(last, 'bigint')} and {condition}"
        f" order by t.id limit {parameters.bind(PORTION, 'integer')}",
        parameters.values,
    )


def _line(row: Any, headings: Headings) -> list[Any]:
    plain = [row[COLUMNS.get(name, name)] for name in PLAIN_COLUMNS]
    aliases = row["aliases"][: headings.aliases]
    extras: dict[str, Any] = row["extras"]
    line = [*plain, *aliases, *[None] * (headings.aliases - len(aliases))]
    if headings.groups:
        line.append(write_words(row["groups"]))
    line += [write_extra(extras[key]) if key in extras else None for key in headings.extras]
    if headings.further:
        known = set(headings.extras)
        rest = {key: value for key, value in extras.items() if key not in known}
        line.append(orjson.dumps(rest).decode() if rest else None)
    return line


def _csv(lines: Sequence[Sequence[Any]]) -> bytes:
    text = StringIO(newline="")
    csv.writer(text).writerows(lines)
    return text.getvalue().encode()
