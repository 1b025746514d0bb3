"""Photometry in the messages of Hermes, SCiMMA's message exchange.

Format (https://hermes.lco.global/about; LCOGT/hermes, schema of ``data.photometry``): numbers may be texts;
``brightness`` and ``limiting_brightness`` each have their own unit (``AB mag``, ``Vega mag``, ``mJy``...); ``date_obs``
is ISO or a Julian date and may be a bare day, with ``T_start`` and ``T_stop`` since an event beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from tomgql.builtin.processors.json_tables import load_json
from tomgql.builtin.processors.readings import choose_options, derived, numbers, options_schema, read_columns
from tomgql.builtin.processors.records import columns_of
from tomgql.builtin.processors.text_files import decode, head_content, read_any_text, says_encoding
from tomgql.domain.cells import Column
from tomgql.domain.flux_units import microjansky_of
from tomgql.domain.measurements import FloatColumn, Note, Reading, TextColumn
from tomgql.domain.options import ColumnOptions, check_options
from tomgql.domain.synonyms import stated_system
from tomgql.domain.time import SECONDS_PER_DAY, parse_iso
from tomgql.errors import UnreadableFile
from tomgql.plugins.contracts import SourceFile

_DEEPEST = 4
_SECONDS = {"s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "hr": 3600.0, "d": 86400.0, "days": 86400.0}
_LISTED_ELSEWHERE = ("spectroscopy", "astrometry")
_OPTIONS = choose_options(
    "object", "source_name", "time_format", "time_scale", "limit_nsigma",
    trigger_time={"type": "string", "description": "UTC (ISO 8601) from which T_start and T_stop count."},
)  # fmt: skip


class HermesProcessor:
    """Reads the photometry of a Hermes message."""

    name: ClassVar[str] = "hermes"
    title: ClassVar[str] = "Hermes message"
    version: ClassVar[str] = "1"
    data_types: ClassVar[tuple[str, ...]] = ("photometry",)
    options_schema: ClassVar[Mapping[str, Any]] = options_schema(_OPTIONS)

    def confidence(self, file: SourceFile) -> int:
        """95 when the envelope of a message is there: a topic, who submitted it, and data."""
        text = decode(head_content(file), strict=False)
        marks = ('"topic"', '"submitter"', '"data"')
        return 95 * (text.lstrip()[:1] == "{" and all(mark in text for mark in marks))

    @says_encoding
    def read(self, file: SourceFile, options: Mapping[str, Any]) -> Reading:
        """Read the message. Raises `UnreadableFile` when it has no photometry of the target."""
        given = {name: value for name, value in options.items() if value is not None}
        check_options(_OPTIONS, given)
        trigger = given.pop("trigger_time", None)
        message = _message(load_json(read_any_text(file), file.name), 0)
        data = message.get("data") if message is not None else None
        entries = data.get("photometry") if isinstance(data, Mapping) else None
        entries = [entry for entry in entries if isinstance(entry, Mapping)] if isinstance(entries, list) else []
        if message is None or not isinstance(data, Mapping) or not entries:
            raise UnreadableFile(f"{file.name}: the message has no photometry (data.photometry).")
        said = columns_of(entries, file.name)
        columns = said | _brightness(said) | _limits(said) | _positions(said, data.get("targets"))
        columns |= _times(said, trigger)
        source = str(message.get("submitter") or "Hermes")
        reading = read_columns(file, columns, _facts(columns, source, given), self.title)
        _note_the_rest(data, said, trigger, reading)
        return reading


def _message(document: Any, depth: int) -> Mapping[str, Any] | None:
    """The message itself, also within the envelopes of archives."""
    if not isinstance(document, Mapping) or depth > _DEEPEST:
        return None
    data = document.get("data")
    if isinstance(data, Mapping) and "photometry" in data:
        return document
    inner = (_message(value, depth + 1) for value in document.values())
    return next((found for found in inner if found is not None), None)


def _texts(columns: Mapping[str, Column], name: str, size: int) -> list[str | None]:
    return columns[name].texts if name in columns else [None] * size


def _split(
    columns: Mapping[str, Column], value: str, *errors: str
) -> tuple[list[FloatColumn], TextColumn, FloatColumn]:
    """Values and errors, the magnitude system of each row (None for fluxes), and uJy of one unit of flux."""
    values = [numbers(columns, name) for name in (value, *errors)]
    units = _texts(columns, f"{value}_unit", len(values[0]))
    systems = [stated_system(unit) or "" if unit and "mag" in unit.lower() else None for unit in units]
    known = {unit: microjansky_of(unit) for unit in set(units)}
    factors = np.array([known[unit] for unit in units], dtype=np.float64)
    return values, np.array([*systems, None], dtype=object)[:-1], factors


def _brightness(columns: Mapping[str, Column]) -> dict[str, Column]:
    """Magnitudes and fluxes apart, since each row has its own unit."""
    (value, error), systems, factors = _split(columns, "brightness", "brightness_error")
    magnitudes = np.array([system is not None for system in systems], dtype=np.bool_)
    mag = derived("magnitude", np.where(magnitudes, value, np.nan))
    mag |= derived("magnitude error", np.where(magnitudes, error, np.nan))
    flux = np.where(magnitudes, np.nan, value * factors)
    if np.isfinite(flux).any():
        mag |= derived("flux", flux, unit="uJy")
        mag |= derived("flux error", np.where(magnitudes, np.nan, error * factors), unit="uJy")
    return mag | derived("magnitude system", [system or None for system in systems])


def _limits(columns: Mapping[str, Column]) -> dict[str, Column]:
    (limit,), systems, factors = _split(columns, "limiting_brightness")
    magnitudes = np.array([system is not None for system in systems], dtype=np.bool_)
    found = derived("limiting magnitude", np.where(magnitudes, limit, np.nan))
    flux = np.where(magnitudes, np.nan, limit * factors)
    return found | (derived("limiting flux", flux, unit="uJy") if np.isfinite(flux).any() else {})


def _positions(columns: Mapping[str, Column], targets: Any) -> dict[str, Column]:
    """Where the message says each row's target is."""
    known = {target.get("name"): target for target in targets or () if isinstance(target, Mapping)}
    names = columns["target_name"].texts if "target_name" in columns else []
    rows = [known.get(name, {}) for name in names]
    if not rows:
        return {}
    ra, dec = ([_degrees(row.get(axis)) for row in rows] for axis in ("ra", "dec"))
    return derived("target ra", ra) | derived("target dec", dec)


