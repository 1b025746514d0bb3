"""Bands, target names and positions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tomgql.domain.bands import BANDS, native_system, resolve_band
from tomgql.domain.names import simplify_name
from tomgql.domain.positions import (
    format_declination,
    format_right_ascension,
    parse_declination,
    parse_right_ascension,
    separation_arcsec,
)
from tomgql.errors import InvalidCoordinates


@pytest.mark.parametrize(
    ("text", "context", "name"),
    [
        ("V", {}, "bessellv"),
        ("V", {"telescope": "Swift"}, "uvot::v"),
        ("u", {"instrument": "UVOT"}, "uvot::u"),
        ("g", {"source": "ZTF"}, "ztfg"),
        ("2", {"instrument": "ZTF-Cam"}, "ztfr"),
        ("g", {"instrument": "PS1", "source": "ZTF"}, "ps1::g"),
        ("g'", {}, "sdssg"),
        ("o", {}, "atlaso"),
        ("K", {}, "2massks"),
        ("Palomar/ZTF.r", {}, "ztfr"),
    ],
)
def test_resolved(text: str, context: dict[str, str], name: str) -> None:
    found = resolve_band(text, **context)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("text", ["g", "r", "y", "zz", "Vis.", "CV", "v", ""])
def test_unresolved(text: str) -> None:
    assert resolve_band(text) is None


def test_native_systems() -> None:
    assert native_system("g", None) == "AB"
    assert native_system("CV", None) is None
    assert native_system("V", resolve_band("V")) == "Vega"


def test_no_spelling_means_two_bands() -> None:
    spellings = [name for band in BANDS for name in (band.name, *band.aliases)]
    assert len(spellings) == len(set(spellings))


def test_names() -> None:
    assert simplify_name("SN 2011fe") == simplify_name("sn_2011-FE") == simplify_name("(SN)2011fe") == "sn2011fe"


@pytest.mark.parametrize("text", ["10:20:30.5", "10 20 30.5", "10h20m30.5s", "155.12708333333333", "155d07m37.5s"])
def test_right_ascensions(text: str) -> None:
    assert parse_right_ascension(text) == pytest.approx(155.1270833, abs=1e-6)


@pytest.mark.parametrize("text", ["-05 30 00", "-5.5", "-05:30:00", "-05d30m00s", "−05:30"])
def test_declinations(text: str) -> None:
    assert parse_declination(text) == pytest.approx(-5.5)


def test_small_negative_declination() -> None:
    assert parse_declination("-00:30:00") == -0.5


@pytest.mark.parametrize("text", ["24:00:00", "360", "-1", "abc", "", "10:61:00", "nan"])
def test_bad_right_ascensions(text: str) -> None:
    with pytest.raises(InvalidCoordinates):
        parse_right_ascension(text)


@pytest.mark.parametrize("value", ["90.1", "-91:00:00", "10h20m30s", float("inf")])
def test_bad_declinations(value: str | float) -> None:
    with pytest.raises(InvalidCoordinates):
        parse_declination(value)


@given(st.floats(0, 360, exclude_max=True), st.floats(-90, 90))
def test_positions_survive_text(ra: float, dec: float) -> None:
    back = parse_right_ascension(format_right_ascension(ra))
    assert min(abs(back - ra), 360 - abs(back - ra)) < 0.0006 * 15 / 3600
    assert parse_declination(format_declination(dec)) == pytest.approx(dec, abs=0.006 / 3600)


def test_rounding_never_shows_sixty() -> None:
    assert format_right_ascension(359.9999999) == "00:00:00.000"


def test_separation() -> None:
    assert separation_arcsec([10.0], [60.0 + 1 / 3600], 10.0, 60.0)[0] == pytest.approx(1.0, abs=1e-6)
