"""NED, the NASA/IPAC Extragalactic Database: https://ned.ipac.caltech.edu.

Exchange (recorded): ``objsearch`` answers a VOTable whose columns are known by their names (their ids only count
them); a name that it does not know is a VOTable with a parameter ``Error`` and without a table, with status 200.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import quote
from xml.etree.ElementTree import Element

from tomgql.builtin.processors.xml_files import children
from tomgql.builtin.resolvers.values import number, read_answer, text
from tomgql.builtin.surveys.answers import require
from tomgql.errors import UpstreamRefused
from tomgql.plugins.resolvers import Candidate, Candidates, NameQuery
from tomgql.plugins.surveys import MAIN

_PAGE = "https://ned.ipac.caltech.edu/byname?objname="
_UNKNOWN = "no object found", "not currently recognized", "not recognized"


class NedResolver:
    """Names of objects beyond the Milky Way."""

    name: ClassVar[str] = "ned"
    title: ClassVar[str] = "NED"
    description: ClassVar[str] = "Objects beyond the Milky Way, with redshifts."
    version: ClassVar[str] = "1"
    addresses: ClassVar[Mapping[str, str]] = {MAIN: "https://ned.ipac.caltech.edu/cgi-bin"}
    credentials: ClassVar[tuple[str, ...]] = ()
    requests_per_minute: ClassVar[float] = 60.0

    async def resolve(self, query: NameQuery) -> Candidates:
        """The object of the name, if there is one."""
        params = {"objname": query.name, "extend": "no", "out_csys": "Equatorial", "out_equinox": "J2000.0",
                  "of": "xml_main"}  # fmt: skip
        answer = require(await query.http.request("GET", f"{query.address}/objsearch", params=params))
        document = read_answer(answer, "VOTABLE", "VOTable")
        tables = list(children(document, "RESOURCE", "TABLE"))
        if not tables:
            _require_unknown(document)
            return []
        return [found for row in _rows(tables[0]) if (found := _candidate(row)) is not None]


def _require_unknown(document: Element) -> None:
    """Raises UpstreamRefused unless the answer says that there is no such object."""
    faults = [each.get("value") or "" for each in document.iter() if each.get("name") == "Error"]
    if not any(known in fault.lower() for fault in faults for known in _UNKNOWN):
        raise UpstreamRefused(f"It has no table for the name: {' '.join(faults)[:300] or 'without a word.'}")


def _rows(table: Element) -> list[dict[str, str]]:
    names = [field.get("name") or "" for field in children(table, "FIELD")]
    cells = [[cell.text or "" for cell in children(row, "TD")] for row in children(table, "DATA", "TABLEDATA", "TR")]
    return [dict(zip(names, row, strict=False)) for row in cells]


def _candidate(row: Mapping[str, str]) -> Candidate | None:
    name = text(row.get("Object Name"))
    if name is None:
        return None
    return Candidate(
        name=name,
        ra_deg=number(row.get("RA(deg)") or row.get("RA")),
        dec_deg=number(row.get("DEC(deg)") or row.get("DEC")),
        object_type=text(row.get("Type")),
        redshift=number(row.get("Redshift")),
        address=_PAGE + quote(name, safe=""),
    )
