"""Random valid queries over the whole schema, by introspection: what is added to the schema is asked for at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import (
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    is_composite_type,
    is_list_type,
    is_non_null_type,
)
from graphql import get_named_type as named_type
from graphql import get_nullable_type as nullable_type
from hypothesis import strategies as st

from tests.oracle.values import Enum, Values, literal, named
from tests.support.world import World

DATA = ("PhotometryDatum", "SpectroscopyDatum", "AstrometryDatum", "GenericDatum", "ReducedDatum")

NOT_ASKED = {"server", "nameResolvers", "resolveTarget", "deletedAmong", "sharingDestinations"}
"""Root fields that read no relation: of the server, whose time differs from call to call, and of other servers."""

RECORDS = {f"{kind}.record" for kind in ("Target", "DataProduct", *DATA)}

VOLATILE = {"DataProduct.signedUrl", "ShareLag.seconds", *RECORDS}
"""Fields that no two calls answer alike, or that are rows as they are stored; tests of their own ask for them."""

WEIGHTS = {"target": 4, "targets": 4, "reducedData": 4, "reducedDatum": 2, "dataProducts": 2, "nodes": 2}
"""Root fields below which most of the schema lies are asked for more often."""

FIELDS = 45
"""About how many fields a document has at most."""

ROWS = 160
"""About how many rows one root field may touch: the slow path takes a statement for each link of each."""

UNPAGED = 20
"""About how many rows a list without a page size has here."""

FOREIGN = 10
"""Percent of the cursors of whole lists that are given to other lists, which refuse them."""

NO_ORDER = "[]"
"""The default order."""

Cursors = dict[str, dict[str, list[str]]]
"""Connection type -> order as a literal -> cursors of the whole list."""


@dataclass
class Query:
    """A document with its variables, and the names of the fields in it."""

    document: str
    variables: dict[str, Any]
    fields: set[str]


@dataclass
class _Scope:
    """The response keys of one merged selection set: key -> what stands there, and the scope below it."""

    keys: dict[str, tuple[str, _Scope]] = field(default_factory=dict)


@st.composite
def queries(draw: Any, schema: GraphQLSchema, world: World, cursors: Cursors) -> Query:
    """Valid queries."""
    return Maker(draw(st.randoms(use_true_random=True)), schema, world, cursors).query()


@st.composite
def filtered_lists(draw: Any, schema: GraphQLSchema, world: World, cursors: Cursors) -> Query:
    """Valid queries for the ids of one filtered list: cheap ones, so that many filters are tried."""
    return Maker(draw(st.randoms(use_true_random=True)), schema, world, cursors).filtered_list()


class Maker:
    """Makes one query."""

    def __init__(self, random: Random, schema: GraphQLSchema, world: World, cursors: Cursors) -> None:
        self.values = Values(random, world)
        self.schema, self.cursors = schema, cursors
        self.declared: dict[str, str] = {}
        self.given: dict[str, Any] = {}
        self.fragments: list[str] = []
        self.fields: set[str] = set()
        self._names = self._size = 0
        self._shared = False
        self._ambiguous = _of_several_types(schema)

    def query(self) -> Query:
        """The whole query."""
        root = self._root
        scope = _Scope()
        names = [name for name in root.fields for _ in range(WEIGHTS.get(name, 1)) if name not in NOT_ASKED]
        parts = [self._field(root, self.values.pick(names), scope, 0, 1) for _ in range(self.values.number(1, 2))]
        if self.values.chance(10):
            parts.append("__typename")
        declared = ", ".join(f"${name}: {type_}" for name, type_ in self.declared.items())
        head = f"query Q({declared})" if declared else "query Q"
        document = "\n".join([f"{head} {{ {' '.join(parts)} }}", *self.fragments])
        return Query(document, self.given, self.fields)

    def filtered_list(self) -> Query:
        """One list with a filter, perhaps in an order and cut to a page, and no more than its ids."""
        name = self.values.pick([name for name, each in self._root.fields.items() if "where" in each.args])
        arguments = self._root.fields[name].args
        given = {"where": self.values.of(GraphQLNonNull(nullable_type(arguments["where"].type)), name, "where")}
        if "orderBy" in arguments and self.values.chance(40):
            given["orderBy"] = self.values.of(arguments["orderBy"].type, name, "orderBy")
        if self.values.chance(40):
            self._page(self._root.fields[name], given, 1)
        written = {key: value if isinstance(value, _Literal) else literal(value) for key, value in given.items()}
        text = ", ".join(f"{key}: {value}" for key, value in written.items())
        wanted = "totalCount nodes { id } pageInfo { hasNextPage hasPreviousPage }"
        return Query(f"query Q {{ {name}({text}) {{ {wanted} }} }}", {}, {name})

    @property
    def _root(self) -> GraphQLObjectType:
        root = self.schema.query_type
        assert root is not None
        return root

    # ------------------------------------------------------------------ selections
    def _selection(self, type_: Any, scope: _Scope, depth: int, rows: int) -> str:
        if type_.name.endswith("Connection") and self._full:
            names = ["totalCount"]
        elif type_.name.endswith("Connection"):
            names = self.values.some(_CONNECTION_FIELDS, 1, 3)
        else:
            names = self._some_fields(type_, depth)
        parts = [self._field(type_, name, scope, depth, rows) for name in names]
        if self.values.chance(15):
            parts.append(self._plain(scope, "__typename", f"x{self._next()}" if self.values.chance(40) else None))
        several = self.values.number(1, 4) if isinstance(type_, GraphQLInterfaceType) else 0
        for _ in range(several + self.values.chance(12)):
            if not self._full:
                parts.append(self._fragment(type_, scope, depth, rows))
        return "{ " + " ".join(self._with_directives(part) for part in parts) + " }"

    def _some_fields(self, type_: Any, depth: int) -> list[str]:
        if self.values.chance(4):
            return ["__typename"]
        asked = {name: each for name, each in type_.fields.items() if f"{type_.name}.{name}" not in VOLATILE}
        weighted = [name for name, each in asked.items() for _ in range(3 if each.args else 1)]
        links = [name for name in weighted if is_composite_type(named_type(type_.fields[name].type))]
        leaves = [name for name in weighted if name not in links]
        chosen = self.values.some(leaves, 0 if links else 1, 4)
        if links and depth < 6 and not self._full:
            chosen += self.values.some(links, 0 if depth else 1, 2 if depth < 4 else 1)
        chosen = chosen or [leaves[0] if leaves else "__typename"]
        self.values.random.shuffle(chosen)
        return chosen

    def _plain(self, scope: _Scope, name: str, alias: str | None) -> str:
        scope.keys.setdefault(alias or name, (name, _Scope()))
        return f"{alias}: {name}" if alias else name

    def _field(self, type_: Any, name: str, scope: _Scope, depth: int, rows: int) -> str:
        if name == "__typename":
            return self._plain(scope, name, None)
        definition = type_.fields[name]
        self.fields.add(name)
        self._size += 1
        arguments, size = self._arguments(definition, name, rows)
        varies = bool(definition.args) or name in self._ambiguous
        key, below = self._key(name, f"{definition.type} {name}{arguments}", varies, scope)
        text = (name if key == name else f"{key}: {name}") + arguments
        child = named_type(definition.type)
        if not is_composite_type(child):
            return text
        return f"{text} {self._selection(child, below, depth + 1, rows * size)}"

    def _key(self, name: str, signature: str, varies: bool, scope: _Scope) -> tuple[str, _Scope]:
        """A response key under which the field merges with what stands there already, or a new one."""
        free = not (self._shared and varies) and scope.keys.get(name, (signature,))[0] == signature
        if free and not self.values.chance(15):
            return name, scope.keys.setdefault(name, (signature, _Scope()))[1]
        key = f"{self.values.pick(('a', 'Zz', '_'))}{self._next()}"
        return key, scope.keys.setdefault(key, (signature, _Scope()))[1]

    def _fragment(self, type_: Any, scope: _Scope, depth: int, rows: int) -> str:
        if self.values.chance(10):
            return f"... {self._selection(type_, scope, depth + 1, rows)}"
        possible = {each.name for each in self._possible(type_)}
        composite = [each for each in self.schema.type_map.values() if is_composite_type(each)]
        fitting = [each for each in composite if possible & {p.name for p in self._possible(each)}]
        target = self.values.pick([each for each in fitting for _ in range(3 if each.name.endswith("Datum") else 1)])
        if not self.values.chance(35):
            return f"... on {target.name} {self._selection(target, scope, depth + 1, rows)}"
        name = f"F{self._next()}"
        with self._anywhere():
            body = self._selection(target, _Scope(), depth + 1, rows)
        self.fragments.append(f"fragment {name} on {target.name} {body}")
        return f"...{name} " * (2 if self.values.chance(20) else 1)

    @property
    def _full(self) -> bool:
        """Whether the document is long enough: the limits on tokens and aliases are not what is tested here."""
        return self._size > FIELDS

    @contextmanager
    def _anywhere(self) -> Iterator[None]:
        """Inside: fields with arguments get keys of their own, since the fragment may be spread anywhere."""
        before, self._shared = self._shared, True
        yield
        self._shared = before

    def _possible(self, type_: Any) -> list[Any]:
        return [type_] if not isinstance(type_, GraphQLInterfaceType) else list(self.schema.get_possible_types(type_))

    def _with_directives(self, part: str) -> str:
        """The part with @skip or @include; those stand before a selection set and behind the arguments."""
        if not self.values.chance(7):
            return part
        name, wanted = self.values.pick((("skip", False), ("include", True)))
        shown = wanted if self.values.chance(60) else not wanted
        given = self._variable("Boolean!", shown) if self.values.chance(50) else literal(shown)
        directive = f" @{name}(if: {given}) "
        at = _end_of_head(part)
        return part[:at] + directive + part[at:]

    # ------------------------------------------------------------------ arguments
    def _arguments(self, definition: Any, name: str, rows: int) -> tuple[str, int]:
        given: dict[str, Any] = {}
        connection = named(definition.type).endswith("Connection")
        for argument, each in definition.args.items():
            required = is_non_null_type(each.type)
            if not (required or self.values.chance(20 if argument == "where" else 40)) or argument in _PAGING:
                continue
            given[argument] = self.values.of(each.type, name, argument)
        if name == "target" and definition.args:
            given = {"id": self.values.id(name, "target")} if self.values.chance(70) else {"name": self._name()}
        size = UNPAGED if is_list_type(nullable_type(definition.type)) else 1
        if connection:
            size = self._page(definition, given, rows)
        given = {key: given[key] for key in self.values.random.sample(list(given), len(given))}
        text = ", ".join(f"{key}: {self._value(definition.args[key].type, value)}" for key, value in given.items())
        return (f"({text})" if text else ""), min(size, 4 if not connection else size)

    def _name(self) -> str:
        return str(self.values.pick(("100%SURE thing", "ä1", "nobody", "", "alias 1 of %_\\'\"", "1 ceres")))

    def _page(self, definition: Any, given: dict[str, Any], rows: int) -> int:
        """Page arguments and the rows they may give, within what the whole query may touch."""
        most = max(1, ROWS // max(rows, 1))
        paged = most < UNPAGED or self.values.chance(60)
        size = self.values.number(0 if self.values.chance(10) else 1, min(most, 7)) if paged else UNPAGED
        backward = "last" in definition.args and self.values.chance(30)
        if paged:
            given["last" if backward else "first"] = size
        whole = definition in self._root.fields.values() and not given.get("where")
        if self.values.chance(30) and (whole or self.values.chance(FOREIGN)):
            known = self.cursors[named(definition.type)]
            if "orderBy" in definition.args:
                order = self.values.pick([key for key, cursors in known.items() if cursors])
                given["orderBy"] = _Literal(order)
                cursors = known[order]
            else:
                cursors = known[NO_ORDER]
            for side in ("after", "before"):
                if side in definition.args and self.values.chance(80 if side == "after" else 40):
                    given[side] = self.values.pick(cursors)
        return max(size, 1)

    def _value(self, type_: Any, value: Any) -> str:
        if isinstance(value, _Literal):
            return str(value)
        if self.values.chance(25):
            return self._variable(str(type_), value)
        return literal(value)

    def _variable(self, type_: str, value: Any) -> str:
        name = f"v{self._next()}"
        nullable = not type_.endswith("!")
        if self.values.chance(15):
            self.declared[name] = f"{type_} = {literal(value)}"  # not given: its default holds
        elif nullable and value is None and self.values.chance(50):
            self.declared[name] = type_  # not given at all: as if the argument were absent
        else:
            self.declared[name], self.given[name] = type_, _json(value)
        return f"${name}"

    def _next(self) -> int:
        self._names += 1
        return self._names


def _of_several_types(schema: GraphQLSchema) -> set[str]:
    """Names that fields of different types bear: they cannot share a response key."""
    types: dict[str, set[str]] = {}
    for each in schema.type_map.values():
        for name, definition in getattr(each, "fields", {}).items():
            types.setdefault(name, set()).add(str(definition.type))
    return {name for name, found in types.items() if len(found) > 1}


_CONNECTION_FIELDS = ("nodes", "nodes", "nodes", "edges", "edges", "pageInfo", "totalCount")
_PAGING = ("first", "last", "after", "before")


class _Literal(str):
    """Text of a document that stands as it is."""

    __slots__ = ()


def _json(value: Any) -> Any:
    if isinstance(value, Enum):
        return str(value)
    if isinstance(value, dict):
        return {key: _json(each) for key, each in value.items()}
    return [_json(each) for each in value] if isinstance(value, list) else value


def _end_of_head(part: str) -> int:
    """Where a selection's directives belong: before its own selection set."""
    depth = quoted = 0
    for at, character in enumerate(part):
        if character == '"' and (at == 0 or not _escaped(part, at)):
            quoted ^= 1
        elif not quoted and character in "([":
            depth += 1
        elif not quoted and character in ")]":
            depth -= 1
        elif not quoted and character == "{" and depth == 0:
            return at
    return len(part)


def _escaped(part: str, at: int) -> bool:
    slashes = len(part[:at]) - len(part[:at].rstrip("\\"))
    return slashes % 2 == 1
