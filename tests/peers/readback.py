"""What a TOM Toolkit has, read through its own API; what that does not tell, from its database and its files."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import pytest

from tests.peers.projects import PASSWORD, USERNAME, Receiver

SPELLING_OF_3X = {
    "photometry": {"magnitude": "brightness", "error": "brightness_error", "filter": "bandpass"},
    "spectroscopy": {"flux_error": "error", "flux_units": "flux_unit", "wavelength_units": "wavelength_unit"},
}
"""Names of 3.x by those of 2.x."""

LIMITS = 'select timestamp, "limit" from tom_dataproducts_photometryreduceddatum where "limit" is not null'
LISTS = (
    "select l.name, count(*) from tom_targets_targetlist l join tom_targets_targetlist_targets t"
    " on t.targetlist_id = l.id group by 1 order by 1"
)

Row = tuple[str, Mapping[str, Any]]
"""A time, and a value in the release's own spelling."""


@dataclass(frozen=True)
class Readback:
    """Reads a running TOM Toolkit; ``typed`` when it is a 3.x."""

    there: Receiver
    typed: bool

    async def listed(self, kind: str) -> list[dict[str, Any]]:
        """All of a list."""
        async with httpx.AsyncClient(base_url=self.there.url, auth=(USERNAME, PASSWORD), timeout=300) as http:
            answer = await http.get(f"/api/{kind}/", params={"limit": 100_000})
            rows: list[dict[str, Any]] = answer.raise_for_status().json()["results"]
            return rows

    def stored(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of its database."""
        with contextlib.closing(sqlite3.connect(self.there.project / "db.sqlite3")) as database:
            return database.execute(query).fetchall()

    def file(self, address: str) -> bytes:
        """A file that its API gives the address of."""
        path = unquote(urlsplit(address).path).removeprefix("/data/")
        return (self.there.project / "data" / path).read_bytes()

    def rows(self, data_type: str, data: Sequence[Mapping[str, Any]]) -> list[Row]:
        """Times and values of a kind among data of its list; 3.x lists no limit, but has it."""
        rows = [(row["timestamp"], _known(row["value"])) for row in data if row["data_type"] == data_type]
        if not self.typed or data_type != "photometry":
            return rows
        limits = {f"{moment.replace(' ', 'T')}Z": limit for moment, limit in self.stored(LIMITS)}
        return [(moment, value | ({"limit": limits[moment]} if moment in limits else {})) for moment, value in rows]

    def spelled(self, data_type: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
        """A value of 2.x as the release spells it."""
        names = SPELLING_OF_3X.get(data_type, {}) if self.typed else {}
        return {names.get(name, name): cell for name, cell in value.items()}


def are_the_same(rows: Sequence[Row], wanted: Sequence[Row]) -> bool:
    """Whether rows are those, each once, in any order; numbers to nine digits."""
    pairs = zip(sorted(rows, key=_place), sorted(wanted, key=_place), strict=False)
    return len(rows) == len(wanted) and all(
        one[0] == other[0] and one[1].keys() == other[1].keys()
        and all(_equal(one[1][name], cell) for name, cell in other[1].items())
        for one, other in pairs
    )  # fmt: skip


def _equal(one: Any, other: Any) -> bool:
    return bool(one == (pytest.approx(other, rel=1e-9) if isinstance(other, float) else other))


def _place(row: Row) -> tuple[str, str]:
    return row[0], str(sorted(row[1].items()))


def _known(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: cell for name, cell in value.items() if cell not in (None, "", [])}
