"""The compiler at its edges: long and many keys, deep nesting, filters of awkward text, limits, injections."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio
from graphql import GraphQLInputObjectType

from tests.support.reads import Reads
from tests.support.site import Site
from tests.support.world import NAMES, make_world
from tomgql.reading.catalog.targets import COORDINATES

INJECTIONS = (
    "' or 1=1 --",
    "'; delete from targets; --",
    "\\'; select pg_sleep(9); --",
    '" or ""="',
    "$1",
    "$1::text) or true --",
    "{row}",
    "{0}",
    "%s",
    ":x",
    "\\",
    "E'\\\\'",
    "*/ --",
    "x" * 10_000,
)

OPERATORS = ("eq: $p", "ne: $p", "in: [$p]", "notIn: [$p]", "contains: $p", "startsWith: $p")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def reads(site: Site) -> Reads:
    await make_world(site.rt)
    return Reads(site)


@pytest.fixture
def without_sql(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if no SQL said `raHms`: fields that only Python knows will come with plug-ins."""
    monkeypatch.delitem(COORDINATES.fields, "raHms")  # type: ignore[arg-type]


async def same(reads: Reads, document: str, variables: dict[str, Any] | None = None) -> Any:
    """The data of a query that takes one statement, the same down the slow path."""
    compiled = await reads.answer(document, variables)
    assert not compiled.errors, compiled.errors
    assert (compiled.session.statements, compiled.session.fetched) == (1, 0)
    slow = await reads.data(document, variables, slow=True)
    assert compiled.data == slow
    return compiled.data


async def names(reads: Reads, where: str, **variables: Any) -> list[str]:
    """Names of the targets that a filter leaves, in order of creation."""
    declared = "($p: String!)" if variables else ""
    data = await same(reads, f"query {declared} {{ targets(where: {{{where}}}) {{ nodes {{ name }} }} }}", variables)
    return [node["name"] for node in data["targets"]["nodes"]]


def many(count: int, *fields: str) -> str:
    """So many fields under aliases."""
    return " ".join(f"k{n}: {fields[n % len(fields)]}" for n in range(count))


class TestKeys:
    @pytest.mark.parametrize("length", [62, 63, 64, 65, 5_000])
    async def test_long_keys_that_begin_alike(self, reads: Reads, length: int) -> None:
        long = "k" * (length - 1)
        below = f"{long}a: id {long}b: __typename"
        coordinates = f"{long}c: coordinates {{ {long}a: raDeg {long}b: decDeg }}"
        curve = f"{long}d: lightCurve {{ {long}a: count {long}b: band }}"
        data_list = f"{long}e: reducedData(first: 2) {{ {long}a: totalCount {long}b: nodes {{ {below} }} }}"
        parts = f"{long}a: name {long}b: id {coordinates} {curve} {data_list}"
        data = await same(reads, f'{{ {long}z: target(id: "t1") {{ {parts} }} }}')
        target = data[f"{long}z"]
        assert (target[f"{long}a"], target[f"{long}b"]) == (NAMES[0], "t1")
        assert list(target) == [f"{long}{letter}" for letter in "abcde"]

    @pytest.mark.parametrize("count", [49, 50, 51, 99, 101, 150])
    @pytest.mark.parametrize(
        ("around", "fields"),
        [
            ("targets {{ nodes {{ {} }} }}", ("name", "id", "__typename", "extras", "distancePc", "aliases")),
            ("targets {{ edges {{ {} }} }}", ("cursor", "__typename")),
            ("targets {{ {} }}", ("totalCount", "__typename")),
            ("targets(first: 3) {{ pageInfo {{ {} }} }}", ("endCursor", "hasNextPage", "__typename", "startCursor")),
            ('target(id: "t1") {{ {} }}', ("name", "__typename", "coordinates { raDeg }")),
            ('target(id: "t2") {{ coordinates {{ {} }} }}', ("raDeg", "__typename", "epoch")),
            ('target(id: "t9") {{ orbit {{ {} }} }}', ("scheme", "__typename", "slope")),
            ('target(id: "t1") {{ lightCurve {{ {} }} }}', ("flux", "__typename", "count", "id")),
            ("reducedData {{ nodes {{ {} }} }}", ("value", "__typename", "mjd", "dataProduct { id }")),
            ("jobs {{ nodes {{ error {{ {} }} }} }}", ("code", "__typename", "retryable")),
        ],
    )
    async def test_more_fields_than_a_function_takes(
        self, reads: Reads, count: int, around: str, fields: tuple[str, ...]
    ) -> None:
        data = await same(reads, "{ " + around.format(many(count, *fields)) + " }")
        assert f'"k{count - 1}"' in str(data).replace("'", '"')

    async def test_more_long_keys_than_a_function_takes(self, reads: Reads) -> None:
        long = " ".join(f"{'k' * 100}{n}: name" for n in range(120))
        data = await same(
            reads, f"{{ targets(first: 2) {{ nodes {{ {long} }} edges {{ node {{ {long[:900]}: id }} }} }} }}"
        )
        assert len(data["targets"]["nodes"][0]) == 120

    @pytest.mark.parametrize("parts", ["__typename", "count", "id @skip(if: true)", "__typename count", "mjd"])
    @pytest.mark.parametrize("where", ["", '(where: {band: {eq: "no such band"}})'])
    async def test_light_curves_of_few_columns(self, reads: Reads, parts: str, where: str) -> None:
        data = await same(reads, f"{{ targets {{ nodes {{ lightCurve{where} {{ {parts} }} }} }} }}")
        assert all(node["lightCurve"] is not None for node in data["targets"]["nodes"])


