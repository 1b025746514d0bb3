"""What TOM Toolkit's REST interface lists, as the reader may see it: pages by offset, each in its order there.

Rows come in TOM Toolkit's names where a column is called otherwise here. A list is filtered by the same inputs as
GraphQL's, so rights and meaning are those of every other read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tomgql.access import predicates
from tomgql.domain.names import simplify_name
from tomgql.domain.target_files import PLAIN_COLUMNS
from tomgql.errors import QueryTooCostly
from tomgql.reading.catalog import RESOURCES, brightness
from tomgql.reading.catalog.model import RowContext
from tomgql.reading.execute import ReadSession
from tomgql.reading.filters import Filter
from tomgql.reading.target_export import COLUMNS
from tomgql.store.sql import Bind, Parameters, conjunction, escape_like

LARGEST_PAGE = 1_000
"""Rows of one page; TOM Toolkit's own default is 100, and it has no limit."""

BYTES_PER_SAMPLE = 24
"""Bytes that a number of a spectrum takes as JSON, at most."""


@dataclass(frozen=True)
class Slice:
    """Which part of a list: ``limit`` rows behind the first ``offset``."""

    limit: int = 100
    offset: int = 0


@dataclass(frozen=True)
class Wanted:
    """Which rows: a filter of the resource's Where input, and names or parts of names of their target."""

    where: Mapping[str, Any] = field(default_factory=dict)
    names: Sequence[str] | None = None
    name_parts: Sequence[str] | None = None


@dataclass(frozen=True)
class Listed:
    """How many rows there are, and those of the page."""

    count: int
    rows: Sequence[Any]


class _List:
    """One statement about the rows of a resource, with alias ``q``."""

    def __init__(self, session: ReadSession, resource: str, wanted: Wanted) -> None:
        self.session, self.actor = session, session.reader.actor
        self.resource, self.parameters = RESOURCES[resource], Parameters()
        self.target = "q.id" if resource == "targets" else "q.target_id"
        visible = self.resource.visible(self.actor, "q", self.bind)
        where = Filter(self.bind, self.actor).where(self.resource.where_type, "q", wanted.where)
        self.condition = conjunction([visible, where, *self._named(wanted)])

    @property
    def bind(self) -> Bind:
        """Binds a value to this statement."""
        return self.parameters.bind

    def _named(self, wanted: Wanted) -> list[str]:
        tests = []
        if wanted.names is not None:
            simplified = sorted({simplify_name(name) for name in wanted.names} - {""})
            tests.append(f"n.simplified = any({self.bind(simplified, 'text[]')})")
        if wanted.name_parts is not None:
            patterns = [f"%{escape_like(part)}%" for part in wanted.name_parts]
            tests.append(f"n.name ilike any({self.bind(patterns, 'text[]')})")
        return [f"{self.target} in (select n.target_id from target_names n where {test})" for test in tests]

    async def page(self, columns: str, order: str, part: Slice, cost: str | None = None) -> Listed:
        """The page; ``cost`` is SQL for the bytes of what a row holds beside plain columns."""
        rows = f"from {self.resource.table} q where {self.condition}"
        counted = await self.session.rows(self._sql(f"select count(*) as n {rows}"), list(self.parameters.values))
        limits = f"limit {self.bind(part.limit, 'integer')} offset {self.bind(part.offset, 'bigint')}"
        if cost is not None:
            await self._require_small(f"select {cost} as n {rows} order by {order} {limits}")
        sql = f"select {columns} {rows} order by {order} {limits}"
        return Listed(counted[0]["n"], await self.session.rows(sql, list(self.parameters.values)))

    async def _require_small(self, sql: str) -> None:
        (row,) = await self.session.rows(
            self._sql(f"select coalesce(sum(c.n), 0)::bigint as n from ({sql}) c"), list(self.parameters.values)
        )
        if row["n"] > self.session.most_bytes:
            raise QueryTooCostly(f"This page holds more than {self.session.most_bytes} bytes; give a smaller `limit`.")

    def _sql(self, sql: str) -> str:
        """The statement with every placeholder named once: those of columns are bound, but stand in others."""
        names = self.parameters.named_beside()
        return f"with unused as (select from {names}) {sql}" if names else sql


async def list_targets(session: ReadSession, wanted: Wanted, part: Slice = Slice()) -> Listed:
    """Targets in the order of their keys; `aliases`, and the `target_lists` that the reader sees, as ``{id, name}``."""
    found = _List(session, "targets", wanted)
    columns = ", ".join(f'q.{COLUMNS.get(name, name)} as "{name}"' for name in PLAIN_COLUMNS)
    shown = predicates.target_list_visible_to(found.actor, "l", found.bind)
    named = "select coalesce(json_agg(json_build_object('id', {0}.id, 'name', {0}.name) order by {0}.id), '[]')"
    aliases = f"({named.format('n')} from target_names n where n.target_id = q.id and not n.is_primary)"
    lists = (
        f"({named.format('l')} from target_list_members m join target_lists l on l.id = m.target_list_id"
        f" where m.target_id = q.id and {shown})"
    )
    extras = "octet_length(q.extras::text)"
    columns = f"q.id, q.created, q.modified, q.extras, {columns}, {aliases} as aliases, {lists} as target_lists"
    return await found.page(columns, "q.id", part, extras)


async def list_data(session: ReadSession, wanted: Wanted, part: Slice = Slice()) -> Listed:
    """Reduced data in use, newest first; photometry with its magnitudes in AB and limits at 3 sigma."""
    found = _List(session, "reduced_data", Wanted({**wanted.where, "disabled": False}, wanted.names, wanted.name_parts))
    row = RowContext("q", {}, found.bind, found.actor)
    columns = (
        "q.id, q.target_id, q.data_product_id, q.data_type, q.timestamp, q.source_name, q.source_location, q.telescope,"
        " q.instrument, q.reported, q.band, q.wavelength_angstrom, q.flux_values, q.flux_error_values, q.flux_unit,"
        " q.ra_deg, q.dec_deg, q.ra_error_arcsec, q.dec_error_arcsec,"
        f" {brightness.magnitude(row)} as magnitude, {brightness.magnitude_error(row)} as magnitude_error,"
        f" {brightness.limit(row)} as depth"
    )
    samples = "3 * coalesce(cardinality(q.wavelength_angstrom), 0)"
    cost = f"{BYTES_PER_SAMPLE} * {samples} + octet_length(q.reported::text)"
    return await found.page(columns, "q.mjd desc, q.target_id, q.id desc", part, cost)


async def list_products(session: ReadSession, wanted: Wanted, part: Slice = Slice()) -> Listed:
    """Data products, newest first."""
    columns = "q.id, q.product_id, q.target_id, q.extra_data, q.data_product_type"
    found = _List(session, "data_products", wanted)
    return await found.page(columns, "q.created desc, q.id desc", part, "octet_length(q.extra_data)")


async def list_user_groups(session: ReadSession, part: Slice = Slice()) -> Listed:
    """The user groups that the reader belongs to; all for administrators."""
    return await _List(session, "user_groups", Wanted()).page("q.id, q.name", "q.id", part)
