"""Passbands: canonical names, the spellings met in files, wavelengths, AB - Vega offsets.

Names follow sncosmo. A name is never lower-cased: Swift's ``u`` and a ground-based ``U`` differ. A bare letter is
resolved by the telescope, instrument or source beside it; without one, ``U B V R I J H K`` are Bessell and 2MASS and
``u g r i z y`` stay as written, but known to be AB.

Sources: effective wavelengths in Angstrom as in the SVO Filter Profile Service (Rodrigo & Solano 2020). AB - Vega:
Blanton & Roweis 2007 (AJ 133, 734, table 1) for Bessell, SDSS and 2MASS; Breeveld et al. 2011 (AIP Conf. 1358, 373)
for Swift UVOT; Riello et al. 2021 (A&A 649, A3) for Gaia. None: the survey publishes AB, never convert.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

MagnitudeSystem = Literal["AB", "Vega"]


@dataclass(frozen=True)
class Band:
    """One passband; ``wavelength_angstrom`` effective, ``ab_minus_vega`` = m_AB - m_Vega, ``colour`` for plots."""

    name: str
    aliases: tuple[str, ...]
    wavelength_angstrom: float
    ab_minus_vega: float | None
    native_system: MagnitudeSystem
    colour: str


def _bessell(letter: str, wavelength: float, offset: float, colour: str, *more: str) -> Band:
    aliases = (f"Johnson {letter}", f"Johnson_{letter}", f"Bessell {letter}", f"Bessell-{letter}",
               f"Generic/Bessell.{letter}", f"Cousins {letter}", *more)  # fmt: skip
    return Band(f"bessell{letter.lower()}", aliases, wavelength, offset, "Vega", colour)


def _sdss(letter: str, wavelength: float, offset: float, colour: str) -> Band:
    aliases = (f"{letter}'", f"{letter}′", f"sdss::{letter}", f"SDSS_{letter}", f"SDSS {letter}",
               f"S{letter.upper()}", f"SLOAN/SDSS.{letter}")  # fmt: skip
    return Band(f"sdss{letter}", aliases, wavelength, offset, "AB", colour)


def _survey(name: str, wavelength: float, colour: str, *aliases: str) -> Band:
    return Band(name, aliases, wavelength, None, "AB", colour)


def _ps1(letter: str, wavelength: float, colour: str) -> Band:
    return _survey(f"ps1::{letter}", wavelength, colour, f"{letter}p1", f"PS1.{letter}", f"PS1_{letter}",
                   f"ps1{letter}", f"PAN-STARRS/PS1.{letter}")  # fmt: skip


def _lsst(letter: str, wavelength: float, colour: str) -> Band:
    return _survey(f"lsst{letter}", wavelength, colour, f"LSST_{letter}", f"lsst::{letter}", f"LSST/LSST.{letter}")


def _uvot(name: str, wavelength: float, offset: float, colour: str, *aliases: str) -> Band:
    return Band(f"uvot::{name}", (*aliases, f"Swift/UVOT.{name.upper()}", f"uvot_{name}", f"UVOT_{name.upper()}"),
                wavelength, offset, "Vega", colour)  # fmt: skip


BANDS: tuple[Band, ...] = (
    _bessell("U", 3585, 0.79, "#5b3ea8"),
    _bessell("B", 4371, -0.09, "#2f5fd0"),
    _bessell("V", 5478, 0.02, "#2e9e5b"),
    _bessell("R", 6498, 0.21, "#d0452f", "Rc", "R_c"),
    _bessell("I", 8020, 0.45, "#8c2d19", "Ic", "I_c"),
    _sdss("u", 3557, 0.91, "#6a51a3"),
    _sdss("g", 4703, -0.08, "#238b45"),
    _sdss("r", 6176, 0.16, "#cb181d"),
    _sdss("i", 7490, 0.37, "#a63603"),
    _sdss("z", 8947, 0.54, "#4d4d4d"),
    Band("2massj", ("2MASS J", "2MASS/2MASS.J"), 12350, 0.91, "Vega", "#b15928"),
    Band("2massh", ("2MASS H", "2MASS/2MASS.H"), 16620, 1.39, "Vega", "#7f3b08"),
    Band("2massks", ("Ks", "K_s", "2MASS Ks", "2MASS/2MASS.Ks"), 21590, 1.85, "Vega", "#40210f"),
    _ps1("g", 4849, "#41ab5d"),
    _ps1("r", 6201, "#ef3b2c"),
    _ps1("i", 7535, "#d94801"),
    _ps1("z", 8674, "#737373"),
    _ps1("y", 9628, "#252525"),
    _ps1("w", 6286, "#969696"),
    _survey("ztfg", 4784, "#2ca25f", "ZTF_g", "ztf::g", "zg", "Palomar/ZTF.g", "ZTF g"),
    _survey("ztfr", 6417, "#de2d26", "ZTF_r", "ztf::r", "zr", "Palomar/ZTF.r", "ZTF r"),
    _survey("ztfi", 7867, "#e6820e", "ZTF_i", "ztf::i", "zi", "Palomar/ZTF.i", "ZTF i"),
    _survey("atlasc", 5288, "#00a5b5", "c", "cyan", "ATLAS.cyan", "ATLAS_c", "atlas::c", "Misc/Atlas.cyan"),
    _survey("atlaso", 6750, "#f58518", "o", "orange", "ATLAS.orange", "ATLAS_o", "atlas::o", "Misc/Atlas.orange"),
    Band("gaia::g", ("G", "GSA(G)", "GaiaSP/g", "GAIA/GAIA3.G"), 6218, 0.114, "Vega", "#31a354"),
    Band("gaia::gbp", ("BP", "G_BP", "bp", "GAIA/GAIA3.Gbp"), 5110, 0.016, "Vega", "#3182bd"),
    Band("gaia::grp", ("RP", "G_RP", "rp", "GAIA/GAIA3.Grp"), 7769, 0.356, "Vega", "#e34a33"),
    _uvot("uvw2", 2050, 1.73, "#3f007d", "UVW2", "uvw2"),
    _uvot("uvm2", 2249, 1.69, "#54278f", "UVM2", "uvm2"),
    _uvot("uvw1", 2628, 1.51, "#6a3d9a", "UVW1", "uvw1"),
    _uvot("u", 3470, 1.02, "#807dba"),
    _uvot("b", 4350, -0.13, "#6baed6"),
    _uvot("v", 5426, -0.01, "#74c476"),
    _uvot("white", 3359, 0.80, "#bdbdbd"),
    _lsst("u", 3680, "#7a5195"),
    _lsst("g", 4782, "#1b9e77"),
    _lsst("r", 6218, "#c51b7d"),
    _lsst("i", 7532, "#d95f02"),
    _lsst("z", 8685, "#666666"),
    _lsst("y", 9730, "#1a1a1a"),
    _survey("skymapperu", 3493, "#756bb1", "SkyMapper u"),
    _survey("skymapperv", 3836, "#5e4fa2", "SkyMapper v"),
    _survey("tess", 7698, "#8c6bb1", "TESS", "Tess", "TESS/TESS.Red"),
    _survey("kepler", 6303, "#88419d", "Kepler", "Kp", "Kepler/Kepler.K"),
)

_BY_NAME = {name: band for band in BANDS for name in (band.name, *band.aliases)}


def _letters(pattern: str, letters: Iterable[str]) -> dict[str, str]:
    return {letter: pattern.format(letter) for letter in letters}


_UVOT_LETTERS = {letter: f"uvot::{letter.lower()}" for letter in "UBVubv"} | {
    "W1": "uvot::uvw1", "W2": "uvot::uvw2", "M2": "uvot::uvm2", "WHITE": "uvot::white", "white": "uvot::white",
    "w1": "uvot::uvw1", "w2": "uvot::uvw2", "m2": "uvot::uvm2",
}  # fmt: skip

_CONTEXTS: tuple[tuple[tuple[str, ...], dict[str, str]], ...] = (
    (("uvot", "swift"), _UVOT_LETTERS),
    (("atlas",), {"C": "atlasc", "O": "atlaso"}),
    (("ztf", "p48", "palomar 48", "alerce", "antares"),
     _letters("ztf{}", "gri") | {"1": "ztfg", "2": "ztfr", "3": "ztfi", "R": "ztfr"}),
    (("ps1", "panstarrs", "pan-starrs"),
     _letters("ps1::{}", "grizyw") | {str(n): f"ps1::{letter}" for n, letter in enumerate("grizy", 1)}),
    (("lsst", "rubin"), _letters("lsst{}", "ugrizy")),
    (("sdss", "sloan"), _letters("sdss{}", "ugriz")),
    (("skymapper",), _letters("skymapper{}", "uv")),
    (("asas-sn", "asassn"), {"g": "sdssg"}),
)  # fmt: skip
"""Words in a telescope's, instrument's or source's name, and what a bare letter means beside them."""

