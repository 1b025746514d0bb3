"""What a TOM Toolkit has of a target already, looked up when its answers leave that open.

Releases list a datum in their own spelling: 3.x by its columns (`brightness`, `bandpass`, `flux_unit`...), among which
are neither limits nor exposures (seen of 3.1.0); both are compared in that of 2.x.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Hashable, Mapping
from datetime import datetime
from typing import Any

from tomgql.builtin.destinations.toolkit_answers import Toolkit
from tomgql.errors import UpstreamRefused
from tomgql.plugins.destinations import SharedTarget

PAGE_ROWS = {"photometry": 1_000, "astrometry": 1_000}
"""Data of one page of a list, by kind; others may be large."""

PAGE_ROWS_OF_OTHERS = 20
MOST_PAGES = 500
"""Pages that are looked through before a datum counts as not there."""

MOST_PRODUCTS = 1_000
"""Data products of a target there that are looked through."""

SPELLING_OF_3X: Mapping[str, Mapping[str, str]] = {
    "photometry": {"brightness": "magnitude", "brightness_error": "error", "bandpass": "filter"},
    "spectroscopy": {"error": "flux_error", "flux_unit": "flux_units", "wavelength_unit": "wavelength_units"},
}
"""Names of 2.x by those of 3.x, by kind of data."""

UNLISTED: Mapping[str, frozenset[str]] = {
    "photometry": frozenset({"limit", "exposure_time"}),
    "spectroscopy": frozenset(),
    "astrometry": frozenset(),
}
"""What 3.x keeps of a value, and does not list; by kind of data."""

UNLISTED_OF_OTHERS = frozenset({"telescope", "instrument"})

_Value = Mapping[str, Any]


class There:
    """The data of one target there, each list of which is read once."""

    def __init__(self, toolkit: Toolkit, target: SharedTarget, remote_id: str) -> None:
        self._toolkit, self._target, self._remote_id = toolkit, target, remote_id
        self._listed: dict[str, Mapping[int, list[_Value]]] = {}
        self._of_files: dict[str, set[Hashable]] = {}

    async def has(self, body: Mapping[str, Any]) -> bool:
        """Whether a datum of this time and value is there, of whatever source."""
        data_type = body["data_type"]
        if data_type not in self._listed:
            listed: dict[int, list[_Value]] = defaultdict(list)
            async for row in self._rows(data_type):
                listed[_milliseconds(row)].append(row["value"])
            self._listed[data_type] = listed
        values = self._listed[data_type].get(_milliseconds(body), [])
        return any(is_same(data_type, body["value"], value) for value in values)

    async def has_of_file(self, body: Mapping[str, Any]) -> bool:
        """Whether the datum was read there from a data product: of this time and brightness, or of these fluxes.

        Its other columns are spelled as in the file.
        """
        data_type = body["data_type"]
        if data_type not in self._of_files:
            found: set[Hashable] = set()
            for product_id in await self._products(data_type):
                async for row in self._rows(data_type, data_product__id=product_id):
                    moment, measured = _milliseconds(row), _measured(data_type, row["value"])
                    found |= {(moment + near, measured) for near in (-1, 0, 1) if measured is not None}
            self._of_files[data_type] = found
        return (_milliseconds(body), _measured(data_type, body["value"])) in self._of_files[data_type]

    async def _products(self, data_type: str) -> set[Any]:
        """Ids of the target's products there that data of a kind are read from. They can be asked for by name alone."""
        found: set[Any] = set()
        for name in self._target.names:
            listed = await self._toolkit.get("dataproducts", target_name=name, limit=MOST_PRODUCTS)
            try:
                found |= {
                    each["id"]
                    for each in listed["results"]
                    if str(each["target"]) == self._remote_id and each["data_product_type"] == data_type
                }
            except (KeyError, TypeError):
                raise UpstreamRefused("The list of data products there is none; is this a TOM Toolkit?") from None
        return found

    async def _rows(self, data_type: str, **wanted: Any) -> AsyncIterator[Mapping[str, Any]]:
        """The target's data of a kind there, page by page. Raises UpstreamRefused for anything but such a list."""
        rows = PAGE_ROWS.get(data_type, PAGE_ROWS_OF_OTHERS)
        asked = {"target__id": self._remote_id, "data_type": data_type, "limit": rows, **wanted}
        for page in range(MOST_PAGES):
            listed = await self._toolkit.get("reduceddatums", **asked, offset=page * rows)
            try:
                for row in listed["results"]:
                    _milliseconds(row)
                    yield {**row, "value": row["value"] if isinstance(row["value"], dict) else {}}
                if not listed["next"]:
                    return
            except (KeyError, TypeError, ValueError):
                raise UpstreamRefused("The list of reduced data there is none; is this a TOM Toolkit?") from None


def is_same(data_type: str, ours: _Value, theirs: _Value) -> bool:
    """Whether two values of a kind and time are one, as far as a TOM Toolkit lists them."""
    one, other = _plain(data_type, ours), _plain(data_type, theirs)
    unlisted = UNLISTED.get(data_type, UNLISTED_OF_OTHERS)
    compared = {name for name in one.keys() | other.keys() if name not in unlisted or (name in one and name in other)}
    return all(one.get(name) == other.get(name) for name in compared)


def _plain(data_type: str, value: _Value) -> _Value:
    """What there is of a value, in the spelling of 2.x."""
    names = SPELLING_OF_3X.get(data_type, {})
    return {names.get(name, name): cell for name, cell in value.items() if cell not in (None, "", [])}


def _measured(data_type: str, value: _Value) -> Hashable:
    """What was measured, to tell data of one time apart; None when the value does not say it."""
    plain = _plain(data_type, value)
    if data_type == "spectroscopy":
        flux = plain.get("flux")
        return tuple(flux) if isinstance(flux, list) and all(isinstance(each, (int, float)) for each in flux) else None
    told = ((name, plain.get(name)) for name in ("magnitude", "limit"))
    return next(((name, round(cell, 6)) for name, cell in told if isinstance(cell, (int, float))), None)


def _milliseconds(row: Mapping[str, Any]) -> int:
    """A datum's time. Raises KeyError, TypeError or ValueError when it is none."""
    return round(datetime.fromisoformat(row["timestamp"]).timestamp() * 1_000)
