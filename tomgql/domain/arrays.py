"""The columns that all measured facts are made of."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FloatColumn = NDArray[np.float64]
"""Shape ``(n,)``; NaN means "no value"."""

TextColumn = NDArray[np.object_]
"""Shape ``(n,)``, each cell a ``str`` or ``None``."""

Columns = TypeVar("Columns", bound="DataclassInstance")


def taken(columns: Columns, keep: NDArray[np.bool_]) -> Columns:
    """The rows where ``keep``, shape ``(n,)``, is true, of a dataclass of arrays and lists ``(n,)``."""
    chosen = np.flatnonzero(keep)
    rows: dict[str, Any] = {}
    for column in fields(columns):
        value = getattr(columns, column.name)
        if isinstance(value, np.ndarray):
            rows[column.name] = value[chosen]
        else:
            rows[column.name] = [value[index] for index in chosen] if isinstance(value, list) else value
    return type(columns)(**rows)
