"""Options with which people say what a file of a spectrum does not say itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from tomgql.builtin.processors.readings import Properties, options_schema
from tomgql.domain.options import OPTIONS_PROPERTIES, checked_options
from tomgql.domain.spectra import MEDIA

_ROLES = ("wavelength", "flux", "flux_error")

SPECTRUM_PROPERTIES: Properties = {
    "columns": OPTIONS_PROPERTIES["columns"],
    "mapping": {"type": "object", "properties": {role: {"type": "string"} for role in _ROLES},
                "additionalProperties": False,
                "description": "Which column holds what, as {\"wavelength\": \"MyCol\"}; an empty name means none."},
    "wavelength_unit": {"type": "string", "description": "Unit of the wavelengths: Angstrom, nm, micron..."},
    "flux_unit": {"type": "string", "description": "Unit of the fluxes, such as erg / (Angstrom s cm2)."},
    "medium": {"type": "string", "enum": list(MEDIA), "description": "In which medium the wavelengths hold."},
    "time": {"type": "string",
             "description": "Time of the observation, where the header does not say it: ISO 8601 in UTC, or an MJD."},
    "time_reference": OPTIONS_PROPERTIES["time_reference"],
    "exposure_s": OPTIONS_PROPERTIES["exposure_s"],
    "telescope": {"type": "string", "description": "Telescope, instead of what the header says."},
    "instrument": {"type": "string", "description": "Instrument, instead of what the header says."},
    "source_name": {"type": "string", "description": "Who made the spectrum."},
    "extension": {"type": "number", "description": "Number of the extension of a FITS file to read."},
    "spectrum": {"type": "number", "exclusiveMinimum": 0,
                 "description": "Which spectrum of several to read, counted from 1; all when not given."},
}  # fmt: skip

SPECTRUM_SCHEMA = options_schema(SPECTRUM_PROPERTIES)
"""The JSON Schema that clients see."""


@dataclass(frozen=True)
class SpectrumOptions:
    """Options by name, as in `SPECTRUM_PROPERTIES`; None where nothing was said."""

    columns: tuple[str, ...] | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    wavelength_unit: str | None = None
    flux_unit: str | None = None
    medium: str | None = None
    time: str | None = None
    time_reference: str | None = None
    exposure_s: float | None = None
    telescope: str | None = None
    instrument: str | None = None
    source_name: str | None = None
    extension: float | None = None
    spectrum: float | None = None

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> SpectrumOptions:
        """Options as they came from a client; null counts as not given.

        Raises `InvalidInput` for unknown names, wrong types and words outside an enumeration.
        """
        given = checked_options(SPECTRUM_PROPERTIES, values)
        return cls(**{item.name: given[item.name] for item in fields(cls) if item.name in given})
