"""A reduced datum as a sender of either release writes it, as a row that `createReducedData` reads.

2.x sends the columns of the file that was uploaded (magnitude, error, filter, limit, time), 3.x its own (brightness,
brightness_error, bandpass, unit). Both stay as they came; what is told here is only which of them means what. The
datum's time is its ``timestamp``; a ``time`` in the value is what a file said, rounded otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tomgql.domain.synonyms import stated_system
from tomgql.services.reduction import NewData
from tomgql.web.tomtoolkit.bodies import Fields

TIME = "timestamp"
"""The column of the row that holds the datum's time."""

VALUE = "value"
"""The column that holds a value which is no plain object of columns."""

NOT_PLAIN = frozenset({"mjd", "jd", "id", TIME, VALUE})
"""Names in a generic value that would be taken for the datum's time, its identity or one of ours."""

TYPED = ("photometry", "spectroscopy", "astrometry")
"""Kinds of data that are read; others are kept as they are."""

LONGEST_TYPE, LONGEST_SOURCE, LONGEST_LOCATION = 100, 100, 200
"""Characters, as in TOM Toolkit."""

BRIGHTNESS = {"brightness": "magnitude", "brightness_error": "magnitude_error"}
"""3.x's columns and what they mean, as long as their unit is none of flux."""

FLUXES = {"brightness": "flux", "brightness_error": "flux_error", "limit": "limit_flux"}
"""The same where it is one."""

FLUX_UNITS = ("nJy", "uJy", "mJy", "Jy")
"""Units of brightness that are fluxes; any other is one of magnitudes, or none that is known."""

SYSTEMS = {"ab": "AB", "vega": "Vega"}
"""Systems of magnitudes that a unit may state, as in `AB mag`."""

MEASUREMENTS = ("brightness", "magnitude", "mag", "flux", "limit")
"""Columns by which a point with 3.x's own ones may say something."""

NOTHING_MEASURED = (
    "There is neither a brightness nor a limit. TOM Toolkit 3 leaves the limit of a non-detection out when it shares;"
    " share the data product instead."
)
"""What is said of a point that says nothing."""

ERROR_UNITS = {"": "", "arcsec": "_arcsec", "arcseconds": "_arcsec", "mas": "_mas", "deg": "_deg", "degrees": "_deg"}
"""Units of errors of positions, and how a column's name says them; without one they are arcsec."""

NO_TIME = (
    "Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."
)
"""What Django REST Framework says of a text that is no time."""


def read_datum(body: Mapping[str, Any]) -> NewData:
    """The datum of a POST. Raises Refused.

    A product is named by its key here for the kinds that are read; of other data 3.x sends the key of its own.
    """
    fields = Fields(body)
    target_id = fields.key("target")
    data_type = fields.text("data_type", LONGEST_TYPE, required=True)
    source_name = fields.text("source_name", LONGEST_SOURCE)
    source_location = fields.text("source_location", LONGEST_LOCATION)
    named = data_type in TYPED and body.get("data_product") not in (None, "")
    product_id = fields.key("data_product") if named else None
    moment, value = _timestamp(fields), _value(fields, data_type)
    row, options = _row(data_type, value, fields)
    fields.finish()
    return NewData(
        target_id=target_id or 0,
        data_type=data_type,
        source_name=source_name,
        source_location=source_location,
        data_product_id=product_id,
        rows=[{**row, TIME: moment}],
        options=options,
        all_or_nothing=True,
    )


def _timestamp(fields: Fields) -> str:
    """The time as it came; one without a zone is UTC."""
    text = fields.text("timestamp", 40, required=True)
    try:
        if text:
            datetime.fromisoformat(text)
    except ValueError:
        fields.wrong("timestamp", NO_TIME)
    return text


def _value(fields: Fields, data_type: str) -> Any:
    value = fields.body.get("value")
    if "value" not in fields.body:
        fields.wrong("value", "This field is required.")
    elif value is None:
        fields.wrong("value", "This field may not be null.")
    elif data_type in TYPED and not isinstance(value, dict):
        fields.wrong("value", f"A value of {data_type} is an object of columns.")
    return value


def _row(data_type: str, value: Any, fields: Fields) -> tuple[dict[str, Any], dict[str, Any]]:
    """The row of a value without its time, and the options by which it is read."""
    if data_type not in TYPED:
        plain = isinstance(value, dict) and not NOT_PLAIN & set(value)
        return (dict(value) if plain else {VALUE: value}), {}
    if not isinstance(value, dict):
        return {}, {}
    if data_type == "photometry":
        return dict(value), _photometry(value, fields)
    row = _spectrum(value) if data_type == "spectroscopy" else _position(value, fields)
    return row, {"mapping": {"time": TIME, "source": ""}}


def _photometry(value: Mapping[str, Any], fields: Fields) -> dict[str, Any]:
    """Options that say which column means what; other columns are told by their names, as those of files are."""
    unit = str(value.get("unit") or "").strip()
    flux = next((name for name in FLUX_UNITS if name.lower() == unit.lower()), None)
    system = SYSTEMS.get(stated_system(f"({unit[:60]})") or "")
    if flux is None and system is None and unit.lower() not in ("", "mag", "magnitude", "magnitudes"):
        fields.wrong("value", f"`unit` is none of AB mag, Vega mag, mag, {', '.join(FLUX_UNITS)}.")
    meanings = FLUXES if flux else BRIGHTNESS
    mapping = {"time": TIME, "source": "", "object": ""}
    mapping |= {meaning: name for name, meaning in meanings.items() if value.get(name) is not None}
    if "brightness" in value and all(value.get(name) is None for name in MEASUREMENTS):
        fields.wrong("value", NOTHING_MEASURED)
    stated = {"flux_unit": flux, "magnitude_system": system}
    return {"mapping": mapping, **{name: text for name, text in stated.items() if text}}


def _spectrum(value: Mapping[str, Any]) -> dict[str, Any]:
    """Arrays; also of 2.x's older form, an object of samples by their number. An empty array of errors is none."""
    samples = [each for name, each in value.items() if name.isascii() and name.isdigit() and isinstance(each, dict)]
    if samples and len(samples) == len(value):
        return {name: [each.get(name) for each in samples] for name in ("wavelength", "flux")}
    return {name: cell for name, cell in value.items() if cell != []}


def _position(value: Mapping[str, Any], fields: Fields) -> dict[str, Any]:
    """Errors under a name that says their unit, so that what is kept says it too."""
    row = dict(value)
    for name in ("ra_error", "dec_error"):
        unit = row.get(f"{name}_units") or ""
        ending = ERROR_UNITS.get(unit.strip().lower()) if isinstance(unit, str) else None
        if ending is None:
            fields.wrong("value", f"`{name}_units` is none of arcsec, mas, deg.")
        elif ending and name in row:
            row[name + ending] = row.pop(name)
    return row
