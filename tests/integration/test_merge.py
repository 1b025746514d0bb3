"""mergeTargets: nothing is lost, nothing is twice, and nobody learns what they may not see."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import asyncpg
import pytest

from tests.support.people import Person, make_person
from tests.support.site import Site, until
from tomgql.access.principal import Principal
from tomgql.errors import NotFound
from tomgql.services.ingest import Origin, record_data
from tomgql.store.transaction import transaction

MERGE = """
mutation ($into: ID!, $from: ID!) {
  mergeTargets(into: $into, from: $from) { target { id name aliases } errors { code message path } }
}
"""
RECORD = """
mutation ($input: CreateReducedDataInput!) {
  createReducedData(input: $input) { created revised unchanged rejected ids errors { code message path } }
}
"""
READ = """
query ($id: ID!) { target(id: $id) {
  name aliases extras distancePc distanceErrorPc coordinates { raDeg epoch parallaxMas properMotionRaMasYr }
  targetLists { name } dataProducts { nodes { fileName featured } } observations { nodes { observationId } }
  jobs { totalCount }
  reducedData(where: {disabled: null}) { nodes {
    globalId revision disabled sourceName ... on PhotometryDatum { magnitude } dataProduct { fileName }
  } }
} }
"""
LIST = "mutation ($i: CreateTargetListInput!) { createTargetList(input: $i) { errors { code } } }"
OBSERVE = "mutation ($i: CreateObservationInput!) { createObservation(input: $i) { observation { id } } }"
GRANT = "mutation ($i: GrantTargetAccessInput!) { grantTargetAccess(input: $i) { errors { code } } }"
GROUP = """
mutation ($i: CreateDataProductGroupInput!) { createDataProductGroup(input: $i) { errors { code message } } }
"""
FEATURE = "mutation ($i: UpdateDataProductInput!) { updateDataProduct(input: $i) { errors { code } } }"
EVENTS_LOCK = 1953460595


def key(public_id: str) -> int:
    return int(public_id.rsplit("-", 1)[-1].lstrip("tdp"))


def row(mjd: float, magnitude: float = 20.0) -> dict[str, Any]:
    return {"mjd": mjd, "mag": magnitude, "magerr": 0.1, "filter": "ztfr"}


async def merge(person: Person, into: str, source: str) -> dict[str, Any]:
    payload: dict[str, Any] = (await person.client.query(MERGE, **{"into": into, "from": source}))["mergeTargets"]
    return payload


async def record(person: Person, target: str, *rows: dict[str, Any], **given: Any) -> dict[str, Any]:
    given = {"target": target, "dataType": "photometry", "sourceName": "s", "rows": list(rows), **given}
    payload: dict[str, Any] = (await person.client.query(RECORD, input=given))["createReducedData"]
    return payload


async def read(person: Person, target: str) -> Any:
    return (await person.client.query(READ, id=target))["target"]


async def data(person: Person, target: str) -> list[tuple[Any, ...]]:
    nodes = (await read(person, target))["reducedData"]["nodes"]
    return sorted((round(each["magnitude"], 6), each["revision"], each["disabled"]) for each in nodes)


async def revisions(site: Site, target: str) -> list[tuple[int, float]]:
    """Number and flux of the superseded revisions of a target's data."""
    sql = (
        "select revision, record->>'revision' as said, (record->>'reported_magnitude')::float8 as magnitude"
        " from reduced_data_revisions where target_id = $1 order by datum_id, revision"
    )
    rows = await site.rt.writes.fetch(sql, key(target))
    assert all(str(each["revision"]) == each["said"] for each in rows)
    return [(each["revision"], each["magnitude"]) for each in rows]


async def latest(site: Site) -> int:
    return int(await site.rt.writes.fetchval("select coalesce(max(id), 0) from events"))


async def events(site: Site, after: int) -> list[tuple[Any, ...]]:
    sql = "select topic, change, target_id, data_product_id, data_ids from events where id > $1 order by id"
    return [tuple(each) for each in await site.rt.writes.fetch(sql, after)]


