"""Named columns of any origin, read as photometry.

The same rules serve files and rows sent by a client: the columns are told apart by name, what is stated goes before
what is usual, what was assumed is noted, and a bad row never takes the good ones with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tomgql.domain import row_checks
from tomgql.domain.brightness import Brightness, Columns, read_brightness
from tomgql.domain.cells import Column
from tomgql.domain.column_uses import column_uses
from tomgql.domain.flux_units import FluxScale, add_own_units, read_scale, stated_unit
from tomgql.domain.measurements import FloatColumn, Note, Photometry, Reading
from tomgql.domain.options import ColumnOptions
from tomgql.domain.repeats import settle_repeats
from tomgql.domain.reported import reported_texts
from tomgql.domain.synonyms import normalise, stated_system
from tomgql.domain.systems import Systems, read_systems
from tomgql.domain.tables import Cells, Table
from tomgql.domain.time_columns import Times, read_times
from tomgql.errors import UnreadableFile

_FIVE_SIGMA_LIMITS = frozenset({"mag5sig", "diffmaglim"})
"""Limit columns whose makers say that they are 5 sigma: ATLAS forced photometry and ZTF."""


def interpret_photometry(
    columns: Mapping[str, Cells], options: ColumnOptions, *, file_name: str,
    default_source: str = "", target_names: Sequence[str] = (), target_position: tuple[float, float] | None = None,
    now_mjd: float | None = None,
) -> Reading:  # fmt: skip
    """Columns of ``n`` cells each as photometry, with notes and rejected rows; row numbers count from 1.

    ``target_position`` (ICRS degrees) is used for heliocentric times and to warn of far rows. ``now_mjd`` is the
    present, for tests.

    Raises `UnreadableFile` when nothing can be read from them: no time column, no band, a flux without unit, ambiguous
    times, or no row that can be taken. Raises `InvalidInput` when the options do not fit the columns.
    """
    table = _Table(columns, options, file_name)
    time_column, notes = table.times()
    named, named_zero = table.named_system("magnitude", "limit"), table.named_system("zero_point")
    systems = table.systems(default_source, named)
    brightness = table.brightness(
        systems, systems if named == named_zero else table.systems(default_source, named_zero)
    )
    exposure = table.exposure()
    times = read_times(time_column, table.options, exposure, file_name, target_position)
    checked = row_checks.Checked(time_column, table.value(), table.require_band(), systems.band)
    reading = Reading(notes=[*notes, *times.notes, *brightness.notes, *table.notes(systems)])
    reading.columns = column_uses(table.columns, table.roles, table.units(times, systems))
    keep = row_checks.check_rows(checked, times, brightness, now_mjd, reading)
    names = [*target_names, options.object] if options.object else target_names
    keep &= row_checks.check_objects(table.find("object"), names, file_name, reading)
    row_checks.check_distance(table.find("ra"), table.find("dec"), target_position, reading)
    found = table.photometry(times, brightness, systems, exposure, default_source)
    found = found if keep.all() else found.take(keep)
    short = row_checks.check_texts(found, reading)
    if not short.any():
        raise row_checks.nothing_taken(file_name, table.size, reading)
    reading.photometry, repeats = settle_repeats(found if short.all() else found.take(short))
    reading.notes.extend(repeats)
    return reading


class _Table(Table):
    """The columns of one table of photometry."""

    def require_band(self) -> str:
        """The name of the band column; empty where the option says all."""
        band = self.find("band")
        if band is None and not self.options.band:
            raise UnreadableFile(
                f"{self.file_name}: no band column. Columns found: {self.names()}; name the band with option band, "
                "or the column with the column mapping."
            )
        return band.name if band is not None else ""

    def value(self) -> Column:
        """The column that messages about the brightness name."""
        return self.columns[self.roles[next(role for role in ("magnitude", "flux", "limit") if role in self.roles)]]

    def named_system(self, *roles: str) -> str | None:
        """The magnitude system that the names or units of the columns of these roles state."""
        columns = [column for role in roles if (column := self.find(role)) is not None]
        named = [stated_system(f"{column.name} ({column.unit or ''})") for column in columns]
        return next((system for system in named if system), None)

    def systems(self, default_source: str, named: str | None) -> Systems:
        """Bands and systems by row; ``named`` is the system where neither a column nor the option says one."""
        options = self.options
        return read_systems(
            self.texts("band", options.band), self.texts("telescope", options.telescope),
            self.texts("instrument", options.instrument), self.texts("source", options.source_name or default_source),
            self.texts("magnitude_system", options.magnitude_system or named),
        )  # fmt: skip

    def brightness(self, systems: Systems, zero_points: Systems) -> Brightness:
        values = Columns(**{role: self.find(role) for role in Columns.__dataclass_fields__})
        if values.limit is not None and values.is_limit is None and values.limit.is_boolean:
            values.limit, values.is_limit = None, values.limit  # {"mag": 20.5, "limit": true}
        differences = values.magnitude is not None and normalise(values.magnitude.name) == "magpsf"
        if not differences and "sign" not in self.options.mapping:
            values.sign = None
        if values.magnitude is None and values.flux is None and values.limit is None:
            raise UnreadableFile(
                f"{self.file_name}: no brightness column. Columns found: {self.names()}. Expected one of mag, "
                "magnitude, flux; name it with the column mapping."
            )
        return read_brightness(values, self.size, systems, self._scale(values, zero_points), self._limit_nsigma())

    def _scale(self, values: Columns, systems: Systems) -> FluxScale | None:
        if values.flux is None:
            return None
        scale = read_scale(values.flux, self.find("zero_point"), self.options, systems)
        if scale is None and values.magnitude is None:
            raise UnreadableFile(
                f"{self.file_name}: flux column {values.flux.name} has no unit: give uJy, mJy, Jy or a zero point "
                "(option flux_unit or zero_point)."
            )
        if scale is not None:
            add_own_units(scale, values.flux, values.flux_error, values.limit_flux)
        return scale

    def _limit_nsigma(self) -> float:
        limit = self.find("limit")
        if self.options.limit_nsigma is not None:
            return self.options.limit_nsigma
        return 5.0 if limit is not None and normalise(limit.name) in _FIVE_SIGMA_LIMITS else np.nan

    def flags(self, role: str, otherwise: bool) -> NDArray[np.bool_]:
        if role not in self.roles:
            return np.full(self.size, otherwise, dtype=np.bool_)
        return np.array([(text or "").lower() in ("1", "t", "true", "y", "yes") for text in self.texts(role, None)])

    def notes(self, systems: Systems) -> list[Note]:
        with_magnitudes = "magnitude" in self.roles or "limit" in self.roles
        notes = [note for note in systems.notes if with_magnitudes or note.code == "UNKNOWN_BAND"]
        flux = self.find("flux")
        if flux is not None and self._scale_unknown(flux, systems):
            notes.append(
                Note("WARNING", "FLUX_WITHOUT_UNIT", f"column {flux.name} has no unit; magnitudes used instead")
            )
        cleaned = sum(column.cleaned for column in self.columns)
        if cleaned:
            message = f"{cleaned} cells held NUL characters or broken Unicode; removed"
            notes.append(Note("WARNING", "TEXT_CLEANED", message, count=cleaned))
        return notes

    def _scale_unknown(self, flux: Column, systems: Systems) -> bool:
        return read_scale(flux, self.find("zero_point"), self.options, systems) is None

    def units(self, times: Times, systems: Systems) -> dict[str, str]:
        """How the values of each meaning are taken, for people."""
        flux = self.find("flux")
        scale = None if flux is None else read_scale(flux, self.find("zero_point"), self.options, systems)
        known = {system for system in systems.system.tolist() if system}
        magnitude = f"mag ({known.pop()})" if len(known) == 1 else "mag"
        usual = dict.fromkeys(("magnitude", "limit"), magnitude) | {"magnitude_error": "mag", "zero_point": "mag"}
        if scale is not None:
            usual |= dict.fromkeys(("flux", "flux_error", "limit_flux"), scale.label)
        stated = {role: unit for role in usual if (unit := self._stated(role)) is not None}
        chosen = {"time": times.taken} | ({"flux": scale.label} if scale is not None else {})
        return usual | {"exposure": "s"} | stated | chosen

    def _stated(self, role: str) -> str | None:
        column = self.find(role)
        return None if column is None else stated_unit(column)

    def photometry(
        self, times: Times, brightness: Brightness, systems: Systems, exposure: FloatColumn, default_source: str
    ) -> Photometry:
        options = self.options
        return Photometry(
            mjd_utc=times.mjd_utc, band=systems.band, flux_ujy=brightness.flux_ujy,
            flux_error_ujy=brightness.flux_error_ujy, limit_flux_ujy=brightness.limit_flux_ujy,
            limit_nsigma=brightness.limit_nsigma, exposure_s=exposure, reported_magnitude=brightness.reported,
            reported_magnitude_error=brightness.reported_error, reported_system=brightness.reported_system,
            time_quality=np.full(self.size, times.quality, dtype=object),
            forced=self.flags("forced", options.forced), difference=self.flags("difference", options.difference),
            reported=reported_texts([column for column in self.columns if not column.derived]),
            row=np.arange(1, self.size + 1), reported_limit=brightness.reported_limit,
            **self.text_columns(default_source),
        )  # fmt: skip
