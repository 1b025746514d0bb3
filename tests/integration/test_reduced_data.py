"""createReducedData: rows and columns, reports, duplicates, dry runs, idempotency."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.people import Person, make_person
from tests.support.site import Site

CREATE = """
mutation ($input: CreateReducedDataInput!) {
  createReducedData(input: $input) {
    created revised unchanged rejected ids
    rows { row outcome code message field id }
    errors { code message path }
  }
}
"""
ROW = {"mjd": 59000.5, "mag": 20.1, "magerr": 0.1, "filter": "ztfr"}


async def create(person: Person, target: str, **given: Any) -> dict[str, Any]:
    values = {"target": target, "dataType": "photometry", "sourceName": "test", **given}
    payload: dict[str, Any] = (await person.client.query(CREATE, input=values))["createReducedData"]
    return payload


def counts(payload: dict[str, Any]) -> tuple[int, int, int, int]:
    return payload["created"], payload["revised"], payload["unchanged"], payload["rejected"]


async def stored(person: Person, target: str) -> list[dict[str, Any]]:
    query = "query ($t: ID!) {reducedData(where: {target: $t}) {nodes {id dataType mjd revision value}}}"
    nodes: list[dict[str, Any]] = (await person.client.query(query, t=target))["reducedData"]["nodes"]
    return nodes


async def test_rows_and_columns_say_the_same(admin: Person) -> None:
    by_rows, by_columns = await admin.create_target("rows"), await admin.create_target("columns")
    rows = [{**ROW, "mjd": 59000.5 + day} for day in range(3)]
    first = await create(admin, by_rows, rows=rows)
    columns = {"mjd": [59000.5, 59001.5, 59002.5], "mag": [20.1] * 3, "magerr": 0.1, "filter": "ztfr"}
    second = await create(admin, by_columns, columns=columns)
    assert counts(first) == counts(second) == (3, 0, 0, 0)
    assert len(first["ids"]) == 3
    assert [row["outcome"] for row in first["rows"]] == ["CREATED"] * 3
    plain = [[(each["mjd"], each["value"]) for each in await stored(admin, t)] for t in (by_rows, by_columns)]
    assert plain[0] == plain[1]


async def test_bad_rows_are_reported_first_and_good_rows_kept(admin: Person) -> None:
    target = await admin.create_target("bad rows")
    payload = await create(admin, target, rows=[ROW, {**ROW, "mjd": 59001.5, "mag": "clouds"}])
    assert counts(payload) == (1, 0, 0, 1)
    assert [(row["row"], row["outcome"], row["field"]) for row in payload["rows"]] == [
        (2, "REJECTED", "mag"),
        (1, "CREATED", None),
    ]
    assert "clouds" in payload["rows"][0]["message"]
    refused = await create(admin, target, rows=[{**ROW, "mjd": 59009.5}, {**ROW, "mag": "x"}], allOrNothing=True)
    assert refused["created"] == 0
    assert refused["rejected"] == 1
    assert len(await stored(admin, target)) == 1


@pytest.mark.parametrize(
    ("on_duplicate", "expected", "revision"),
    [("REVISE", (0, 1, 0, 0), 2), ("SKIP", (0, 0, 1, 0), 1), ("ERROR", (0, 0, 0, 1), 1)],
)
async def test_duplicates(admin: Person, on_duplicate: str, expected: Any, revision: int) -> None:
    target = await admin.create_target(f"duplicates {on_duplicate}")
    assert counts(await create(admin, target, rows=[ROW])) == (1, 0, 0, 0)
    assert counts(await create(admin, target, rows=[ROW], onDuplicate=on_duplicate)) == (0, 0, 1, 0)
    payload = await create(admin, target, rows=[{**ROW, "mag": 19.9}], onDuplicate=on_duplicate)
    assert counts(payload) == expected
    assert [each["revision"] for each in await stored(admin, target)] == [revision]


@pytest.mark.parametrize(
    ("data_type", "column", "code"), [("photometry", "date", "LEAP_SECOND"), ("weather", "mjd", "INVALID_TIME")]
)
async def test_a_time_in_a_leap_second_is_refused_as_such(
    admin: Person, data_type: str, column: str, code: str
) -> None:
    target = await admin.create_target(f"leaping {data_type}")
    given = {"mag": 20.1, "magerr": 0.1, "filter": "g"}
    rows = [{column: f"2016-12-31T23:59:{second}Z", **given} for second in (59, 60.5)]
    payload = await create(admin, target, dataType=data_type, rows=rows)
    assert counts(payload) == (1, 0, 0, 1)
    row = payload["rows"][0]
    assert (row["row"], row["code"], row["field"]) == (2, code, column)
    words = "lies in a leap second, which cannot be stored: give a time before or behind it"
    assert f'"2016-12-31T23:59:60.5Z" {words}' in row["message"]
    (kept,) = await stored(admin, target)
    assert kept["mjd"] == pytest.approx(57754 - 1 / 86400, abs=1e-9)


async def test_a_dry_run_stores_nothing(admin: Person, site: Site) -> None:
    target = await admin.create_target("dry")
    events = await site.rt.reads.fetchval("select count(*) from events")
    payload = await create(admin, target, rows=[ROW], dryRun=True)
    assert counts(payload) == (1, 0, 0, 0)
    assert payload["ids"] == []
    assert await stored(admin, target) == []
    assert await site.rt.reads.fetchval("select count(*) from events") == events


async def test_the_same_key_is_answered_the_same_and_done_once(admin: Person, site: Site) -> None:
    target = await admin.create_target("keyed")
    first = await create(admin, target, rows=[ROW], idempotencyKey="k1")
    again = await create(admin, target, rows=[ROW], idempotencyKey="k1")
    assert again == first
    assert counts(again) == (1, 0, 0, 0)
    other = await create(admin, target, rows=[{**ROW, "mag": 1.0}], idempotencyKey="k1")
    assert [error["code"] for error in other["errors"]] == ["CONFLICT"]
    assert [each["revision"] for each in await stored(admin, target)] == [1]
    stranger = await make_person(site, "stranger")
    theirs = await stranger.create_target("theirs")
    assert counts(await create(stranger, theirs, rows=[ROW], idempotencyKey="k1")) == (1, 0, 0, 0)


async def test_generic_data_keep_their_value(admin: Person) -> None:
    target = await admin.create_target("generic")
    value = {"mjd": 59000.5, "line": {"name": "Hα", "widths": [1.5, None]}, "flag": True}
    payload = await create(admin, target, dataType="radio", rows=[value, {"mjd": "soon"}, {"mjd": 9e9}])
    assert counts(payload) == (1, 0, 0, 2)
    assert [row["code"] for row in payload["rows"][:2]] == ["INVALID_TIME", "TIME_OUT_OF_RANGE"]
    (datum,) = await stored(admin, target)
    assert (datum["dataType"], datum["value"]) == ("radio", value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "either `rows` or `columns`"),
        ({"rows": []}, "no rows"),
        ({"rows": [1]}, "Row 1 is not an object"),
        ({"columns": {"mjd": [1, 2], "mag": [1]}}, "equal length: mjd has 2, mag has 1"),
        ({"columns": [1]}, "object of arrays"),
        ({"rows": [{"magnitude": 1}]}, "no time column"),
        ({"rows": [ROW], "dataType": "spectroscopy"}, "no wavelength column. Columns found: mjd, mag, magerr, filter"),
        ({"rows": [ROW], "dataType": "astrometry"}, "no ra column. Columns found: mjd, mag, magerr, filter"),
        ({"columns": {"mjd": [1], "x" * 201: [1]}}, "at most 200 characters"),
        ({"rows": [{"mjd": 1, "mag\x00": 1}]}, "no NUL"),
    ],
)
async def test_calls_that_make_no_sense_say_so(admin: Person, given: dict[str, Any], words: str) -> None:
    found = await admin.client.query('{target(name: "senseless") {id}}')
    target = (found["target"] or {}).get("id") or await admin.create_target("senseless")
    payload = await create(admin, target, **given)
    assert payload["errors"], payload
    assert words in payload["errors"][0]["message"]
    assert await stored(admin, target) == []


async def test_a_disabled_datum_stays_disabled(admin: Person, site: Site) -> None:
    target = await admin.create_target("disabled")
    await create(admin, target, rows=[ROW])
    await site.rt.writes.execute("update reduced_data set disabled = true where target_id = $1", int(target[1:]))
    assert counts(await create(admin, target, rows=[{**ROW, "mag": 19.0}])) == (0, 1, 0, 0)
    assert await stored(admin, target) == []
    assert await site.rt.reads.fetchval("select disabled from reduced_data where target_id = $1", int(target[1:]))


async def test_a_hundred_thousand_rows_in_one_call(admin: Person) -> None:
    target = await admin.create_target("many")
    columns = {"mjd": [50000 + n / 1000 for n in range(100_000)], "flux": [1.5] * 100_000, "fluxerr": 0.5}
    columns |= {"zp": 23.9, "filter": "ztfg"}
    assert counts(await create(admin, target, columns=columns)) == (100_000, 0, 0, 0)
    assert counts(await create(admin, target, columns=columns)) == (0, 0, 100_000, 0)
    columns = {name: [*values, 0] if isinstance(values, list) else values for name, values in columns.items()}
    refused = await create(admin, target, columns=columns)
    assert [error["code"] for error in refused["errors"]] == ["QUERY_TOO_COSTLY"]


@pytest.mark.parametrize(
    "row",
    [
        {**ROW, "telescope": "x" * 300},
        {**ROW, "filter": "y" * 60},
        {"mjd": 59000.5, "uJy": 1e-300, "duJy": 1e100, "filter": "ztfr"},
        {"mjd": 59000.5, "uJy": 1e300, "filter": "ztfr"},
        {**ROW, "mag": 1e308},
        {**ROW, "mjd": 1e300},
    ],
    ids=lambda row: str(row)[:60],
)
async def test_absurd_rows_are_rejected_and_break_no_list(admin: Person, row: dict[str, Any]) -> None:
    found = await admin.client.query('{target(name: "absurd") {id}}')
    target = (found["target"] or {}).get("id") or await admin.create_target("absurd")
    payload = await create(admin, target, rows=[{**ROW, "mjd": 59009.5}, {**ROW, "mjd": 59010.5}, row])
    assert (payload["rejected"], payload["errors"]) == (1, [])
    query = "query ($t: ID!) {target(id: $t) {lightCurve {count flux magnitude magnitudeError limit}}}"
    assert (await admin.client.query(query, t=target))["target"]["lightCurve"]["count"] == 2


@pytest.mark.parametrize("turned", ["\u202egnp", "g\x1b[2J", "r\u2066i", "g\u2028r", "g\nr"])
async def test_rows_with_texts_that_do_not_show_as_themselves_are_rejected(admin: Person, turned: str) -> None:
    target = await admin.create_target(f"turned {turned.encode().hex()}")
    changes: list[dict[str, Any]] = [{"filter": turned}, {"telescope": turned}, {"instrument": turned}, {}]
    rows = [{**ROW, "mjd": 59000.5 + number, **change} for number, change in enumerate(changes)]
    payload = await create(admin, target, rows=rows)
    assert counts(payload) == (1, 0, 0, 3)
    assert [(row["row"], row["code"], row["field"]) for row in payload["rows"][:3]] == [
        (1, "UNPRINTABLE_TEXT", "band"), (2, "UNPRINTABLE_TEXT", "telescope"), (3, "UNPRINTABLE_TEXT", "instrument")
    ]  # fmt: skip
    assert [each["mjd"] for each in await stored(admin, target)] == [59003.5]
    for name in ("sourceName", "sourceLocation", "dataType"):
        (error,) = (await create(admin, target, rows=[ROW], **{name: turned}))["errors"]
        assert (error["code"], error["path"]) == ("INVALID_INPUT", ["input", name])
    assert len(await stored(admin, target)) == 1


@pytest.mark.parametrize("given", [{"dataType": "x" * 101}, {"sourceName": "x" * 101}, {"sourceLocation": "x" * 201}])
async def test_texts_that_do_not_fit_are_named(admin: Person, given: dict[str, Any]) -> None:
    found = await admin.client.query('{target(name: "too long") {id}}')
    target = (found["target"] or {}).get("id") or await admin.create_target("too long")
    payload = await create(admin, target, rows=[ROW], **given)
    assert [error["code"] for error in payload["errors"]] == ["INVALID_INPUT"]
    assert next(iter(given)) in payload["errors"][0]["message"]


@pytest.mark.parametrize(
    "given",
    [
        {"rows": [{f"k{number}": 1} for number in range(2_000)]},
        {"columns": {"mjd": [1.0] * 1000, **{f"k{number}": 1 for number in range(200)}}},
        {"rows": [{"mjd": 1}] * 100_001},
        {"columns": {"mjd": [1.0] * 1000, "note": "x" * 100_000}},
        {
            "dataType": "spectroscopy",
            "columns": {"mjd": [1.0] * 50_001, "wavelength": [1.0] * 100, "flux": [[1.0]] * 50_001},
        },
    ],
    ids=["a name a row", "many columns", "many rows", "a text for all rows", "an axis for all spectra"],
)
async def test_calls_that_would_fill_the_memory_are_refused(admin: Person, given: dict[str, Any]) -> None:
    found = await admin.client.query('{target(name: "wide") {id}}')
    target = (found["target"] or {}).get("id") or await admin.create_target("wide")
    payload = await create(admin, target, **given)
    assert [error["code"] for error in payload["errors"]] == ["QUERY_TOO_COSTLY"]
