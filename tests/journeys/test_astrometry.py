"""Measured positions from their file to a subscriber, through a real worker; and a file of other objects."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.test_upload import finished
from tests.support.people import Person, make_person
from tests.support.site import Site, running_worker
from tests.unit.processors.test_mpc import a_record
from tomgql.settings import Settings

ORBIT = {
    "scheme": "MPC_MINOR_PLANET", "epochOfElementsMjd": 60200.0, "inclinationDeg": 10.6,
    "ascendingNodeLongitudeDeg": 80.3, "perihelionArgumentDeg": 73.6, "eccentricity": 0.08, "meanAnomalyDeg": 60.1,
    "semimajorAxisAu": 2.77,
}  # fmt: skip
DATA = Path(__file__).parents[1] / "data"
EVENTS = """
subscription ($where: ReducedDatumWhere) { reducedData(where: $where) { change count dataProduct { fileName }
  data { dataType mjd ... on AstrometryDatum { raDeg decDeg raErrorArcsec observatoryCode } } } }
"""
READ = """
query ($t: ID!) { reducedData(where: {target: $t}) { nodes { mjd revision value sourceName
  ... on AstrometryDatum { raDeg decDeg raErrorArcsec decErrorArcsec observatoryCode } } } }
"""
NOTES = "query ($p: ID!) { dataProduct(id: $p) { notes { level code message } } }"


@pytest.fixture(scope="module")
def worker(settings: Settings, site: Site) -> Any:
    with running_worker(settings) as child:
        yield child


@pytest.mark.usefixtures("worker")
async def test_a_subscriber_is_told_while_positions_come_in(site: Site) -> None:
    observer = await make_person(site, "observer")
    target = await observer.create_target("2023 MQ5", type="NON_SIDEREAL", raDeg=None, decDeg=None, orbit=ORBIT)
    content = (DATA / "ades_2023MQ5.psv").read_bytes()
    async with observer.client.subscribe(EVENTS, where={"target": target}) as events:
        await asyncio.sleep(0.3)
        payload = await observer.client.upload(target, "night.psv", content, dataProductType="astrometry")
        event = (await asyncio.wait_for(events.next(), 30))["reducedData"]
    assert (event["change"], event["count"], event["dataProduct"]) == ("CREATED", 2, {"fileName": "night.psv"})
    assert sorted(event["data"], key=lambda datum: datum["mjd"]) == [
        {"dataType": "astrometry", "mjd": pytest.approx(60131.01231215, abs=1e-8), "raDeg": 273.13141,
         "decDeg": 40.61177, "raErrorArcsec": 0.11, "observatoryCode": "J95"},
        {"dataType": "astrometry", "mjd": pytest.approx(60131.02728009, abs=1e-8), "raDeg": 273.15447,
         "decDeg": 40.59873, "raErrorArcsec": 0.14, "observatoryCode": "J95"},
    ]  # fmt: skip
    job = await finished(observer, payload["job"]["id"])
    assert (job["state"], job["result"]["processor"], job["result"]["created"]) == ("SUCCEEDED", "ades", 2)
    told = await observer.client.query(NOTES, p=payload["dataProduct"]["id"])
    assert told["dataProduct"]["notes"] == [
        {"level": "INFO", "code": "MAGNITUDES_KEPT",
         "message": "1 row with a magnitude; kept with the position, not as photometry"},
    ]  # fmt: skip
    again = await observer.client.upload(target, "again.psv", content + b"\n", dataProductType="astrometry")
    assert (await finished(observer, again["job"]["id"]))["result"]["unchanged"] == 2
    revised = content.replace(b"273.13141", b"273.13142")
    third = await observer.client.upload(target, "better.psv", revised, dataProductType="astrometry")
    assert (await finished(observer, third["job"]["id"]))["result"]["revised"] == 1
    nodes = (await observer.client.query(READ, t=target))["reducedData"]["nodes"]
    first = min(nodes, key=lambda datum: datum["mjd"])
    assert (len(nodes), first["revision"], first["raDeg"], first["value"]["mag"]) == (2, 2, 273.13142, 20.2)


@pytest.mark.usefixtures("worker")
async def test_of_several_objects_the_targets_is_taken(admin: Person) -> None:
    content = "\n".join([a_record(), a_record("00085", date="2020 08 18.5", code="J38")]).encode()
    other = await admin.create_target("SN 2011fe")
    payload = await admin.client.upload(other, "night.obs", content, dataProductType="astrometry")
    job = await finished(admin, payload["job"]["id"])
    assert (job["state"], job["error"]["code"]) == ("FAILED", "UNREADABLE_FILE")
    assert job["error"]["message"] == (
        "night.obs: 2 objects; none is a name or alias of this target: 2020 QA4, 85"
    )
    assert (await admin.client.query(READ, t=other))["reducedData"]["nodes"] == []
    target = await admin.create_target("Io (minor planet)", aliases=["(85) Io"])
    payload = await admin.client.upload(target, "night.obs", content, dataProductType="astrometry")
    job = await finished(admin, payload["job"]["id"])
    assert (job["state"], job["result"]["processor"], job["result"]["created"]) == ("SUCCEEDED", "mpc", 1)
    (datum,) = (await admin.client.query(READ, t=target))["reducedData"]["nodes"]
    assert (datum["mjd"], datum["observatoryCode"], datum["sourceName"]) == (59079.5, "J38", "MPC")
    assert (datum["value"]["designation"], datum["value"]["date"]) == ("00085", "2020 08 18.5")
