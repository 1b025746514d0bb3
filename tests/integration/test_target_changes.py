"""updateTarget: what is given changes, the rest stays, and nothing happens when it is so already."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.people import Person, make_person
from tests.support.site import Site

UPDATE = """
mutation ($input: UpdateTargetInput!) {
  updateTarget(input: $input) { target { id name } errors { code message path } }
}
"""
READ = """
query ($id: ID!) { target(id: $id) {
  name aliases type access extras modified distancePc distanceErrorPc
  coordinates { raDeg decDeg epoch parallaxMas properMotionRaMasYr properMotionDecMasYr }
  orbit { scheme epochOfElementsMjd eccentricity meanAnomalyDeg perihelionDistanceAu slope }
} }
"""
GRANT = "mutation ($i: GrantTargetAccessInput!) { grantTargetAccess(input: $i) { errors { code } } }"
ORBIT = {
    "scheme": "MPC_MINOR_PLANET", "epochOfElementsMjd": 60200.0, "inclinationDeg": 10.6,
    "ascendingNodeLongitudeDeg": 80.3, "perihelionArgumentDeg": 73.6, "eccentricity": 0.08,
    "meanAnomalyDeg": 60.1, "semimajorAxisAu": 2.77, "slope": 0.12,
}  # fmt: skip
COMET = {name: ORBIT[name] for name in list(ORBIT)[1:6]} | {
    "scheme": "MPC_COMET", "perihelionDistanceAu": 0.9, "perihelionEpochMjd": 60100.5,
}  # fmt: skip


async def update(person: Person, target: str, **given: Any) -> list[dict[str, Any]]:
    payload = (await person.client.query(UPDATE, input={"id": target, **given}))["updateTarget"]
    assert (payload["target"] is None) == bool(payload["errors"])
    errors: list[dict[str, Any]] = payload["errors"]
    return errors


async def read(person: Person, target: str) -> dict[str, Any]:
    found: dict[str, Any] = (await person.client.query(READ, id=target))["target"]
    return found


async def events(site: Site, target: str) -> list[str]:
    sql = "select change from events where topic = 'targets' and target_id = $1 order by id"
    return [row[0] for row in await site.rt.writes.fetch(sql, int(target[1:]))]


async def test_what_is_given_changes_and_the_rest_stays(site: Site, admin: Person) -> None:
    target = await admin.create_target(
        "Given", aliases=["Given too"], epoch=2000.0, parallaxMas=1.5, distancePc=10.0, extras={"a": 1, "b": "two"}
    )
    before = await read(admin, target)
    assert await update(admin, target, raDeg=151.0, decDeg=-3.5, extras={"b": None, "c": [1.5]}, parallaxMas=None) == []
    after = await read(admin, target)
    coordinates = {**before["coordinates"], "raDeg": 151.0, "decDeg": -3.5, "parallaxMas": None}
    expected = {**before, "coordinates": coordinates, "extras": {"a": 1, "c": [1.5]}, "modified": after["modified"]}
    assert after == expected
    assert after["modified"] > before["modified"]
    assert await update(admin, target, raHms="10:20:30", decDms="-05:30:00", raDeg=None, decDeg=None, extras=None) == []
    last = await read(admin, target)
    assert (last["coordinates"]["raDeg"], last["coordinates"]["decDeg"], last["extras"]) == (155.125, -5.5, {})
    assert await events(site, target) == ["CREATED", "REVISED", "REVISED"]


async def test_nothing_happens_when_it_is_so_already(site: Site, admin: Person) -> None:
    target = await admin.create_target("Idle", aliases=["Idle too"], extras={"n": 1, "t": True}, distancePc=0.0)
    before = await read(admin, target)
    same = {"name": "Idle", "access": "PRIVATE", "type": "SIDEREAL", "raDeg": 150.0, "decDeg": 2.0, "distancePc": 0.0}
    aliases, extras = {"addAliases": ["idle-TOO", "IDLE"]}, {"extras": {"t": True, "gone": None}}
    for given in ({}, same, aliases, extras, {"epoch": None}):
        assert await update(admin, target, **given) == []
    assert await read(admin, target) == before
    assert await events(site, target) == ["CREATED"]
    assert await update(admin, target, extras={"n": True}) == []
    assert (await read(admin, target))["extras"] == {"n": True, "t": True}


async def test_a_former_name_stays_unless_it_is_removed(admin: Person) -> None:
    target = await admin.create_target("Old name", aliases=["Second"])
    assert await update(admin, target, name="New name") == []
    found = await read(admin, target)
    assert (found["name"], found["aliases"]) == ("New name", ["Old name", "Second"])
    assert await update(admin, target, name="Newest", removeAliases=["NEW NAME", "second"], addAliases=["Third"]) == []
    found = await read(admin, target)
    assert (found["name"], found["aliases"]) == ("Newest", ["Old name", "Third"])
    assert await update(admin, target, name="third") == []
    assert await update(admin, target, name="(Th-ird)", removeAliases=["third"]) == []
    found = await read(admin, target)
    assert (found["name"], found["aliases"]) == ("(Th-ird)", ["Old name", "Newest"])
    by_name = await admin.client.query('{ old: target(name: "oldname") { id } gone: target(name: "second") { id } }')
    assert by_name == {"old": {"id": target}, "gone": None}


async def test_a_target_that_begins_to_move_and_stops(admin: Person) -> None:
    target = await admin.create_target("Mover")
    refused = await update(admin, target, type="NON_SIDEREAL")
    assert [error["code"] for error in refused] == ["INVALID_INPUT"]
    assert refused[0]["path"] == ["input", "orbit"]
    assert await update(admin, target, type="NON_SIDEREAL", orbit=ORBIT, raDeg=None, decDeg=None) == []
    found = await read(admin, target)
    assert (found["type"], found["coordinates"], found["orbit"]["meanAnomalyDeg"]) == ("NON_SIDEREAL", None, 60.1)
    assert await update(admin, target, orbit=COMET) == []
    found = await read(admin, target)
    assert found["orbit"] == {
        "scheme": "MPC_COMET", "epochOfElementsMjd": 60200.0, "eccentricity": 0.08, "meanAnomalyDeg": None,
        "perihelionDistanceAu": 0.9, "slope": None,
    }  # fmt: skip
    refused = await update(admin, target, type="SIDEREAL")
    assert (refused[0]["code"], refused[0]["path"]) == ("INVALID_COORDINATES", ["input", "raDeg"])
    assert await update(admin, target, type="SIDEREAL", raDeg=1.0, decDeg=1.0) == []
    found = await read(admin, target)
    assert (found["type"], found["orbit"], found["coordinates"]["raDeg"]) == ("SIDEREAL", None, 1.0)


REFUSED = {
    "half a position": ({"raDeg": 1.0}, "INVALID_COORDINATES", ["input", "raDeg"]),
    "half cleared": ({"decDeg": None}, "INVALID_COORDINATES", ["input", "decDeg"]),
    "cleared": ({"raDeg": None, "decDeg": None}, "INVALID_COORDINATES", ["input", "raDeg"]),
    "two positions": (
        {"raDeg": 1.0, "decDeg": 1.0, "raHms": "1:2:3", "decDms": "1:2:3"}, "INVALID_COORDINATES", ["input", "raDeg"]
    ),
    "mixed forms": ({"raDeg": 1.0, "decDms": "1:2:3"}, "INVALID_COORDINATES", ["input", "raDeg"]),
    "too far": ({"raDeg": 1.0, "decDeg": 90.1}, "INVALID_COORDINATES", ["input", "decDeg"]),
    "hours or degrees": ({"raHms": "10", "decDms": "1:2:3"}, "INVALID_COORDINATES", ["input", "raHms"]),
    "no name": ({"name": None}, "INVALID_INPUT", ["input", "name"]),
    "blank name": ({"name": " -"}, "INVALID_INPUT", ["input", "name"]),
    "long name": ({"name": "x" * 101}, "INVALID_INPUT", ["input", "name"]),
    "NUL": ({"name": "a\0b"}, "INVALID_INPUT", ["input", "name"]),
    "no type": ({"type": None}, "INVALID_INPUT", ["input", "type"]),
    "no access": ({"access": None}, "INVALID_INPUT", ["input", "access"]),
    "orbit of a fixed target": ({"orbit": ORBIT}, "INVALID_INPUT", ["input", "orbit"]),
    "elements missing": (
        {"type": "NON_SIDEREAL", "orbit": {**COMET, "perihelionEpochMjd": None}},
        "INVALID_INPUT",
        ["input", "orbit", "perihelionEpochMjd"],
    ),
    "eccentricity": (
        {"type": "NON_SIDEREAL", "orbit": {**ORBIT, "eccentricity": -0.1}},
        "INVALID_INPUT",
        ["input", "orbit", "eccentricity"],
    ),
    "epoch": ({"epoch": 2100.5}, "INVALID_INPUT", ["input", "epoch"]),
    "distance": ({"distanceErrorPc": -1.0}, "INVALID_INPUT", ["input", "distanceErrorPc"]),
    "extras no object": ({"extras": [1]}, "INVALID_INPUT", ["input", "extras"]),
    "extras with NUL": ({"extras": {"a": ["\0"]}}, "INVALID_INPUT", ["input", "extras"]),
    "large extras": ({"extras": {"a": "x" * 1_048_576}}, "INVALID_INPUT", ["input", "extras"]),
    "name of another": ({"name": "an-OTHER"}, "DUPLICATE_NAME", ["input", "name"]),
    "alias of another": ({"addAliases": ["fine", "another"]}, "DUPLICATE_NAME", ["input", "addAliases"]),
    "hidden name": ({"addAliases": ["hidden one"]}, "DUPLICATE_NAME", ["input", "addAliases"]),
    "own name removed": ({"removeAliases": ["Refused"]}, "INVALID_INPUT", ["input", "removeAliases"]),
    "no such alias": ({"removeAliases": ["nothing"]}, "NOT_FOUND", ["input", "removeAliases"]),
    "too many names": ({"addAliases": [f"n{n}" for n in range(500)]}, "INVALID_INPUT", ["input", "addAliases"]),
    "stale": (
        {"expectedModified": "2020-01-01T00:00:00Z", "epoch": 2000}, "STALE_VERSION", ["input", "expectedModified"]
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def prepared() -> dict[str, Any]:
    return {}


@pytest.mark.parametrize("name", REFUSED)
async def test_refusals_change_nothing(name: str, site: Site, admin: Person, prepared: dict[str, Any]) -> None:
    if not prepared:
        owner = prepared["owner"] = await make_person(site, "refused owner")
        prepared["target"] = await owner.create_target("Refused", extras={"a": 1})
        await owner.create_target("Another")
        await admin.create_target("Hidden one")
    owner, target = prepared["owner"], prepared["target"]
    given, code, path = REFUSED[name]
    before = await read(owner, target)
    (error,) = await update(owner, target, **given)
    assert (error["code"], error["path"]) == (code, path), error["message"]
    assert await read(owner, target) == before
    assert await events(site, target) == ["CREATED"]


async def test_who_may_change_and_who_may_show(site: Site, admin: Person) -> None:
    owner, changer = await make_person(site, "owner"), await make_person(site, "changer")
    target = await owner.create_target("Rights")
    (unseen,) = await update(changer, target, epoch=2000.0)
    assert (unseen["code"], unseen["path"]) == ("NOT_FOUND", ["input", "id"])
    granted = {"target": target, "user": changer.id, "permissions": ["CHANGE"]}
    assert (await owner.client.query(GRANT, i=granted))["grantTargetAccess"]["errors"] == []
    assert await update(changer, target, epoch=2000.0, access="PRIVATE") == []
    (refused,) = await update(changer, target, epoch=2001.0, access="OPEN")
    assert (refused["code"], refused["path"]) == ("NOT_ALLOWED", ["input", "access"])
    found = await read(owner, target)
    assert (found["access"], found["coordinates"]["epoch"]) == ("PRIVATE", 2000.0)
    assert await update(owner, target, access="OPEN") == []
    assert (await read(Person("", "", site.client()), target))["access"] == "OPEN"


async def test_only_one_of_two_who_read_the_same_changes_it(admin: Person) -> None:
    target = await admin.create_target("Contended")
    seen = (await read(admin, target))["modified"]
    outcomes = await asyncio.gather(
        *(update(admin, target, distancePc=float(n), expectedModified=seen) for n in range(1, 6))
    )
    codes = sorted(error["code"] for errors in outcomes for error in errors)
    assert codes == ["STALE_VERSION"] * 4
    assert outcomes.count([]) == 1
    again = (await read(admin, target))["modified"]
    assert again > seen
    assert await update(admin, target, distancePc=9.0, expectedModified=again) == []


async def test_every_change_moves_modified(admin: Person) -> None:
    """Even within one millisecond, so that `expectedModified` tells them apart."""
    target, times = await admin.create_target("Restless"), []
    for n in range(8):
        await update(admin, target, distancePc=float(n + 1))
        times.append((await read(admin, target))["modified"])
    assert len(set(times)) == 8
    assert times == sorted(times)


@pytest.mark.parametrize("name", ["two\nlines", "two\u2028lines", "\u202eturned", "bell\x07", "\u2066isolated"])
async def test_names_are_one_line_that_reads_as_written(site: Site, admin: Person, name: str) -> None:
    words = "a name is one line, without control characters and without those that turn the direction of text."
    create = """mutation ($i: CreateTargetInput!, $l: CreateTargetListInput!) {
      createTarget(input: $i) { errors { code message path } }
      createTargetList(input: $l) { errors { code message path } } }"""
    counts = "select (select count(*) from targets), (select count(*) from target_lists)"
    before = await site.rt.reads.fetchrow(counts)
    done = await admin.client.query(create, i={"name": name, "raDeg": 1, "decDeg": 1}, l={"name": name})
    refusal = {"code": "INVALID_INPUT", "path": ["input", "name"]}
    assert done["createTarget"]["errors"] == [{**refusal, "message": f"{name!r}: {words}"}]
    assert done["createTargetList"]["errors"] == [{**refusal, "message": f"`name`: {words}"}]
    assert await site.rt.reads.fetchrow(counts) == before
