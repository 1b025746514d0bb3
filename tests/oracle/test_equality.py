"""Compiled reads, the slow path and a naive reader give equal answers (DESIGN D4): random queries, several actors.

The first two share filters, pages, predicates and what SQL says; the third, `tests.oracle.naive`, shares nothing with
them, so it also finds what both have wrong. All read one awkward sky.

``TOMGQL_ORACLE_EXAMPLES`` sets the number of queries; the default is what the timed suite can afford.
"""

from __future__ import annotations

import os
from itertools import permutations, product
from time import perf_counter
from typing import Any

import pytest
import pytest_asyncio
from graphql import DocumentNode, GraphQLSchema, OperationDefinitionNode, parse
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from tests.oracle.naive import NaiveReader
from tests.oracle.naive.leaves import Measured, Place, place_of
from tests.oracle.queries import NO_ORDER, NOT_ASKED, VOLATILE, Cursors, filtered_lists, queries
from tests.oracle.values import named
from tests.support.reads import Reads
from tests.support.site import Site
from tests.support.world import World, make_world
from tomgql.access.principal import Principal
from tomgql.errors import InvalidCursor
from tomgql.graphql.schema import build_schema, schema_text

EXAMPLES = int(os.environ.get("TOMGQL_ORACLE_EXAMPLES", "320"))
"""How many queries are compared: always the same ones, and more of them in a longer run."""

PHASES = [Phase.generate, *([Phase.shrink] if "TOMGQL_ORACLE_SHRINK" in os.environ else [])]
"""Simplifying a failing query takes minutes, so it is asked for by ``TOMGQL_ORACLE_SHRINK``."""

PYTHON_ONLY: set[str] = set()
"""Fields that no SQL says."""

UNLIMITED = {
    "max_query_depth": 1_000,
    "max_query_aliases": 100_000,
    "max_query_tokens": 1_000_000,
    "max_query_selections": 100_000,
}
"""Limits of documents, which are not what is tested here: fragments that spread others soon reach the usual ones."""

ORIGIN = ", from: {raDeg: 359.5, decDeg: 1.5}"
"""Where distances are measured from."""

ACTORS = ("admin", "anonymous", "stranger", "member")


class Oracle(Reads):
    """Runs a query down both paths and past the naive reader; knows how long the latter took, in seconds."""

    def __init__(self, site: Site, world: World, naive: NaiveReader) -> None:
        super().__init__(site)
        self.schema = build_schema(site.settings.model_copy(update=UNLIMITED))
        self.world, self.naive = world, naive
        self.cursors: Cursors = {}
        self.compared = self.leaves = self.filtered = self.compared_refusals = 0
        self.naively_s = 0.0

    def read_naively(self, document: DocumentNode, variables: dict[str, Any], actor: Principal) -> Any:
        """The naive reader's answer; None where it refuses a cursor."""
        started = perf_counter()
        try:
            return self.naive.answer(document, variables, actor)
        except InvalidCursor:
            self.compared_refusals += 1
            return None
        finally:
            self.naively_s += perf_counter() - started

    @property
    def core(self) -> GraphQLSchema:
        """The schema as graphql-core has it."""
        return self.schema._schema


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def oracle(site: Site) -> Any:
    world = await make_world(site.rt)
    naive = await NaiveReader.of(schema_text(), site.settings.database_url or "")
    oracle = Oracle(site, world, naive)
    for name, definition in oracle.core.query_type.fields.items():  # type: ignore[union-attr]
        if named(definition.type).endswith("Connection"):
            oracle.cursors[named(definition.type)] = await _cursors(oracle, name, definition)
    yield oracle
    print(f"\n{oracle.compared} queries compared, {oracle.leaves} values in their answers, {oracle.filtered} lists,")
    print(f"{oracle.compared_refusals} refused for a cursor;")
    print(f"{oracle.naively_s:.1f} s of it for the naive reader")


async def _cursors(oracle: Oracle, name: str, definition: Any) -> dict[str, list[str]]:
    found = {}
    for order in _orders(definition):
        given = f"(orderBy: {order})" if "orderBy" in definition.args else ""
        data = await oracle.data(f"{{ {name}{given} {{ edges {{ cursor }} }} }}")
        found[order] = [edge["cursor"] for edge in data[name]["edges"]]
        assert found[order]
    return found


def _orders(definition: Any) -> list[str]:
    if "orderBy" not in definition.args:
        return [NO_ORDER]
    fields = definition.args["orderBy"].type.of_type.of_type.fields["field"].type.of_type.values
    fields = [f"{name}{ORIGIN if name == 'SEPARATION' else ''}" for name in fields]
    single = [f"[{{field: {name}, direction: {way}}}]" for name in fields for way in ("ASC", "DESC")]
    pairs = [
        f"[{{field: {first}, direction: {one}}}, {{field: {second}, direction: {other}}}]"
        for first, second in permutations(fields, 2)
        for one, other in product(("ASC", "DESC"), repeat=2)
    ]
    return [NO_ORDER, *single, *pairs[::5]]


