"""How spectra lie in FITS files: images, separate extensions, tables of scalars and of vectors.

Layouts: IRAF one-dimensional images and its bands (BANDIDn), UVES_popler's rows (ARRAYn), multispec; images of equal
length named FLUX, ERROR and WAVELENGTH; SDSS tables with log10 of the wavelength and inverse variances; ESO Phase 3 and
other tables of which each row is one spectrum with its arrays in cells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from tomgql.builtin.processors.spectrum_axes import checked_size, has_axis, read_axis, read_multispec
from tomgql.builtin.processors.spectrum_options import SpectrumOptions
from tomgql.builtin.processors.spectrum_samples import Samples
from tomgql.domain.arrays import FloatColumn
from tomgql.domain.listing import listed
from tomgql.domain.measurements import Note
from tomgql.domain.spectrum_rows import SPECTRUM_SYNONYMS
from tomgql.domain.synonyms import assign_roles, normalise
from tomgql.errors import UnreadableFile

Header = Mapping[str, Any]

TABLE_SYNONYMS = {role: SPECTRUM_SYNONYMS[role] for role in ("wavelength", "flux", "flux_error")} | {
    "wavelength": (*SPECTRUM_SYNONYMS["wavelength"], "wlen", "lambdaair", "lambdavac", "wavelengthair"),
    "flux": (*SPECTRUM_SYNONYMS["flux"], "fluxdens", "fluxreduced", "fluxflam", "flam", "fnu"),
    "log_wavelength": ("loglam", "loglambda", "logwave", "logwavelength"),
    "inverse_variance": ("ivar", "inversevariance", "fluxivar"),
}
"""Columns of tables of spectra, by normalised name."""

_WAVELENGTHS = frozenset({"wavelength", "wave", "lambda", "wl"})
_FLUXES = frozenset({"flux", "sci", "spectrum", "primary"})
_ERRORS = frozenset({"error", "err", "sigma", "noise", "stdev", "fluxerror", "errs", "uncertainty"})
_MOST_APERTURES = 200
"""Rows of an image that may be extracted spectra; more are a picture."""


def is_spectral(names: list[str]) -> bool:
    """Whether a table with these columns holds spectra."""
    roles = assign_roles(names, {}, TABLE_SYNONYMS)
    return "flux" in roles and bool({"wavelength", "log_wavelength"} & roles.keys())


def spectra_of(document: Any, said: SpectrumOptions, file_name: str, notes: list[Note]) -> Iterator[Samples]:
    """The spectra of an open FITS file, by the first layout that fits. Raises `UnreadableFile` when none does."""
    parts = list(document)
    if said.extension is not None:
        number = int(said.extension)
        if not 0 <= number < len(parts):
            raise UnreadableFile(f"{file_name}: there is no extension {number}; the file has 0 to {len(parts) - 1}.")
        parts = [parts[number]]
    primary = values_of(document[0].header)
    extensions = _of_extensions(parts, primary)
    if extensions is not None:
        yield extensions
        return
    for part in parts:
        header = {**primary, **values_of(part.header)}
        if getattr(part, "columns", None) is not None:
            if is_spectral(part.columns.names) or said.mapping.get("wavelength"):
                yield from _of_table(part, header, said, file_name)
                return
        elif part.data is not None and has_axis(header):
            yield from _of_image(np.asarray(part.data), header, file_name, notes)
            return
    found = "; ".join(_described(number, part) for number, part in enumerate(document))
    raise UnreadableFile(f"{file_name}: no spectrum found. The file has {found[:400]}.")


def values_of(header: Any) -> dict[str, Any]:
    """A header's values by upper-case keyword; comments and undefined values are left out."""
    kept: dict[str, Any] = {}
    for card in header.cards:
        if card.keyword and card.keyword not in ("COMMENT", "HISTORY") and isinstance(card.value, (str, int, float)):
            kept.setdefault(card.keyword.upper(), card.value)
    return kept


def _described(number: int, part: Any) -> str:
    columns = getattr(part, "columns", None)
    if columns is not None:
        return f"extension {number}: a table of {', '.join(columns.names[:6])}"
    shape = "nothing" if part.data is None else "x".join(map(str, part.data.shape))
    return f"extension {number}: {shape}"


def _of_extensions(parts: list[Any], primary: Header) -> Samples | None:
    """One spectrum whose arrays are images of their own."""
    images = {normalise(part.name): part for part in parts if _is_line(part)}
    wavelength = next((part for name, part in images.items() if name in _WAVELENGTHS), None)
    flux = next((part for name, part in images.items() if name in _FLUXES), None)
    if wavelength is None or flux is None or wavelength.data.shape != flux.data.shape:
        return None
    errors = next((part for name, part in images.items() if name in _ERRORS), None)
    if errors is not None and errors.data.shape != flux.data.shape:
        errors = None
    header = {**primary, **values_of(flux.header)}
    unit = values_of(wavelength.header).get("BUNIT")
    return Samples(
        _floats(wavelength.data), _floats(flux.data), None if errors is None else _floats(errors.data),
        None if unit is None else str(unit), _text(header, "BUNIT"), header=header,
    )  # fmt: skip


