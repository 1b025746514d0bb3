"""Reduced data as a TOM Toolkit is told them, and a target as it is created there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from tomgql.builtin.destinations.toolkit_portion import datum_body
from tomgql.builtin.destinations.toolkit_targets import extra_texts, list_names, target_body
from tomgql.builtin.destinations.toolkit_values import NO_FILTER, NOTHING_SAID, timestamp_of, value_of
from tomgql.plugins.destinations import Refused, Sender, SharedDatum, SharedTarget

SENDER = Sender("North TOM", "https://north.example.org", "an-id", "ada")
SET = {"filter": "r", "telescope": "T1"}


def photometry(**columns: Any) -> dict[str, Any]:
    return {"data_type": "photometry", "band": "r", "telescope": "T1", "instrument": None, "reported": {}, **columns}


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        # Reported in a known system: as it was reported, whatever the flux says of its significance.
        (
            {"flux_ujy": 100.0, "flux_error_ujy": 2.0, "reported_magnitude": 18.9, "reported_magnitude_error": 0.03,
             "reported_system": "AB"},
            {"magnitude": 18.9, "error": 0.03, "unit": "AB mag"},
        ),
        (
            {"flux_ujy": 100.0, "reported_magnitude": 0.0, "reported_magnitude_error": 0.5, "reported_system": "Vega"},
            {"magnitude": 0.0, "error": 0.5, "unit": "Vega mag"},
        ),
        (
            {"reported_magnitude": 15, "reported_system": "Vega", "band": "Clear"},
            {"magnitude": 15.0, "unit": "Vega mag", "filter": "Clear"},
        ),
        (
            {"flux_ujy": 100.0, "flux_error_ujy": 10.0, "reported_magnitude": 18.9, "reported_system": "AB"},
            {"magnitude": 18.9, "error": pytest.approx(0.108574, abs=1e-6), "unit": "AB mag"},
        ),
        # A source fainter than the reference image has no magnitude, though one was reported of its size.
        (
            {"flux_ujy": -100.0, "flux_error_ujy": 10.0, "reported_magnitude": 18.9, "reported_system": "AB"},
            {"limit": pytest.approx(23.9 - 2.5 * math.log10(30)), "unit": "AB mag"},
        ),
        # Not reported as a magnitude, or in a system that is none: the flux's.
        (
            {"flux_ujy": 100.0, "flux_error_ujy": 10.0},
            {"magnitude": pytest.approx(18.9), "error": pytest.approx(0.108574, abs=1e-6), "unit": "AB mag"},
        ),
        ({"flux_ujy": 100.0}, {"magnitude": pytest.approx(18.9), "unit": "AB mag"}),
        (
            {"flux_ujy": 100.0, "reported_magnitude": 17.1, "reported_system": "ST"},
            {"magnitude": pytest.approx(18.9), "unit": "AB mag"},
        ),
        ({"reported_magnitude": 17.1, "reported_system": "ST"}, {"magnitude": 17.1, "unit": "ST"}),
        ({"reported_magnitude": 17.1, "reported_magnitude_error": 0.1},
         {"magnitude": 17.1, "error": 0.1, "unit": "mag"}),
        # Exactly 3 sigma is a detection, a hair less is none.
        (
            {"flux_ujy": 30.0, "flux_error_ujy": 10.0},
            {"magnitude": pytest.approx(20.207197), "error": pytest.approx(0.361912, abs=1e-6), "unit": "AB mag"},
        ),
        ({"flux_ujy": 29.999, "flux_error_ujy": 10.0}, {"limit": pytest.approx(20.207197), "unit": "AB mag"}),
        ({"flux_ujy": -5.0, "flux_error_ujy": 10.0}, {"limit": pytest.approx(20.207197), "unit": "AB mag"}),
        ({"flux_error_ujy": 10.0}, {"limit": pytest.approx(20.207197), "unit": "AB mag"}),
        # A limit as it was reported goes before the one of the error; its system is that of its flux.
        (
            {"flux_ujy": 1.0, "flux_error_ujy": 10.0, "reported_limit": 19.5, "limit_flux_ujy": 10 ** (0.4 * 4.4),
             "limit_nsigma": 5.0},
            {"limit": 19.5, "unit": "AB mag"},
        ),
        (
            {"reported_limit": 19.5, "limit_flux_ujy": 10 ** (0.4 * (23.9 - 19.52)), "band": "bessellv"},
            {"limit": 19.5, "unit": "Vega mag", "filter": "bessellv"},
        ),
        ({"limit_flux_ujy": 10 ** (0.4 * 4.4), "limit_nsigma": 3.0}, {"limit": pytest.approx(19.5), "unit": "AB mag"}),
        ({"reported_limit": 19.5}, {"limit": 19.5, "unit": "mag"}),
        # The filter's name is the reporter's where that says the same without a word about telescope or survey.
        *(
            (
                {"flux_ujy": 100.0, "band": ours, "reported": reported},
                {"magnitude": 18.9, "unit": "AB mag", "filter": told},
            )
            for ours, reported, told in (
                ("bessellv", {"Filter": " V "}, "V"),
                ("ztfr", {"filter": "r"}, "ztfr"),
                ("bessellv", {"band": "B"}, "bessellv"),
                ("bessellv", {"fid": 1, "note": "V"}, "bessellv"),
            )
        ),
    ],
)  # fmt: skip
def test_a_photometric_point_is_one_of_magnitude_and_limit(columns: dict[str, Any], told: dict[str, Any]) -> None:
    value = value_of(photometry(**columns))
    assert value == {**SET, **told}
    assert isinstance(value, Mapping)
    assert all(isinstance(cell, float) for cell in value.values() if not isinstance(cell, str))  # 2.x draws no integer


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"flux_ujy": -5.0}, NOTHING_SAID),
        ({"flux_ujy": 0.0}, NOTHING_SAID),
        ({}, NOTHING_SAID),
        ({"flux_ujy": 100.0, "band": None}, NO_FILTER),
        ({"flux_ujy": 100.0, "band": ""}, NO_FILTER),
        ({"reported_magnitude": math.inf, "reported_system": "AB"}, "It holds a number that is not finite"),
        ({"flux_ujy": math.inf}, "It holds a number that is not finite"),
    ],
)
def test_what_cannot_be_told_is_refused_for_good(columns: dict[str, Any], words: str) -> None:
    value = value_of(photometry(**columns))
    assert isinstance(value, Refused)
    assert (value.words.startswith(words), value.lasting) == (True, True)


def test_exposure_goes_along() -> None:
    assert value_of(photometry(flux_ujy=100.0, exposure_s=30))["exposure_time"] == 30.0  # type: ignore[index]


def spectrum(flux: list[float], errors: list[float] | None = None) -> Any:
    wavelengths = [4000.0 + at for at in range(len(flux))]
    return value_of(
        {"data_type": "spectroscopy", "wavelength_angstrom": wavelengths, "flux_values": flux,
         "flux_error_values": errors, "flux_unit": "erg / (Angstrom s cm2)", "telescope": None, "instrument": "I1"}
    )  # fmt: skip


def test_a_spectrum_is_told_in_2x_names() -> None:
    assert spectrum([1.0, 2.0], [0.1, 0.2]) == {
        "wavelength": [4000.0, 4001.0], "wavelength_units": "Angstrom", "flux": [1.0, 2.0],
        "flux_units": "erg / (Angstrom s cm2)", "flux_error": [0.1, 0.2], "instrument": "I1",
    }  # fmt: skip


def test_samples_without_flux_are_left_out_and_errors_that_are_missing() -> None:
    told = spectrum([1.0, math.nan, 3.0], [0.1, math.nan, 0.3])
    assert (told["wavelength"], told["flux"], told["flux_error"]) == ([4000.0, 4002.0], [1.0, 3.0], [0.1, 0.3])
    told = spectrum([1.0, 2.0], [0.1, math.nan])
    assert (told["flux"], "flux_error" in told) == ([1.0, 2.0], False)


def test_a_position_says_the_unit_of_the_errors_that_it_has() -> None:
    position = {"data_type": "astrometry", "ra_deg": 123.4, "dec_deg": -32.1, "ra_error_arcsec": 0.05,
                "dec_error_arcsec": None, "telescope": "T1", "instrument": None}  # fmt: skip
    told = {"ra": 123.4, "dec": -32.1, "ra_error": 0.05, "ra_error_units": "arcsec", "telescope": "T1"}
    assert value_of(position) == told


@pytest.mark.parametrize(
    ("reported", "told"),
    [
        ({"seeing": 1.2, "humidity": [40, None], "timestamp": "2026-01-01"}, {"seeing": 1.2, "humidity": [40, None]}),
        ({"value": [1, 2], "timestamp": "2026-01-01"}, "Its value is no object"),
        ({"target": 7, "seeing": 1.2}, 'It has a column "target"'),
        ({"seeing": math.nan}, "It holds a number that is not finite"),
        ({"timestamp": "2026-01-01"}, "It has no column but its time"),
    ],
)
def test_other_data_go_as_they_were_reported(reported: dict[str, Any], told: Any) -> None:
    value = value_of({"data_type": "weather", "reported": reported})
    assert value.words.startswith(told) if isinstance(value, Refused) else value == told


@pytest.mark.parametrize(
    ("mjd", "text"),
    [
        (60083.2, "2023-05-19T04:48:00.000Z"),
        (60083.0 + 1.5e-3 / 86400, "2023-05-19T00:00:00.002Z"),
        (60083.99999999999, "2023-05-20T00:00:00.000Z"),
    ],
)
def test_times_are_utc_to_the_millisecond(mjd: float, text: str) -> None:
    assert timestamp_of({"mjd": mjd}) == text


def test_where_a_datum_came_from_fits_and_names_this_tom() -> None:
    record = photometry(flux_ujy=1.0, mjd=60083.2, source_name="Survey " * 20, source_location="https://far.away")
    body = datum_body(SharedDatum("an-id", record), {}, SENDER, "7")
    assert (body["target"], body["data_product"], len(body["source_name"])) == ("7", "", 100)
    assert body["source_location"] == "ReducedDatum an-id shared from North TOM (https://north.example.org)"
    quiet = Sender("N" * 300, "", "an-id", "ada")
    body = datum_body(SharedDatum("an-id", {**record, "source_name": ""}), {}, quiet, "7")
    assert (body["source_name"], len(body["source_location"])) == ("N" * 100, 200)


EXTRAS = {
    "redshift": 0.031, "note": "0.05", "sure": True, "none": None, "parts": [1, 2],
    "tomtoolkit": {"shared_by": "eve", "shared_from": "Far TOM", "extras": {"class": "SN Ia", "note": "theirs"},
                   "columns": {"priority": 3, "owner": "Eve", "unset": None}},
}  # fmt: skip


def test_what_a_tom_toolkit_told_travels_on_among_the_extras() -> None:
    assert extra_texts({"extras": EXTRAS}) == {
        "priority": "3", "owner": "Eve", "class": "SN Ia", "note": "0.05", "redshift": "0.031", "sure": "true",
        "parts": "[1,2]",
    }  # fmt: skip
    assert extra_texts({"extras": {"tomtoolkit": "a text"}}) == {"tomtoolkit": "a text"}
    assert extra_texts({"extras": None}) == {}


def test_a_target_is_created_without_anybodys_ids() -> None:
    record = {"type": "SIDEREAL", "ra_deg": 83.6, "dec_deg": 22.0, "distance_pc": 2000.0, "extras": {"a": "b"},
              "global_id": "x", "id": 4, "access": "OPEN", "scheme": None}  # fmt: skip
    body = target_body(SharedTarget("x", ("Crab", "M1"), ("Bright ones",), record), SENDER)
    assert body["galactic_lng"] == pytest.approx(184.54, abs=0.05)
    told = {name: body[name] for name in ("name", "type", "ra", "dec", "distance", "permissions", "scheme", "pm_ra")}
    assert told == {"name": "Crab", "type": "SIDEREAL", "ra": 83.6, "dec": 22.0, "distance": 2000.0,
                    "permissions": "PRIVATE", "scheme": "", "pm_ra": None}  # fmt: skip
    assert body["aliases"] == [{"name": "M1"}]
    assert body["targetextra_set"] == [{"key": "a", "value": "b"}]
    assert body["target_lists"] == [{"name": "Imported From North TOM"}, {"name": "Bright ones"}]
    assert (body["shared_by"], body["shared_from"], "id" in body) == ("ada", "North TOM", False)


def test_orbital_elements_go_under_their_names_there() -> None:
    record = {"type": "NON_SIDEREAL", "scheme": "MPC_COMET", "perihelion_epoch_mjd": 60000.5, "absolute_magnitude": 17}
    body = target_body(SharedTarget("x", ("C/2026 A1",), (), record), SENDER)
    assert (body["scheme"], body["epoch_of_perihelion"], body["abs_mag"]) == ("MPC_COMET", 60000.5, 17)


def test_a_list_is_named_once_and_not_longer_than_there_is_room() -> None:
    target = SharedTarget("x", ("Crab",), ("L" * 300, "Imported From North TOM"), {})
    assert list_names(target, SENDER) == ["Imported From North TOM", "L" * 200]
