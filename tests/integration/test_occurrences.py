"""Several measurements of one time are told apart by what they say, in whatever order and parts they are sent."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from tests.integration.test_reduced_data import counts, create
from tests.support.people import Person, make_person
from tests.support.site import Site

READ = """query ($t: ID!) { reducedData(where: {target: $t}) { nodes {
  id value revision dataProduct { id } revisions { value } } } }"""
GRANT = "mutation ($i: GrantTargetAccessInput!) { grantTargetAccess(input: $i) { errors { code } } }"
GROUP = "mutation ($i: CreateDataProductGroupInput!) { createDataProductGroup(input: $i) { errors { code } } }"
TEAM = "mutation ($n: String!) { createUserGroup(input: {name: $n}) { userGroup { id } } }"
DELETE = "mutation ($id: ID!) { deleteDataProduct(id: $id) { errors { code } } }"
A, B, C, D = ({"mjd": 61000.5, "mag": mag, "filter": "ztfg", "magerr": 0.1} for mag in (18, 19, 20, 21))
SPECTRUM = {"mjd": 61000.5, "wavelength": [4000, 4001, 4002]}
KINDS: dict[str, list[dict[str, Any]]] = {
    "photometry": [A, B, C],
    "spectroscopy": [{**SPECTRUM, "flux": [1, 2, n]} for n in range(3)],
    "astrometry": [{"mjd": 61000.5, "ra": 10 + n, "dec": 2} for n in range(3)],
    "weather": [{"mjd": 61000.5, "v": n} for n in range(3)],
}


async def read(person: Person, target: str) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = (await person.client.query(READ, t=target))["reducedData"]["nodes"]
    return nodes


async def values(person: Person, target: str) -> list[tuple[int, int]]:
    """Magnitude and revision of each datum."""
    return sorted((each["value"]["mag"], each["revision"]) for each in await read(person, target))


async def sent(person: Person, target: str, *rows: dict[str, Any], **given: Any) -> tuple[int, int, int, int]:
    payload = await create(person, target, rows=list(rows), **given)
    assert payload["errors"] == []
    return counts(payload)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_order_of_rows_changes_nothing(kind: str, admin: Person) -> None:
    target = await admin.create_target(f"order of {kind}")
    rows = KINDS[kind]
    assert await sent(admin, target, *rows, dataType=kind) == (3, 0, 0, 0)
    before = await read(admin, target)
    for several in (*permutations(rows), *permutations(rows, 2), *permutations(rows, 1)):
        assert await sent(admin, target, *several, dataType=kind) == (0, 0, len(several), 0)
    assert await read(admin, target) == before


async def test_content_is_settled_first_then_place(admin: Person) -> None:
    target = await admin.create_target("by place")
    assert await sent(admin, target, A) == (1, 0, 0, 0)
    assert await sent(admin, target, B, A) == (1, 0, 1, 0)
    assert await values(admin, target) == [(18, 1), (19, 1)]
    assert await sent(admin, target, C, B) == (0, 1, 1, 0)
    assert await values(admin, target) == [(19, 1), (20, 2)]
    assert await sent(admin, target, D, B, C) == (1, 0, 2, 0)
    assert await values(admin, target) == [(19, 1), (20, 2), (21, 1)]
    assert await sent(admin, target, A, onDuplicate="SKIP") == (0, 0, 1, 0)
    assert await sent(admin, target, D, onDuplicate="ERROR") == (0, 0, 1, 0)
    assert await sent(admin, target, A, D, C, dryRun=True) == (0, 1, 2, 0)
    assert await values(admin, target) == [(19, 1), (20, 2), (21, 1)]


async def test_data_of_the_row_s_own_product_go_first(admin: Person) -> None:
    target = await admin.create_target("own product")
    first, second = [
        (await admin.client.upload(target, name, name.encode(), process=False))["dataProduct"]["id"] for name in "xy"
    ]
    assert await sent(admin, target, A, dataProduct=first) == (1, 0, 0, 0)
    assert await sent(admin, target, A, B, dataProduct=second) == (1, 0, 1, 0)
    assert await sent(admin, target, C, dataProduct=second) == (0, 1, 0, 0)
    assert sorted((each["value"]["mag"], each["dataProduct"]["id"]) for each in await read(admin, target)) == [
        (18, first), (20, second),
    ]  # fmt: skip


async def hidden_product(site: Site, admin: Person, name: str) -> tuple[Person, Person, str, str]:
    """Two people who may change a target, and a product of one datum that is hidden from both."""
    bob, carol = [await make_person(site, f"{who} {name}") for who in ("bob", "carol")]
    target = await admin.create_target(name, access="OPEN")
    for who in (bob, carol):
        granted = await admin.client.query(GRANT, i={"target": target, "user": who.id, "permissions": ["CHANGE"]})
        assert granted["grantTargetAccess"]["errors"] == []
    secret = (await admin.client.upload(target, "secret.csv", b"x", process=False))["dataProduct"]["id"]
    team = (await admin.client.query(TEAM, n=name))["createUserGroup"]["userGroup"]["id"]
    await admin.client.query(GROUP, i={"name": name, "userGroups": [team], "dataProducts": [secret]})
    assert await sent(admin, target, A, dataProduct=secret) == (1, 0, 0, 0)
    return bob, carol, target, secret


async def test_rows_beside_hidden_data_stay_what_they_are_when_those_go(site: Site, admin: Person) -> None:
    bob, carol, target, secret = await hidden_product(site, admin, "set apart")
    assert await sent(bob, target, A) == (1, 0, 0, 0)
    assert await sent(bob, target, A) == (0, 0, 1, 0)
    assert (await admin.client.query(DELETE, id=secret))["deleteDataProduct"]["errors"] == []
    for who in (bob, carol, admin):
        assert await sent(who, target, A) == (0, 0, 1, 0)
    assert await values(bob, target) == [(18, 1)]
    assert await sent(bob, target, B) == (0, 1, 0, 0)
    assert await values(carol, target) == [(19, 2)]
    assert await sent(carol, target, C, B) == (1, 0, 1, 0)
    assert await values(carol, target) == [(19, 2), (20, 1)]


async def test_a_row_means_the_datum_of_its_own_audience(site: Site, admin: Person) -> None:
    bob, _, target, secret = await hidden_product(site, admin, "seen by some")
    assert await sent(bob, target, B) == (1, 0, 0, 0)
    assert await sent(admin, target, B) == (0, 0, 1, 0), "who sees both, and says of no product, means everybody's"
    assert await sent(admin, target, C) == (0, 1, 0, 0)
    assert await values(bob, target) == [(20, 2)]
    assert await sent(admin, target, B, dataProduct=secret) == (0, 1, 0, 0)
    assert await values(admin, target) == [(19, 2), (20, 2)]
    assert await values(bob, target) == [(20, 2)]


async def test_a_hidden_row_takes_nothing_that_everybody_sees_into_hiding(site: Site, admin: Person) -> None:
    bob, _, target, secret = await hidden_product(site, admin, "hides nothing")
    later = {**A, "mjd": A["mjd"] + 1}
    assert await sent(bob, target, later) == (1, 0, 0, 0)
    for given in (later, {**later, "mag": 12.3}, {**later, "mag": 12.4}):
        await sent(admin, target, given, dataProduct=secret)
    assert await values(bob, target) == [(18, 1)]
    assert await values(admin, target) == [(12.4, 3), (18, 1), (18, 1)]
    assert await sent(admin, target, {**later, "mag": 12.4}, dataProduct=secret) == (0, 0, 1, 0)
    assert await sent(bob, target, later) == (0, 0, 1, 0)


async def test_several_rows_beside_a_hidden_datum(site: Site, admin: Person) -> None:
    bob, _, target, secret = await hidden_product(site, admin, "several apart")
    assert await sent(bob, target, A, B) == (2, 0, 0, 0)
    assert await sent(bob, target, B, A) == (0, 0, 2, 0)
    assert await sent(bob, target, C, D, A) == (1, 1, 1, 0)
    assert [each for each in await values(admin, target) if each[0] == 18] == [(18, 1), (18, 1)]
    seen = await values(bob, target)
    assert sorted(magnitude for magnitude, _ in seen) == [18, 20, 21]
    assert (await admin.client.query(DELETE, id=secret))["deleteDataProduct"]["errors"] == []
    assert await values(admin, target) == seen
    assert await sent(bob, target, D, A, C) == (0, 0, 3, 0)


async def test_hidden_data_are_no_match(site: Site, admin: Person) -> None:
    """A row that says what hidden data say is told nothing of them, however many of its time are seen."""
    bob, _, target, secret = await hidden_product(site, admin, "no match")
    assert await sent(admin, target, A, B, C, dataProduct=secret) == (2, 0, 1, 0)
    before = [each for each in await read(admin, target) if each["dataProduct"]]
    assert await sent(bob, target, D) == (1, 0, 0, 0)
    assert await sent(bob, target, B) == (0, 1, 0, 0)
    assert await sent(bob, target, C, B) == (1, 0, 1, 0)
    assert [each for each in await read(admin, target) if each["dataProduct"]] == before
    assert sorted(await values(bob, target)) == [(19, 2), (20, 1)]
