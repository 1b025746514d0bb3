"""ECSV tables, read by astropy, with the units of their columns.

Format: Enhanced Character Separated Values, Astropy Proposal for Enhancement 6.
"""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np

from tomgql.domain.cells import Column
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
    return {name: Column(name, _cells(table[name]), unit=_unit(table[name])) for name in table.colnames}


def _cells(column: Any) -> Any:
    if np.ndim(column) != 1 or np.ma.is_masked(column):
        return column.tolist()
    return np.asarray(column)


def _unit(column: Any) -> str | None:
    unit = getattr(column, "unit", None)
    return str(unit) if unit is not None else None
