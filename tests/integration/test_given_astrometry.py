"""createReducedData of positions: spellings, units of errors, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.test_reduced_data import counts, create
from tests.support.people import Person

READ = """
query ($t: ID!) { reducedData(where: {target: $t}) { nodes { mjd value telescope revision
  ... on AstrometryDatum { raDeg decDeg raErrorArcsec decErrorArcsec observatoryCode } } } }
"""
ROW: dict[str, Any] = {"mjd": 59000.25, "ra": 155.127083, "dec": -5.5, "raError": 0.1, "decError": 0.2,
                       "observatoryCode": "F51", "mag": 19.5}  # fmt: skip


async def send(person: Person, target: str, **given: Any) -> dict[str, Any]:
    return await create(person, target, dataType="astrometry", **given)


async def stored(person: Person, target: str) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = (await person.client.query(READ, t=target))["reducedData"]["nodes"]
    return nodes


async def test_a_row_is_a_position(admin: Person) -> None:
    target = await admin.create_target("position")
    assert counts(await send(admin, target, rows=[ROW])) == (1, 0, 0, 0)
    assert await stored(admin, target) == [
        {"mjd": 59000.25, "value": ROW, "telescope": None, "revision": 1, "raDeg": 155.127083, "decDeg": -5.5,
         "raErrorArcsec": 0.1, "decErrorArcsec": 0.2, "observatoryCode": "F51"}
    ]  # fmt: skip
    assert counts(await send(admin, target, rows=[ROW])) == (0, 0, 1, 0)
    assert counts(await send(admin, target, rows=[{**ROW, "ra": 155.2}])) == (0, 1, 0, 0)
    assert [datum["raDeg"] for datum in await stored(admin, target)] == [155.2]


@pytest.mark.parametrize(
    ("names", "values"),
    [
        ({}, {"ra": "10:20:30.5", "dec": "-05:30:00"}),
        ({"ra": "raDeg", "dec": "decDeg"}, {}),
        ({"raError": "ra_error", "decError": "dec_error", "observatoryCode": "obs_code"}, {}),
        ({"raError": "raErrorMas", "decError": "decErr (mas)"}, {"raError": 100, "decError": 200}),
        ({"raError": "raErrorArcsec", "decError": "e_dec"}, {}),
    ],
    ids=["sexagesimal", "degrees", "snake", "mas", "others"],
)
async def test_spellings(admin: Person, names: dict[str, str], values: dict[str, Any], request: Any) -> None:
    target = await admin.create_target(f"spelt {request.node.callspec.id}")
    columns = {names.get(name, name): value for name, value in {**ROW, **values}.items()}
    assert counts(await send(admin, target, columns=columns)) == (1, 0, 0, 0)
    (datum,) = await stored(admin, target)
    assert datum["raDeg"] == pytest.approx(155.127083, abs=1e-6)
    assert (datum["decDeg"], datum["observatoryCode"]) == (-5.5, "F51")
    assert (datum["raErrorArcsec"], datum["decErrorArcsec"]) == (pytest.approx(0.1), pytest.approx(0.2))


async def test_errors_of_zero_are_none_and_times_follow_the_rules(admin: Person) -> None:
    target = await admin.create_target("no errors")
    columns = {"date": ["2020-01-01T12:00:00+02:00", "2020-01-02"], "ra": [1, 2], "dec": [3, 4], "raError": 0}
    assert counts(await send(admin, target, columns=columns)) == (2, 0, 0, 0)
    nodes = await stored(admin, target)
    assert [(each["mjd"], each["raErrorArcsec"], each["decErrorArcsec"]) for each in nodes] == [
        (pytest.approx(58849 + 10 / 24, abs=1e-9), None, None),
        (58850.0, None, None),
    ]


@pytest.mark.parametrize(
    ("changes", "code", "field", "words"),
    [
        ({"ra": 360}, "INVALID_COORDINATES", "ra", "outside 0 to 360"),
        ({"ra": -0.1}, "INVALID_COORDINATES", "ra", "outside 0 to 360"),
        ({"dec": "+90:00:01"}, "INVALID_COORDINATES", "dec", "outside -90 to +90"),
        ({"ra": "10:61:00"}, "INVALID_COORDINATES", "ra", "below 60"),
        ({"ra": "north"}, "INVALID_COORDINATES", "ra", 'Cannot read right ascension "north"'),
        ({"ra": "x" * 10_000}, "INVALID_COORDINATES", "ra", "Cannot read"),
        ({"ra": None}, "INVALID_COORDINATES", "ra", "no position"),
        ({"dec": " "}, "INVALID_COORDINATES", "dec", "no position"),
        ({"dec": True}, "INVALID_COORDINATES", "dec", "decimal degrees"),
        ({"dec": [1]}, "INVALID_COORDINATES", "dec", "decimal degrees"),
        ({"dec": 1e300}, "INVALID_COORDINATES", "dec", "outside -90 to +90"),
        ({"raError": -0.1}, "INVALID_ERROR", "raError", '"-0.1" is no error of a position'),
        ({"decError": "small"}, "INVALID_ERROR", "decError", '"small"'),
        ({"decError": "<0.1"}, "INVALID_ERROR", "decError", '"<0.1"'),
        ({"decError": 1e9}, "INVALID_ERROR", "decError", "is no error"),
        ({"observatoryCode": "x" * 11}, "TEXT_TOO_LONG", "observatory_code", "11 characters; at most 10 fit"),
        ({"mjd": "soon"}, "UNREADABLE_TIME", "mjd", 'cannot read the time "soon"'),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_is_wrong_rejects_its_row_alone(
    admin: Person, changes: dict[str, Any], code: str, field: str, words: str, request: Any
) -> None:
    target = await admin.create_target(f"wrong {request.node.callspec.indices}")
    rows = [{**ROW, "mjd": 59001.25}, {**ROW, **changes}, {**ROW, "mjd": 59002.25}]
    payload = await send(admin, target, rows=rows)
    assert (counts(payload), payload["errors"]) == ((2, 0, 0, 1), [])
    report = payload["rows"][0]
    assert (report["row"], report["outcome"], report["code"], report["field"]) == (2, "REJECTED", code, field)
    assert words in report["message"]
    assert len(report["message"]) < 400
    assert [datum["mjd"] for datum in await stored(admin, target)] == [59001.25, 59002.25]


async def test_errors_in_another_unit_refuse_the_call(admin: Person) -> None:
    target = await admin.create_target("radians")
    payload = await send(admin, target, rows=[{"mjd": 59000.25, "ra": 1, "dec": 2, "raError (rad)": 0.1}])
    assert [error["code"] for error in payload["errors"]] == ["INVALID_UNIT"]
    assert "write arcsec, mas or deg" in payload["errors"][0]["message"]
    assert await stored(admin, target) == []


async def test_a_hundred_thousand_positions_in_one_call(admin: Person) -> None:
    target = await admin.create_target("many positions")
    columns = {"mjd": [50000 + n / 1000 for n in range(100_000)], "ra": 10.5, "dec": "-05:30:00", "obsCode": "F51"}
    assert counts(await send(admin, target, columns=columns)) == (100_000, 0, 0, 0)
