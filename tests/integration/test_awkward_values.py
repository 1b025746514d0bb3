"""Values that JSON or PostgreSQL cannot hold: refused row by row, or cleaned, and never stored as something else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.test_given_rows import counts, create, stored
from tests.support.people import Person

LITERAL = """mutation { createReducedData(input: {target: "%s", dataType: "%s", rows: [%s], idempotencyKey: %s}) {
  created revised unchanged rejected rows { row code message field } errors { code message path } } }"""
GOOD = '{mjd: 58000.5, mag: 18, filter: "V", v: 1}'
ROW = {"mjd": 58000.5, "mag": 18, "filter": "V"}


async def literal(person: Person, target: str, kind: str, *rows: str, key: str = "null") -> dict[str, Any]:
    """Rows written into the document: there a number may be beyond every double."""
    payload: dict[str, Any] = (await person.client.query(LITERAL % (target, kind, ", ".join(rows), key)))[
        "createReducedData"
    ]
    return payload


@pytest.mark.parametrize("kind", ["photometry", "astrometry", "spectroscopy", "weather"])
@pytest.mark.parametrize(
    ("value", "field"),
    [("x: 1e400", "x"), ("x: -1e400", "x"), ("x: [1, {y: [1e400]}]", "x"), ("mjd: 1e400", "mjd")],
)
async def test_infinities_reject_their_row_alone(kind: str, value: str, field: str, admin: Person) -> None:
    target = await admin.create_target(f"infinite {kind} {value.replace('-', 'minus')}")
    given = 'mag: 18, filter: "V", ra: 10, dec: 2'
    if kind == "spectroscopy":
        given = "wavelength: [4000, 4001], flux: [1, 2]"
    mjd = "" if field == "mjd" else "mjd: 58000.1, "
    rows = (f"{{{mjd}{given}, {value}}}", f"{{mjd: 58000.5, {given}, x: 1}}")
    payload = await literal(admin, target, kind, *rows)
    assert (counts(payload), payload["errors"]) == ((1, 0, 0, 1), [])
    (row,) = [each for each in payload["rows"] if each["code"]]
    assert (row["row"], row["code"], row["field"]) == (1, "NOT_FINITE", field)
    assert row["message"] == f"row 1, column {field} holds a number beyond every double, or none; leave it out"
    assert [each["value"]["x"] for each in await stored(admin, target)] == [1]


async def test_a_call_of_infinities_alone(admin: Person) -> None:
    target = await admin.create_target("all infinite")
    row = '{mjd: "2017-01-01T12:00:00", mag: "18", filter: "V", x: 1e400}'
    payload = await literal(admin, target, "photometry", row)
    assert (counts(payload), payload["errors"], await stored(admin, target)) == ((0, 0, 0, 1), [], [])
    payload = await literal(admin, target, "photometry", "{mjd: 58000.5, mag: 1e400}", GOOD, key='"k"')
    assert (counts(payload), [row["code"] for row in payload["rows"]]) == ((1, 0, 0, 1), ["NOT_FINITE", None])
    again = await literal(admin, target, "photometry", "{mjd: 58000.5, mag: 1e400}", GOOD, key='"k"')
    assert again == payload
    other = await literal(admin, target, "photometry", "{mjd: 58000.5, mag: null}", GOOD, key='"k"')
    assert [error["code"] for error in other["errors"]] == ["CONFLICT"], "null is another call"


async def test_an_infinity_for_all_rows_rejects_all(admin: Person) -> None:
    target = await admin.create_target("infinite column")
    document = """mutation { createReducedData(input: {target: "%s", dataType: "photometry", columns: {
      mjd: [58000.5, 58001.5], mag: 18, filter: "V", x: 1e400}}) { created rejected errors { code } } }"""
    found = await admin.client.query(document % target)
    assert found["createReducedData"] == {"created": 0, "rejected": 2, "errors": []}
    assert await stored(admin, target) == []


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("given", [{}, {"idempotencyKey": "deep"}], ids=["plain", "keyed"])
async def test_endless_nesting_rejects_its_row_alone(given: dict[str, Any], admin: Person) -> None:
    target = await admin.create_target(f"nested {given}")
    rows = [{**ROW, "x": nested(300)}, {**ROW, "mjd": 58001.5, "x": nested(200)}]
    payload = await create(admin, target, rows=rows, **given)
    assert (counts(payload), payload["errors"]) == ((1, 0, 0, 1), [])
    assert [(row["row"], row["code"], row["message"]) for row in payload["rows"] if row["code"]] == [
        (1, "NESTED_TOO_DEEP", "row 1, column x is nested deeper than 200 levels")
    ]
    assert [each["value"]["x"] for each in await stored(admin, target)] == [nested(200)]


@pytest.mark.parametrize("kind", ["photometry", "weather"])
async def test_nested_texts_are_cleaned_as_others_are(kind: str, admin: Person) -> None:
    target = await admin.create_target(f"cleaned {kind}")
    awkward = {"a\x00": ["b\x00c", {"d": None}, "\\u0000"], "e": True}
    rows = [{**ROW, "x": awkward, "y": "f\x00"}, {**ROW, "mjd": 58001.5}]
    payload = await create(admin, target, dataType=kind, rows=rows, idempotencyKey=f"awkward {kind}")
    assert (counts(payload), payload["errors"]) == ((2, 0, 0, 0), [])
    cleaned = {"a": ["bc", {"d": None}, "\\u0000"], "e": True}
    assert (await stored(admin, target))[0]["value"] == {**ROW, "x": cleaned, "y": "f"}


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ('createTarget(input: {name: "i", raDeg: 1, decDeg: 1, extras: {a: [1e400]}})', ["input", "extras"]),
        ('updateTarget(input: {id: "%s", extras: {a: 1e400}})', ["input", "extras"]),
        ('createReducedData(input: {target: "%s", dataType: "photometry", rows: [], options: {limit_nsigma: 1e400}})',
         ["input", "options"]),
        ('createObservation(input: {target: "%s", facility: "f", observationId: "o", parameters: {a: -1e400}})',
         ["input", "parameters"]),
    ],
)  # fmt: skip
async def test_infinities_in_other_values_are_refused(document: str, path: list[str], admin: Person) -> None:
    found = await admin.client.query('{target(name: "infinite extras") {id}}')
    target = (found["target"] or {}).get("id") or await admin.create_target("infinite extras", extras={"a": 1})
    asked = document.replace("%s", target)
    answer = await admin.client.query(f"mutation {{ {asked} {{ errors {{ code path message }} }} }}")
    (payload,) = answer.values()
    assert [(error["code"], error["path"]) for error in payload["errors"]] == [("INVALID_INPUT", path)]
    assert "beyond every double" in payload["errors"][0]["message"]
    kept = await admin.client.query('{ target(name: "infinite extras") { extras } i: target(name: "i") { id } }')
    assert kept == {"target": {"extras": {"a": 1}}, "i": None}


async def test_a_filter_by_infinity_is_refused(admin: Person) -> None:
    answer = await admin.client.ask("{ targets(where: {extras: {a: 1e400}}) { totalCount } }")
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["INVALID_INPUT"]
