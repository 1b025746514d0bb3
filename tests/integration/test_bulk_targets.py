"""createTargets: good rows are kept, bad ones reported by number, and a call is done once."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.support.people import Person, make_person
from tests.support.site import Site

CREATE = """
mutation ($input: CreateTargetsInput!) {
  createTargets(input: $input) {
    created revised unchanged rejected ids rows { row outcome code message field id } errors { code message path }
  }
}
"""
READ = """
query ($id: ID!) { target(id: $id) {
  name aliases type access extras distancePc coordinates { raDeg decDeg } orbit { scheme } targetLists { name }
  viewerCan
} }
"""
NEW_LIST = "mutation ($i: CreateTargetListInput!) { createTargetList(input: $i) { targetList { id } } }"
NEW_GROUP = "mutation ($i: CreateUserGroupInput!) { createUserGroup(input: $i) { userGroup { id } } }"
GRANT = "mutation ($i: GrantTargetAccessInput!) { grantTargetAccess(input: $i) { errors { code } } }"


async def create(person: Person, *targets: dict[str, Any], **given: Any) -> dict[str, Any]:
    payload: dict[str, Any] = (await person.client.query(CREATE, input={"targets": list(targets), **given}))[
        "createTargets"
    ]
    return payload


def at(name: str, **given: Any) -> dict[str, Any]:
    return {"name": name, "raDeg": 10.0, "decDeg": -5.0, **given}


def counts(payload: dict[str, Any]) -> tuple[int, int, int, int]:
    assert payload["errors"] == []
    return payload["created"], payload["revised"], payload["unchanged"], payload["rejected"]


def said(payload: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [(row["row"], row["outcome"], row["code"], row["field"]) for row in payload["rows"]]


async def read(person: Person, target: str) -> Any:
    return (await person.client.query(READ, id=target))["target"]


async def events(site: Site, *targets: str) -> list[str]:
    sql = "select change from events where topic = 'targets' and target_id = any($1) order by id"
    return [row[0] for row in await site.rt.writes.fetch(sql, [int(each[1:]) for each in targets])]


async def state(site: Site) -> list[Any]:
    """Everything that such a call could change."""
    tables = ("targets", "target_names", "target_grants", "target_lists", "target_list_members", "events")
    return [
        await site.rt.writes.fetchval(f"select md5(string_agg(x::text, ' ' order by id)) from {table} x")
        for table in tables
    ]


async def test_good_rows_are_kept_and_bad_ones_reported(site: Site, admin: Person) -> None:
    owner = await make_person(site, "bulk owner")
    await admin.create_target("Hidden bulk")
    mine = (await owner.client.query(NEW_LIST, i={"name": "mine"}))["createTargetList"]["targetList"]["id"]
    theirs = (await admin.client.query(NEW_LIST, i={"name": "theirs"}))["createTargetList"]["targetList"]["id"]
    group = (await owner.client.query(NEW_GROUP, i={"name": "bulk group"}))["createUserGroup"]["userGroup"]["id"]
    orbit = {
        "scheme": "MPC_COMET", "epochOfElementsMjd": 1.0, "inclinationDeg": 1.0, "ascendingNodeLongitudeDeg": 1.0,
        "perihelionArgumentDeg": 1.0, "eccentricity": 1.0, "perihelionDistanceAu": 1.0,
    }  # fmt: skip
    payload = await create(
        owner,
        at("Bulk one", aliases=["Bulk 1", "B1"], access="PUBLIC", extras={"a": [1]}, distancePc=2.5),
        at("Half", decDeg=None),
        at("bulk-ONE"),
        at("hidden bulk"),
        at("Bulk two", aliases=["b(1)"]),
        at(" - "),
        {"name": "Comet", "type": "NON_SIDEREAL", "orbit": orbit},
        at("Listed", targetLists=[mine], userGroups=[group]),
        at("Ill listed", targetLists=[mine, theirs]),
        at("No list", targetLists=["t1"]),
        at("Extras", extras={"a": "\0"}),
        {"name": "Sexagesimal", "raHms": "10:20:30", "decDms": "-05:30:00"},
    )
    assert counts(payload) == (3, 0, 0, 9)
    assert said(payload) == [
        (2, "REJECTED", "INVALID_COORDINATES", "raDeg"),
        (3, "REJECTED", "DUPLICATE_NAME", "name"),
        (4, "REJECTED", "DUPLICATE_NAME", "name"),
        (5, "REJECTED", "DUPLICATE_NAME", "aliases"),
        (6, "REJECTED", "INVALID_INPUT", "name"),
        (7, "REJECTED", "INVALID_INPUT", "orbit.perihelionEpochMjd"),
        (9, "REJECTED", "NOT_FOUND", "targetLists"),
        (10, "REJECTED", "INVALID_INPUT", "targetLists"),
        (11, "REJECTED", "INVALID_INPUT", "extras"),
        (1, "CREATED", None, None),
        (8, "CREATED", None, None),
        (12, "CREATED", None, None),
    ]
    assert payload["rows"][1]["message"] == payload["rows"][2]["message"].replace("hidden bulk", "bulk-ONE")
    assert [row["id"] for row in payload["rows"][9:]] == payload["ids"]
    one, listed, sexagesimal = payload["ids"]
    assert await read(owner, one) == {
        "name": "Bulk one", "aliases": ["Bulk 1", "B1"], "type": "SIDEREAL", "access": "PUBLIC", "extras": {"a": [1]},
        "distancePc": 2.5, "coordinates": {"raDeg": 10.0, "decDeg": -5.0}, "orbit": None, "targetLists": [],
        "viewerCan": ["VIEW", "CHANGE", "DELETE", "SHARE"],
    }  # fmt: skip
    assert (await read(owner, listed))["targetLists"] == [{"name": "mine"}]
    assert (await read(owner, sexagesimal))["coordinates"] == {"raDeg": 155.125, "decDeg": -5.5}
    granted = await site.rt.writes.fetch(
        "select user_group_id, permissions from target_grants where target_id = $1 and user_id is null",
        int(listed[1:]),
    )
    assert [tuple(each) for each in granted] == [(int(group[2:]), ["VIEW"])]
    assert await events(site, *payload["ids"]) == ["CREATED"] * 3


async def test_names_that_are_there(site: Site, admin: Person) -> None:
    owner, other = await make_person(site, "there owner"), await make_person(site, "there other")
    target = await owner.create_target("There", aliases=["There too"], access="PUBLIC", extras={"a": 1, "b": 2})
    row = at("there TOO", raDeg=11.0, aliases=["Third", "THERE"], extras={"b": None, "c": 3}, distancePc=1.0)
    before = await state(site)
    rejected = await create(owner, row)
    assert (counts(rejected), said(rejected)) == ((0, 0, 0, 1), [(1, "REJECTED", "DUPLICATE_NAME", "name")])
    skipped = await create(owner, row, onDuplicate="SKIP")
    assert (counts(skipped), skipped["ids"], skipped["rows"][0]["id"]) == ((0, 0, 1, 0), [], target)
    refused = await create(other, row, onDuplicate="REVISE")
    assert (counts(refused), said(refused)) == ((0, 0, 0, 1), [(1, "REJECTED", "NOT_ALLOWED", "name")])
    dry = await create(owner, row, onDuplicate="REVISE", dryRun=True)
    assert counts(dry) == (0, 1, 0, 0)
    assert await state(site) == before
    revised = await create(owner, row, onDuplicate="REVISE")
    assert (counts(revised), revised["ids"]) == ((0, 1, 0, 0), [target])
    found = await read(owner, target)
    assert (found["name"], found["aliases"], found["access"]) == ("There", ["There too", "Third"], "PUBLIC")
    assert (found["extras"], found["distancePc"]) == ({"a": 1, "c": 3}, 1.0)
    assert found["coordinates"] == {"raDeg": 11.0, "decDeg": -5.0}
    assert await events(site, target) == ["CREATED", "REVISED"]
    before = await state(site)
    again = await create(owner, row, onDuplicate="REVISE")
    assert (counts(again), again["ids"]) == ((0, 0, 1, 0), [])
    assert await state(site) == before


@pytest.mark.parametrize("on_duplicate", ["SKIP", "REVISE"])
async def test_a_hidden_name_is_taken_and_no_more(on_duplicate: str, site: Site, admin: Person) -> None:
    stranger = await make_person(site, f"stranger {on_duplicate}")
    await admin.create_target(f"Secret {on_duplicate}")
    before = await state(site)
    payload = await create(stranger, at(f"secret {on_duplicate}"), onDuplicate=on_duplicate)
    assert said(payload) == [(1, "REJECTED", "DUPLICATE_NAME", "name")]
    assert payload["rows"][0]["id"] is None
    assert await state(site) == before


async def test_rows_meet_each_other_as_they_meet_what_is_stored(site: Site, admin: Person) -> None:
    rows = [at("Meets", distancePc=1.0), at("meets", distancePc=2.0, aliases=["Met"]), at("MET", extras={"n": 1})]
    payload = await create(admin, *rows, onDuplicate="REVISE")
    assert counts(payload) == (1, 2, 0, 0)
    (target,) = payload["ids"]
    found = await read(admin, target)
    assert (found["name"], found["aliases"], found["extras"], found["distancePc"]) == ("Meets", ["Met"], {"n": 1}, 2.0)
    assert await events(site, target) == ["CREATED"]
    skipped = await create(admin, at("Skips"), at("skips", distancePc=9.0), onDuplicate="SKIP")
    assert counts(skipped) == (1, 0, 1, 0)
    assert {row["id"] for row in skipped["rows"]} == set(skipped["ids"])


async def test_user_groups_of_what_is_there_need_share(site: Site, admin: Person) -> None:
    owner, changer = await make_person(site, "share owner"), await make_person(site, "share changer")
    target = await owner.create_target("Shared by rows")
    await owner.client.query(GRANT, i={"target": target, "user": changer.id, "permissions": ["CHANGE"]})
    ids = [
        (await person.client.query(NEW_GROUP, i={"name": name}))["createUserGroup"]["userGroup"]["id"]
        for person, name in ((changer, "changer's"), (owner, "owner's"))
    ]
    refused = await create(changer, at("Shared by rows", userGroups=[ids[0]]), onDuplicate="REVISE")
    assert said(refused) == [(1, "REJECTED", "NOT_ALLOWED", "userGroups")]
    done = await create(owner, at("Shared by rows", userGroups=[ids[1]], raDeg=150.0, decDeg=2.0), onDuplicate="REVISE")
    assert counts(done) == (0, 1, 0, 0)
    granted = "select user_group_id from target_grants where target_id = $1 and user_group_id is not null"
    assert [row[0] for row in await site.rt.writes.fetch(granted, int(target[1:]))] == [int(ids[1][2:])]


async def test_the_same_key_is_done_once(site: Site, admin: Person) -> None:
    rows = [at("Keyed"), at("Keyed bad", decDeg=91.0)]
    first = await create(admin, *rows, idempotencyKey="bulk key")
    assert counts(first) == (1, 0, 0, 1)
    before = await state(site)
    assert await create(admin, *rows, idempotencyKey="bulk key") == first
    other = await create(admin, at("Keyed other"), idempotencyKey="bulk key")
    assert [error["code"] for error in other["errors"]] == ["CONFLICT"]
    assert (other["created"], other["rows"], other["ids"]) == (0, [], [])
    assert await state(site) == before


async def test_a_dry_run_stores_nothing(site: Site, admin: Person) -> None:
    before = await state(site)
    payload = await create(admin, at("Dry one"), at("dry-one"), at("Dry two", decDeg=99.0), dryRun=True)
    assert (counts(payload), payload["ids"]) == ((1, 0, 0, 2), [])
    assert [row["id"] for row in payload["rows"]] == [None] * 3
    assert await state(site) == before


async def test_two_thousand_targets(site: Site, admin: Person) -> None:
    rows = [at(f"Field {n}", aliases=[f"F{n}"], extras={"n": n}, raDeg=n / 10) for n in range(2_000)]
    start = time.perf_counter()
    payload = await create(admin, *rows)
    took_s = time.perf_counter() - start
    assert counts(payload) == (2_000, 0, 0, 0)
    assert (len(payload["ids"]), len(payload["rows"])) == (2_000, 1_000)
    assert took_s < 5
    start = time.perf_counter()
    revised = await create(admin, *({**row, "distancePc": 1.0} for row in rows), onDuplicate="REVISE")
    assert counts(revised) == (0, 2_000, 0, 0)
    assert time.perf_counter() - start < 5
    assert revised["ids"] == payload["ids"]
    assert (await read(admin, payload["ids"][1999]))["aliases"] == ["F1999"]
    assert await events(site, payload["ids"][7]) == ["CREATED", "REVISED"]


async def test_too_many(site: Site, admin: Person) -> None:
    before = await state(site)
    payload = await create(admin, *({"name": "x"} for _ in range(10_001)))
    assert [error["code"] for error in payload["errors"]] == ["QUERY_TOO_COSTLY"]
    assert await state(site) == before


async def test_the_same_names_at_once(site: Site, admin: Person) -> None:
    """In whatever order two calls name them, one creates each target and the other is told."""
    names = [f"Race {n}" for n in range(300)]
    both = await asyncio.gather(
        create(admin, *(at(name) for name in names)), create(admin, *(at(name) for name in reversed(names)))
    )
    assert [payload["errors"] for payload in both] == [[], []]
    assert sorted(payload["created"] for payload in both) == [0, 300]
    assert sorted(payload["rejected"] for payload in both) == [0, 300]


async def test_nobody_may_create_without_signing_in(site: Site, admin: Person) -> None:
    before = await state(site)
    answer = await site.client().ask(CREATE, input={"targets": [at("Nobody's")]})
    assert answer["errors"][0]["extensions"]["code"] == "NOT_AUTHENTICATED"
    reader = await make_person(site, "bulk reader", scopes=("read",))
    payload = await create(reader, at("Reader's"))
    assert [error["code"] for error in payload["errors"]] == ["NOT_ALLOWED"]
    assert (await state(site))[1:] == before[1:]
