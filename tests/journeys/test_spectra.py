"""A spectrum from its file to a subscriber, through a real worker; and what becomes of one that cannot be read."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.test_upload import finished
from tests.support.people import Person, make_person
from tests.support.site import Site, running_worker
from tests.unit.processors.test_spectra_fits import FLUX, MIDDLE, an_image
from tomgql.settings import Settings

DATA = Path(__file__).parents[1] / "data"
EVENTS = """
subscription ($where: ReducedDatumWhere) { reducedData(where: $where) { change count dataProduct { fileName }
  data { dataType mjd ... on SpectroscopyDatum { wavelength flux fluxUnit medium } } } }
"""
READ = """
query ($t: ID!) { reducedData(where: {target: $t}) { nodes { mjd revision value telescope instrument
  ... on SpectroscopyDatum { wavelength(unit: NM) flux fluxError fluxUnit medium exposureSeconds } } } }
"""
PROCESS = "mutation ($i: ProcessDataProductInput!) { processDataProduct(input: $i) { job { id } errors { message } } }"


@pytest.fixture(scope="module")
def worker(settings: Settings, site: Site) -> Any:
    with running_worker(settings) as child:
        yield child


@pytest.mark.usefixtures("worker")
async def test_a_subscriber_is_told_while_a_spectrum_comes_in(site: Site) -> None:
    observer = await make_person(site, "observer")
    target = await observer.create_target("SN 2020x")
    content = an_image(FLUX, CTYPE1="AWAV", CUNIT1="nm", CRVAL1=500.0, CDELT1=0.5, BUNIT="erg/cm2/s/A", TELESCOP="NTT")
    async with observer.client.subscribe(EVENTS, where={"target": target}) as events:
        await asyncio.sleep(0.3)
        payload = await observer.client.upload(target, "sn.fits", content, dataProductType="spectroscopy")
        event = (await asyncio.wait_for(events.next(), 30))["reducedData"]
    assert event == {
        "change": "CREATED", "count": 1, "dataProduct": {"fileName": "sn.fits"},
        "data": [{"dataType": "spectroscopy", "mjd": pytest.approx(MIDDLE, abs=1e-9),
                  "wavelength": [5000.0, 5005.0, 5010.0, 5015.0], "flux": FLUX.tolist(),
                  "fluxUnit": "erg / (Angstrom s cm2)", "medium": "AIR"}],
    }  # fmt: skip
    job = await finished(observer, payload["job"]["id"])
    assert (job["state"], job["result"]["processor"], job["result"]["created"]) == ("SUCCEEDED", "spectra_fits", 1)
    again = await observer.client.upload(target, "again.fits", content, dataProductType="spectroscopy")
    assert (again["alreadyExists"], again["dataProduct"]["id"]) == (True, payload["dataProduct"]["id"])
    padded = content + bytes(2880)  # another file of the same spectrum
    again = await observer.client.upload(target, "again.fits", padded, dataProductType="spectroscopy")
    assert (await finished(observer, again["job"]["id"]))["result"]["unchanged"] == 1
    revised = await observer.client.upload(target, "new.fits", an_image(
        FLUX * 2, CTYPE1="AWAV", CUNIT1="nm", CRVAL1=500.0, CDELT1=0.5, BUNIT="erg/cm2/s/A", TELESCOP="NTT"
    ), dataProductType="spectroscopy")  # fmt: skip
    assert (await finished(observer, revised["job"]["id"]))["result"]["revised"] == 1
    (datum,) = (await observer.client.query(READ, t=target))["reducedData"]["nodes"]
    assert (datum["revision"], datum["flux"], datum["telescope"]) == (2, (FLUX * 2).tolist(), "NTT")
    assert (datum["wavelength"], datum["value"]["TELESCOP"]) == ([500.0, 500.5, 501.0, 501.5], "NTT")


@pytest.mark.usefixtures("worker")
async def test_a_spectrum_without_a_time_is_refused_until_somebody_says_it(admin: Person) -> None:
    target = await admin.create_target("ASASSN-15oz")
    content = (DATA / "spec_efosc_2col_asassn15oz.asci.gz").read_bytes()
    payload = await admin.client.upload(target, "efosc.txt", content, dataProductType="spectroscopy")
    job = await finished(admin, payload["job"]["id"])
    assert (job["state"], job["error"]["code"]) == ("FAILED", "UNREADABLE_FILE")
    assert "efosc.txt: the header says no time of the observation" in job["error"]["message"]
    assert (await admin.client.query(READ, t=target))["reducedData"]["nodes"] == []
    given = {"dataProduct": payload["dataProduct"]["id"], "options": {"time": "2015-09-05T03:00:00Z", "medium": "AIR"}}
    asked = (await admin.client.query(PROCESS, i=given))["processDataProduct"]
    assert asked["errors"] == []
    job = await finished(admin, asked["job"]["id"])
    assert (job["state"], job["result"]["created"], job["result"]["processor"]) == ("SUCCEEDED", 1, "spectra_text")
    (datum,) = (await admin.client.query(READ, t=target))["reducedData"]["nodes"]
    assert (datum["mjd"], len(datum["flux"]), datum["medium"]) == (57270.125, 1015, "AIR")