async def test_everything_moves(site: Site, admin: Person) -> None:
    owner = await make_person(site, "mover")
    into = await owner.create_target("Merged", aliases=["Merged too"], extras={"both": 1}, distancePc=5.0)
    source = await owner.create_target(
        "Gone", aliases=["Gone too"], extras={"both": 2, "theirs": [1]}, epoch=2015.5, parallaxMas=0.4,
        properMotionRaMasYr=1.5, distancePc=6.0, distanceErrorPc=0.5,
    )  # fmt: skip
    for name, targets in (("shared list", [into, source]), ("their list", [source])):
        made = await owner.client.query(LIST, i={"name": name, "targets": targets})
        assert made["createTargetList"]["errors"] == []
    given = {"target": source, "facility": "LCO", "observationId": "obs 1"}
    observation = (await owner.client.query(OBSERVE, i=given))["createObservation"]["observation"]["id"]
    kept = (await owner.client.upload(into, "kept.csv", b"a"))["dataProduct"]["id"]
    product = (await owner.client.upload(source, "moved.csv", b"b", observation=observation))["dataProduct"]["id"]
    for each in (kept, product):
        await owner.client.query(FEATURE, i={"id": each, "featured": True})
    await record(owner, into, row(1.0, 19.0))
    await record(owner, source, row(2.0, 20.0), dataProduct=product)
    await record(owner, source, row(2.0, 20.5), dataProduct=product)
    await record(owner, source, row(3.0, 21.0))
    before = {each["globalId"] for target in (into, source)
              for each in (await read(owner, target))["reducedData"]["nodes"]}  # fmt: skip
    start = await latest(site)

    payload = await merge(owner, into, source)
    assert payload == {
        "target": {"id": into, "name": "Merged", "aliases": ["Merged too", "Gone", "Gone too"]}, "errors": []
    }  # fmt: skip
    found = await read(owner, into)
    assert found["extras"] == {"both": 1, "theirs": [1]}
    assert (found["distancePc"], found["distanceErrorPc"]) == (5.0, None), "the error of another distance"
    assert found["coordinates"] == {"raDeg": 150.0, "epoch": 2015.5, "parallaxMas": 0.4, "properMotionRaMasYr": 1.5}
    assert sorted(each["name"] for each in found["targetLists"]) == ["shared list", "their list"]
    assert sorted((each["fileName"], each["featured"]) for each in found["dataProducts"]["nodes"]) == [
        ("kept.csv", True), ("moved.csv", False),
    ]  # fmt: skip
    assert found["observations"]["nodes"] == [{"observationId": "obs 1"}]
    assert found["jobs"]["totalCount"] == 2
    nodes = found["reducedData"]["nodes"]
    assert {each["globalId"] for each in nodes} == before
    assert sorted(each["dataProduct"]["fileName"] for each in nodes if each["dataProduct"]) == ["moved.csv"]
    assert await data(owner, into) == [(19.0, 1, False), (20.5, 2, False), (21.0, 1, False)]
    assert await revisions(site, into) == [(1, 20.0)]
    assert (await owner.client.get(f"/files/{product}")).content == b"b"
    assert await read(admin, source) is None
    assert (await owner.client.query('{ target(name: "gone TOO") { id } }'))["target"] == {"id": into}

    ids = dict(await site.rt.writes.fetch("select mjd, id from reduced_data where target_id = $1", key(into)))
    assert await events(site, start) == [
        ("targets", "REVISED", key(into), None, None),
        ("data_products", "REVISED", key(into), key(product), None),
        ("reduced_data", "CREATED", key(into), key(product), [ids[2.0]]),
        ("reduced_data", "CREATED", key(into), None, [ids[3.0]]),
        ("targets", "DELETED", key(source), None, None),
    ]
    assert await record(owner, into, row(3.0, 21.0)) == {
        "created": 0, "revised": 0, "unchanged": 1, "rejected": 0, "ids": [], "errors": []
    }  # fmt: skip


