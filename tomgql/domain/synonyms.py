"""Which column of a table means what: the names met in real files, and how they are compared.

Names are compared lower-case and without blanks, ``_``, ``-`` and ``.``. A unit may stand in brackets behind a name
(``flux(mJy)``) or at its end (``flux_ujy``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tomgql.domain.listing import listed
from tomgql.errors import InvalidInput

SYNONYMS: dict[str, tuple[str, ...]] = {
    "magnitude": ("mag", "magnitude", "averagemag", "magpsf", "apparentmagnitude", "psfmag", "m"),
    "magnitude_error": ("magerr", "magerror", "emag", "emagnitude", "magnitudeerror", "sigmapsf", "emagpsf", "merr",
                        "dmag", "dm", "uncertainty", "error", "err", "magunc", "sigma"),
    "flux": ("flux", "forcediffimflux", "ujy", "fluxcal", "psfflux", "fnu"),
    "flux_error": ("fluxerr", "fluxerror", "forcediffimfluxunc", "eflux", "dujy", "fluxcalerr", "psffluxerr",
                   "dflux", "fluxunc", "fluxuncertainty"),
    "zero_point": ("zp", "zeropoint", "zpdiff", "zeropt"),
    "magnitude_system": ("magsys", "system", "magsystem", "magnitudesystem", "photsystem"),
    "limit": ("limitingmag", "limitingmagnitude", "maglim", "maglimit", "mag5sig", "diffmaglim", "limit",
              "limitmag", "upperlimitmag"),
    "limit_flux": ("fluxul", "fluxlimit", "limitflux", "fluxupperlimit"),
    "is_limit": ("ul", "upperlimit", "isupperlimit", "islimit"),
    "band": ("filter", "band", "passband", "filt", "flt", "bandpass", "filtercode", "fid", "f"),
    "telescope": ("telescope", "tel", "facility", "observatory"),
    "instrument": ("instrument", "inst", "camera", "detector"),
    "source": ("source", "sourcename", "origin", "survey"),
    "exposure": ("exptime", "exposure", "exposuretime", "texp", "exposures", "expt",
                 "exposureseconds"),
    "ra": ("ra", "radeg", "rightascension", "ramean", "raj2000"),
    "dec": ("dec", "decl", "decdeg", "declination", "decmean", "dej2000", "decj2000"),
    "object": ("starname", "object", "objectname", "objname", "target", "event", "name"),
    "external_id": ("externalid", "candid", "diasourceid", "detectid", "measurementid"),
    "forced": ("forced", "isforced"),
    "difference": ("difference", "isdifference"),
    "sign": ("isdiffpos",),
}  # fmt: skip
"""Normalised names by meaning, best first. Time has its own rules in `time_name`."""

EXPECTED_TIME_NAMES = "mjd, jd, hjd, bjd, date"

_WITH_UNITS = {
    "jy": {*SYNONYMS["flux"], *SYNONYMS["flux_error"], *SYNONYMS["limit_flux"]},
    "mmag": {*SYNONYMS["magnitude"], *SYNONYMS["magnitude_error"]},
}
"""Names that may have a unit at their end."""

_WITH_SYSTEMS = {
    *SYNONYMS["magnitude"], *SYNONYMS["magnitude_error"], *SYNONYMS["limit"], *SYNONYMS["zero_point"],
}  # fmt: skip
"""Names that may have a magnitude system in them."""

LONGEST_NAME = 500
"""Characters up to which a name may hold a unit: a file's first line of brackets would else take minutes to tell."""

_BRACKETED = re.compile(r"(?P<name>.*?)\s*[\[(](?P<unit>[^\])]*)[\])]\s*")
_UNIT_SUFFIX = re.compile(r"(?P<name>.+?)(?P<unit>ujy|mjy|njy|jy|mmag)")
_TIME = re.compile(
    r"(?:obs|epoch)?(?P<reference>start|mid|midpoint|end)?(?P<format>mjd|jd|hjd|bjd|btjd|bkjd|rjd|hmjd|bmjd)"
    r"(?P<scale>utc|ut|tai|tt|tdb|tcb)?(?P<after>start|mid|end)?(?:obs)?"
)
_SCALES = {"utc": "utc", "ut": "utc", "gmt": "utc", "tai": "tai", "tt": "tt", "tdb": "tdb", "tcb": "tcb"}
_SYSTEM_WORDS = ("ab", "vega")
_TEXT_TIMES = ("isot", "dateobs", "obsdate", "observationdate", "obstime", "date", "datetime", "time", "timestamp",
               "utc", "utdate")  # fmt: skip
_FORMATS = {"btjd": "bjd-2457000", "bkjd": "bjd-2454833", "rjd": "jd-2400000", "hmjd": "hjd-2400000.5",
            "bmjd": "bjd-2400000.5"}  # fmt: skip
_COUNTED_FROM = re.compile(
    r"(?<![a-z])(?P<form>bjd|hjd|jd)[^a-z0-9]*(?:(?P<scale>utc|tai|tt|tdb|tcb)[^a-z0-9]*)?"
    r"(?P<day>2[34]\d{5}(?:\.\d+)?)(?!\d)",
    re.IGNORECASE,
)
"""``HJD-2450000``, ``BJD_TDB - 2457000, days`` or ``JD (2400000+)``."""
_REFERENCES = {"start": "start", "mid": "middle", "midpoint": "middle", "middle": "middle", "end": "end"}
_TIME_ORDER = ("mjd", "jd", "bjd", "hjd")


@dataclass(frozen=True)
class TimeName:
    """What the name of a time column says: format, scale and reference, each None where it does not."""

    format: str | None = None
    scale: str | None = None
    reference: str | None = None


