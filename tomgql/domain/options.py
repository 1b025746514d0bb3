"""Options with which people say what a file or a block of rows does not say itself.

`OPTIONS_PROPERTIES` is the JSON Schema that clients see; `ColumnOptions.read` checks against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from tomgql.errors import InvalidInput

ROLES = (
    "time", "magnitude", "magnitude_error", "flux", "flux_error", "zero_point", "magnitude_system", "limit",
    "limit_flux", "is_limit", "band", "telescope", "instrument", "source", "exposure", "ra", "dec", "object",
    "external_id", "forced", "difference", "sign",
)  # fmt: skip
"""What a column can mean."""

TIME_FORMATS = (
    "mjd", "jd", "jd-2400000", "jd-2450000", "hjd", "hjd-2400000", "hjd-2450000", "bjd", "bjd-2400000", "bjd-2450000",
    "bjd-2457000", "bjd-2454833", "iso",
)  # fmt: skip
"""``bjd-2457000`` is TESS's BTJD, ``bjd-2454833`` Kepler's BKJD; a file may state any other day to count from."""

TIME_SCALES = ("utc", "tai", "tt", "tdb", "tcb")
"""Time scales that times may be given in."""


def _words(description: str, *words: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(words), "description": description}


OPTIONS_PROPERTIES: dict[str, dict[str, Any]] = {
    "columns": {"type": "array", "items": {"type": "string"},
                "description": "Names of the columns, in order, for a table without a header."},
    "mapping": {"type": "object", "properties": {role: {"type": "string"} for role in ROLES},
                "additionalProperties": False,
                "description": "Which column holds what, as {\"time\": \"MyCol\"}; an empty name means none."},
    "time_format": _words("How the time column counts.", *TIME_FORMATS),
    "time_scale": _words("Time scale of the time column; UTC is assumed.", *TIME_SCALES),
    "time_reference": _words("What part of the exposure the time marks; its middle is assumed.",
                             "start", "middle", "end"),
    "exposure_s": {"type": "number", "exclusiveMinimum": 0, "description": "Exposure time in seconds."},
    "flux_unit": {"type": "string", "description": "Unit of the flux column: uJy, mJy, Jy, nJy..."},
    "zero_point": {"type": "number", "description": "Magnitude of one unit of flux."},
    "magnitude_system": _words("System of the magnitudes.", "AB", "Vega"),
    "limit_nsigma": {"type": "number", "exclusiveMinimum": 0, "description": "At how many sigma the limits hold."},
    "object": {"type": "string", "description": "How a file of several objects calls the target."},
    "band": {"type": "string", "description": "Band of all rows, where no column says it."},
    "telescope": {"type": "string", "description": "Telescope of all rows, where no column says it."},
    "instrument": {"type": "string", "description": "Instrument of all rows, where no column says it."},
    "source_name": {"type": "string", "description": "Who made the measurements, where no column says it."},
    "decimal_comma": {"type": "boolean", "description": "Numbers are written 12,5."},
    "forced": {"type": "boolean", "description": "The fluxes are forced at the target's position."},
    "difference": {"type": "boolean", "description": "The fluxes are of a difference image."},
}  # fmt: skip

OPTIONS_SCHEMA: dict[str, Any] = {
    "type": "object", "properties": OPTIONS_PROPERTIES, "additionalProperties": False,
}  # fmt: skip

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "number": (int, float), "boolean": (bool,), "array": (list, tuple), "object": (Mapping,),
}  # fmt: skip


@dataclass(frozen=True)
class ColumnOptions:
    """Options by name, as in `OPTIONS_PROPERTIES`; None where nothing was said."""

    columns: tuple[str, ...] | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    time_format: str | None = None
    time_scale: str | None = None
    time_reference: str | None = None
    exposure_s: float | None = None
    flux_unit: str | None = None
    zero_point: float | None = None
    magnitude_system: str | None = None
    limit_nsigma: float | None = None
    object: str | None = None
    band: str | None = None
    telescope: str | None = None
    instrument: str | None = None
    source_name: str | None = None
    decimal_comma: bool = False
    forced: bool = False
    difference: bool = False

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> ColumnOptions:
        """Options as they came from a client; null counts as not given.

        Raises `InvalidInput` for unknown names, wrong types and words outside an enumeration.
        """
        given = checked_options(OPTIONS_PROPERTIES, values)
        return cls(**{item.name: given[item.name] for item in fields(cls) if item.name in given})

    @classmethod
    def read_over(cls, facts: Mapping[str, Any], values: Mapping[str, Any]) -> ColumnOptions:
        """What a format says of itself, ``facts``, and over it what a client says; mappings are joined role by role.

        Raises what `read` raises, for the client's values only.
        """
        said = cls.read(values)
        untold = {name: fact for name, fact in facts.items() if values.get(name) is None}
        return replace(said, **untold | {"mapping": {**facts.get("mapping", {}), **said.mapping}})


def checked_options(properties: Mapping[str, Mapping[str, Any]], values: Mapping[str, Any]) -> dict[str, Any]:
    """Options as they came from a client, held against their schema and that of their mapping; nulls are left out.

    Raises `InvalidInput` as `check_options` does.
    """
    given = {name: value for name, value in values.items() if value is not None}
    check_options(properties, given)
    check_options(properties["mapping"]["properties"], given.get("mapping", {}), "mapping")
    if "columns" in given:
        given["columns"] = tuple(str(name) for name in given["columns"])
    return given


def check_options(properties: Mapping[str, Mapping[str, Any]], values: Mapping[str, Any], *path: str) -> None:
    """Hold values against the properties of a JSON Schema: names, types, enumerations and lower bounds.

    Raises `InvalidInput` whose path leads to the first option that does not fit.
    """
    for name, value in values.items():
        place = ["options", *path, name]
        schema = properties.get(name)
        if schema is None:
            raise InvalidInput(f'There is no option "{name}". Known: {", ".join(properties)}.', path=place)
        wrong_bool = isinstance(value, bool) and schema["type"] != "boolean"
        if wrong_bool or not isinstance(value, _TYPES[schema["type"]]):
            raise InvalidInput(f'Option "{name}" must be of type {schema["type"]}.', path=place)
        if "enum" in schema and value not in schema["enum"]:
            raise InvalidInput(f'Option "{name}" is "{value}"; say one of {", ".join(schema["enum"])}.', path=place)
        if "exclusiveMinimum" in schema and not value > schema["exclusiveMinimum"]:
            raise InvalidInput(f'Option "{name}" must be above {schema["exclusiveMinimum"]}.', path=place)
