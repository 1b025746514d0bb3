"""Pages: whole lists walked by cursors in every order, forwards and backwards; and every page that is refused."""

from __future__ import annotations

from itertools import permutations, product
from typing import Any

import orjson
import pytest
import pytest_asyncio

from tests.support.reads import Reads
from tests.support.site import Site
from tests.support.world import make_world

Order = list[dict[str, str]]

TARGETS = ("NAME", "CREATED", "MODIFIED", "RA", "DEC")
LISTS = {
    "targets": ("[TargetOrder!]", TARGETS, 4),
    "dataProducts": ("[DataProductOrder!]", ("CREATED", "MODIFIED", "FILE_NAME"), 7),
    "reducedData": ("[ReducedDatumOrder!]", ("TIMESTAMP", "CREATED"), 23),
}
"""Root field -> type of its orders, what it can be sorted by, and a page size that does not divide the list."""

INFO = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
PAGE = f"nodes {{ id }} edges {{ cursor node {{ id }} }} {INFO} totalCount"

FIXED = ("dataProductGroups", "userGroups", "jobs")
"""Root fields in one order."""


def orders(fields: tuple[str, ...]) -> list[Order]:
    """Each field and each pair of fields, in every direction."""
    single = [[{"field": name, "direction": way}] for name, way in product(fields, ("ASC", "DESC"))]
    pairs = [
        [{"field": first, "direction": one}, {"field": second, "direction": other}]
        for first, second in permutations(fields, 2)
        for one, other in product(("ASC", "DESC"), repeat=2)
    ]
    return [[], *single, *pairs]


def _name(order: Order) -> str:
    return ",".join(f"{key['field']}-{key['direction']}" for key in order) or "default"


ORDERS_OF_ENDS: list[Order] = [
    [],
    [{"field": "RA", "direction": "ASC"}],
    [{"field": "RA", "direction": "DESC"}, {"field": "NAME", "direction": "ASC"}],
]
_ENDS = "query ($where: TargetWhere, $order: [TargetOrder!], $cursor: String)"
FORWARDS = f"{_ENDS} {{ targets(where: $where, orderBy: $order, first: 9, after: $cursor) {{ {INFO} }} }}"
BACKWARDS = f"{_ENDS} {{ targets(where: $where, orderBy: $order, last: 9, before: $cursor) {{ {INFO} }} }}"

KEPT = {"extras": {"kept": True}}
KEPT_EDGES = """query ($where: TargetWhere, $order: [TargetOrder!]) {
  targets(where: $where, orderBy: $order) { edges { cursor node { id } } } }"""

DATA = "edges { cursor node { id } }"
BELOW = f"""query ($id: ID, $c: String, $where: ReducedDatumWhere) {{
  target(id: $id) {{ reducedData(first: 3, after: $c, where: $where) {{ {DATA} }} }} }}"""
COUNT_BELOW = "query ($id: ID, $c: String) { target(id: $id) { reducedData(after: $c) { totalCount } } }"
OF_ALL = f"query ($c: String, $where: ReducedDatumWhere) {{ reducedData(after: $c, where: $where) {{ {DATA} }} }}"

