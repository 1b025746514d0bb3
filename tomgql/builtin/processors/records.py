"""Lists of JSON-like objects as columns: one column a key, a cell a value, None where an object has no such key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tomgql.domain.cells import Column
from tomgql.errors import UnreadableFile

MOST_CELLS = 20_000_000
"""Rows times keys from which a file is refused: what no light curve has, and what a child process can hold."""

_FLATTENED = ("name", "value", "id")
"""Where a cell is an object (TNS's ``{"id": 1, "name": "ABMag"}``), the key that speaks for it."""


def columns_of(records: Sequence[Mapping[str, Any]], file_name: str) -> dict[str, Column]:
    """The columns of the records, in order of appearance; keys without any value are left out.

    Raises `UnreadableFile` when the records have so many different keys that their table would not fit.
    """
    keys: dict[str, None] = {}
    for record in records:
        keys.update(dict.fromkeys(record))
        if len(keys) * len(records) > MOST_CELLS:
            raise UnreadableFile(
                f"{file_name}: {len(records)} objects with {len(keys)} or more different names in them."
            )
    columns = {key: [_cell(record.get(key)) for record in records] for key in keys}
    return {key: Column(key, cells) for key, cells in columns.items() if any(cell is not None for cell in cells)}


def _cell(value: Any) -> Any:
    if isinstance(value, str) or not isinstance(value, Mapping):  # most are text, and Mapping is slow to ask
        return value
    return next((value[key] for key in _FLATTENED if isinstance(value.get(key), (str, int, float))), value)