class TestNesting:
    async def test_one_statement_however_deep(self, reads: Reads) -> None:
        document = "{ jobs { nodes { target { dataProducts(first: 2) { nodes { reducedData(first: 2) { nodes { id"
        document += " ... on PhotometryDatum { flux target { jobs(first: 1) { nodes { createdBy { username } } } } }"
        document += " dataProduct { groups { name userGroups { members { username } } } processing { state } }"
        await same(reads, document + " } } } } } } } }")

    async def test_interfaces_within_interfaces_do_not_multiply_the_statement(self, reads: Reads) -> None:
        older = "{ reducedData(first: 20) { nodes { id" + " revisions { revision" * 13 + " }" * 13 + " } } }"
        found = await same(reads, older)
        assert max(len(node["revisions"]) for node in found["reducedData"]["nodes"]) == 2

    async def test_fragments_that_multiply_are_refused(self, reads: Reads) -> None:
        kinds = ("PhotometryDatum", "SpectroscopyDatum", "AstrometryDatum", "GenericDatum")
        document = "{ reducedData { nodes { ...F0 } } } fragment F9 on ReducedDatum { id }"
        for number in range(9):
            parts = " ".join(f"... on {kind} {{ revisions {{ ...F{number + 1} }} }}" for kind in kinds)
            document += f" fragment F{number} on ReducedDatum {{ {parts} }}"
        answer = await reads.answer(document)
        assert (answer.codes, answer.session.statements) == (["QUERY_TOO_COSTLY"], 0)

    async def test_limits_hold_for_each_parent(self, reads: Reads) -> None:
        query = (
            "{ targets { nodes { id few: reducedData(first: 3) { nodes { id } } all: reducedData { nodes { id } } } } }"
        )
        found = [
            (node["few"]["nodes"], node["all"]["nodes"]) for node in (await same(reads, query))["targets"]["nodes"]
        ]
        assert all(few == every[:3] for few, every in found)
        assert sum(len(few) == 3 for few, _ in found) == 6

    @pytest.mark.usefixtures("without_sql")
    async def test_a_python_only_field_slows_its_own_root_field_alone(self, reads: Reads) -> None:
        document = """{
          slow: targets { nodes { name coordinates { raHms decDms raDeg } } }
          fast: targets { nodes { name coordinates { raDeg } } }
          also: reducedData(first: 5) { nodes { id } }
        }"""
        answer = await reads.answer(document)
        assert not answer.errors
        assert answer.session.statements - answer.session.fetched == 2
        assert answer.data == await reads.data(document, slow=True)
        by_name = {node["name"]: node["coordinates"] for node in answer.data["slow"]["nodes"]}
        assert by_name[NAMES[3]] == {"raHms": "08:13:36.000", "decDms": "-90:00:00.00", "raDeg": 123.4}
        assert by_name["1 Ceres"] is None

    @pytest.mark.parametrize(
        "part", ["... @defer { name }", "nodes @stream { name }", "nope", "nodes { coordinates }", "nodes { id { x } }"]
    )
    async def test_what_the_schema_lacks_is_refused(self, reads: Reads, part: str) -> None:
        answer = await reads.answer(f"{{ targets {{ {part} }} }}")
        assert set(answer.codes) == {"GRAPHQL_VALIDATION_FAILED"}
        assert (answer.data, answer.session.statements) == (None, 0)


