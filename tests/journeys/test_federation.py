"""Two TOMs, one of which follows the other: what is there, what comes, what changes, what goes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.people import Person
from tests.support.site import Site, running_worker, until
from tests.support.toms import a_tom, an_admin, follow, followers, seen, subscriptions

CREATE_DATA = """mutation ($i: CreateReducedDataInput!) { createReducedData(input: $i) {
  created revised unchanged rejected ids errors { code message } } }"""
DISABLE = """mutation ($ids: [ID!]!, $off: Boolean!) {
  setReducedDataDisabled(ids: $ids, disabled: $off, reason: "a satellite") { revised errors { code } } }"""
UPDATE = "mutation ($i: UpdateTargetInput!) { updateTarget(input: $i) { errors { code message } } }"
DELETE_PRODUCT = "mutation ($id: ID!) { deleteDataProduct(id: $id) { errors { code } } }"
DELETE_TARGET = "mutation ($id: ID!) { deleteTarget(id: $id) { errors { code } } }"

ROWS = [
    {"mjd": 60000.5, "magnitude": 18.2, "error": 0.05, "filter": "r"},
    {"mjd": 60001.5, "limit": 20.1, "filter": "g"},
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def toms(
    addresses: dict[str, str], tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> AsyncIterator[tuple[Site, Site]]:
    directory: Path = tmp_path_factory.mktemp("toms")
    first = 4 + 4 * int(worker_id.removeprefix("gw") if worker_id != "master" else 0)
    async with (
        a_tom(addresses, directory, f"east_{worker_id}", first) as east,
        a_tom(addresses, directory, f"west_{worker_id}", first + 1) as west,
    ):
        yield east, west


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def admins(toms: tuple[Site, Site]) -> tuple[Person, Person]:
    return await an_admin(toms[0]), await an_admin(toms[1])


async def data(person: Person, target: str, rows: list[Any], **given: Any) -> dict[str, Any]:
    asked = {"target": target, "dataType": "photometry", "sourceName": "Survey", "rows": rows, **given}
    payload: dict[str, Any] = (await person.client.query(CREATE_DATA, i=asked))["createReducedData"]
    assert payload["errors"] == []
    return payload


async def test_what_is_there_comes_and_what_changes_follows(
    toms: tuple[Site, Site], admins: tuple[Person, Person]
) -> None:
    (east, west), (giver, taker) = toms, admins
    with running_worker(east.settings):
        target = await giver.create_target(
            "SN 2026abc", aliases=["ZTF26xyz"], extras={"redshift": 0.03, "host": "NGC 1"}, distancePc=2e7
        )
        made = await data(giver, target, ROWS)
        spectrum = [{"mjd": 60002.5, "wavelength": [4000, 5000, 6000], "flux": [1.0, 2.0, 1.5]}]
        await data(giver, target, spectrum, dataType="spectroscopy")
        await data(giver, target, [{"mjd": 60003.5, "ra": 150.0001, "dec": 2.0001}], dataType="astrometry")
        await data(giver, target, [{"mjd": 60004.5, "wind": 4.5}], dataType="weather")
        csv = b"mjd,mag,magerr,filter\n60010.25,17.1,0.02,i\n60011.25,17.2,0.02,i\n"
        uploaded = await giver.client.upload(target, "lc.csv", csv)
        await until(20, lambda: _is_read(giver, uploaded))
        async with followers(west):
            await follow(taker, east, giver)
            await until(20, lambda: _same(giver, taker))
            (subscription,) = await subscriptions(taker)
            assert (subscription["state"], subscription["message"]) == ("FOLLOWING", "")
            assert len(await seen(taker)) == 1

            await data(giver, target, [{"mjd": 60005.5, "magnitude": 18.9, "error": 0.1, "filter": "r"}])
            await data(giver, target, [{"mjd": 60000.5, "magnitude": 18.3, "error": 0.05, "filter": "r"}])
            await giver.client.query(DISABLE, ids=[made["ids"][1]], off=True)
            await giver.client.query(UPDATE, i={"id": target, "addAliases": ["AT 2026abc"], "distancePc": 2.1e7})
            await until(10, lambda: _same(giver, taker))
            await giver.client.query(DISABLE, ids=[made["ids"][1]], off=False)
            await giver.client.query(UPDATE, i={"id": target, "name": "SN 2026abd", "removeAliases": ["ZTF26xyz"]})
            other = await giver.create_target("Another one", raDeg=10.0)
            await data(giver, other, ROWS)
            await until(10, lambda: _same(giver, taker))

            await giver.client.query(DELETE_PRODUCT, id=uploaded["dataProduct"]["id"])
            await giver.client.query(DELETE_TARGET, id=other)
            await until(10, lambda: _same(giver, taker))
            (left,) = (await seen(taker)).values()
            assert left["dataProducts"] == []
            assert {each["dataType"] for each in left["data"]} == {
                "photometry", "spectroscopy", "astrometry", "weather",
            }  # fmt: skip
            (subscription,) = await subscriptions(taker)
            assert subscription["refusals"] == []


async def _is_read(person: Person, uploaded: dict[str, Any]) -> bool:
    query = "query ($id: ID!) { job(id: $id) { state } }"
    return bool((await person.client.query(query, id=uploaded["job"]["id"]))["job"]["state"] == "SUCCEEDED")


async def _same(one: Person, other: Person) -> bool:
    return await seen(one) == await seen(other)
