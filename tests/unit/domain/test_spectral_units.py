"""Units of spectra, in the spellings of real files and in those of people who mean harm."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tomgql.domain.spectral_units import angstroms_per_unit, flux_unit
from tomgql.errors import InvalidUnit


@pytest.mark.parametrize(
    ("text", "size"),
    [("Angstrom", 1.0), ("ANGSTROMS", 1.0), ("A", 1.0), (" Å ", 1.0), ("nm", 10.0), ("um", 1e4), ("micron", 1e4),
     ("m", 1e10), ("1e-7 m", 1e3), ("cm", 1e8), ("0.1 nm", 1.0)],
)  # fmt: skip
def test_lengths(text: str, size: float) -> None:
    assert angstroms_per_unit(text) == size


@pytest.mark.parametrize(
    ("text", "words"),
    [("Hz", '"Hz" is a unit of frequency, not of length'), ("keV", "a unit of energy"), ("km/s", "a unit of speed"),
     ("1/cm", "a unit of wavenumber"), ("adu", "is no length"), ("furlong", "no unit of wavelength that is known"),
     ("", "no unit of wavelength that is known")],
)  # fmt: skip
def test_what_is_no_length_is_refused_with_words(text: str, words: str) -> None:
    with pytest.raises(InvalidUnit) as fault:
        angstroms_per_unit(text)
    assert words in fault.value.message
    assert "Angstrom, nm or micron" in fault.value.message


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("erg/cm2/s/A", "erg / (Angstrom s cm2)"),
        ("erg cm-2 s-1 Angstrom-1", "erg / (Angstrom s cm2)"),
        ("erg s**(-1) cm**(-2) nm**(-1)", "erg / (nm s cm2)"),
        ("ERG/CM2/S/A", "erg / (Angstrom s cm2)"),
        ("1E-17 erg/cm^2/s/Ang", "1e-17 erg / (Angstrom s cm2)"),
        ("10^(-16) erg/cm2/s/A", "1e-16 erg / (Angstrom s cm2)"),
        ("10**-17*erg/s/cm2/Å", "1e-17 erg / (Angstrom s cm2)"),
        ("10-17 erg/s/cm2/A", "1e-17 erg / (Angstrom s cm2)"),
        ("W.m**-2.nm**-1", "W / (nm m2)"),
        ("W m-2 nm-1", "W / (nm m2)"),
        ("mJy", "mJy"),
        ("MJy", "MJy"),
        ("JY", "Jy"),
        ("FLAM", "erg / (Angstrom s cm2)"),
        ("DU/PIXEL", "DN / pix"),
        ("counts", "ct"),
        ("electrons/sec", "electron / s"),
        ("", "unknown"),
        ("Unknown", "unknown"),
        ("normalized", "unknown"),
    ],
)
def test_fluxes(text: str, written: str) -> None:
    assert flux_unit(text) == written


@pytest.mark.parametrize("text", ["mJy", "1e-17 erg/s/cm2/A", "W.m**-2.nm**-1", "erg/s/cm2/Hz", "10^-20 ct"])
def test_what_is_written_reads_as_the_same(text: str) -> None:
    assert flux_unit(flux_unit(text)) == flux_unit(text)


@pytest.mark.parametrize(
    "text",
    ["bogus", "10**1000000000 erg", "9**9**9 erg", "erg**999999999", "(10)**(99) erg", "1e400 erg", "0 erg", "nan erg",
     "m" * 101, "erg" + "/erg" * 30, "(" * 90, "\x00Jy", "erg;import os", "\ud800"],
)  # fmt: skip
def test_what_is_no_unit_is_refused_at_once(text: str) -> None:
    flux_unit("Jy")  # loads astropy
    started = time.perf_counter()
    with pytest.raises(InvalidUnit):
        flux_unit(text)
    assert time.perf_counter() - started < 1.0


@given(st.text(alphabet="erg JyAnms12-*/^().µ10", max_size=30) | st.text(max_size=30))
def test_any_text_is_a_unit_or_refused(text: str) -> None:
    for read in (flux_unit, angstroms_per_unit):
        try:
            assert read(text)  # type: ignore[operator]
        except InvalidUnit as fault:
            assert fault.message