def _degrees(value: Any) -> str | None:
    return str(value) if isinstance(value, (str, int, float)) else None


def _times(columns: Mapping[str, Column], trigger: str | None) -> dict[str, Column]:
    """The middle between T_start and T_stop, where somebody says from when they count."""
    if trigger is None:
        return {}
    start, stop = _seconds(columns, "T_start"), _seconds(columns, "T_stop")
    middle = np.where(np.isnan(stop), start, (start + stop) / 2)
    return derived("middle", parse_iso(trigger)[0] + middle / SECONDS_PER_DAY)


def _seconds(columns: Mapping[str, Column], name: str) -> FloatColumn:
    values = numbers(columns, name)
    units = _texts(columns, f"{name}_units", len(values))
    return np.array([value * _SECONDS.get(unit or "s", np.nan) for value, unit in zip(values, units, strict=True)])


def _facts(columns: Mapping[str, Column], source: str, given: Mapping[str, Any]) -> ColumnOptions:
    mapping = {
        "time": "middle" if "middle" in columns else "date_obs", "magnitude": "magnitude", "flux": "flux",
        "magnitude_error": "magnitude error", "flux_error": "flux error", "magnitude_system": "magnitude system",
        "limit": "limiting magnitude", "limit_flux": "limiting flux", "band": "bandpass", "exposure": "exposure_time",
        "object": "target_name", "ra": "target ra", "dec": "target dec", "zero_point": "", "source": "",
    }  # fmt: skip
    facts: dict[str, Any] = {"mapping": {role: name if name in columns else "" for role, name in mapping.items()}}
    if "middle" in columns:
        facts |= {"time_format": "mjd", "time_scale": "utc", "time_reference": "middle"}
    return ColumnOptions.read_over(facts | {"source_name": source[:100]}, given)


def _note_the_rest(data: Mapping[str, Any], columns: Mapping[str, Column], trigger: Any, reading: Reading) -> None:
    if trigger is None and "T_start" in columns:
        words = "T_start counts from an event whose time the message does not say; not used (option trigger_time)"
        reading.notes.append(Note("WARNING", "TIME_SINCE_EVENT", words))
    counts: list[tuple[str, Sequence[Any]]] = [(name, data.get(name) or ()) for name in _LISTED_ELSEWHERE]
    for name, entries in counts:
        if isinstance(entries, list) and entries:
            words = f"{len(entries)} entries of {name} not read"
            reading.notes.append(Note("INFO", "OTHER_DATA_SKIPPED", words, count=len(entries)))