async def test_data_that_are_there_twice_become_one(site: Site, admin: Person) -> None:
    into, source = await admin.create_target("Twice"), await admin.create_target("Twice again")
    await record(admin, into, row(1.0, 18.0), row(2.0, 18.0), row(3.0, 18.0), row(4.0, 18.0))
    await record(admin, into, row(2.0, 18.5))
    await record(admin, source, row(1.0, 18.0), row(2.0, 19.0), row(3.0, 19.0), row(5.0, 19.0))
    await record(admin, source, row(2.0, 19.5), row(3.0, 19.5))
    start = await latest(site)
    assert (await merge(admin, into, source))["errors"] == []
    assert await data(admin, into) == [
        (18.0, 1, False),  # the same twice
        (18.0, 1, False),
        (18.0, 3, False),  # two contents of the other's behind it
        (18.5, 4, False),  # one of its own, and two of the other's
        (19.0, 1, False),
    ]
    assert await revisions(site, into) == [(1, 18.0), (2, 19.0), (3, 19.5), (1, 19.0), (2, 19.5)]
    ids = dict(await site.rt.writes.fetch("select mjd, id from reduced_data where target_id = $1", key(into)))
    assert [event for event in await events(site, start) if event[0] == "reduced_data"] == [
        ("reduced_data", "REVISED", key(into), None, sorted([ids[2.0], ids[3.0]])),
        ("reduced_data", "CREATED", key(into), None, [ids[5.0]]),
    ]
    assert await site.rt.writes.fetchval("select count(*) from reduced_data where target_id = $1", key(source)) == 0
    assert await site.rt.writes.fetchval(
        "select count(*) from reduced_data_revisions where target_id = $1", key(source)
    ) == 0  # fmt: skip


DISABLED = "disabled = true"
WITHDRAWN = "disabled = true, withdrawn = true"
STANDS: dict[str, tuple[str, str, tuple[Any, ...], str | None]] = {
    "mine disabled": (DISABLED, "", (18.0, 2, True, False), "REVISED"),
    "theirs disabled": ("", DISABLED, (18.0, 2, True, False), "DISABLED"),
    "mine withdrawn": (WITHDRAWN, "", (19.0, 2, False, False), "ENABLED"),
    "theirs withdrawn": ("", WITHDRAWN, (18.0, 2, False, False), "REVISED"),
    "both withdrawn": (WITHDRAWN, WITHDRAWN, (18.0, 2, True, True), "REVISED"),
    "mine withdrawn, theirs disabled": (WITHDRAWN, DISABLED, (18.0, 2, True, False), "REVISED"),
    "mine disabled, theirs withdrawn": (DISABLED, WITHDRAWN, (18.0, 2, True, False), "REVISED"),
}


@pytest.mark.parametrize("name", STANDS)
async def test_what_of_two_stands(name: str, site: Site, admin: Person) -> None:
    mine, theirs, expected, change = STANDS[name]
    into, source = await admin.create_target(f"{name} A"), await admin.create_target(f"{name} B")
    for target, magnitude, state in ((into, 18.0, mine), (source, 19.0, theirs)):
        await record(admin, target, row(1.0, magnitude))
        if state:
            await site.rt.writes.execute(f"update reduced_data set {state} where target_id = $1", key(target))
    start = await latest(site)
    assert (await merge(admin, into, source))["errors"] == []
    found = await site.rt.writes.fetch(
        "select reported_magnitude, revision, disabled, withdrawn from reduced_data where target_id = $1", key(into)
    )
    assert [tuple(each) for each in found] == [expected]
    assert await revisions(site, into) == [(1, 37.0 - expected[0])]
    assert [event[1] for event in await events(site, start) if event[0] == "reduced_data"] == [change]