_BESSELL_LETTERS = {letter: f"bessell{letter.lower()}" for letter in "UBVRI"} | {
    "J": "2massj", "H": "2massh", "K": "2massks",
}  # fmt: skip
_AB_LETTERS = frozenset("ugrizy")


def resolve_band(
    text: str, *, telescope: str | None = None, instrument: str | None = None, source: str | None = None
) -> Band | None:
    """The band that a text means, or None where it is ambiguous or unknown.

    ``instrument`` decides before ``telescope``, that before ``source``; all of them before the spelling alone.
    """
    name = text.strip()
    for context in (instrument, telescope, source):
        found = _in_context(name, context)
        if found is not None:
            return found
    return _BY_NAME.get(name) or _BY_NAME.get(_BESSELL_LETTERS.get(name, ""))


def _in_context(name: str, context: str | None) -> Band | None:
    if not context:
        return None
    lowered = context.casefold()
    for words, letters in _CONTEXTS:
        if name in letters and any(word in lowered for word in words):
            return _BY_NAME[letters[name]]
    return None


def native_system(text: str, band: Band | None) -> MagnitudeSystem | None:
    """The system of a magnitude in this band where none is stated; None where nobody can know."""
    if band is not None:
        return band.native_system
    return "AB" if text.strip() in _AB_LETTERS else None
