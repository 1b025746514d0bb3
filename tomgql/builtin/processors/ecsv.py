"""ECSV tables, read by astropy, with the units of their columns.

Format: Enhanced Character Separated Values, Astropy Proposal for Enhancement 6.
"""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np

from tomgql.domain.cells import Column
from tomgql.domain.time import TO_UTC
from tomgql.errors import UnreadableFile

SIGNATURE = re.compile(r"#\s*%ECSV\s")


def read_ecsv(text: str, file_name: str) -> dict[str, Column]:
    """Columns by name; masked cells become None. Raises `UnreadableFile` when astropy cannot read it."""
    from astropy.table import Table
    from astropy.utils import iers

    iers.conf.auto_download = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = Table.read(text.splitlines(), format="ascii.ecsv")
    except (ValueError, TypeError, KeyError, IndexError) as fault:
        words = str(fault).strip().splitlines() or [type(fault).__name__]
        raise UnreadableFile(f"{file_name}: the ECSV table cannot be read: {words[0]}.") from fault
    return {name: _column(name, table[name]) for name in table.colnames}


def _column(name: str, column: Any) -> Column:
    """One column; astropy's own times as MJD, with their scale in the unit."""
    if not hasattr(column, "mjd") or np.ndim(column.mjd) != 1:
        return Column(name, _cells(column), unit=_unit(column))
    known = column if column.scale in TO_UTC else column.tt if column.scale == "tcg" else None
    cells = np.ma.filled(np.ma.asarray(column.mjd if known is None else known.mjd, dtype=np.float64), np.nan)
    return Column(name, cells, unit="MJD" if known is None else f"MJD {known.scale}")


def _cells(column: Any) -> Any:
    if np.ndim(column) != 1 or np.ma.is_masked(column):
        return column.tolist()
    return np.asarray(column)


def _unit(column: Any) -> str | None:
    unit = getattr(column, "unit", None)
    return str(unit) if unit is not None else None