def _examples(count: int) -> settings:
    return settings(
        max_examples=count,
        derandomize=True,
        deadline=None,
        database=None,
        phases=PHASES,
        suppress_health_check=list(HealthCheck),
    )


class TestEquality:
    async def test_the_naive_reader_has_a_rule_for_everything(self, oracle: Oracle) -> None:
        of_objects = VOLATILE - {"ReducedDatum.record"}  # rules are for objects, not for interfaces
        assert oracle.naive.unknown(NOT_ASKED) == sorted(of_objects)

    @pytest.mark.timeout(3600)
    @given(data=st.data())
    @_examples(EXAMPLES)
    async def test_compiled_slow_and_naive_reads_give_equal_answers(self, oracle: Oracle, data: Any) -> None:
        query = data.draw(queries(oracle.core, oracle.world, oracle.cursors))
        name = data.draw(st.sampled_from(ACTORS))
        note(f"as {name}: {query.document}\nvariables: {query.variables}")
        document = parse(query.document)
        actor = oracle.world.actors[name]
        compiled = await oracle.answer(query.document, query.variables, actor)
        slow = await oracle.answer(query.document, query.variables, actor, slow=True)
        naive = oracle.read_naively(document, query.variables, actor)
        if naive is None:
            assert (set(compiled.codes), set(slow.codes)) == ({"INVALID_CURSOR"}, {"INVALID_CURSOR"})
            return
        assert (compiled.errors, slow.errors) == ([], []), "the generator makes valid queries"
        oracle.leaves += assert_equal(compiled.data, slow.data, "data")
        assert_equal(compiled.data, naive, "naive")
        if not query.fields & PYTHON_ONLY:
            least, most = _statements(document, compiled.data)
            assert compiled.session.fetched == 0, "every field but the Python-only ones is compiled"
            assert least <= compiled.session.statements <= most
        oracle.compared += 1

    @pytest.mark.timeout(3600)
    @given(data=st.data())
    @_examples(EXAMPLES)
    async def test_compiled_and_naive_reads_filter_alike(self, oracle: Oracle, data: Any) -> None:
        query = data.draw(filtered_lists(oracle.core, oracle.world, oracle.cursors))
        name = data.draw(st.sampled_from(ACTORS))
        note(f"as {name}: {query.document}")
        actor = oracle.world.actors[name]
        naive = oracle.read_naively(parse(query.document), {}, actor)
        if naive is None:
            assert (await oracle.answer(query.document, None, actor)).codes == ["INVALID_CURSOR"]
            return
        compiled = await oracle.data(query.document, None, actor)
        assert_equal(compiled, naive, "naive")
        oracle.filtered += 1

    async def test_enough_was_compared(self, oracle: Oracle) -> None:
        assert oracle.compared >= min(EXAMPLES, 300)
        assert oracle.filtered >= min(EXAMPLES, 300)


def assert_equal(one: Any, other: Any, path: str) -> int:
    """Equal JSON, keys in the same order; returns how many leaves were compared.

    Floats are equal to 1e-9, but where ``other`` states its own tolerance; a cursor is that of the row it stands for.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        assert list(one) == list(other), path
        return sum(assert_equal(one[key], other[key], f"{path}.{key}") for key in one)
    if isinstance(one, list) and isinstance(other, list):
        assert len(one) == len(other), path
        return sum(assert_equal(*both, f"{path}[{n}]") for n, both in enumerate(zip(one, other, strict=True)))
    if isinstance(other, Place):
        assert place_of(one) == int(other), f"{path}: a cursor of row {place_of(one)}, not {other}"
        return 1
    if isinstance(other, Measured):
        assert abs(one - other) <= other.tolerance, f"{path}: {one} {other}"
        return 1
    if _is_number(one) and _is_number(other):
        assert one == other or abs(one - other) <= 1e-9 * max(abs(one), abs(other)), f"{path}: {one} {other}"
        return 1
    assert type(one) is type(other) and one == other, f"{path}: {one!r} {other!r}"
    return 1


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _statements(document: Any, data: dict[str, Any]) -> tuple[int, int]:
    """Least and most statements: one for a relation; none for an id that is no such id; `nodes` has several."""
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    counts = {}
    for root in operation.selection_set.selections:
        key = root.alias.value if root.alias else root.name.value  # type: ignore[union-attr]
        counts[key] = _statements_of(root.name.value, data[key])  # type: ignore[union-attr]
    return sum(least for least, _ in counts.values()), sum(most for _, most in counts.values())


def _statements_of(name: str, value: Any) -> tuple[int, int]:
    if name in ("__typename", "bands", "processors", "dataProductTypes", "surveyServices"):
        return 0, 0
    if name == "nodes":
        return sum(each is not None for each in value), len(value)
    if name == "viewer":
        links = sum(each is None or isinstance(each, dict) or _are_objects(each) for each in value.values())
        return sum(isinstance(each, dict) for each in value.values()), links
    return int(value is not None), 1


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and not any(isinstance(each, str) for each in value)