EVERY = [
    pytest.param(name, order, id=f"{name}-{_name(order)}")
    for name, (_, fields, _) in LISTS.items()
    for order in orders(fields)
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def reads(site: Site) -> Reads:
    await make_world(site.rt)
    return Reads(site)


async def page(reads: Reads, name: str, order: Order, **given: Any) -> Any:
    types = {"order": LISTS[name][0], "first": "Int", "last": "Int", "after": "String", "before": "String"}
    given["order"] = order
    declared = ", ".join(f"${key}: {types[key]}" for key in given)
    arguments = ", ".join(f"{'orderBy' if key == 'order' else key}: ${key}" for key in given)
    return (await reads.data(f"query ({declared}) {{ page: {name}({arguments}) {{ {PAGE} }} }}", given))["page"]


async def keep(reads: Reads, names: list[str]) -> None:
    """Let the filter KEPT hold for these targets alone."""
    await reads.site.rt.writes.execute(
        "update targets set extras = extras - 'kept' || case when id = any($1::bigint[])"
        " then '{\"kept\": true}'::jsonb else '{}'::jsonb end",
        [int(name[1:]) for name in names],
    )


def ids(found: Any) -> list[str]:
    return [node["id"] for node in found["nodes"]]


def assert_consistent(found: Any) -> None:
    """Parts of one page agree."""
    edges, info = found["edges"], found["pageInfo"]
    assert [edge["node"]["id"] for edge in edges] == ids(found)
    ends = (edges[0]["cursor"], edges[-1]["cursor"]) if edges else (None, None)
    assert (info["startCursor"], info["endCursor"]) == ends


class TestWalks:
    @pytest.mark.parametrize(("name", "order"), EVERY)
    async def test_forwards_every_row_once(self, reads: Reads, name: str, order: Order) -> None:
        size = LISTS[name][2]
        whole = await page(reads, name, order, first=1000)
        assert whole["totalCount"] == len(set(ids(whole))) > size
        assert (whole["pageInfo"]["hasNextPage"], whole["pageInfo"]["hasPreviousPage"]) == (False, False)
        seen: list[str] = []
        cursor = None
        while True:
            found = await page(reads, name, order, first=size, after=cursor)
            assert_consistent(found)
            assert found["totalCount"] == whole["totalCount"]
            assert found["pageInfo"]["hasPreviousPage"] == (cursor is not None)
            seen += ids(found)
            assert found["pageInfo"]["hasNextPage"] == (len(seen) < whole["totalCount"])
            if not found["pageInfo"]["hasNextPage"]:
                break
            cursor = found["pageInfo"]["endCursor"]
        assert seen == ids(whole)

    @pytest.mark.parametrize("order", [pytest.param(order, id=_name(order)) for order in orders(TARGETS)])
    async def test_backwards_every_row_once(self, reads: Reads, order: Order) -> None:
        whole = await page(reads, "targets", order)
        seen: list[str] = []
        cursor = None
        while True:
            found = await page(reads, "targets", order, last=4, before=cursor)
            assert_consistent(found)
            assert found["pageInfo"]["hasNextPage"] == (cursor is not None)
            seen = ids(found) + seen
            assert found["pageInfo"]["hasPreviousPage"] == (len(seen) < whole["totalCount"])
            if not found["pageInfo"]["hasPreviousPage"]:
                break
            cursor = found["pageInfo"]["startCursor"]
        assert seen == ids(whole)

    @pytest.mark.parametrize("order", [pytest.param(order, id=_name(order)) for order in orders(("RA", "NAME"))])
    async def test_between_two_cursors(self, reads: Reads, order: Order) -> None:
        whole = await page(reads, "targets", order)
        cursors = [edge["cursor"] for edge in whole["edges"]]
        for start in range(0, len(cursors), 3):
            for end in range(start, len(cursors), 2):
                given = {"after": cursors[start], "before": cursors[end]}
                between = ids(whole)[start + 1 : end]
                assert ids(await page(reads, "targets", order, first=100, **given)) == between
                assert ids(await page(reads, "targets", order, last=2, **given)) == between[-2:]

    @pytest.mark.parametrize("name", FIXED)
    async def test_lists_in_one_order(self, reads: Reads, name: str) -> None:
        whole = ids((await reads.data(f"{{ page: {name} {{ {PAGE} }} }}"))["page"])
        seen: list[str] = []
        cursor = None
        for _ in range(len(whole)):
            query = f"query ($c: String) {{ page: {name}(first: 1, after: $c) {{ {PAGE} }} }}"
            found = (await reads.data(query, {"c": cursor}))["page"]
            seen += ids(found)
            cursor = found["pageInfo"]["endCursor"]
        assert seen == whole

    async def test_null_keys_stand_last_ascending_and_first_descending(self, reads: Reads) -> None:
        for way, place in (("ASC", -1), ("DESC", 0)):
            query = f"{{ targets(orderBy: [{{field: RA, direction: {way}}}]) {{ nodes {{ name }} }} }}"
            nodes = (await reads.data(query))["targets"]["nodes"]
            assert nodes[place]["name"] == "1 Ceres"

    async def test_targets_stand_by_creation_when_no_order_is_asked_for(self, reads: Reads) -> None:
        nodes = (await reads.data("{ targets { nodes { name created } } }"))["targets"]["nodes"]
        moments = [node["created"] for node in nodes]
        assert (nodes[0]["name"], moments) == ("2P", sorted(moments)), "2P is the oldest, though written last"


class TestEnds:
    async def test_an_empty_page_has_no_cursors(self, reads: Reads) -> None:
        for given in ({"first": 0}, {"last": 0}):
            found = await page(reads, "targets", [], **given)
            assert (ids(found), found["edges"], found["totalCount"]) == ([], [], 11)
            assert (found["pageInfo"]["startCursor"], found["pageInfo"]["endCursor"]) == (None, None)
        assert found["pageInfo"]["hasPreviousPage"] is True

    async def test_behind_the_last_and_before_the_first_there_is_nothing(self, reads: Reads) -> None:
        info = (await page(reads, "targets", []))["pageInfo"]
        behind = await page(reads, "targets", [], first=3, after=info["endCursor"])
        before = await page(reads, "targets", [], last=3, before=info["startCursor"])
        assert (ids(behind), ids(before)) == ([], [])
        assert (behind["pageInfo"]["hasNextPage"], behind["pageInfo"]["hasPreviousPage"]) == (False, True)
        assert (before["pageInfo"]["hasNextPage"], before["pageInfo"]["hasPreviousPage"]) == (True, False)

    @pytest.mark.parametrize("slow", [False, True])
    @pytest.mark.parametrize("order", [pytest.param(order, id=_name(order)) for order in ORDERS_OF_ENDS])
    async def test_a_cursor_of_a_row_that_has_left_the_list(self, reads: Reads, order: Order, slow: bool) -> None:
        names = ids(await page(reads, "targets", order))
        cases = ((names[:5], True, False), (names[6:], False, True), (names[4:8], True, True), (names[5:6], True, True))
        for kept, ahead, behind in cases:
            await keep(reads, [*kept, names[5]])
            edges = (await reads.data(KEPT_EDGES, {"where": KEPT, "order": order}))["targets"]["edges"]
            given = {"where": KEPT, "order": order}
            given["cursor"] = next(edge["cursor"] for edge in edges if edge["node"]["id"] == names[5])
            await keep(reads, kept)
            forwards = await reads.data(FORWARDS, given, slow=slow)
            backwards = await reads.data(BACKWARDS, given, slow=slow)
            assert forwards["targets"]["pageInfo"]["hasPreviousPage"] is ahead
            assert backwards["targets"]["pageInfo"]["hasNextPage"] is behind
        await keep(reads, [])

    async def test_a_list_without_rows(self, reads: Reads) -> None:
        query = f'{{ targets(where: {{name: {{eq: "nobody"}}}}) {{ {PAGE} }} }}'
        assert (await reads.data(query))["targets"] == {
            "nodes": [],
            "edges": [],
            "pageInfo": {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None},
            "totalCount": 0,
        }

    async def test_a_cursor_of_a_row_that_is_gone_still_holds_its_place(self, reads: Reads) -> None:
        made = await reads.site.rt.writes.fetchval("insert into user_groups (name) values ('short-lived') returning id")
        query = "query ($c: String) { userGroups(after: $c) { edges { cursor node { id } } } }"
        edges = (await reads.data(query))["userGroups"]["edges"]
        assert edges[-1]["node"]["id"] == f"ug{made}"
        await reads.site.rt.writes.execute("delete from user_groups where id = $1", made)
        assert (await reads.data(query, {"c": edges[-1]["cursor"]}))["userGroups"]["edges"] == []

    async def test_each_part_alone_counts_and_pages(self, reads: Reads) -> None:
        cursor = (await page(reads, "targets", [], first=2))["pageInfo"]["endCursor"]
        for part in PARTS:
            query = f"query ($c: String) {{ targets(first: 3, after: $c) {{ {part} }} }}"
            assert await reads.data(query, {"c": cursor}) == await reads.data(query, {"c": cursor}, slow=True)


PARTS = ("nodes { id }", "edges { cursor }", "totalCount", "pageInfo { startCursor endCursor }", "__typename",
         "pageInfo { hasNextPage hasPreviousPage }", "totalCount @skip(if: true)")  # fmt: skip


async def refusal(reads: Reads, arguments: str, name: str = "targets", **variables: Any) -> list[str]:
    declared = f"({', '.join(f'${key}: String' for key in variables)})" if variables else ""
    answers = [
        await reads.answer(f"query {declared} {{ {name}({arguments}) {{ {part} }} }}", variables, slow=slow)
        for part in ("nodes { id }", "totalCount")
        for slow in (False, True)
    ]
    assert all(answer.codes == answers[0].codes and answer.data is None for answer in answers)
    return answers[0].codes


class TestRefusals:
    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            ("first: -1", "INVALID_INPUT"),
            ("last: -1", "INVALID_INPUT"),
            ("first: 1, last: 1", "INVALID_INPUT"),
            ("first: 10001", "QUERY_TOO_COSTLY"),
            ("last: 2147483647", "QUERY_TOO_COSTLY"),
        ],
    )
    async def test_sizes(self, reads: Reads, arguments: str, code: str) -> None:
        assert await refusal(reads, arguments) == [code]

    @pytest.mark.parametrize(("name", "cap"), [("dataProducts", 1000), ("jobs", 1000), ("reducedData", 100_000)])
    async def test_each_list_has_its_cap(self, reads: Reads, name: str, cap: int) -> None:
        assert await refusal(reads, f"first: {cap + 1}", name) == ["QUERY_TOO_COSTLY"]
        await reads.data(f"{{ {name}(first: {cap}) {{ totalCount }} }}")

    @pytest.mark.parametrize("side", ["after", "before"])
    async def test_changed_cursors(self, reads: Reads, side: str) -> None:
        cursor = (await page(reads, "targets", []))["edges"][3]["cursor"]
        place = orjson.loads(bytes.fromhex(cursor[12:]))
        forged = cursor[:12] + orjson.dumps([*place[:-1], place[-1] + 1]).hex()
        flipped = cursor[:-1] + ("0" if cursor[-1] != "0" else "1")
        for given in (
            forged,
            flipped,
            cursor[:-2],
            cursor + "00",
            cursor.upper(),
            "",
            "x",
            "zz" * 20,
            "\x00",
            "ü☄",
            "0" * 12,
        ):
            assert await refusal(reads, f"{side}: $c", c=given) == ["INVALID_CURSOR"], given

    @pytest.mark.parametrize("side", ["after", "before"])
    async def test_cursors_of_another_list_or_order(self, reads: Reads, side: str) -> None:
        ra = [{"field": "RA", "direction": "ASC"}]
        by_ra = (await page(reads, "targets", ra))["edges"][3]["cursor"]
        other = (await page(reads, "reducedData", []))["edges"][3]["cursor"]
        for given in (by_ra, other):
            assert await refusal(reads, f"{side}: $c", c=given) == ["INVALID_CURSOR"]
        for order in ("{field: RA, direction: DESC}", "{field: DEC}", "{field: RA}, {field: NAME}"):
            assert await refusal(reads, f"{side}: $c, orderBy: [{order}]", c=by_ra) == ["INVALID_CURSOR"]
        assert len(ids(await page(reads, "targets", ra, after=by_ra))) == 7


