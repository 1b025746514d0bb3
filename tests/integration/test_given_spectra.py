"""createReducedData of spectra: rows and columns, units, what is refused and what is kept."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.test_reduced_data import counts, create
from tests.support.people import Person
from tests.support.site import Site

READ = """
query ($t: ID!) { reducedData(where: {target: $t}) { nodes { id mjd value telescope instrument sourceName revision
  ... on SpectroscopyDatum { wavelength flux fluxError fluxUnit medium exposureSeconds } } } }
"""
AXIS = [4000.0, 4001.5, 4003.0]
ROW: dict[str, Any] = {
    "mjd": 59000.25, "wavelength": AXIS, "flux": [1.0, None, -2], "fluxError": [0.5, 0, None],
    "fluxUnit": "erg/s/cm2/A", "medium": "air", "exposureSeconds": 600, "telescope": "NTT", "instrument": "EFOSC",
    "id": "sp1", "grism": "Gr13",
}  # fmt: skip
STORED: dict[str, Any] = {
    "mjd": 59000.25, "wavelength": AXIS, "flux": [1.0, None, -2.0], "fluxError": [0.5, None, None],
    "fluxUnit": "erg / (Angstrom s cm2)", "medium": "AIR", "exposureSeconds": 600.0, "telescope": "NTT",
    "instrument": "EFOSC", "sourceName": "test", "revision": 1,
    "value": {"mjd": 59000.25, "fluxUnit": "erg/s/cm2/A", "medium": "air", "exposureSeconds": 600, "telescope": "NTT",
              "instrument": "EFOSC", "id": "sp1", "grism": "Gr13"},
}  # fmt: skip


async def send(person: Person, target: str, **given: Any) -> dict[str, Any]:
    return await create(person, target, dataType="spectroscopy", **given)


async def stored(person: Person, target: str) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = (await person.client.query(READ, t=target))["reducedData"]["nodes"]
    return nodes


async def test_a_row_is_a_spectrum(admin: Person) -> None:
    target = await admin.create_target("spectrum")
    payload = await send(admin, target, rows=[ROW])
    assert (counts(payload), payload["errors"]) == ((1, 0, 0, 0), [])
    (datum,) = await stored(admin, target)
    assert datum.pop("id") == payload["ids"][0]
    assert datum == STORED
    assert counts(await send(admin, target, rows=[ROW])) == (0, 0, 1, 0)
    assert counts(await send(admin, target, rows=[{**ROW, "flux": [1, 2, 3]}])) == (0, 1, 0, 0)
    (datum,) = await stored(admin, target)
    assert (datum["flux"], datum["revision"]) == ([1.0, 2.0, 3.0], 2)


async def test_snake_case_says_the_same(admin: Person) -> None:
    target = await admin.create_target("snake")
    names = {"fluxError": "flux_error", "fluxUnit": "flux_unit", "exposureSeconds": "exposure_seconds"}
    row = {names.get(name, name): value for name, value in ROW.items()}
    assert counts(await send(admin, target, rows=[row])) == (1, 0, 0, 0)
    (datum,) = await stored(admin, target)
    assert {name: datum[name] for name in STORED if name != "value"} == {
        name: value for name, value in STORED.items() if name != "value"
    }


@pytest.mark.parametrize(
    "columns",
    [
        {**ROW, "mjd": 59000.25},
        {**ROW, "mjd": [59000.25]},
        {**ROW, "wavelength": [AXIS], "flux": [ROW["flux"]], "fluxError": [ROW["fluxError"]]},
        {**ROW, "flux": [ROW["flux"]], "fluxError": [ROW["fluxError"]]},
    ],
    ids=["one plain spectrum", "with its time as a list", "lists of arrays", "an axis for all"],
)
async def test_columns_say_the_same_as_a_row(admin: Person, columns: dict[str, Any], request: Any) -> None:
    target = await admin.create_target(f"columns {request.node.callspec.id}")
    payload = await send(admin, target, columns=columns)
    assert (counts(payload), payload["errors"]) == ((1, 0, 0, 0), [])
    (datum,) = await stored(admin, target)
    assert {**datum, "id": ""} == {**STORED, "id": ""}


async def test_columns_of_several_spectra_with_an_axis_for_all(admin: Person) -> None:
    target = await admin.create_target("several")
    columns = {"date": ["2020-01-01T12:00:00Z", "2020-01-02T12:00:00Z"], "wavelength": AXIS, "fluxUnit": "mJy",
               "flux": [[1, 2, 3], [4, 5, 6]], "fluxError": [None, [1, 1, 1]]}  # fmt: skip
    assert counts(await send(admin, target, columns=columns)) == (2, 0, 0, 0)
    first, second = await stored(admin, target)
    assert (first["mjd"], first["flux"], first["fluxError"]) == (58849.5, [1.0, 2.0, 3.0], None)
    assert (second["mjd"], second["flux"], second["fluxError"]) == (58850.5, [4.0, 5.0, 6.0], [1.0, 1.0, 1.0])
    assert first["wavelength"] == second["wavelength"] == AXIS
    assert (first["medium"], first["exposureSeconds"], first["fluxUnit"]) == ("UNKNOWN", None, "mJy")
    uneven = await send(admin, target, columns={"mjd": [1, 2], "wavelength": AXIS, "flux": [1, 2, 3]})
    assert "equal length: mjd has 2, wavelength has 1, flux has 1" in uneven["errors"][0]["message"]


@pytest.mark.parametrize(
    ("axis", "unit"),
    [([400.0, 400.15, 400.3], "nm"), ([0.4, 0.40015, 0.4003], "micron"), ([0.4, 0.40015, 0.4003], "um"),
     ([4.0e-7, 4.0015e-7, 4.003e-7], "m"), ([4003.0, 4001.5, 4000.0], "Angstrom")],
)  # fmt: skip
async def test_units_and_direction_of_the_axis(admin: Person, axis: list[float], unit: str) -> None:
    target = await admin.create_target(f"axis {unit}")
    fluxes = [3.0, 2.0, 1.0] if axis[0] > axis[-1] else [1.0, 2.0, 3.0]
    row = {"mjd": 59000.25, "wavelength": axis, "wavelengthUnit": unit, "flux": fluxes}
    assert counts(await send(admin, target, rows=[row])) == (1, 0, 0, 0)
    (datum,) = await stored(admin, target)
    assert datum["wavelength"] == pytest.approx(AXIS, rel=1e-12)
    assert (datum["flux"], datum["fluxUnit"]) == ([1.0, 2.0, 3.0], "unknown")


async def test_the_name_of_a_column_may_hold_its_unit(admin: Person) -> None:
    target = await admin.create_target("named unit")
    row = {"mjd": 59000.25, "wavelength (nm)": [400, 401], "flux [mJy]": [1, 2]}
    assert counts(await send(admin, target, rows=[row])) == (1, 0, 0, 0)
    (datum,) = await stored(admin, target)
    assert (datum["wavelength"], datum["fluxUnit"]) == ([4000.0, 4010.0], "mJy")


async def test_times_follow_the_rules_of_photometry(admin: Person) -> None:
    target = await admin.create_target("times")
    rows = [{"mjd_tai": 59000.25, "wavelength": AXIS, "flux": [1, 2, 3]}]
    assert counts(await send(admin, target, rows=rows)) == (1, 0, 0, 0)
    rows = [{"mjd_start": 59001.25, "exptime": 864.0, "wavelength": AXIS, "flux": [1, 2, 3]}]
    assert counts(await send(admin, target, rows=rows)) == (1, 0, 0, 0)
    assert [datum["mjd"] for datum in await stored(admin, target)] == [
        pytest.approx(59000.25 - 37 / 86400, abs=1e-9),
        pytest.approx(59001.255, abs=1e-9),
    ]
    truncated = await send(admin, target, rows=[{"jd": 59000.25, "wavelength": AXIS, "flux": [1, 2, 3]}])
    assert "look like JD minus 2400000" in truncated["errors"][0]["message"]


@pytest.mark.parametrize(
    ("changes", "code", "field", "words"),
    [
        ({"wavelength": [1, 2, 3]}, "WAVELENGTH_OUT_OF_RANGE", "wavelength", "1 to 3 Angstrom cannot be right"),
        ({"wavelength": [4000, 4000, 4003]}, "NOT_MONOTONIC", "wavelength", "4000 follows 4000"),
        ({"wavelength": [4000, None, 4003]}, "NOT_FINITE", "wavelength", "wavelength 2 is missing"),
        ({"wavelength": [4000, 4001]}, "UNEQUAL_LENGTHS", "flux", "flux has 3 samples, wavelength has 2"),
        ({"fluxError": [1, 1]}, "UNEQUAL_LENGTHS", "fluxError", "flux_error has 2 samples"),
        ({"wavelength": []}, "TOO_FEW_SAMPLES", "wavelength", "at least 2 samples"),
        ({"wavelength": "4000,4001,4002"}, "NOT_A_LIST", "wavelength", "no array of numbers"),
        ({"wavelength": None}, "NOT_A_LIST", "wavelength", "no array of numbers"),
        ({"flux": [1, "2", 3]}, "UNREADABLE_NUMBER", "flux", "sample 2 is '2'"),
        ({"flux": [1, True, 3]}, "UNREADABLE_NUMBER", "flux", "sample 2 is 'True'"),
        ({"flux": [1, [2], 3]}, "UNREADABLE_NUMBER", "flux", "sample 2 is '[2]'"),
        ({"flux": [None, 0, None]}, "NO_MEASUREMENT", "flux", "missing or 0 everywhere"),
        ({"fluxError": [1, -1, 1]}, "INVALID_ERROR", "fluxError", "flux error 2 is -1"),
        ({"wavelengthUnit": "GHz"}, "INVALID_UNIT", "wavelengthUnit", "a unit of frequency"),
        ({"fluxUnit": "furlongs per fortnight"}, "INVALID_UNIT", "fluxUnit", "no unit of flux"),
        ({"fluxUnit": "10**1000000000 erg"}, "INVALID_UNIT", "fluxUnit", "no unit of flux"),
        ({"medium": "water"}, "INVALID_MEDIUM", "medium", "AIR, VACUUM, UNKNOWN"),
        ({"exposureSeconds": -5}, "INVALID_EXPOSURE", "exposureSeconds", "-5.0 s"),
        ({"exposureSeconds": "long"}, "UNREADABLE_NUMBER", "exposureSeconds", '"long" is not a number'),
        ({"mjd": "soon"}, "UNREADABLE_TIME", "mjd", 'cannot read the time "soon"'),
        ({"mjd": None}, "MISSING_TIME", "mjd", "no time"),
        ({"mjd": 99000}, "TIME_OUT_OF_RANGE", "mjd", "is year 2129"),
        ({"telescope": "x" * 256}, "TEXT_TOO_LONG", "telescope", "256 characters; at most 255 fit"),
        ({"id": "x" * 201}, "TEXT_TOO_LONG", "external_id", "201 characters; at most 200 fit"),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
async def test_what_is_wrong_rejects_its_row_alone(
    admin: Person, site: Site, changes: dict[str, Any], code: str, field: str, words: str, request: Any
) -> None:
    target = await admin.create_target(f"wrong {request.node.callspec.indices}")
    good = [{**ROW, "mjd": 59001.25, "id": "a"}, {**ROW, "mjd": 59002.25, "id": "b"}]
    payload = await send(admin, target, rows=[good[0], {**ROW, "wavelengthUnit": None, **changes}, good[1]])
    assert (counts(payload), payload["errors"]) == ((2, 0, 0, 1), [])
    report = payload["rows"][0]
    assert (report["row"], report["outcome"], report["code"], report["field"]) == (2, "REJECTED", code, field)
    assert words in report["message"]
    assert [row["row"] for row in payload["rows"][1:]] == [1, 3]
    assert [datum["mjd"] for datum in await stored(admin, target)] == [59001.25, 59002.25]
    refused = await send(admin, target, rows=[{**good[0], "id": "c"}, {**ROW, **changes}], allOrNothing=True)
    assert (refused["created"], refused["rejected"]) == (0, 1)
    assert len(await stored(admin, target)) == 2


async def test_spectra_of_one_time_are_kept_apart(admin: Person) -> None:
    target = await admin.create_target("arms")
    blue = {"mjd": 59000.25, "instrument": "X-shooter", "wavelength": AXIS, "flux": [1, 2, 3]}
    red = {**blue, "wavelength": [9000, 9001, 9002]}
    assert counts(await send(admin, target, rows=[blue, red, blue])) == (2, 0, 1, 0)  # every row is counted
    assert counts(await send(admin, target, rows=[blue, red])) == (0, 0, 2, 0)
    assert [datum["wavelength"][0] for datum in await stored(admin, target)] == [4000.0, 9000.0]


async def test_a_dry_run_and_a_key(admin: Person) -> None:
    target = await admin.create_target("dry spectrum")
    assert counts(await send(admin, target, rows=[ROW], dryRun=True)) == (1, 0, 0, 0)
    assert await stored(admin, target) == []
    first = await send(admin, target, rows=[ROW], idempotencyKey="spectrum")
    assert await send(admin, target, rows=[ROW], idempotencyKey="spectrum") == first
    other = await send(admin, target, rows=[{**ROW, "flux": [1, 2, 3]}], idempotencyKey="spectrum")
    assert [error["code"] for error in other["errors"]] == ["CONFLICT"]


async def test_too_many_units_are_refused(admin: Person) -> None:
    target = await admin.create_target("units")
    rows = [{**ROW, "mjd": 59000 + n, "id": str(n), "fluxUnit": f"{n + 1} Jy"} for n in range(60)]
    payload = await send(admin, target, rows=rows)
    assert [error["code"] for error in payload["errors"]] == ["QUERY_TOO_COSTLY"]
    assert await stored(admin, target) == []


async def test_many_values_in_one_call(admin: Person, site: Site) -> None:
    target = await admin.create_target("large")
    size = 1_250
    axis, fluxes = [4000 + n for n in range(size)], [n % 7 for n in range(size)]
    columns = {"mjd": [50_000 + n for n in range(400)], "wavelength": axis, "flux": [fluxes] * 400}
    assert counts(await send(admin, target, columns=columns)) == (400, 0, 0, 0)
    total = "select sum(cardinality(flux_values)) from reduced_data where target_id = $1"
    assert await site.rt.reads.fetchval(total, int(target[1:])) == 500_000
    wide = {"mjd": [50_000.0] * 2_001, "wavelength": [*axis, *axis], "flux": [[1]] * 2_001}
    refused = await send(admin, target, columns=wide)
    assert [error["code"] for error in refused["errors"]] == ["QUERY_TOO_COSTLY"]
    assert "5000000 values in arrays, not 5004501" in refused["errors"][0]["message"]
