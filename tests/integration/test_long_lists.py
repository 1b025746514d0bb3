"""Long lists of ids: each id once, so many and no more, and one statement for all."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.support.people import Person, make_person
from tests.support.site import Site
from tomgql.store.transaction import Transaction

GROUP = """mutation ($input: CreateDataProductGroupInput!) {
  createDataProductGroup(input: $input) { dataProductGroup { name } errors { code message path } }
}"""
LIST = "mutation ($input: CreateTargetListInput!) { createTargetList(input: $input) { errors { code message path } } }"
TARGET = "mutation ($input: CreateTargetInput!) { createTarget(input: $input) { errors { code message path } } }"
COUNTS = "{targetLists {totalCount} dataProductGroups {totalCount}}"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each way to ask the database was taken in a transaction."""
    seen: Counter[str] = Counter()
    for name in ("row", "rows", "value", "execute"):
        whole = getattr(Transaction, name)

        async def counted(self: Transaction, sql: str, *values: Any, _whole: Any = whole, _name: str = name) -> Any:
            seen[_name] += 1
            return await _whole(self, sql, *values)

        monkeypatch.setattr(Transaction, name, counted)
    return seen


@pytest.mark.parametrize(
    ("mutation", "given", "field"),
    [
        (GROUP, {"name": "Too many"}, "userGroups"),
        (GROUP, {"name": "Too many"}, "dataProducts"),
        (LIST, {"name": "Too many"}, "targets"),
        (TARGET, {"name": "Too many", "raDeg": 1, "decDeg": 1}, "targetLists"),
    ],
)
async def test_more_ids_than_one_call_takes(
    admin: Person, asked: Counter[str], mutation: str, given: dict[str, Any], field: str
) -> None:
    before = await admin.client.query(COUNTS)
    letter = {"userGroups": "ug", "dataProducts": "p", "targets": "t", "targetLists": "tl"}[field]
    ids = [f"{letter}{number}" for number in range(1, 10_002)]
    asked.clear()
    payload = next(iter((await admin.client.query(mutation, input={**given, field: ids})).values()))
    message = f"`{field}` names 10001 different ids; one call takes 10000 at most."
    assert payload["errors"] == [{"code": "INVALID_INPUT", "message": message, "path": ["input", field]}]
    assert asked == {}
    assert await admin.client.query(COUNTS) == before


async def test_the_same_ids_again_and_again_cost_as_much_as_one(admin: Person, asked: Counter[str]) -> None:
    target = await admin.create_target("Many times")
    asked.clear()
    once = await admin.client.query(LIST, input={"name": "Once", "targets": [target]})
    statements = dict(asked)
    asked.clear()
    often = await admin.client.query(LIST, input={"name": "Often", "targets": [target] * 30_000})
    assert once == often == {"createTargetList": {"errors": []}}
    assert asked == statements


async def test_many_ids_are_asked_for_by_one_statement(site: Site, admin: Person, asked: Counter[str]) -> None:
    targets = [await admin.create_target(f"Listed {number}") for number in range(20)]
    asked.clear()
    await admin.client.query(LIST, input={"name": "One", "targets": targets[:1]})
    statements = dict(asked)
    asked.clear()
    await admin.client.query(LIST, input={"name": "Twenty", "targets": targets})
    assert asked == statements
    stranger = await make_person(site, "no rights")
    refused = await stranger.client.query(LIST, input={"name": "Not mine", "targets": targets})
    assert refused["createTargetList"]["errors"] == [
        {"code": "NOT_FOUND", "message": "There is no such target.", "path": ["input", "targets"]}
    ]
