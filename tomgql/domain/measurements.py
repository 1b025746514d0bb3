"""What a processor yields: measured facts as columns, and notes on how they were read.

Photometry and data of other kinds stand here, spectra and positions in modules of their own.

Arrays, not objects: a light curve has 100,000 points. One `Photometry` holds rows of one file; it is turned into
stored rows by `tomgql.domain.staging`. Conventions are those of DESIGN D8: signed flux in microjansky (AB zero
point 23.9), one-sigma errors, limits with their n-sigma, mid-exposure UTC as MJD.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tomgql.domain.arrays import FloatColumn as FloatColumn
from tomgql.domain.arrays import TextColumn as TextColumn
from tomgql.domain.arrays import taken
from tomgql.domain.astrometry import Astrometry
from tomgql.domain.spectra import Spectrum

NoteLevel = Literal["INFO", "WARNING", "ERROR"]


@dataclass(frozen=True)
class Note:
    """What was assumed, skipped, converted or warned of while a file was read.

    ``row`` is the first row concerned, counted from 1 below the header; ``count`` says how many rows.
    """

    level: NoteLevel
    code: str
    message: str
    row: int | None = None
    count: int = 1


def rows_text(count: int) -> str:
    """``1 row`` or ``3 rows``."""
    return "1 row" if count == 1 else f"{count} rows"


@dataclass
class Photometry:
    """Columns of ``n`` photometric measurements.

    Shapes: every array ``(n,)``; NaN in a float column means "no value". Infinities are not allowed.

    Units: flux, its error and the limit in microjansky; ``mjd_utc`` in days; ``exposure_s`` in seconds.
    ``reported_*`` keep what the file said: the number of the brightness in its own system, its error and the
    system's name (``"AB"``, ``"Vega"``, ``"uJy"``...). ``reported`` holds the text of one JSON object a row, with the
    file's own column names and values: text, because it is stored as it is and 100,000 dictionaries cost more than
    the rest of the reading. ``external_id`` is the producer's own id of a measurement, where there is one.

    ``time_quality`` is ``"exact"`` (stated to be UTC and mid-exposure), ``"converted"`` or ``"assumed"``.
    ``limit_nsigma`` is NaN where the file does not say at how many sigma a limit holds.
    """

    mjd_utc: FloatColumn
    band: TextColumn
    flux_ujy: FloatColumn
    flux_error_ujy: FloatColumn
    limit_flux_ujy: FloatColumn
    limit_nsigma: FloatColumn
    exposure_s: FloatColumn
    reported_magnitude: FloatColumn
    reported_magnitude_error: FloatColumn
    reported_system: TextColumn
    source_name: TextColumn
    telescope: TextColumn
    instrument: TextColumn
    external_id: TextColumn
    time_quality: TextColumn
    forced: NDArray[np.bool_]
    difference: NDArray[np.bool_]
    reported: list[str]
    row: NDArray[np.int64]
    """Row number in the file, counted from 1 below the header, for reports."""
    occurrence: NDArray[np.int64] | None = None
    """How many earlier rows of the same file claim the same identity with another value; None means 0 everywhere."""
    reported_limit: FloatColumn | None = None
    """The limit in magnitudes as the file gave it, also where it has no flux; None where no row has one."""

    def __len__(self) -> int:
        return len(self.mjd_utc)

    def take(self, keep: NDArray[np.bool_]) -> Photometry:
        """The rows where ``keep``, shape ``(n,)``, is true."""
        return taken(self, keep)


@dataclass
class GenericData:
    """Columns of ``n`` facts of any other kind: a time and a JSON value each.

    ``data_type`` is one word for all rows; ``reported`` holds one JSON text a row, the datum's whole value;
    ``occurrence`` counts the earlier rows that claim the same identity with another value.
    """

    data_type: str
    mjd_utc: FloatColumn
    source_name: TextColumn
    telescope: TextColumn
    instrument: TextColumn
    external_id: TextColumn
    reported: list[str]
    row: NDArray[np.int64]
    occurrence: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.mjd_utc)

    def take(self, keep: NDArray[np.bool_]) -> GenericData:
        """The rows, (n,), that are to be kept."""
        columns: dict[str, Any] = {
            name: values[keep] if isinstance(values, np.ndarray) else values for name, values in vars(self).items()
        }
        reported = [text for text, kept in zip(self.reported, keep.tolist(), strict=True) if kept]
        return GenericData(**{**columns, "reported": reported})


@dataclass(frozen=True)
class RejectedRow:
    """A row that was not taken: where, and in which column, and why, and what would be right."""

    row: int
    code: str
    message: str
    field: str | None = None


@dataclass(frozen=True)
class ColumnUse:
    """How one column of a file is taken; ``derived``: a processor worked it out, so it has no place in the file.

    ``meaning`` is a word of the column mapping, or several with commas, None of a column that is only kept as it was
    reported, or that a derived one was made of. ``unit`` says how the values are taken: a unit, a zero point, or format
    and scale of times; None where none is known.
    """

    name: str
    meaning: str | None
    unit: str | None
    derived: bool = False


@dataclass
class Reading:
    """Everything that a processor found in one file, of one kind or of several.

    Row numbers say where in the file a datum stands; data of several kinds may share one. ``columns`` may stay empty:
    they are shown to who asks what would come of a file, and nothing else depends on them.
    """

    photometry: Photometry | None = None
    spectra: list[Spectrum] = field(default_factory=list)
    astrometry: Astrometry | None = None
    generic: GenericData | None = None
    notes: list[Note] = field(default_factory=list)
    rejected: list[RejectedRow] = field(default_factory=list)
    columns: list[ColumnUse] = field(default_factory=list)
    format_name: str = ""