async def test_the_same_content_disabled_by_a_person(site: Site, admin: Person) -> None:
    into, source = await admin.create_target("Same A"), await admin.create_target("Same B")
    for target in (into, source):
        await record(admin, target, row(1.0))
    await site.rt.writes.execute(f"update reduced_data set {DISABLED} where target_id = $1", key(source))
    start = await latest(site)
    await merge(admin, into, source)
    assert await data(admin, into) == [(20.0, 1, True)]
    assert [event[1] for event in await events(site, start) if event[0] == "reduced_data"] == ["DISABLED"]
    assert (await record(admin, into, row(1.0, 20.7)))["revised"] == 1
    assert await data(admin, into) == [(20.7, 2, True)]


async def test_many_data_are_announced_in_portions(site: Site, admin: Person) -> None:
    into, source = await admin.create_target("Many A"), await admin.create_target("Many B")
    await record(admin, source, *(row(float(n)) for n in range(1, 1202)))
    start = await latest(site)
    await merge(admin, into, source)
    portions = [event for event in await events(site, start) if event[0] == "reduced_data"]
    assert [(each[1], len(each[4])) for each in portions] == [("CREATED", 500), ("CREATED", 500), ("CREATED", 201)]
    assert [number for each in portions for number in each[4]] == sorted(
        number for each in portions for number in each[4]
    )


async def hidden_pair(site: Site, name: str, hides: str) -> tuple[Person, Person, str, str]:
    """Two targets with one datum each of one identity, one of them in a product group that hides it from the merger."""
    owner, merger = await make_person(site, f"{name} owner"), await make_person(site, f"{name} merger")
    team = await owner.client.query(
        "mutation ($i: CreateUserGroupInput!) { createUserGroup(input: $i) { userGroup { id } } }",
        i={"name": f"{name} team"},
    )
    into, source = await owner.create_target(f"{name} A"), await owner.create_target(f"{name} B")
    for target, magnitude in ((into, 18.0), (source, 19.0)):
        given = {"target": target, "user": merger.id, "permissions": ["CHANGE", "DELETE", "SHARE"]}
        await owner.client.query(GRANT, i=given)
        product = (await owner.client.upload(target, "p.csv", target.encode(), process=False))["dataProduct"]["id"]
        if target == (into if hides == "into" else source):
            group = {"name": "secret", "dataProducts": [product],
                     "userGroups": [team["createUserGroup"]["userGroup"]["id"]]}  # fmt: skip
            assert (await owner.client.query(GROUP, i=group))["createDataProductGroup"]["errors"] == []
        assert (await record(owner, target, row(1.0, magnitude), dataProduct=product))["created"] == 1
    return owner, merger, into, source


@pytest.mark.parametrize("hides", ["into", "from"])
async def test_data_beside_hidden_ones_stay_apart(hides: str, site: Site) -> None:
    owner, merger, into, source = await hidden_pair(site, f"hides {hides}", hides)
    assert (await merge(merger, into, source))["errors"] == []
    seen = 19.0 if hides == "into" else 18.0
    assert await data(merger, into) == [(seen, 1, False)]
    assert await data(owner, into) == [(18.0, 1, False), (19.0, 1, False)]
    assert await revisions(site, into) == []
    again = await record(merger, into, row(1.0, seen))
    assert (again["created"], again["unchanged"]) == (0, 1), "the merger's own is found again"


async def test_data_hidden_again_beside_hidden_ones(site: Site) -> None:
    """What the merger recorded beside hidden data on both sides is one; what is hidden stays as it is."""
    owner, merger, into, source = await hidden_pair(site, "again", "from")
    secret = await site.rt.writes.fetchval("select group_id from data_product_group_products order by id desc limit 1")
    product = await site.rt.writes.fetchval("select id from data_products where target_id = $1", key(into))
    await site.rt.writes.execute(
        "insert into data_product_group_products (group_id, data_product_id) values ($1, $2)", secret, product
    )
    for target, magnitude in ((into, 20.0), (source, 21.0)):
        assert (await record(merger, target, row(1.0, magnitude)))["created"] == 1
    assert (await merge(merger, into, source))["errors"] == []
    assert await data(merger, into) == [(20.0, 2, False)]
    assert await data(owner, into) == [(18.0, 1, False), (19.0, 1, False), (20.0, 2, False)]
    assert await revisions(site, into) == [(1, 21.0)]