class TestText:
    @pytest.mark.parametrize("name", NAMES)
    async def test_every_awkward_name_is_found_by_itself_alone(self, reads: Reads, name: str) -> None:
        for where in ("name: {eq: $p}", "name: {in: [$p]}", "name: {contains: $p}", "name: {startsWith: $p}"):
            assert await names(reads, where, p=name) == [name]
        assert await names(reads, "matchName: $p", p=f" -({name.swapcase()})_") == [name]

    @pytest.mark.parametrize("name", NAMES)
    async def test_case_is_ignored_when_asked(self, reads: Reads, name: str) -> None:
        for given in (name.upper(), name.lower(), name.swapcase()):
            for operator in ("eq: $p", "in: [$p]", "contains: $p", "startsWith: $p"):
                assert name in await names(reads, f"name: {{{operator}, caseSensitive: false}}", p=given)
            assert name not in await names(reads, "name: {ne: $p, caseSensitive: false}", p=given)
            assert name not in await names(reads, "name: {notIn: [$p], caseSensitive: false}", p=given)

    async def test_wildcards_mean_themselves(self, reads: Reads) -> None:
        assert await names(reads, "name: {contains: $p}", p="%") == [NAMES[1], NAMES[6]]
        assert await names(reads, "name: {contains: $p}", p="_") == [NAMES[1], NAMES[4]]
        assert await names(reads, "name: {startsWith: $p}", p="%") == []
        assert await names(reads, "name: {contains: $p}", p="\\") == [NAMES[2]]
        assert await names(reads, "name: {startsWith: $p}", p="1_0") == []

    async def test_null_is_neither_in_nor_outside_a_list(self, reads: Reads) -> None:
        async def count(condition: str) -> int:
            query = f"{{ reducedData(where: {{telescope: {{{condition}}}, disabled: null}}) {{ totalCount }} }}"
            return int((await same(reads, query))["reducedData"]["totalCount"])

        known, unknown = await count("isNull: false"), await count("isNull: true")
        assert (known, unknown, known + unknown) == (await count("notIn: []") - unknown, 42, 126)
        named = await count('in: ["100%"]')
        assert 0 < named == await count('eq: "100%"')
        assert await count('notIn: ["100%"]') == await count('ne: "100%"') == known - named
        assert await count("in: []") == 0


class TestPatterns:
    async def test_like_and_order_of_text(self, reads: Reads) -> None:
        async def names(condition: str) -> list[str]:
            found = await same(reads, f"{{ targets(where: {{name: {{{condition}}}}}) {{ nodes {{ name }} }} }}")
            return [node["name"] for node in found["targets"]["nodes"]]

        assert await names('like: "AT _021%"') == ["AT 2021 (a-b)_c"]
        assert await names(r'like: "100\\% sure\\_thing"') == ["100% sure_thing"]
        assert await names('like: "at %", caseSensitive: false') == ["AT 2021 (a-b)_c"]
        assert await names('gte: "1 C", lt: "2"') == ["100% sure_thing", "1 Ceres"]
        for wrong in (r"a\\", r"\\\\\\"):
            query = f'{{ targets(where: {{name: {{like: "{wrong}"}}}}) {{ totalCount }} }}'
            for slow in (False, True):
                assert (await reads.answer(query, slow=slow)).codes == ["INVALID_INPUT"]
        long = f'{{ targets(where: {{name: {{like: "{"x" * 1001}"}}}}) {{ totalCount }} }}'
        assert (await reads.answer(long)).codes == ["QUERY_TOO_COSTLY"]

    async def test_times_and_numbers_by_what_was_seen(self, reads: Reads) -> None:
        seen = (await same(reads, "{ targets(first: 3) { nodes { created coordinates { raDeg } } } }"))["targets"]
        times, numbers = [node["created"] for node in seen["nodes"]], [n["coordinates"]["raDeg"] for n in seen["nodes"]]
        query = "query ($w: TargetWhere) { targets(where: $w) { totalCount } }"

        async def count(**where: Any) -> int:
            return int((await same(reads, query, {"w": where}))["targets"]["totalCount"])

        everything = await count()
        assert await count(created={"eq": times[0]}) == await count(created={"in": times[:1]}) > 0
        assert await count(created={"ne": times[0]}) == everything - await count(created={"eq": times[0]})
        assert await count(created={"notIn": times}) == everything - await count(created={"in": times})
        assert await count(raDeg={"in": numbers}) >= 3
        known = await count(raDeg={"isNull": False})
        assert await count(raDeg={"notIn": numbers}) == known - await count(raDeg={"in": numbers})


