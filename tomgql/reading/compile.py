"""From a relation and the selection below it to one SQL statement that returns finished JSON.

Every node carries its predicate: the child's own, or a cheaper one that the catalogue declares where the parent's
visibility already implies a part. What cannot be said in SQL raises `NotCompilable`.

Facts this rests on: ``json_agg`` over the rows of a subselect is the fastest way to objects (1.5x over
json_build_object, measured); PostgreSQL cuts names at 63 bytes, so longer response keys are written by
json_build_object; its argument list ends at 50 pairs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLInterfaceType

from tomgql.access.principal import Principal
from tomgql.errors import QueryTooCostly
from tomgql.reading.budget import Budget
from tomgql.reading.catalog import RESOURCES
from tomgql.reading.catalog.data import LIGHT_CURVE_COLUMNS
from tomgql.reading.catalog.light_curves import LARGEST_LIGHT_CURVE, points, refused
from tomgql.reading.catalog.model import Embedded, Field, Link, Resource, RowContext
from tomgql.reading.connection_scan import ConnectionScan
from tomgql.reading.filters import Filter
from tomgql.reading.paging import Keyset, page_of
from tomgql.reading.relation import Pin, Relation, source, visible
from tomgql.reading.seals import UNSEALED, Listing
from tomgql.reading.selection import NotCompilable, Selected, Selections
from tomgql.store.sql import Parameters, conjunction, identifier, literal

TOO_LARGE = "This query answers more bytes than this server sends at once; ask for fewer rows or fields, or in pages."
"""What is said of an answer that is too large."""

LONGEST_STATEMENT = 1_000_000
"""Most characters of a statement: what the planner needs for it grows with them."""

MOST_LINKS = 500
"""Most lists and links in one statement: fragments within fragments multiply, before any length can be measured."""

LONGEST_NAME_BYTES = 63
"""PostgreSQL's limit of a name."""

PAIRS_PER_OBJECT = 50
"""Most pairs in one json_build_object: PostgreSQL functions take 100 arguments."""

LONG = ("json_agg(", ".reported")
"""By this SQL a row is told that may be long: it holds a list, or a datum as it was reported."""

Pairs = list[tuple[str, str]]
"""Response key and SQL expression of each selected field."""


@dataclass(frozen=True)
class Reader:
    """Who reads, and the key that signs this installation's cursors."""

    actor: Principal
    cursor_key: str


