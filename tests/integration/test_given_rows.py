"""createReducedData: every row is accounted for, is kept as it was sent, and what was assumed is said."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.people import Person

CREATE = """
mutation ($input: CreateReducedDataInput!) {
  createReducedData(input: $input) {
    created revised unchanged rejected ids
    rows { row outcome code message field }
    notes { level code message row count }
    errors { code message path }
  }
}
"""
STORED = """
query ($t: ID!) {reducedData(where: {target: $t}, orderBy: [{field: TIMESTAMP, direction: ASC}]) {nodes {mjd value}}}
"""
ROW = {"mjd": 60000.0, "filter": "V", "mag": 18, "magerr": 0.1}


async def create(person: Person, target: str, **given: Any) -> dict[str, Any]:
    values = {"target": target, "dataType": "photometry", "sourceName": "test", **given}
    payload: dict[str, Any] = (await person.client.query(CREATE, input=values))["createReducedData"]
    return payload


def counts(payload: dict[str, Any]) -> tuple[int, int, int, int]:
    return payload["created"], payload["revised"], payload["unchanged"], payload["rejected"]


async def stored(person: Person, target: str) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = (await person.client.query(STORED, t=target))["reducedData"]["nodes"]
    return nodes


async def test_generic_rows_of_one_time_are_all_kept(admin: Person) -> None:
    target = await admin.create_target("generic repeats")
    rows = [{"mjd": 60000, "v": 1}, {"mjd": 60000, "v": 2}, {"mjd": 60000, "v": 1}]
    first = await create(admin, target, dataType="weather", rows=rows)
    assert counts(first) == (2, 0, 1, 0)
    assert sorted(each["value"]["v"] for each in await stored(admin, target)) == [1, 2]
    assert [note["code"] for note in first["notes"]] == ["REPEATED_ROW", "REPEATED_TIME"]
    assert counts(await create(admin, target, dataType="weather", rows=rows)) == (0, 0, 3, 0)


async def test_a_row_means_the_same_whatever_stands_beside_it(admin: Person) -> None:
    target = await admin.create_target("neighbours")
    other = {**ROW, "mjd": 60001, "comment": "clouds", "aperture": None}
    assert counts(await create(admin, target, rows=[ROW, other])) == (2, 0, 0, 0)
    assert [each["value"] for each in await stored(admin, target)] == [ROW, other]
    assert counts(await create(admin, target, rows=[ROW], onDuplicate="ERROR")) == (0, 0, 1, 0)


async def test_texts_stay_texts(admin: Person) -> None:
    target = await admin.create_target("texts")
    row = {"mjd": 60000, "ra": "10:00:00", "dec": 2, "observatoryCode": "809", "note": "1e5"}
    assert counts(await create(admin, target, dataType="astrometry", rows=[row])) == (1, 0, 0, 0)
    assert [each["value"] for each in await stored(admin, target)] == [row]


async def test_a_flag_makes_a_magnitude_a_limit(admin: Person) -> None:
    target = await admin.create_target("flags")
    rows = [{**ROW, "limit": False}, {**ROW, "mjd": 60001, "mag": 20.5, "magerr": None, "limit": True}]
    assert counts(await create(admin, target, rows=rows)) == (2, 0, 0, 0)
    curve = (await admin.client.query(
        "query ($t: ID!) {target(id: $t) {lightCurve(system: VEGA) {magnitude limit isDetection}}}", t=target
    ))["target"]["lightCurve"]  # fmt: skip
    assert curve["isDetection"] == [True, False]
    assert curve["magnitude"][1] is None
    assert curve["limit"][1] == pytest.approx(20.5, abs=1e-9)


async def test_a_column_says_the_time_scale(admin: Person) -> None:
    target = await admin.create_target("scales")
    assert counts(await create(admin, target, rows=[{**ROW, "mjd": 60012.5, "time_scale": "TAI"}])) == (1, 0, 0, 0)
    (datum,) = await stored(admin, target)
    assert datum["mjd"] == pytest.approx(60012.5 - 37 / 86400, abs=1e-9)
    mixed = await create(admin, target, rows=[{**ROW, "timesys": "UTC"}, {**ROW, "mjd": 60013, "timesys": "TT"}])
    assert mixed["errors"][0]["code"] == "UNREADABLE_FILE"
    assert "all rows need one time scale" in mixed["errors"][0]["message"]


async def test_options_say_what_rows_do_not(admin: Person) -> None:
    target = await admin.create_target("options")
    rows = [{"when": 60012.5, "filter": "ztfr", "flux": 3.631, "fluxerr": 0.1}]
    options = {"mapping": {"time": "when"}, "time_format": "mjd", "flux_unit": "mJy"}
    assert counts(await create(admin, target, rows=rows, options=options)) == (1, 0, 0, 0)
    curve = (await admin.client.query(
        "query ($t: ID!) {target(id: $t) {lightCurve(fluxUnit: UJY) {flux}}}", t=target
    ))["target"]["lightCurve"]  # fmt: skip
    assert curve["flux"] == [pytest.approx(3631)]
    wrong = await create(admin, target, rows=rows, options={"flux_units": "mJy"})
    assert wrong["errors"][0]["code"] == "INVALID_INPUT"
    generic = await create(admin, target, dataType="weather", rows=[{"mjd": 60000}], options=options)
    assert generic["errors"][0]["path"] == ["input", "options"]


async def test_what_was_assumed_is_said(admin: Person) -> None:
    target = await admin.create_target("assumed")
    payload = await create(admin, target, rows=[ROW, {**ROW, "mjd": 60001, "magerr": -0.1}])
    assert counts(payload) == (2, 0, 0, 0)
    notes = {note["code"]: note for note in payload["notes"]}
    assert notes["TIME_SCALE_ASSUMED"]["level"] == "INFO"
    assert notes["MISSING_ERROR"]["count"] == 1


async def test_a_call_without_a_good_row_reports_its_rows(admin: Person) -> None:
    target = await admin.create_target("all bad")
    payload = await create(admin, target, rows=[{**ROW, "mjd": "x"}, {**ROW, "mag": "y"}])
    assert (counts(payload), payload["errors"]) == ((0, 0, 0, 2), [])
    assert [(row["row"], row["field"]) for row in payload["rows"]] == [(1, "mjd"), (2, "mag")]


async def test_one_row_that_is_none_does_not_take_the_others_with_it(admin: Person) -> None:
    target = await admin.create_target("no object")
    payload = await create(admin, target, rows=[ROW, 5, {**ROW, "mjd": 60001}])
    assert counts(payload) == (2, 0, 0, 1)
    assert (payload["rows"][0]["row"], payload["rows"][0]["code"]) == (2, "NOT_AN_OBJECT")


async def test_all_or_nothing_claims_nothing_that_was_not_done(admin: Person) -> None:
    target = await admin.create_target("nothing done")
    payload = await create(admin, target, rows=[ROW, {**ROW, "mjd": "x"}], allOrNothing=True)
    assert counts(payload) == (0, 0, 0, 1)
    assert [row["outcome"] for row in payload["rows"]] == ["REJECTED"]


async def test_a_rehearsal_uses_no_key_up(admin: Person) -> None:
    target = await admin.create_target("rehearsal")
    for dry, expected in ((True, (1, 0, 0, 0)), (False, (1, 0, 0, 0)), (False, (1, 0, 0, 0))):
        payload = await create(admin, target, rows=[ROW], dryRun=dry, idempotencyKey="rehearsed")
        assert (counts(payload), payload["errors"]) == (expected, [])
    assert len(await stored(admin, target)) == 1


async def test_a_kind_in_another_case_is_no_generic_data(admin: Person) -> None:
    target = await admin.create_target("case")
    payload = await create(admin, target, dataType="Photometry", rows=[ROW])
    assert payload["errors"][0]["message"] == 'Write `dataType` as "photometry", not "Photometry".'


async def test_an_uncalibrated_magnitude_is_a_detection_when_its_error_says_so(admin: Person) -> None:
    target = await admin.create_target("uncalibrated")
    row = {"mjd": 60000.0, "filter": "weird", "mag": 17.0, "magerr": 0.4}  # 2.5 / ln 10 / 0.4 = 2.71 sigma
    assert counts(await create(admin, target, rows=[row, {**row, "mjd": 60001, "magerr": None}])) == (2, 0, 0, 0)
    curve = """query ($t: ID!, $n: Float) {
      target(id: $t) {lightCurve(system: AS_REPORTED, nSigma: $n) {magnitude isDetection}} }"""
    for n_sigma, expected in ((2.7, 17.0), (2.8, None)):
        found = (await admin.client.query(curve, t=target, n=n_sigma))["target"]["lightCurve"]
        assert found == {"magnitude": [expected, 17.0], "isDetection": [expected is not None, True]}
    summary = "query ($t: ID!) {target(id: $t) {summary {detections}}}"
    assert (await admin.client.query(summary, t=target))["target"]["summary"] == {"detections": 1}