def normalise(name: str) -> str:
    """The form under which column names are compared."""
    return re.sub(r"[\s_.-]+", "", name.strip().lstrip("#").lower())


def split_unit(name: str) -> tuple[str, str | None]:
    """Name and unit of ``flux(mJy)``, ``flux [uJy]`` or ``flux_ujy``; the unit is None where there is none."""
    if len(name) > LONGEST_NAME:
        return name, None
    match = _BRACKETED.fullmatch(name.strip())
    if match and match["name"]:
        return match["name"], match["unit"].strip() or None
    match = _UNIT_SUFFIX.fullmatch(normalise(name))
    if match and match["name"] in _WITH_UNITS["mmag" if match["unit"] == "mmag" else "jy"]:
        return match["name"], match["unit"]
    return name, {"ujy": "uJy", "dujy": "uJy"}.get(normalise(name))


def time_name(name: str) -> TimeName | None:
    """What a column's name says about its times; None when it is no time column."""
    base, unit = split_unit(name)
    plain, stated = normalise(base), _stated_time(name)
    counted = counted_from(name)
    if counted is not None:
        return TimeName(counted, stated.scale, stated.reference)
    match = _TIME.fullmatch(plain)
    if match:
        reference = _REFERENCES.get(match["reference"] or match["after"] or "")
        scale = _SCALES.get(match["scale"] or "")
        return TimeName(
            _FORMATS.get(match["format"], match["format"]), scale or stated.scale, reference or stated.reference
        )
    if plain not in _TEXT_TIMES and not any(plain == text + scale for text in _TEXT_TIMES for scale in _SCALES):
        return None
    inner = time_name(unit) if unit and normalise(unit) not in _TEXT_TIMES else None
    return TimeName(inner.format, inner.scale or stated.scale, inner.reference) if inner else stated


def counted_from(text: str) -> str | None:
    """The time format that a name, unit or description states by the day it counts from, as ``hjd-2450000``."""
    match = _COUNTED_FROM.search(text)
    if match is None:
        return None
    form, day = match["form"].lower(), f"{float(match['day']):.10g}"
    return "mjd" if (form, day) == ("jd", "2400000.5") else f"{form}-{day}"


def stated_time(name: str) -> TimeName:
    """What a column that was chosen as times says in its name, in brackets or behind a mark."""
    return time_name(name) or _stated_time(name)


def _stated_time(name: str) -> TimeName:
    """Scale and reference among the words of a name, such as ``MJD (TT)`` or ``date_obs_utc``."""
    words = re.findall(r"[a-z]+", name.lower())
    scale = next((_SCALES[word] for word in words if word in _SCALES), None)
    return TimeName(None, scale, next((_REFERENCES[word] for word in words if word in _REFERENCES), None))


def stated_system(name: str) -> str | None:
    """The magnitude system in the name of a column: ``mag (AB)``, ``mag_vega``, ``magAB``."""
    words = re.findall(r"[a-z]+", name.lower())
    found = [system for word in words if (system := word.removesuffix("mag")) in _SYSTEM_WORDS]
    plain = normalise(split_unit(name)[0])
    glued = [word for word in _SYSTEM_WORDS if plain.replace(word, "", 1) in _WITH_SYSTEMS and word in plain]
    return next(iter([*found, *glued]), None)


def _plain(name: str) -> str:
    """The name as it is compared with synonyms: without unit and without magnitude system."""
    plain = normalise(split_unit(name)[0])
    shorter = [plain.replace(word, "", 1) for word in _SYSTEM_WORDS if word in plain]
    return next((stem for stem in shorter if stem in _WITH_SYSTEMS), plain)


def assign_roles(
    names: Sequence[str], mapping: Mapping[str, str], synonyms: Mapping[str, tuple[str, ...]] = SYNONYMS
) -> dict[str, int]:
    """For each meaning the index of the column that has it; an explicit mapping goes before any synonym.

    An empty name in the mapping says that no column has this meaning.

    Raises `InvalidInput` when the mapping names a column that is not there.
    """
    roles = {role: _index_of(name, names, role) for role, name in mapping.items() if name}
    plain = [_plain(name) for name in names]
    for role, words in synonyms.items():
        free = [word for word in words if word in plain and plain.index(word) not in roles.values()]
        if role not in mapping and free:
            roles[role] = plain.index(free[0])
    _assign_time(names, roles)
    _repair(plain, roles)
    return roles


def _index_of(wanted: str, names: Sequence[str], role: str) -> int:
    if wanted in names:
        return list(names).index(wanted)
    plain = [normalise(name) for name in names]
    if normalise(wanted) in plain:
        return plain.index(normalise(wanted))
    raise InvalidInput(
        f'There is no column "{wanted}". Columns found: {listed(names)}.', path=["options", "mapping", role]
    )


def _assign_time(names: Sequence[str], roles: dict[str, int]) -> None:
    if "time" in roles:
        return
    found = [(index, said) for index, name in enumerate(names) if (said := time_name(name)) is not None]
    if found:
        roles["time"] = min(found, key=lambda item: (_time_rank(item[1].format), item[0]))[0]


def _time_rank(form: str | None) -> int:
    """Full dates before those that count from a later day, those before times of unknown form."""
    if form in _TIME_ORDER:
        return _TIME_ORDER.index(form)
    return len(_TIME_ORDER) + (form is None)


def _repair(plain: Sequence[str], roles: dict[str, int]) -> None:
    """A bare "error" belongs to the flux when there is no magnitude; an error without a value is no error."""
    error = roles.get("magnitude_error")
    if error is not None and "magnitude" not in roles:
        del roles["magnitude_error"]
        if "flux" in roles and plain[error] in ("error", "err", "uncertainty", "sigma"):
            roles.setdefault("flux_error", error)
