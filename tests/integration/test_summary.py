"""The summary of a target: right for whom it is made, and telling nobody of what is hidden."""

from __future__ import annotations

from typing import Any

from tests.support.people import Person, make_person
from tests.support.reads import Reads
from tests.support.site import Site

CREATE = """mutation ($i: CreateReducedDataInput!) { createReducedData(input: $i) {
  created revised ids errors { message } } }"""
SUMMARY = """query ($t: ID!) { target(id: $t) { summary {
  count detections dataProductCount first last latest { id } latestDetection { id } brightest { id magnitude }
  dataTypes { dataType count first last }
  bands { band count detections first last latest { id isDetection } latestDetection { id }
    brightest { id flux } } } } }"""


async def record(person: Person, target: str, rows: list[dict[str, Any]], **given: Any) -> list[str]:
    asked = {"target": target, "dataType": "photometry", "rows": rows, **given}
    done = (await person.client.query(CREATE, i=asked))["createReducedData"]
    assert (done["errors"], done["created"] + done["revised"]) == ([], len(rows))
    ids: list[str] = done["ids"]
    return ids


async def test_what_a_target_holds_for_each_viewer(site: Site, admin: Person) -> None:
    target = await admin.create_target("summed", access="OPEN")
    product = (await admin.client.upload(target, "a.csv", b"x", process=False))["dataProduct"]["id"]
    open_rows = [
        {"mjd": 60000.5, "magnitude": 18.0, "error": 0.1, "filter": "ztfr"},
        {"mjd": 60002.5, "limit": 19.0, "filter": "ztfr"},
        {"mjd": 60001.5, "magnitude": 17.0, "error": 0.1, "filter": "my band"},
    ]
    ids = await record(admin, target, open_rows)
    hidden = await record(
        admin, target, [{"mjd": 60009.5, "magnitude": 12.0, "error": 0.1, "filter": "ztfg"}], dataProduct=product
    )
    await record(admin, target, [{"mjd": 60003.25, "x": 1}], dataType="polarimetry")
    team = await admin.client.query('mutation { createUserGroup(input: {name: "summers"}) { userGroup { id } } }')
    group = {"name": "h", "userGroups": [team["createUserGroup"]["userGroup"]["id"]], "dataProducts": [product]}
    await admin.client.query(
        "mutation ($i: CreateDataProductGroupInput!) { createDataProductGroup(input: $i) { errors { code } } }", i=group
    )
    first = "2023-02-25T12:00:00.000Z"
    ztfr = {
        "band": "ztfr", "count": 2, "detections": 1, "first": first, "last": "2023-02-27T12:00:00.000Z",
        "latest": {"id": ids[1], "isDetection": False}, "latestDetection": {"id": ids[0]},
    }  # fmt: skip
    mine = {
        "band": "my band", "count": 1, "detections": 1, "first": "2023-02-26T12:00:00.000Z",
        "last": "2023-02-26T12:00:00.000Z", "latest": {"id": ids[2], "isDetection": True},
        "latestDetection": {"id": ids[2]}, "brightest": None,
    }  # fmt: skip
    other = await make_person(site, "summary reader")
    seen = (await other.client.query(SUMMARY, t=target))["target"]["summary"]
    flux = seen["bands"][1]["brightest"].pop("flux")
    assert abs(flux - 10 ** (0.4 * (23.9 - 18.0))) < 1e-6
    assert seen == {
        "count": 4, "detections": 2, "dataProductCount": 0, "first": first, "last": "2023-02-28T06:00:00.000Z",
        "latest": {"id": ids[1]}, "latestDetection": {"id": ids[2]}, "brightest": {"id": ids[0], "magnitude": 18.0},
        "dataTypes": [
            {"dataType": "photometry", "count": 3, "first": first, "last": "2023-02-27T12:00:00.000Z"},
            {"dataType": "polarimetry", "count": 1, "first": "2023-02-28T06:00:00.000Z",
             "last": "2023-02-28T06:00:00.000Z"},
        ],
        "bands": [mine, {**ztfr, "brightest": {"id": ids[0]}}],
    }  # fmt: skip
    whole = (await admin.client.query(SUMMARY, t=target))["target"]["summary"]
    assert (whole["count"], whole["detections"], whole["dataProductCount"]) == (5, 3, 1)
    assert whole["brightest"] == {"id": hidden[0], "magnitude": 12.0}
    assert whole["last"] == "2023-03-06T12:00:00.000Z"
    assert [band["band"] for band in whole["bands"]] == ["my band", "ztfg", "ztfr"]
    await site.rt.writes.execute("update reduced_data set disabled = true where mjd = 60000.5")
    assert (await other.client.query(SUMMARY, t=target))["target"]["summary"]["brightest"] is None


async def test_a_target_without_data_and_one_statement(site: Site, admin: Person) -> None:
    target = await admin.create_target("empty", access="OPEN")
    reads = Reads(site)
    answer = await reads.answer(SUMMARY, {"t": target})
    assert answer.session.statements == 1
    assert answer.data["target"]["summary"] == {
        "count": 0, "detections": 0, "dataProductCount": 0, "first": None, "last": None, "latest": None,
        "latestDetection": None, "brightest": None, "dataTypes": [], "bands": [],
    }  # fmt: skip
    assert (await reads.data(SUMMARY, {"t": target}, slow=True)) == answer.data
