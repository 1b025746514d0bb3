"""The slow path: rows of a relation, for graphql-core to complete through the resolvers of the GraphQL types.

Same predicate, filter, order and page as the compiled statement. Costs one statement a relation, so it is for
subtrees that need Python (a constellation's name, @defer), not for lists of thousands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tomgql.errors import QueryTooCostly
from tomgql.reading import ids
from tomgql.reading.catalog.light_curves import LARGEST_LIGHT_CURVE, REFUSAL, points
from tomgql.reading.catalog.model import Resource, RowContext
from tomgql.reading.filters import Filter
from tomgql.reading.paging import Keyset, Page, page_of
from tomgql.reading.relation import Pin, Relation, source, visible
from tomgql.reading.seals import UNSEALED, Listing
from tomgql.store.sql import Parameters, conjunction, identifier

if TYPE_CHECKING:
    from tomgql.reading.execute import ReadSession
    from tomgql.reading.selection import Selected

CURSOR_COLUMN = "tomgql_position"
"""Name under which a row's cursor is fetched."""


class Row(dict[str, Any]):
    """One fetched row: columns by name, and the way to what hangs on it."""

    def __init__(self, resource: Resource, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.resource = resource

    @property
    def type_name(self) -> str:
        """Name of the row's GraphQL object type."""
        if not self.resource.concrete:
            return self.resource.type_name
        kinds = {"photometry": "PhotometryDatum", "spectroscopy": "SpectroscopyDatum", "astrometry": "AstrometryDatum"}
        return kinds.get(self["data_type"], "GenericDatum")

    @property
    def public_id(self) -> str:
        """The row's id as clients see it."""
        key = [self[name] for name in self.resource.id_columns]
        return ids.encode(self.resource.id_of or self.resource.name, *key)

    def link(self, name: str) -> Relation:
        """The relation that a link field stands for, pinned to this row."""
        link = self.resource.links[name]
        found = [self[each] for each in link.parent_columns()]
        values = tuple((each, "text" if isinstance(each, str) else "bigint") for each in found)
        return Relation(link.resource, (Pin(link.pinned(), values),))


@dataclass(frozen=True)
class Edge:
    """One edge of a connection."""

    node: Row
    cursor: str


@dataclass(frozen=True)
class PageInfo:
    """Where a page stands in its list."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@dataclass(frozen=True)
class ConnectionRows:
    """One page of a list, fetched."""

    edges: list[Edge]
    page_info: PageInfo
    total_count: int

    @property
    def nodes(self) -> list[Row]:
        """The rows alone."""
        return [edge.node for edge in self.edges]


@dataclass(frozen=True)
class LightCurveRows:
    """Rows of a light curve with the arguments of its field."""

    rows: list[Row]
    arguments: Mapping[str, Any]


class RowQuery:
    """One statement for rows of a relation."""

    def __init__(self, session: ReadSession, relation: Relation, resource: Resource) -> None:
        self.session, self.resource, self.gone = session, resource, relation.gone
        self.parameters = Parameters()
        bind = self.parameters.bind
        pins = [pin.sql.format(*[bind(value, kind) for value, kind in pin.values], row="q") for pin in relation.pins]
        where = Filter(bind, session.reader.actor).where(resource.where_type, "q", relation.where)
        self.conditions = [*pins, visible(resource, relation.gone, session.reader.actor, "q", bind), where]

    def narrow(self, where_type: str, where: Mapping[str, Any] | None) -> None:
        """Add a filter."""
        self.conditions.append(Filter(self.parameters.bind, self.session.reader.actor).where(where_type, "q", where))

    def _source(self) -> str:
        rows = source(self.resource, self.gone, self.session.reader.actor, self.parameters.bind)
        return self.parameters.named_beside(f"{rows} q")

    async def fetch(self, tail: str, extra: str = "") -> list[Row]:
        """Rows with all columns, the fields that only SQL knows, and ``extra`` expressions."""
        context = RowContext("q", {}, self.parameters.bind, self.session.reader.actor)
        fields = [self.resource.fields, *(each.fields for each in self.resource.embedded.values())]
        fetched = [
            f", {field.expression(context)} as {identifier(name)}"
            for each in fields
            for name, field in each.items()
            if field.fetched
        ]
        sql = f"select q.*{''.join(fetched)}{extra} from {self._source()} where {conjunction(self.conditions)} {tail}"
        records = await self.session.rows(sql, self.parameters.values)
        return [Row(self.resource, dict(record)) for record in records]

    async def count(self) -> int:
        """How many rows there are, regardless of pages."""
        sql = f"select count(*) as n from {self._source()} where {conjunction(self.conditions)}"
        counted = await self.session.rows(sql, list(self.parameters.values))
        return int(counted[0]["n"])

    async def any(self, condition: str) -> bool:
        """Whether there are rows that also meet a condition."""
        if condition == "false":
            return False
        sql = f"select 1 from {self._source()} where {conjunction([*self.conditions, condition])} limit 1"
        return bool(await self.session.rows(sql, list(self.parameters.values)))


async def fetch_one(session: ReadSession, relation: Relation, resource: Resource) -> Row | None:
    """The first row of a relation, or None."""
    rows = await RowQuery(session, relation, resource).fetch("limit 1")
    return rows[0] if rows else None


async def read_field(session: ReadSession, row: Row, name: str) -> Any:
    """A field of a fetched row that is read when it is asked for; it takes no arguments."""
    resource, parameters = row.resource, Parameters()
    kept = [f"q.{column} = {parameters.bind(row[column], 'bigint')}" for column in resource.key]
    source = resource.source(session.reader.actor, parameters.bind)
    expression = resource.fields[name].expression(RowContext("q", {}, parameters.bind, session.reader.actor))
    sql = f"select {expression} as value from {source} q where {conjunction(kept)}"
    found = await session.rows(sql, parameters.values)
    return found[0]["value"] if found else None


async def fetch_list(session: ReadSession, relation: Relation, resource: Resource) -> list[Row]:
    """The rows of a plain list, in the resource's default order."""
    query = RowQuery(session, relation, resource)
    page = page_of(resource, {"first": resource.largest_page})
    order = Keyset(resource, "q", page, query.parameters.bind, UNSEALED).order_by()
    return await query.fetch(f"order by {order} limit {page.size}")


async def fetch_connection(
    session: ReadSession, relation: Relation, resource: Resource, selected: Selected
) -> ConnectionRows:
    """One page of a relation; one row more than asked for tells whether there is a next page."""
    page = page_of(resource, selected.arguments)
    query = RowQuery(session, relation, resource)
    where, bind = selected.arguments.get("where") or resource.default_where, query.parameters.bind
    query.narrow(resource.where_type, where)
    total = await query.count()
    seal = Listing(relation).seal(session.reader.cursor_key, where, bind)
    keyset = Keyset(resource, "q", page, bind, seal)
    passed = await query.any(keyset.passed())
    query.conditions += keyset.bounds()
    tail = f"order by {keyset.order_by()} limit {page.size + 1}"
    rows = await query.fetch(tail, f", {keyset.cursor()} as {CURSOR_COLUMN}")
    more = len(rows) > page.size
    wanted = rows[: page.size]
    edges = [Edge(row, row[CURSOR_COLUMN]) for row in (reversed(wanted) if page.backward else wanted)]
    return ConnectionRows(edges, _page_info(page, edges, more, passed), total)


def _page_info(page: Page, edges: list[Edge], more: bool, passed: bool) -> PageInfo:
    start, end = (edges[0].cursor, edges[-1].cursor) if edges else (None, None)
    behind, ahead = (passed, more) if page.backward else (more, passed)
    return PageInfo(behind, ahead, start, end)


async def fetch_light_curve(
    session: ReadSession, relation: Relation, resource: Resource, selected: Selected
) -> LightCurveRows:
    """All photometry of a relation in time order."""
    query = RowQuery(session, relation, resource)
    query.narrow("PhotometryWhere", selected.arguments.get("where"))
    bind = query.parameters.bind
    where = conjunction([*query.conditions, "not q.disabled"])
    chosen = points("reduced_data q", "q", where, selected.arguments, bind)
    given = query.parameters.named_beside(f"({chosen}) q")
    sql = f"select q.* from {given} order by q.mjd, q.id limit {LARGEST_LIGHT_CURVE + 1}"
    rows = [Row(resource, dict(record)) for record in await session.rows(sql, query.parameters.values)]
    if len(rows) > LARGEST_LIGHT_CURVE:
        raise QueryTooCostly(REFUSAL)
    return LightCurveRows(rows, selected.arguments)