@pytest.mark.parametrize("hides", ["into", "from"])
async def test_data_that_others_see_do_not_become_one(hides: str, site: Site, admin: Person) -> None:
    """Although the merger sees both: what everybody saw stays seen by everybody, what is hidden stays hidden."""
    owner, other, into, source = await hidden_pair(site, f"audiences {hides}", hides)
    seen = 19.0 if hides == "into" else 18.0
    assert (await merge(admin, into, source))["errors"] == []
    assert await data(other, into) == [(seen, 1, False)]
    assert await data(owner, into) == [(18.0, 1, False), (19.0, 1, False)]
    assert await revisions(site, into) == []
    nodes = (await read(other, into))["reducedData"]["nodes"]
    assert [each["dataProduct"]["fileName"] for each in nodes] == ["p.csv"]
    product = await site.rt.writes.fetchval(
        "select data_product_id from reduced_data where target_id = $1 and reported_magnitude = $2", key(into), seen
    )
    again = await record(owner, into, row(1.0, seen), dataProduct=f"p{product}")
    assert (again["created"], again["revised"], again["unchanged"]) == (0, 0, 1), "its own product finds it again"


async def test_data_that_the_same_people_see_become_one(site: Site, admin: Person) -> None:
    owner, _, into, source = await hidden_pair(site, "same audience", "into")
    secret = await site.rt.writes.fetchval("select max(group_id) from data_product_group_products")
    product = await site.rt.writes.fetchval("select id from data_products where target_id = $1", key(source))
    await site.rt.writes.execute(
        "insert into data_product_group_products (group_id, data_product_id) values ($1, $2)", secret, product
    )
    assert (await merge(admin, into, source))["errors"] == []
    assert await data(owner, into) == [(18.0, 2, False)]
    assert await revisions(site, into) == [(1, 19.0)]


@pytest.mark.parametrize("into_type", ["SIDEREAL", "NON_SIDEREAL"])
async def test_gaps_of_another_kind_of_target(into_type: str, site: Site, admin: Person) -> None:
    orbit = {
        "scheme": "MPC_COMET", "epochOfElementsMjd": 60200.0, "inclinationDeg": 1.0, "ascendingNodeLongitudeDeg": 2.0,
        "perihelionArgumentDeg": 3.0, "eccentricity": 0.5, "perihelionDistanceAu": 0.9, "perihelionEpochMjd": 60100.5,
    }  # fmt: skip
    moving = {"type": "NON_SIDEREAL", "orbit": orbit, "raDeg": None, "decDeg": None}
    given = ({}, moving) if into_type == "SIDEREAL" else (moving, {"epoch": 2000.0})
    into, source = [await admin.create_target(f"{into_type} {n}", **more) for n, more in enumerate(given)]
    assert (await merge(admin, into, source))["errors"] == []
    read = "query ($id: ID!) { target(id: $id) { type orbit { scheme } coordinates { raDeg epoch } } }"
    assert (await admin.client.query(read, id=into))["target"] == (
        {"type": "SIDEREAL", "orbit": None, "coordinates": {"raDeg": 150.0, "epoch": None}}
        if into_type == "SIDEREAL"
        else {
            "type": "NON_SIDEREAL", "orbit": {"scheme": "MPC_COMET"}, "coordinates": {"raDeg": 150.0, "epoch": 2000.0}
        }
    )  # fmt: skip


async def test_a_target_is_not_merged_into_itself(site: Site, admin: Person) -> None:
    target, start = await admin.create_target("Itself"), await latest(site)
    (error,) = (await merge(admin, target, target))["errors"]
    assert (error["code"], error["path"]) == ("INVALID_INPUT", ["from"])
    (error,) = (await merge(admin, target, "u1"))["errors"]
    assert (error["code"], error["path"]) == ("INVALID_INPUT", ["from"])
    assert await latest(site) == start


