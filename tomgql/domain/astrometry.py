"""Measured positions as columns. Frame: ICRS, degrees; errors in arcsec on the sky, one sigma."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tomgql.domain.arrays import FloatColumn, TextColumn, taken

LONGEST_OBSERVATORY_CODE = 10
"""Characters; the Minor Planet Center's codes have three or four. The table keeps the same bound."""


@dataclass
class Astrometry:
    """Columns of ``n`` measured positions.

    Shapes: every array ``(n,)``; NaN in a float column means "no value", and position and time have none.

    Units: ``mjd_utc`` days, middle of the exposure; ``ra_deg`` 0 <= ra < 360 and ``dec_deg`` -90 to 90, ICRS;
    ``ra_error_arcsec`` (times cos dec) and ``dec_error_arcsec``, one sigma. ``observatory_code`` is the Minor Planet
    Center's. ``reported``, ``external_id``, ``time_quality``, ``row`` and ``occurrence`` as in `Photometry`.
    """

    mjd_utc: FloatColumn
    ra_deg: FloatColumn
    dec_deg: FloatColumn
    ra_error_arcsec: FloatColumn
    dec_error_arcsec: FloatColumn
    observatory_code: TextColumn
    telescope: TextColumn
    instrument: TextColumn
    source_name: TextColumn
    external_id: TextColumn
    time_quality: TextColumn
    reported: list[str]
    row: NDArray[np.int64]
    occurrence: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.mjd_utc)

    def take(self, keep: NDArray[np.bool_]) -> Astrometry:
        """The rows where ``keep``, shape ``(n,)``, is true."""
        return taken(self, keep)