@pytest.mark.parametrize("slow", [False, True])
class TestCursorsOfOneList:
    async def edges(self, reads: Reads, slow: bool, target: str, **given: Any) -> list[Any]:
        answer = await reads.data(BELOW, {"id": target, **given}, slow=slow)
        return list(answer["target"]["reducedData"]["edges"])

    async def codes(self, reads: Reads, slow: bool, document: str, **given: Any) -> list[str]:
        return (await reads.answer(document, given, slow=slow)).codes

    async def test_a_list_below_a_row_is_walked_by_cursors_of_either_road(self, reads: Reads, slow: bool) -> None:
        whole = (await reads.data("{ target(id: \"t1\") { reducedData { nodes { id } } } }"))["target"]["reducedData"]
        seen: list[str] = []
        cursor, road = None, slow
        while edges := await self.edges(reads, road, "t1", c=cursor):
            seen += [edge["node"]["id"] for edge in edges]
            cursor, road = edges[-1]["cursor"], not road
        assert seen == ids(whole) and len(seen) > 6

    async def test_of_another_parent(self, reads: Reads, slow: bool) -> None:
        cursor = (await self.edges(reads, slow, "t1"))[0]["cursor"]
        assert await self.edges(reads, slow, "t1", c=cursor) != []
        empty = await reads.site.rt.writes.fetchval(
            "select min(id) from targets t where not exists (select from reduced_data where target_id = t.id)"
        )
        assert empty is not None
        for document in (BELOW, COUNT_BELOW):
            for other in ("t2", f"t{empty}"):
                assert await self.codes(reads, slow, document, id=other, c=cursor) == ["INVALID_CURSOR"]
        assert await self.codes(reads, slow, OF_ALL, c=cursor) == ["INVALID_CURSOR"]
        of_all = (await reads.data(OF_ALL))["reducedData"]["edges"][0]["cursor"]
        assert await self.codes(reads, slow, BELOW, id="t1", c=of_all) == ["INVALID_CURSOR"]

    async def test_of_another_filter(self, reads: Reads, slow: bool) -> None:
        where = {"disabled": False, "dataType": {"eq": "photometry"}}
        cursor = (await self.edges(reads, slow, "t1", where=where))[0]["cursor"]
        turned = dict(reversed(where.items()))
        assert await self.edges(reads, slow, "t1", where=turned, c=cursor) != []
        assert await self.codes(reads, slow, BELOW, id="t1", c=cursor) == ["INVALID_CURSOR"]
        of_all = (await reads.data(OF_ALL))["reducedData"]["edges"][0]["cursor"]
        assert await self.codes(reads, slow, OF_ALL, c=of_all, where=where) == ["INVALID_CURSOR"]
        assert await self.codes(reads, slow, OF_ALL, c=of_all, where={}) == [], "no filter at all"

    async def test_the_refusal_names_the_argument(self, reads: Reads, slow: bool) -> None:
        cursor = (await self.edges(reads, slow, "t1"))[0]["cursor"]
        error = (await reads.answer(COUNT_BELOW, {"id": "t2", "c": cursor}, slow=slow)).errors[0]
        assert error.message == "This cursor belongs to another list, filter or order; use one of this list."
        assert error.extensions["path"] == ["after"]


async def test_long_orders_and_filters_are_refused(site: Site) -> None:
    order = "query ($o: [TargetOrder!]) { targets(orderBy: $o) { totalCount } }"
    answer = await site.client().ask(order, o=[{"field": "NAME"}] * 11)
    assert answer["errors"][0]["extensions"]["code"] == "QUERY_TOO_COSTLY"
    where = "query ($w: TargetWhere) { targets(where: $w) { totalCount } }"
    answer = await site.client().ask(where, w={"or": [{}] * 301})
    assert answer["errors"][0]["extensions"]["code"] == "QUERY_TOO_COSTLY"