async def blocked(site: Site, count: int = 1) -> bool:
    """Whether so many of the site's sessions wait for a lock; asked outside any transaction, which sees the past."""
    sql = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    return bool(await site.rt.reads.fetchval(sql) >= count)


async def test_a_merge_waits_for_an_ingest_and_takes_its_data_along(site: Site, admin: Person) -> None:
    into, source = await admin.create_target("Waiting A"), await admin.create_target("Waiting B")
    await record(admin, source, row(1.0))
    connection = await asyncpg.connect(site.settings.database_url)
    running = connection.transaction()
    await running.start()
    await connection.execute("select id from targets where id = $1 for no key update", key(source))
    merging = asyncio.create_task(merge(admin, into, source))
    await until(10, lambda: blocked(site))
    await connection.execute(
        "insert into reduced_data (target_id, identity, content, global_id, data_type, mjd)"
        " values ($1, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'note', 5)",
        key(source),
    )
    await running.commit()
    assert (await merging)["errors"] == []
    mjds = [each[0] for each in await connection.fetch(
        "select mjd from reduced_data where target_id = $1 order by mjd", key(into))]  # fmt: skip
    assert mjds == [1.0, 5.0]
    await connection.close()


async def test_whoever_comes_while_targets_merge_finds_one_gone(site: Site, admin: Person) -> None:
    into, source = await admin.create_target("Late A"), await admin.create_target("Late B")
    await record(admin, source, row(1.0))
    connection = await asyncpg.connect(site.settings.database_url)
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1)", EVENTS_LOCK)  # the merge's last step
        merging = asyncio.create_task(merge(admin, into, source))
        await until(10, lambda: blocked(site))
        late = asyncio.create_task(record(admin, source, row(2.0)))
        ingest = asyncio.create_task(ingested(site, key(source)))
        upload = asyncio.create_task(admin.client.upload(source, "late.csv", b"x"))
        await until(10, lambda: blocked(site, 4))
    assert (await merging)["errors"] == []
    assert [error["code"] for error in (await late)["errors"]] == ["NOT_FOUND"]
    assert [error["code"] for error in (await upload)["errors"]] == ["NOT_FOUND"]
    assert await ingest == "The target was deleted meanwhile."
    assert await data(admin, into) == [(20.0, 1, False)]
    await connection.close()


async def ingested(site: Site, target_id: int) -> str:
    try:
        async with transaction(site.rt.writes) as tx:
            await record_data(tx, Origin(target_id, Principal(is_admin=True)), io.BytesIO(b""))
    except NotFound as error:
        return error.message
    return "recorded"


@pytest.mark.parametrize("attempt", range(5))
async def test_two_merges_of_the_same_targets(attempt: int, site: Site, admin: Person) -> None:
    one, two = await admin.create_target(f"Each A{attempt}"), await admin.create_target(f"Each B{attempt}")
    for target in (one, two):
        await record(admin, target, row(float(key(target))))
    outcomes = await asyncio.gather(merge(admin, one, two), merge(admin, two, one))
    codes = sorted(str(outcome["errors"] and outcome["errors"][0]["code"]) for outcome in outcomes)
    assert codes == ["NOT_FOUND", "[]"]
    (left,) = [outcome["target"]["id"] for outcome in outcomes if outcome["target"]]
    assert len(await data(admin, left)) == 2


async def test_a_merge_waits_for_one_target_alone(site: Site, admin: Person) -> None:
    """Who asks whether a merge is allowed holds no target while waiting for the other: else two would lock up."""
    one, two = await admin.create_target("Order A"), await admin.create_target("Order B")
    connection = await asyncpg.connect(site.settings.database_url)
    async with connection.transaction():
        await connection.execute("select from targets where id = $1 for update", key(one))
        merging = asyncio.create_task(merge(admin, two, one))  # asks for `two`, then waits for `one`
        await until(10, lambda: blocked(site))
        await connection.execute("select from targets where id = $1 for update nowait", key(two))
    assert (await merging)["errors"] == []
    await connection.close()