class TestLimits:
    @pytest.mark.parametrize(
        "where",
        [
            {"or": [{"name": {"eq": "x"}}] * 301},
            {"and": [{"or": [{"raDeg": {"lt": 1}}] * 100}] * 3},
            {"id": {"in": ["t1"] * 10_001}},
            {"name": {"notIn": ["x"] * 10_001}},
        ],
    )
    async def test_filters_that_are_too_large(self, reads: Reads, where: Any) -> None:
        for slow in (False, True):
            answer = await reads.answer(FILTERED, {"w": where}, slow=slow)
            assert (answer.codes, answer.session.statements) == (["QUERY_TOO_COSTLY"], 0)

    async def test_filters_at_their_limits(self, reads: Reads) -> None:
        for where in ({"or": [{"name": {"ne": "x"}}] * 299}, {"id": {"in": ["t1"] * 10_000}}, nested(12)):
            await same(reads, FILTERED, {"w": where})
        data = "query ($w: ReducedDatumWhere) { reducedData(where: $w) { totalCount } }"
        await same(reads, data, {"w": {"or": [{"mjd": {"gt": 0}}] * 298}})

    @pytest.mark.parametrize("depth", [13, 100])
    async def test_filters_that_are_too_deep(self, reads: Reads, depth: int) -> None:
        for slow in (False, True):
            answer = await reads.answer(FILTERED, {"w": nested(depth)}, slow=slow)
            assert answer.codes == ["QUERY_TOO_COSTLY"]

    async def test_filters_too_deep_for_the_parser(self, reads: Reads) -> None:
        answer = await reads.answer(FILTERED, {"w": nested(2_000)})
        assert (answer.codes, answer.session.statements) == (["GRAPHQL_VALIDATION_FAILED"], 0)

    @pytest.mark.usefixtures("without_sql")
    @pytest.mark.parametrize("beside", ["", "coordinates { raHms }"])
    async def test_pages_that_multiply(self, reads: Reads, beside: str) -> None:
        query = f"{{ targets(first: 10000) {{ nodes {{ {beside} reducedData(first: 1000) {{ nodes {{ id }} }} }} }} }}"
        answer = await reads.answer(query)
        assert (answer.codes, answer.session.statements) == (["QUERY_TOO_COSTLY"], 0)
        assert "10000000" in answer.errors[0].message

    @pytest.mark.parametrize("sigmas", ["0", "-1", "1e308", "1e-320"])
    async def test_sigmas_out_of_range(self, reads: Reads, sigmas: str) -> None:
        for field in ("limit", "magnitude", "isDetection"):
            query = f"{{ reducedData {{ nodes {{ ... on PhotometryDatum {{ {field}(nSigma: {sigmas}) }} }} }} }}"
            assert set((await reads.answer(query)).codes) == {"INVALID_INPUT"}
            assert set((await reads.answer(query, slow=True)).codes) == {"INVALID_INPUT"}


FILTERED = "query ($w: TargetWhere) { targets(where: $w) { totalCount } }"


def nested(depth: int) -> Any:
    """A filter so deep."""
    where: Any = {"name": {"ne": "x"}}
    for _ in range(depth):
        where = {"not": where}
    return where


def text_conditions(reads: Reads) -> list[str]:
    """Where inputs of every text and id, as a document: ``$p`` is the text."""
    fields = reads.schema._schema.query_type.fields  # type: ignore[union-attr]
    found = []
    for name in ("targets", "dataProducts", "reducedData", "jobs"):
        where: Any = fields[name].args["where"].type
        for key, each in where.fields.items():
            found += [f"{name}(where: {{{key}: {value}}})" for value in _texts(each.type)]
    return found


def _texts(type_: Any) -> list[str]:
    if type_.__class__ is GraphQLInputObjectType and type_.name == "PhotometryWhere":
        return [f"{{{key}: {value}}}" for key, each in type_.fields.items() for value in _texts(each.type)]
    known = {
        "StringFilter": [
            f"{{{operator}, caseSensitive: {way}}}" for operator in OPERATORS for way in ("true", "false")
        ],
        "IdFilter": [f"{{{operator}}}" for operator in OPERATORS[:1] + OPERATORS[2:4]],
        "String": ["$p"],
        "ID": ["$p"],
        "[ID!]": ["[$p]"],
    }
    return [
        value.replace("$p", "$i") if "ID" in str(type_) or "Id" in str(type_) else value
        for value in known.get(str(type_), [])
    ]