@dataclass
class Compiler:
    """One statement being made."""

    reader: Reader
    selections: Selections
    budget: Budget = field(default_factory=Budget)
    parameters: Parameters = field(default_factory=Parameters)
    _aliases: int = 0
    _links: int = 0
    _unsaid: str | None = None
    _limit: str = ""

    def statement(self, relation: Relation, selected: Selected, most_bytes: int) -> str:
        """SQL whose one value is the JSON text of the relation; it refuses to give more than ``most_bytes``.

        Raises NotCompilable, but QueryTooCostly first, wherever in the selection the cost lies.
        """
        link = Link(relation.resource, "true")
        self._limit = limit = self.parameters.bind(most_bytes, "bigint")
        query = self._relation(relation, link, selected, None, 1)
        if self._unsaid is not None:
            raise NotCompilable(self._unsaid)
        given = self.parameters.named_beside()
        # OFFSET keeps the planner from computing the text twice.
        answer = f"select ({query})::text as j from {given} offset 0"
        if len(answer) > LONGEST_STATEMENT:
            raise QueryTooCostly("This query asks for too many different things at once; ask for fewer fields.")
        return (
            f"select case when octet_length(a.j) > {limit} then tomgql_refuse({literal(TOO_LARGE)}) else a.j end"
            f" from ({answer}) a"
        )

    # ------------------------------------------------------------------ relations
    def _relation(self, relation: Relation, link: Link, selected: Selected, parent: str | None, rows: int) -> str:
        self._links += 1
        if self._links > MOST_LINKS:
            raise QueryTooCostly(
                f"The fragments of this query multiply to more than {MOST_LINKS} lists and links; ask for less at once."
            )
        resource = RESOURCES[relation.resource]
        if callable(resource.table) or selected.shape == "light_curve":
            self.budget.scan(rows)
        row = self._alias()
        source = self._source(resource, relation, link, row, parent)
        conditions = self._conditions(resource, relation, link, row, parent)
        if selected.shape == "light_curve":
            return self._light_curve(selected, source, row, conditions)
        if selected.shape == "connection":
            return self._connection(resource, selected, source, row, conditions, rows, Listing(relation, link, parent))
        if selected.shape == "list":
            return self._list(resource, selected, source, row, conditions, rows)
        body = self._object(resource, row, selected, rows)
        return f"select {self._as_json(body, row)} from {source} where {conjunction(conditions)} limit 1"

    def _source(self, resource: Resource, relation: Relation, link: Link, row: str, parent: str | None) -> str:
        if link.source is not None and parent is not None:
            return str(resource.table).format(source=link.source.format(row=parent), row=row)
        return f"{source(resource, relation.gone, self.reader.actor, self.parameters.bind)} {row}"

    def _conditions(
        self, resource: Resource, relation: Relation, link: Link, row: str, parent: str | None
    ) -> list[str]:
        bind = self.parameters.bind
        joined = link.on.format(child=row, row=parent or "")
        pins = [self._pin(pin, row) for pin in relation.pins]
        filters = Filter(bind, self.reader.actor).where(resource.where_type, row, relation.where)
        if link.shown is not None:
            shown = link.shown(self.reader.actor, row, bind)
        else:
            shown = visible(resource, relation.gone, self.reader.actor, row, bind)
        parts = [joined, *pins, shown, filters]
        return [part for part in parts if part != "true"]

    def _pin(self, pin: Pin, row: str) -> str:
        return pin.sql.format(*[self.parameters.bind(value, kind) for value, kind in pin.values], row=row)

    def _list(
        self,
        resource: Resource,
        selected: Selected,
        source: str,
        row: str,
        conditions: list[str],
        rows: int,
    ) -> str:
        page = page_of(resource, {"first": resource.largest_page})
        order = Keyset(resource, row, page, self.parameters.bind, UNSEALED).order_by()
        body = self._object(resource, row, selected, rows * resource.default_page)
        tail = f"from {source} where {conjunction(conditions)} order by {order} limit {page.size}"
        return self._aggregate(body, row, tail)

    # ------------------------------------------------------------------ connections
    def _connection(
        self,
        resource: Resource,
        selected: Selected,
        source: str,
        row: str,
        conditions: list[str],
        rows: int,
        listing: Listing,
    ) -> str:
        page = page_of(resource, selected.arguments)
        asked = selected.arguments.get("where")
        given = asked or resource.default_where
        filters = Filter(self.parameters.bind, self.reader.actor).where(resource.where_type, row, given)
        base = conditions if filters == "true" else [*conditions, filters]
        seal = listing.seal(self.reader.cursor_key, given, self.parameters.bind)
        keyset = Keyset(resource, row, page, self.parameters.bind, seal)
        parts = self.selections.fields(selected.named_type, selected.details)
        self.budget.scan(rows * (bool(asked) + sum(part.name == "totalCount" for part in parts)))
        of_page = sum(part.name in ("nodes", "edges", "pageInfo") for part in parts)
        rows = self.budget.page(rows, page.size) if of_page else rows
        shared = of_page > 1
        beyond = f"where {conjunction([*base, *keyset.bounds()])} order by {keyset.order_by()}"
        scan = ConnectionScan(row, source, base, beyond, keyset, page, shared)
        pairs = [
            (part.key, self._connection_part(part, resource, scan, source, base, selected, rows)) for part in parts
        ]
        return self._with_page(scan, "select " + keyset.checked(json_object(pairs)))

    def _with_page(self, scan: ConnectionScan, query: str) -> str:
        if not scan.shared:
            return query
        page = f"select {scan.row}.* from {scan.source} {scan.beyond} limit {scan.page.size + 1}"
        return f"with page as materialized ({page}) {query}"

    def _connection_part(
        self,
        part: Selected,
        resource: Resource,
        scan: ConnectionScan,
        source: str,
        base: list[str],
        selected: Selected,
        rows: int,
    ) -> str:
        if part.name == "__typename":
            return literal(selected.named_type.name) + "::text"
        if part.name == "totalCount":
            return f"(select count(*) from {source} where {conjunction(base)})"
        if part.name == "nodes":
            body = self._object(resource, scan.row, part, rows)
            return f"({self._aggregate(body, scan.row, scan.rows())})"
        if part.name == "edges":
            return f"({self._aggregate(self._edge(resource, part, scan, rows), scan.row, scan.rows())})"
        if part.name == "pageInfo":
            return self._page_info(part, scan)
        return self._without_sql(part.name)

    def _edge(self, resource: Resource, part: Selected, scan: ConnectionScan, rows: int) -> Pairs:
        pairs: Pairs = []
        for each in self.selections.fields(part.named_type, part.details):
            if each.name == "cursor":
                pairs.append((each.key, scan.keyset.cursor()))
            elif each.name == "node":
                body = self._object(resource, scan.row, each, rows)
                pairs.append((each.key, f"({'select ' + self._as_json(body, scan.row)})"))
            elif each.name == "__typename":
                pairs.append((each.key, literal(part.named_type.name) + "::text"))
            else:
                pairs.append((each.key, self._without_sql(each.name)))
        return pairs

    def _page_info(self, part: Selected, scan: ConnectionScan) -> str:
        values: dict[str, Callable[[], str]] = {
            "__typename": lambda: literal(part.named_type.name) + "::text",
            "hasNextPage": scan.has_next_page,
            "hasPreviousPage": scan.has_previous_page,
            "startCursor": lambda: scan.end_cursor(last=False),
            "endCursor": lambda: scan.end_cursor(last=True),
        }
        fields = self.selections.fields(part.named_type, part.details)
        return json_object([(each.key, values[each.name]()) for each in fields])

    # ------------------------------------------------------------------ objects
    def _object(self, resource: Resource, row: str, selected: Selected, rows: int) -> Pairs | str:
        """Pairs of an object, or for an interface one CASE expression over its object types."""
        object_type = selected.named_type
        if isinstance(object_type, GraphQLInterfaceType) and not resource.concrete:
            object_type = self.selections.possible_type(resource.type_name)
        if not isinstance(object_type, GraphQLInterfaceType):
            fields = {**resource.fields, **resource.concrete_fields.get(object_type.name, {})}
            return self._pairs(resource, fields, row, object_type, selected.details, rows)
        return self._cases(resource, row, selected, rows)

    def _cases(self, resource: Resource, row: str, selected: Selected, rows: int) -> str:
        """One CASE over the object types of an interface.

        Links that several types share are said once, beside it: said in each branch, they would multiply with every
        level of nesting.
        """
        types = {name: self.selections.possible_type(name) for name in resource.concrete}
        chosen = {name: self.selections.fields(each, selected.details) for name, each in types.items()}
        links = [each for fields in chosen.values() for each in fields if each.name in resource.links]
        met = Counter(each.place for each in links)
        several = {each.place: each for each in links if met[each.place] > 1}
        beside = self._alias()
        shared = {place: f"{beside}.l{number}" for number, place in enumerate(several)}
        whens = []
        for name, condition in resource.concrete.items():
            fields = {**resource.fields, **resource.concrete_fields[name]}
            pairs = [
                (each.key, shared.get(each.place) or self._value(resource, fields, row, types[name], each, rows))
                for each in chosen[name]
            ]
            whens.append(f"when {condition.format(row=row)} then (select {self._as_json(pairs, row)})")
        case = f"case {' '.join(whens)} end"
        if not shared:
            return case
        said = [self._link(resource.links[each.name], row, each, rows) for each in several.values()]
        columns = ", ".join(f"{link} as l{number}" for number, link in enumerate(said))
        return f"(select {case} from (select {columns} offset 0) {beside})"  # OFFSET: else it would be said again

    def _pairs(
        self, resource: Resource, fields: Mapping[str, Field], row: str, object_type: Any, details: list[Any], rows: int
    ) -> Pairs:
        return [
            (each.key, self._value(resource, fields, row, object_type, each, rows))
            for each in self.selections.fields(object_type, details)
        ]

    def _value(
        self, resource: Resource, fields: Mapping[str, Field], row: str, object_type: Any, each: Selected, rows: int
    ) -> str:
        """SQL of one selected field of a row."""
        if each.name == "__typename":
            return literal(object_type.name) + "::text"
        if each.name in fields:
            return fields[each.name].expression(self._context(row, each))
        if each.name in resource.embedded:
            return self._embedded(resource.embedded[each.name], row, each)
        if each.name in resource.links:
            return self._link(resource.links[each.name], row, each, rows)
        return self._without_sql(f"{object_type.name}.{each.name}")

    def _embedded(self, embedded: Embedded, row: str, selected: Selected) -> str:
        pairs = []
        for each in self.selections.fields(selected.named_type, selected.details):
            if each.name == "__typename":
                pairs.append((each.key, literal(selected.named_type.name) + "::text"))
            elif each.name in embedded.fields:
                pairs.append((each.key, embedded.fields[each.name].expression(self._context(row, each))))
            else:
                pairs.append((each.key, self._without_sql(f"{selected.named_type.name}.{each.name}")))
        return f"case when {embedded.present.format(row=row)} then (select {self._as_json(pairs, row)}) end"

    def _context(self, row: str, selected: Selected) -> RowContext:
        return RowContext(row, selected.arguments, self.parameters.bind, self.reader.actor)

    def _link(self, link: Link, row: str, selected: Selected, rows: int) -> str:
        return f"({self._relation(Relation(link.resource), link, selected, row, rows)})"

    # ------------------------------------------------------------------ light curves
    def _light_curve(self, selected: Selected, source: str, row: str, conditions: list[str]) -> str:
        """One JSON array a column, all over the same rows in the same order."""
        bind = self.parameters.bind
        given = Filter(bind, self.reader.actor).where("PhotometryWhere", row, selected.arguments.get("where"))
        context = self._context(row, selected)
        columns, pairs = ["1 as one"], []
        where = conjunction([*conditions, f"not {row}.disabled", given])
        chosen = points(source, row, where, selected.arguments, bind)
        for number, each in enumerate(self.selections.fields(selected.named_type, selected.details)):
            if each.name == "__typename":
                pairs.append((each.key, literal(selected.named_type.name) + "::text"))
            elif each.name == "count":
                pairs.append((each.key, "count(*)"))
            else:
                columns.append(f"{LIGHT_CURVE_COLUMNS[each.name].expression(context)} as c{number}")
                pairs.append((each.key, f"coalesce(json_agg(q.c{number}), '[]')"))
        ordered = f"order by {row}.mjd, {row}.id limit {LARGEST_LIGHT_CURVE + 1}"
        rows = f"select {', '.join(columns)} from ({chosen}) {row} {ordered}"
        # HAVING makes it one row also where no column is aggregated.
        return f"select {json_object(pairs)} from ({rows}) q having {refused('count(*)')}"

    # ------------------------------------------------------------------ JSON
    def _aggregate(self, body: Pairs | str, row: str, tail: str) -> str:
        out = self._alias()
        if _may_be_long(body):
            return self._measured_aggregate(self._as_json(body, row), out, tail)
        if isinstance(body, str) or not _fit_as_names(body):
            return (
                f"select coalesce(json_agg({out}.j), '[]') from (select {self._as_json(body, row)} as j {tail}) {out}"
            )
        columns = ", ".join(f"{value} as {identifier(key)}" for key, value in body)
        return f"select coalesce(json_agg({out}), '[]') from (select {columns} {tail}) {out}"

    def _measured_aggregate(self, value: str, out: str, tail: str) -> str:
        """Long rows are counted while they come: the whole would take memory many times over before it is measured."""
        # OFFSET keeps the planner from computing each row twice; rows are counted in the order in which they come.
        rows = f"select {value} as j {tail} offset 0"
        bytes_so_far = "sum(octet_length(m.j::text)) over (rows unbounded preceding)"
        counted = f"select m.j, {bytes_so_far} as s from ({rows}) m"
        refused = f"tomgql_refuse({literal(TOO_LARGE)})::json"
        kept = f"case when {out}.s > {self._limit} then {refused} else {out}.j end"
        return f"select coalesce(json_agg({kept}), '[]') from ({counted}) {out}"

    def _as_json(self, body: Pairs | str, row: str) -> str:
        if isinstance(body, str):
            return body
        if not _fit_as_names(body):
            return json_object(body)
        out = self._alias()
        columns = ", ".join(f"{value} as {identifier(key)}" for key, value in body)
        return f"(select row_to_json({out}) from (select {columns}) {out})"

    def _without_sql(self, name: str) -> str:
        """A stand-in for a field that SQL cannot say: the rest is still looked at, for its cost."""
        self._unsaid = name
        return "null"

    def _alias(self) -> str:
        self._aliases += 1
        return f"r${self._aliases}"  # "$": response keys are column names, and no GraphQL name holds one


def _may_be_long(body: Pairs | str) -> bool:
    values = [body] if isinstance(body, str) else [value for _, value in body]
    return any(sign in value for value in values for sign in LONG)


def _fit_as_names(body: Pairs) -> bool:
    return bool(body) and all(len(key) <= LONGEST_NAME_BYTES for key, _ in body)


def json_object(pairs: Pairs) -> str:
    """SQL of a JSON object with keys of any length and any number of pairs, in their order."""
    if len(pairs) <= PAIRS_PER_OBJECT:
        return "json_build_object(" + ", ".join(f"{literal(key)}, {value}" for key, value in pairs) + ")"
    parts = []
    for number, (key, value) in enumerate(pairs):
        opening = literal(("," if number else "") + f'"{key}":')
        parts.append(f"{opening} || coalesce(to_json({value})::text, 'null')")
    return "('{' || " + " || ".join(parts) + " || '}')::json"