def _is_line(part: Any) -> bool:
    return getattr(part, "columns", None) is None and part.data is not None and part.data.ndim == 1


def _of_image(data: Any, header: Header, file_name: str, notes: list[Note]) -> Iterator[Samples]:
    if data.ndim > 3 or not data.size:
        raise UnreadableFile(f"{file_name}: an image of {data.ndim} dimensions is no extracted spectrum.")
    cube = data.reshape((1,) * (3 - data.ndim) + data.shape)
    size = checked_size(cube.shape[2], file_name)
    flux_band, error_band = _bands(header, cube.shape[0])
    if cube.shape[0] == 1 and "ARRAY1" in header:
        rows = _named_rows(header, cube.shape[1])
        axis = read_axis(header, size, file_name, notes)
        errors = None if rows[1] is None else _floats(cube[0, rows[1]])
        yield Samples(axis.values, _floats(cube[0, rows[0]]), errors, axis.unit, _text(header, "BUNIT"), axis.medium,
                      header)  # fmt: skip
        return
    if cube.shape[1] > _MOST_APERTURES or (cube.shape[1] > 1 and "APNUM2" not in header and not _multispec(header)):
        raise UnreadableFile(
            f"{file_name}: an image of {cube.shape[1]} rows is no extracted spectrum; extract it first."
        )
    axes = (
        read_multispec(header, size, file_name, notes)
        if _multispec(header)
        else dict.fromkeys(range(cube.shape[1]), read_axis(header, size, file_name, notes))
    )
    for row in range(cube.shape[1]):
        if row in axes:
            errors = None if error_band is None else _floats(cube[error_band, row])
            yield Samples(axes[row].values, _floats(cube[flux_band, row]), errors, axes[row].unit,
                          _text(header, "BUNIT"), axes[row].medium, header)  # fmt: skip


def _multispec(header: Header) -> bool:
    return str(header.get("CTYPE1") or "").strip().upper().startswith("MULTISPE")


def _bands(header: Header, count: int) -> tuple[int, int | None]:
    """Which bands of IRAF's ``apall`` hold the spectrum and its error."""
    words = [str(header.get(f"BANDID{number}") or "").lower() for number in range(1, count + 1)]
    best = [at for at, said in enumerate(words) if "spectrum" in said and "clean yes" in said]
    errors = [at for at, said in enumerate(words) if said.startswith("sigma")]
    return (best or [0])[0], errors[0] if errors else None


def _named_rows(header: Header, count: int) -> tuple[int, int | None]:
    """Which rows ARRAYn names the flux and its error."""
    words = [str(header.get(f"ARRAY{number}") or "").lower() for number in range(1, count + 1)]
    errors = [at for at, said in enumerate(words) if "err" in said or "sigma" in said]
    fluxes = [at for at, said in enumerate(words) if at not in errors and ("flux" in said or "spectrum" in said)]
    return (fluxes or [0])[0], errors[0] if errors else None


def _of_table(part: Any, header: Header, said: SpectrumOptions, file_name: str) -> Iterator[Samples]:
    names = list(part.columns.names)
    places = assign_roles(names, said.mapping, TABLE_SYNONYMS)
    roles = {role: names[at] for role, at in places.items() if role != "time"}
    if "flux" not in roles or not {"wavelength", "log_wavelength"} & roles.keys():
        raise UnreadableFile(f"{file_name}: no columns of wavelength and flux. Columns found: {listed(names)}.")
    cells = {role: np.asarray(part.data[name]) for role, name in roles.items()}
    checked_size(max(array.size for array in cells.values()), file_name)
    if cells["flux"].ndim == 1 and cells["flux"].dtype != object:
        cells = {role: array[np.newaxis] for role, array in cells.items()}
    units = {role: str(part.columns[name].unit or "").strip() or None for role, name in roles.items()}
    for row in range(len(cells["flux"])):
        samples = _of_row({role: _floats(array[row]) for role, array in cells.items()}, units, header)
        yield replace(samples, names=names, roles=places)


def _of_row(arrays: dict[str, FloatColumn], units: dict[str, str | None], header: Header) -> Samples:
    wavelength, unit = arrays.get("wavelength"), units.get("wavelength")
    if wavelength is None:
        wavelength = 10.0 ** arrays["log_wavelength"]
        unit = "Angstrom" if (units.get("log_wavelength") or "").lower() in ("", "log10(angstrom)") else None
    errors = arrays.get("flux_error")
    if errors is None and "inverse_variance" in arrays:
        variances = arrays["inverse_variance"]
        errors = np.full(variances.shape, np.nan)
        errors[variances > 0] = 1.0 / np.sqrt(variances[variances > 0])
    return Samples(wavelength, arrays["flux"], errors, unit, units.get("flux") or _text(header, "BUNIT"), header=header)


def _floats(values: Any) -> FloatColumn:
    return np.asarray(values, dtype=np.float64).reshape(-1)


def _text(header: Header, name: str) -> str | None:
    value = header.get(name)
    return None if value is None else str(value)
