"""TOM Toolkit shares reduced data with us, in the spellings of both releases."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.people import Person
from tests.support.toolkit import Sender, datum_body

READ = """query ($name: String!) { target(name: $name) { reducedData(first: 100) { nodes {
  dataType timestamp sourceName sourceLocation telescope instrument value revision
  ... on PhotometryDatum { band magnitude(system: AS_REPORTED) magnitudeError limit(system: AS_REPORTED) fluxUjy: flux }
  ... on SpectroscopyDatum { wavelength flux fluxError fluxUnit }
  ... on AstrometryDatum { raDeg decDeg raErrorArcsec decErrorArcsec }
} } } }"""

POINT_2 = {"time": 60083.2, "magnitude": 14.81, "error": 0.02, "filter": "r"}
LIMIT_2 = {"time": 60083.2, "filter": "r", "limit": 19.5}
POINT_3 = {"brightness": 14.81, "brightness_error": 0.02, "bandpass": "r", "unit": "", "telescope": "",
           "instrument": ""}  # fmt: skip
LIMIT_3 = {**POINT_3, "brightness": None, "brightness_error": None, "limit": 19.5}
SPECTRUM_2 = {"flux": [1.0, 2.5], "flux_units": "erg / (Angstrom s cm2)", "wavelength": [4000.0, 4001.0],
              "wavelength_units": "Angstrom"}  # fmt: skip
SPECTRUM_3 = {"flux": [1.0, 2.5], "wavelength": [400.0, 400.1], "error": [0.1, 0.2], "flux_unit": "mJy",
              "wavelength_unit": "nm", "telescope": "FTN", "instrument": "FLOYDS"}  # fmt: skip
OLD_SPECTRUM = {"0": {"flux": 1.0, "wavelength": 4000.0}, "1": {"flux": 2.5, "wavelength": 4001.0}}
POSITION_3 = {"ra": 11.0001, "dec": 12.0002, "ra_error": 50.0, "dec_error": 60.0, "ra_error_units": "mas",
              "dec_error_units": "mas", "telescope": "", "instrument": ""}  # fmt: skip


async def stored(person: Person, name: str) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = (await person.client.query(READ, name=name))["target"]["reducedData"]["nodes"]
    return nodes


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("point of 2.x", POINT_2, {"band": "r", "magnitude": 14.81, "limit": None}),
        ("limit of 2.x", LIMIT_2, {"band": "r", "magnitude": None, "limit": 19.5}),
        ("point of 3.x", POINT_3, {"band": "r", "magnitude": 14.81, "limit": None}),
        ("limit of 3.x", LIMIT_3, {"band": "r", "magnitude": None, "limit": 19.5}),
        ("point at 0", {**POINT_3, "brightness": 0.0}, {"band": "r", "magnitude": 0.0, "limit": None}),
    ],
)
async def test_photometry_of_either_release(
    sender: Sender, person: Person, name: str, value: dict[str, Any], expected: dict[str, Any]
) -> None:
    key = await sender.share_target(name)
    body = datum_body(key, value)
    response = await sender.post("api/reduceddatums/", body)
    assert (response.status_code, response.json()) == (201, {**body, "message": "Data successfully uploaded."})
    again = await sender.post("api/reduceddatums/", body)
    assert (again.status_code, again.json()["already_exists"]) == (200, True)
    (datum,) = await stored(person, name)
    assert {field: datum[field] for field in expected} == expected
    assert datum["timestamp"] == "2023-05-19T04:48:00.000Z"
    assert (datum["sourceName"], datum["sourceLocation"]) == (body["source_name"], body["source_location"])
    assert datum["value"] == {**value, "timestamp": "2023-05-19T04:48:00Z"}
    assert datum["revision"] == 1
    listed = await sender.get(f"api/reduceddatums/?target__id={key}")
    assert listed["count"] == 1
    assert (listed["results"][0]["value"], listed["results"][0]["target"]) == (value, key)


async def test_the_spellings_of_both_releases_are_one_datum(sender: Sender, person: Person) -> None:
    key = await sender.share_target("One of two")
    answers = [await sender.post("api/reduceddatums/", datum_body(key, value)) for value in (POINT_2, POINT_3)]
    assert [each.status_code for each in answers] == [201, 201]
    (datum,) = await stored(person, "One of two")
    assert (datum["magnitude"], datum["revision"]) == (14.81, 2)  # what is kept as reported says it otherwise


async def test_another_brightness_is_a_revision(sender: Sender, person: Person) -> None:
    key = await sender.share_target("Revised")
    for magnitude in (14.81, 14.91):
        response = await sender.post("api/reduceddatums/", datum_body(key, {**POINT_2, "magnitude": magnitude}))
        assert response.status_code == 201
    (datum,) = await stored(person, "Revised")
    assert (datum["magnitude"], datum["revision"]) == (14.91, 2)


async def test_units_say_what_a_brightness_is(sender: Sender, person: Person) -> None:
    key = await sender.share_target("Units")
    for second, unit in ((1, "mJy"), (2, "AB mag"), (3, "Vega mag")):
        body = datum_body(key, {**POINT_3, "unit": unit}, timestamp=f"2023-05-19T04:48:0{second}Z")
        assert (await sender.post("api/reduceddatums/", body)).status_code == 201
    flux, ab, vega = await stored(person, "Units")
    assert flux["fluxUjy"] == pytest.approx(14810.0) and flux["magnitude"] is None
    assert ab["fluxUjy"] == pytest.approx(10 ** (0.4 * (23.9 - 14.81))) and ab["magnitude"] == 14.81
    assert vega["magnitude"] == 14.81 and vega["fluxUjy"] != ab["fluxUjy"]
    refused = await sender.post("api/reduceddatums/", datum_body(key, {**POINT_3, "unit": "10**1000000000 erg"}))
    assert (refused.status_code, list(refused.json())) == (400, ["value"])
    assert len(await stored(person, "Units")) == 3


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("spectrum of 2.x", SPECTRUM_2, ([4000.0, 4001.0], [1.0, 2.5], None, "erg / (Angstrom s cm2)")),
        ("spectrum of 3.x", SPECTRUM_3, ([4000.0, 4001.0], [1.0, 2.5], [0.1, 0.2], "mJy")),
        ("old spectrum", OLD_SPECTRUM, ([4000.0, 4001.0], [1.0, 2.5], None, "unknown")),
        ("no errors", {**SPECTRUM_2, "error": []}, ([4000.0, 4001.0], [1.0, 2.5], None, "erg / (Angstrom s cm2)")),
    ],
)
async def test_spectra_of_either_release(
    sender: Sender, person: Person, name: str, value: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    key = await sender.share_target(name)
    body = datum_body(key, value, data_type="spectroscopy")
    assert [(await sender.post("api/reduceddatums/", body)).status_code for _ in range(2)] == [201, 200]
    (datum,) = await stored(person, name)
    assert datum["wavelength"] == pytest.approx(expected[0])
    assert (datum["flux"], datum["fluxError"], datum["fluxUnit"]) == expected[1:]
    (listed,) = (await sender.get(f"api/reduceddatums/?target={key}&data_type=spectroscopy"))["results"]
    assert listed["value"]["flux"] == expected[1] and listed["value"]["wavelength_units"] == "Angstrom"


async def test_positions(sender: Sender, person: Person) -> None:
    key = await sender.share_target("Positions")
    body = datum_body(key, POSITION_3, data_type="astrometry")
    assert [(await sender.post("api/reduceddatums/", body)).status_code for _ in range(2)] == [201, 200]
    (datum,) = await stored(person, "Positions")
    assert (datum["raDeg"], datum["decDeg"]) == (11.0001, 12.0002)
    assert (datum["raErrorArcsec"], datum["decErrorArcsec"]) == (0.05, 0.06)
    (listed,) = (await sender.get(f"api/reduceddatums/?target={key}"))["results"]
    assert listed["value"] == {"ra": 11.0001, "dec": 12.0002, "ra_error": 0.05, "dec_error": 0.06,
                               "ra_error_units": "arcsec", "dec_error_units": "arcsec"}  # fmt: skip


@pytest.mark.parametrize(
    "value", [{"seeing": 1.2, "nested": {"a": [1, None]}}, {"mjd": 3, "value": 1}, [1, 2], "text", 7]
)
async def test_other_data_are_kept_as_they_are(sender: Sender, value: Any) -> None:
    key = await sender.share_target(f"Others {value}"[:90], aliases=[])
    body = datum_body(key, value, data_type="weather", data_product=12)
    assert [(await sender.post("api/reduceddatums/", body)).status_code for _ in range(2)] == [201, 200]
    (listed,) = (await sender.get(f"api/reduceddatums/?target={key}"))["results"]
    assert (listed["value"], listed["data_type"], listed["data_product"]) == (value, "weather", None)
    assert listed["timestamp"] == "2023-05-19T04:48:00Z"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"target": None}, "target"),
        ({"target": "x"}, "target"),
        ({"target": True}, "target"),
        ({"target": 2**63}, "target"),
        ({"data_type": ""}, "data_type"),
        ({"data_type": "Photometry"}, "data_type"),
        ({"data_type": "x" * 101}, "data_type"),
        ({"timestamp": None}, "timestamp"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"timestamp": "1700-01-01T00:00:00Z"}, "value"),
        ({"timestamp": 60000}, "timestamp"),
        ({"source_name": "x" * 101}, "source_name"),
        ({"source_location": "a\x00"}, "source_location"),
        ({"value": None}, "value"),
        ({"value": []}, "value"),
        ({"value": {}}, "value"),
        ({"value": {**POINT_2, "magnitude": "bright"}}, "value"),
        ({"value": {**POINT_3, "bandpass": ""}}, "value"),
        ({"value": {**POINT_3, "brightness": None}}, "value"),
        ({"value": {**POINT_3, "brightness": [1]}}, "value"),
        ({"value": {**POINT_3, "unit": ["mag"]}}, "value"),
        ({"value": SPECTRUM_2, "data_type": "spectroscopy", "timestamp": ""}, "timestamp"),
        ({"value": {**SPECTRUM_2, "flux": [1.0]}, "data_type": "spectroscopy"}, "value"),
        ({"value": {**SPECTRUM_2, "flux": "1,2"}, "data_type": "spectroscopy"}, "value"),
        ({"value": {**SPECTRUM_2, "wavelength_units": "s"}, "data_type": "spectroscopy"}, "value"),
        ({"value": {**POSITION_3, "dec": 91}, "data_type": "astrometry"}, "value"),
        ({"value": {**POSITION_3, "ra_error_units": "furlong"}, "data_type": "astrometry"}, "value"),
        ({"value": {f"c{number}": 1 for number in range(101)}, "data_type": "weather"}, "value"),
    ],
)
async def test_what_is_wrong_is_said_by_field(sender: Sender, given: dict[str, Any], field: str) -> None:
    keys = await sender.find("Wrong data")
    key = keys[0] if keys else await sender.share_target("Wrong data")
    response = await sender.post("api/reduceddatums/", datum_body(key, POINT_2) | given)
    assert (response.status_code, list(response.json())) == (400, [field]), response.text
    assert (await sender.get(f"api/reduceddatums/?target={key}"))["count"] == 0


async def test_a_deep_value_spoils_no_list(sender: Sender) -> None:
    key = await sender.share_target("Deep value")
    deep: Any = 1
    for _ in range(198):
        deep = [deep]
    response = await sender.post("api/reduceddatums/", datum_body(key, {"deep": deep}, data_type="weather"))
    assert response.status_code == 201
    (listed,) = (await sender.get(f"api/reduceddatums/?target={key}"))["results"]
    assert (listed["value"], listed["timestamp"]) == ({"deep": deep}, "2023-05-19T04:48:00Z")
    deeper = await sender.post("api/reduceddatums/", datum_body(key, {"deep": [[[[deep]]]]}, data_type="weather"))
    assert (deeper.status_code, list(deeper.json())) == (400, ["value"])


async def test_a_point_without_a_measurement_is_told_why(sender: Sender) -> None:
    key = await sender.share_target("Lost limit")
    body = datum_body(key, {**POINT_3, "brightness": None, "brightness_error": None})
    response = await sender.post("api/reduceddatums/", body)
    assert response.status_code == 400
    assert response.json()["value"][0].startswith("There is neither a brightness nor a limit.")


@pytest.mark.parametrize("permissions", ["PRIVATE", "PUBLIC"])
async def test_who_may_not_change_a_target_adds_nothing(sender: Sender, stranger: Person, permissions: str) -> None:
    name = f"Of others {permissions}"
    key = await sender.share_target(name, permissions=permissions)
    response = await Sender.as_person(stranger).post("api/reduceddatums/", datum_body(key, POINT_2))
    gone = await Sender.as_person(stranger).post("api/reduceddatums/", datum_body(999_999, POINT_2))
    for each, number in ((response, key), (gone, 999_999)):
        assert each.status_code == 400
        assert each.json() == {"target": [f'Invalid pk "{number}" - object does not exist.']}
    assert (await sender.get(f"api/reduceddatums/?target={key}"))["count"] == 0


async def test_what_may_not_be_seen_is_in_no_list(sender: Sender, stranger: Person) -> None:
    key = await sender.share_target("Unseen data")
    assert (await sender.post("api/reduceddatums/", datum_body(key, POINT_2))).status_code == 201
    other = Sender.as_person(stranger)
    for query in (f"target={key}", "target_name=Unseen", "source_name=Sender&data_type=photometry&target_name=Unseen"):
        assert (await sender.get(f"api/reduceddatums/?{query}"))["count"] == 1
        assert await other.get(f"api/reduceddatums/?{query}") == {
            "count": 0, "next": None, "previous": None, "results": []
        }  # fmt: skip


async def test_a_product_is_named_with_the_right_to_it_alone(sender: Sender, stranger: Person) -> None:
    key = await sender.share_target("With product", permissions="PUBLIC")
    other = await Sender.as_person(stranger).share_target("Of a stranger")
    parts = {"target": (None, str(key)), "data_product_type": (None, "image_file"), "file": ("a/b.png", b"x")}
    product = (await sender.send("POST", "api/dataproducts/", files=parts)).json()["id"]
    body = datum_body(key, POINT_2, data_product=product)
    assert (await sender.post("api/reduceddatums/", body)).status_code == 201
    (listed,) = (await sender.get(f"api/reduceddatums/?data_product__id={product}"))["results"]
    assert listed["data_product"] == product
    for poster, target, named in ((sender, key, 999_999), (Sender.as_person(stranger), other, product)):
        refused = await poster.post("api/reduceddatums/", datum_body(target, POINT_2, data_product=named))
        expected = {"data_product": [f'Invalid pk "{named}" - object does not exist.']}
        assert (refused.status_code, refused.json()) == (400, expected)


async def test_data_come_newest_first_in_pages(sender: Sender) -> None:
    key = await sender.share_target("Many data")
    for second in range(3):
        body = datum_body(key, POINT_2, timestamp=f"2023-05-19T04:48:0{second}Z")
        assert (await sender.post("api/reduceddatums/", body)).status_code == 201
    first = await sender.get(f"api/reduceddatums/?target={key}&limit=2")
    assert [row["timestamp"][-3:] for row in first["results"]] == ["02Z", "01Z"]
    assert first["count"] == 3
    last = await sender.get(first["next"].removeprefix(f"{sender.url}/"))
    assert [row["timestamp"][-3:] for row in last["results"]] == ["00Z"]


async def test_data_of_other_roads_are_listed_in_the_spelling_of_2(sender: Sender, person: Person) -> None:
    key = await sender.share_target("Otherwise")
    mutation = """mutation ($input: CreateReducedDataInput!) {
      createReducedData(input: $input) { created errors { message } } }"""
    rows = [{"mjd": 60000.5, "flux_ujy": 100.0, "fluxerr": 2.0, "band": "r"},
            {"mjd": 60001.5, "flux_ujy": 1.0, "fluxerr": 2.0, "band": "r"}]  # fmt: skip
    given = {"target": f"t{key}", "dataType": "photometry", "sourceName": "ours", "rows": rows}
    assert (await person.client.query(mutation, input=given))["createReducedData"] == {"created": 2, "errors": []}
    limit, point = [row["value"] for row in (await sender.get(f"api/reduceddatums/?target={key}"))["results"]]
    assert point["magnitude"] == pytest.approx(18.9) and point["error"] == pytest.approx(0.02171, abs=1e-5)
    assert limit["limit"] == pytest.approx(23.9 - 2.5 * 0.7781513) and limit["filter"] == "r"
    assert "magnitude" not in limit and "limit" not in point
