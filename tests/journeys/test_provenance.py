"""How a datum came to be: from each revision to the job, its processor and options, the file, and the people."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from tests.support.jobs import ended_job
from tests.support.people import Person, make_person
from tests.support.reads import Reads
from tests.support.site import Site, running_worker

CONTENT = b"mjd,flux,fluxerr,filter\n59000.5,2.5,0.25,ztfr\n"

GRANT = "mutation ($i: GrantTargetAccessInput!) { grantTargetAccess(input: $i) { errors { code } } }"

STATE = "query ($id: ID!) { job(id: $id) { state processor processorVersion options } }"

PROCESS = """mutation ($i: ProcessDataProductInput!) {
  processDataProduct(input: $i) { job { id processor processorVersion options } errors { code message } } }"""

PROVENANCE = """
query ($t: ID!) { reducedData(where: {target: $t}) { nodes { ...came revisions { ...came } } } }
fragment came on PhotometryDatum {
  revision flux
  job {
    id kind processor processorVersion options createdBy { username }
    dataProduct { fileName sha256 uploadedBy { username } }
  }
}
"""


async def ended(person: Person, job: str) -> dict[str, Any]:
    """What is told of a job that ended well, but for its state."""
    found = await ended_job(person.client, STATE, job)
    assert found.pop("state") == "SUCCEEDED"
    return found


def came(revision: int, flux: float, job: str, unit: str, **people: Any) -> dict[str, Any]:
    """What is told of one revision."""
    file = {"fileName": "lc.csv", "sha256": sha256(CONTENT).hexdigest(), "uploadedBy": people["uploader"]}
    told = {"id": job, "kind": "process_data_product", "processor": "photometry", "processorVersion": "1"}
    told |= {"options": {"flux_unit": unit}, "createdBy": people["asker"], "dataProduct": file}
    return {"revision": revision, "flux": pytest.approx(flux), "job": told}


async def test_a_file_read_with_a_wrong_unit_and_then_with_the_right_one(site: Site) -> None:
    uploader, corrector = await make_person(site, "uploader"), await make_person(site, "corrector")
    target = await uploader.create_target("AT 2021 unit", access="OPEN")
    rights = {"target": target, "user": corrector.id, "permissions": ["VIEW", "CHANGE"]}
    assert (await uploader.client.query(GRANT, i=rights))["grantTargetAccess"] == {"errors": []}
    with running_worker(site.settings):
        sent = await uploader.client.upload(target, "lc.csv", CONTENT, options={"flux_unit": "uJy"})
        first, product = sent["job"]["id"], sent["dataProduct"]["id"]
        wrong = {"processor": "photometry", "processorVersion": "1", "options": {"flux_unit": "uJy"}}
        assert await ended(uploader, first) == wrong
        asked = {"dataProduct": product, "options": {"flux_unit": "mJy"}}
        again = (await corrector.client.query(PROCESS, i=asked))["processDataProduct"]
        second = again["job"].pop("id")
        assert again == {
            "job": {"processor": None, "processorVersion": None, "options": {"flux_unit": "mJy"}},
            "errors": [],
        }
        await ended(corrector, second)
        dry = (await corrector.client.query(PROCESS, i={**asked, "dryRun": True}))["processDataProduct"]
        assert await ended(corrector, dry["job"]["id"]) == {**wrong, "options": {"flux_unit": "mJy"}}

    one, other = {"username": "uploader"}, {"username": "corrector"}
    now = came(2, 2500.0, second, "mJy", asker=other, uploader=one)
    before = came(1, 2.5, first, "uJy", asker=one, uploader=one)
    found = await uploader.client.query(PROVENANCE, t=target)
    assert found == {"reducedData": {"nodes": [now | {"revisions": [before]}]}}
    anonymous = await site.client().query(PROVENANCE, t=target)
    nobody = [came(2, 2500.0, second, "mJy", asker=None, uploader=None),
              came(1, 2.5, first, "uJy", asker=None, uploader=None)]  # fmt: skip
    assert anonymous == {"reducedData": {"nodes": [nobody[0] | {"revisions": nobody[1:]}]}}
    reads = Reads(site)
    compiled = await reads.answer(PROVENANCE, {"t": target})
    assert (compiled.session.statements, compiled.session.fetched) == (1, 0)
    assert await reads.data(PROVENANCE, {"t": target}, slow=True) == compiled.data


async def test_data_without_a_file_have_no_job(site: Site) -> None:
    person = await make_person(site, "typist")
    target = await person.create_target("AT 2021 typed")
    create = "mutation ($i: CreateReducedDataInput!) { createReducedData(input: $i) { created } }"
    rows = [{"mjd": 60000.5, "magnitude": 18.0, "error": 0.1, "filter": "ztfr"}]
    given = {"target": target, "dataType": "photometry", "rows": rows}
    assert (await person.client.query(create, i=given))["createReducedData"] == {"created": 1}
    found = (await person.client.query(PROVENANCE, t=target))["reducedData"]["nodes"]
    assert [(each["revision"], each["job"], each["revisions"]) for each in found] == [(1, None, [])]