class TestInjection:
    @pytest.mark.parametrize("text", INJECTIONS)
    async def test_text_stays_text(self, reads: Reads, text: str) -> None:
        conditions = text_conditions(reads)
        assert len(conditions) > 80
        parts = [f"a{n}: {condition} {{ totalCount }}" for n, condition in enumerate(conditions)]
        singles = [
            "b0: target(name: $p) { id }", "b1: target(id: $i) { id }", "b2: node(id: $i) { id }",
            "b3: nodes(ids: [$i]) { id }", "b4: job(id: $i) { id }", "b5: dataProduct(id: $i) { id }",
            "b6: reducedDatum(id: $i) { id }",
        ]  # fmt: skip
        data = await reads.data(
            f"query ($p: String!, $i: ID!) {{ {' '.join([*parts, *singles])} }}", {"p": text, "i": text}
        )
        assert [data[f"b{n}"] for n in range(7)] == [None, None, None, [None], None, None, None]
        counts = {condition: data[f"a{n}"]["totalCount"] for n, condition in enumerate(conditions)}
        assert all(not count for condition, count in counts.items() if "eq:" in condition or " in:" in condition)
        assert counts["targets(where: {name: {ne: $p, caseSensitive: true}})"] in (10, 11)
        assert await reads.site.rt.reads.fetchval("select count(*) from targets") == 11

    @pytest.mark.parametrize("text", ["\x00", "a\x00b", "\ud800"])
    async def test_what_no_text_can_hold_is_refused(self, reads: Reads, text: str) -> None:
        for condition in text_conditions(reads):
            declared = "$p: String!" if "$p" in condition else "$i: ID!"
            query = f"query ({declared}) {{ {condition} {{ totalCount }} }}"
            answer = await reads.answer(query, {"p": text, "i": text})
            assert answer.codes in ([], ["INVALID_INPUT"]), condition
            assert ("$p" in condition) == bool(answer.codes), condition

    async def test_no_alias_reaches_the_sql(self, reads: Reads) -> None:
        keys = ("select", "from", "page", "r1", "r2", "given", "q", "null", "_", "__x", "NaN", "tomgql_position", "j")
        parts = " ".join(f"{key}: name" for key in keys)
        for name in ("select", "page", "r1", "q"):
            below = f"{name}: nodes {{ {parts} }} edges {{ {name}: cursor }} totalCount"
            data = await same(reads, f"{{ {name}: targets(first: 2) {{ {below} }} }}")
            assert list(data[name][name][0]) == list(keys)


class TestSlowPath:
    @pytest.mark.usefixtures("without_sql")
    async def test_it_takes_a_bounded_number_of_statements(self, reads: Reads) -> None:
        lists = " ".join(f"a{number}: dataProducts(first: 1) {{ nodes {{ id }} }}" for number in range(150))
        answer = await reads.answer(f"{{ targets {{ nodes {{ coordinates {{ raHms }} {lists} }} }} }}")
        assert answer.codes
        assert set(answer.codes) == {"QUERY_TOO_COSTLY"}
        assert (await reads.answer("{ targets { nodes { coordinates { raHms } } } }")).codes == []


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        *((f"{name}: $m", name in ("eq", "lte", "gte")) for name in ("eq", "ne", "lt", "lte", "gt", "gte")),
        ("in: [$m]", True),
        ("notIn: [$m]", False),
        ("gt: $m, isNull: false", False),
    ],
)
async def test_a_time_that_was_shown_is_that_time_to_every_comparison(
    reads: Reads, condition: str, holds: bool
) -> None:
    """The world's times lie 999 microseconds behind the millisecond that is shown."""
    shown = (await reads.data("{ target(id: \"t1\") { created } }"))["target"]["created"]
    where = f"{{id: {{eq: \"t1\"}}, created: {{{condition}}}}}"
    query = f"query ($m: DateTime!) {{ targets(where: {where}) {{ totalCount }} }}"
    assert await same(reads, query, {"m": shown}) == {"targets": {"totalCount": int(holds)}}
    finer = shown.replace("Z", "5Z")
    assert await same(reads, query, {"m": finer}) == {"targets": {"totalCount": int(holds)}}
