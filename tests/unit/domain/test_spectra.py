"""Spectra: what is refused, what is turned round, which is which, and how they are staged."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest

from tomgql.domain.identity import spectrum_contents, spectrum_identities
from tomgql.domain.measurements import Reading
from tomgql.domain.repeats import settle_spectra
from tomgql.domain.spectra import MOST_SAMPLES, InvalidSpectrum, Spectrum
from tomgql.domain.staging import read_staged, write_reading


def a_spectrum(**changes: Any) -> Spectrum:
    values: dict[str, Any] = {
        "wavelength_angstrom": [4000.0, 4001.5, 4003.0], "flux_values": [1.0, math.nan, -2.0],
        "flux_error_values": [0.5, math.nan, 0.0], "flux_unit": "erg / (Angstrom s cm2)", "medium": "AIR",
        "mjd_utc": 59000.25, "exposure_s": 600.0, "telescope": "NTT", "instrument": "EFOSC", "source_name": "me",
    }  # fmt: skip
    return Spectrum(**(values | changes))


def staged(spectra: list[Spectrum]) -> list[dict[str, Any]]:
    stream = io.BytesIO()
    assert write_reading(Reading(spectra=spectra), stream, source_location="there") == len(spectra)
    stream.seek(0)
    return list(read_staged(stream))


@pytest.mark.parametrize(
    ("changes", "reason", "field", "words"),
    [
        ({"wavelength_angstrom": [4000.0, 4000.0, 4003.0]}, "NOT_MONOTONIC", "wavelength", "4000 follows 4000 Ang"),
        ({"wavelength_angstrom": [4000.0, 4005.0, 4003.0]}, "NOT_MONOTONIC", "wavelength", "4003 follows 4005 Ang"),
        ({"wavelength_angstrom": [3.58, 3.9, 4.04]}, "WAVELENGTH_OUT_OF_RANGE", "wavelength", "3.58 to 4.04 Angstrom"),
        ({"wavelength_angstrom": [1e5, 2e5, 300_001.0]}, "WAVELENGTH_OUT_OF_RANGE", "wavelength", "30 um"),
        ({"wavelength_angstrom": [4000.0, math.nan, 4003.0]}, "NOT_FINITE", "wavelength", "wavelength 2 is missing"),
        ({"wavelength_angstrom": [4000.0, math.inf, 4003.0]}, "NOT_FINITE", "wavelength", "wavelength 2"),
        ({"wavelength_angstrom": [4000.0, 4001.0]}, "UNEQUAL_LENGTHS", "flux", "flux has 3 samples, wavelength has 2"),
        ({"flux_error_values": [1.0]}, "UNEQUAL_LENGTHS", "flux_error", "flux_error has 1 samples"),
        ({"flux_error_values": [1.0, -0.1, 1.0]}, "INVALID_ERROR", "flux_error", "flux error 2 is -0.1"),
        ({"flux_error_values": [1.0, 1.0, math.inf]}, "INVALID_ERROR", "flux_error", "flux error 3 is inf"),
        ({"flux_values": [1.0, -math.inf, 1.0]}, "NOT_FINITE", "flux", "flux 2 is infinite"),
        ({"flux_values": [0.0, math.nan, 0.0]}, "NO_MEASUREMENT", "flux", "missing or 0 everywhere"),
        ({"flux_values": [[1.0, 2.0, 3.0]]}, "NOT_A_LIST", "flux", "2 dimensions"),
        ({"wavelength_angstrom": [4000.0], "flux_values": [1.0], "flux_error_values": None}, "TOO_FEW_SAMPLES",
         "wavelength", "at least 2 samples, not 1"),
        ({"medium": "WATER"}, "INVALID_MEDIUM", "medium", "AIR, VACUUM, UNKNOWN"),
        ({"mjd_utc": math.nan}, "MISSING_TIME", "mjd", "time"),
        ({"exposure_s": -1.0}, "INVALID_EXPOSURE", "exposure", "-1.0 s"),
        ({"exposure_s": math.inf}, "INVALID_EXPOSURE", "exposure", "inf s"),
        ({"flux_unit": "x" * 101}, "TEXT_TOO_LONG", "flux_unit", "at most 100 characters, not 101"),
    ],
)  # fmt: skip
def test_what_no_spectrum_can_have_is_refused(changes: dict[str, Any], reason: str, field: str, words: str) -> None:
    with pytest.raises(InvalidSpectrum) as fault:
        a_spectrum(**changes)
    assert (fault.value.details["reason"], fault.value.path) == (reason, [field])
    assert words in fault.value.message


def test_the_number_of_samples_is_limited() -> None:
    axis = np.linspace(4000, 5000, MOST_SAMPLES + 1)
    with pytest.raises(InvalidSpectrum, match="at most 1000000 samples, not 1000001"):
        Spectrum(wavelength_angstrom=axis, flux_values=axis, mjd_utc=59000.0)
    assert len(Spectrum(wavelength_angstrom=axis[1:], flux_values=axis[1:], mjd_utc=59000.0)) == MOST_SAMPLES


def test_the_whole_range_of_wavelengths_is_taken() -> None:
    assert len(a_spectrum(wavelength_angstrom=[900.0, 5000.0, 300_000.0])) == 3


def test_a_descending_axis_is_turned_round_with_its_fluxes() -> None:
    turned = a_spectrum(wavelength_angstrom=[4003.0, 4001.5, 4000.0])
    assert turned.wavelength_angstrom.tolist() == [4000.0, 4001.5, 4003.0]
    assert np.nan_to_num(turned.flux_values, nan=9).tolist() == [-2.0, 9.0, 1.0]
    assert turned.flux_error_values is not None
    assert np.nan_to_num(turned.flux_error_values, nan=9).tolist() == [0.0, 9.0, 0.5]


def test_the_callers_arrays_stay_as_they_are() -> None:
    axis = np.array([4003.0, 4001.5, 4000.0])
    a_spectrum(wavelength_angstrom=axis)
    assert axis.tolist() == [4003.0, 4001.5, 4000.0]


def test_texts_are_cleaned_and_a_missing_unit_is_unknown() -> None:
    made = a_spectrum(flux_unit=" ", telescope="N\x00TT\ud800", instrument="  ")
    assert (made.flux_unit, made.telescope, made.instrument) == ("unknown", "NTT\ufffd", None)
    assert len(spectrum_identities([made])) == 1


def test_identities_and_contents_never_change_over_versions() -> None:
    assert spectrum_identities([a_spectrum()]) == ["ea7bc1c7-e399-14c4-2b7b-5dc6f5bfafe0"]
    assert spectrum_contents([a_spectrum()]) == ["56ef5756-8ec2-9f61-9636-039635dbafa1"]


def test_identity_is_never_the_flux() -> None:
    first = a_spectrum()
    for changes in ({"flux_values": [1.0, 2.0, 3.0]}, {"flux_error_values": None}, {"flux_unit": "Jy"},
                    {"wavelength_angstrom": [4000.0, 4001.5, 4003.1]}, {"medium": "VACUUM"}, {"exposure_s": 601.0},
                    {"reported": '{"a": 1}'}):  # fmt: skip
        other = a_spectrum(**changes)
        assert spectrum_identities([other]) == spectrum_identities([first])
        assert spectrum_contents([other]) != spectrum_contents([first])


def test_identity_depends_on_source_instrument_time_and_id() -> None:
    (first,) = spectrum_identities([a_spectrum()])
    for changes in ({"source_name": "you"}, {"instrument": "X-shooter"}, {"mjd_utc": 59000.26}, {"external_id": "7"}):
        assert spectrum_identities([a_spectrum(**changes)]) != [first]
    moved = [a_spectrum(external_id="7", mjd_utc=time) for time in (59000.25, 59000.5)]
    assert len(set(spectrum_identities(moved))) == 1
    assert spectrum_identities([a_spectrum(mjd_utc=59000.25 + 1e-9)]) == [first]


def test_repeats_are_skipped_and_other_spectra_of_one_time_kept() -> None:
    blue, red = a_spectrum(row=1), a_spectrum(row=2, wavelength_angstrom=[7000.0, 7001.0, 7002.0])
    kept, notes = settle_spectra([blue, red, a_spectrum(row=3)])
    assert [(each.row, each.occurrence) for each in kept] == [(1, 0), (2, 1)]
    assert [(note.code, note.row, note.count) for note in notes] == [("REPEATED_ROW", 3, 1), ("REPEATED_TIME", 2, 1)]
    assert len(set(spectrum_identities(kept))) == 2
    assert settle_spectra(kept) == (kept, [])


def test_staged_spectra() -> None:
    first, second = staged(
        [a_spectrum(reported='{"a": "x, y"}'), a_spectrum(row=2, mjd_utc=59001.0, flux_error_values=None)]
    )
    assert first["wavelength_angstrom"] == [4000.0, 4001.5, 4003.0]
    assert first["flux_values"] == [1.0, None, -2.0]
    assert first["flux_error_values"] == [0.5, None, 0.0]
    assert second["flux_error_values"] is None
    assert (first["row"], second["row"]) == (1, 2)
    assert {name: first[name] for name in ("data_type", "mjd", "exposure_s", "flux_unit", "medium", "reported")} == {
        "data_type": "spectroscopy", "mjd": 59000.25, "exposure_s": 600.0, "flux_unit": "erg / (Angstrom s cm2)",
        "medium": "AIR", "reported": {"a": "x, y"},
    }  # fmt: skip
    assert (first["telescope"], first["instrument"], first["source_name"]) == ("NTT", "EFOSC", "me")
    assert (first["source_location"], first["band"], first["ra_deg"]) == ("there", None, None)


def test_many_spectra_are_all_staged() -> None:
    rows = staged([a_spectrum(row=number, mjd_utc=59000.0 + number) for number in range(1, 251)])
    assert [row["row"] for row in rows] == list(range(1, 251))


def test_a_reading_settles_its_spectra() -> None:
    stream, reading = io.BytesIO(), Reading(spectra=[a_spectrum(), a_spectrum(row=2)])
    assert write_reading(reading, stream) == 1
    assert [note.message for note in reading.notes] == ["an earlier time and value again: 1 row skipped"]
