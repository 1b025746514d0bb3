"""SIMBAD, the database of the CDS of objects beyond the solar system: https://simbad.cds.unistra.fr.

Exchange (the service's own TAP documentation): ADQL at ``sync``, answered as JSON with ``metadata`` and ``data``; the
table ``ident`` knows every name however it is written. A mistake in a query is a VOTable with status 400.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from tomgql.builtin.resolvers.values import number, text
from tomgql.builtin.surveys.answers import require, words_of
from tomgql.errors import UpstreamRefused
from tomgql.plugins.resolvers import Candidate, Candidates, NameQuery
from tomgql.plugins.surveys import MAIN, Answer

_QUERY = (
    "SELECT TOP 20 basic.main_id, basic.ra, basic.dec, basic.pmra, basic.pmdec, basic.plx_value, basic.otype_txt,"
    " basic.rvz_redshift, ids.ids FROM ident JOIN basic ON ident.oidref = basic.oid"
    " LEFT JOIN ids ON ids.oidref = basic.oid WHERE ident.id = '{name}'"
)
_PAGE = "https://simbad.cds.unistra.fr/simbad/sim-id?Ident="
_EPOCH = 2000.0
"""Julian year of every position in SIMBAD."""


class SimbadResolver:
    """Names of stars, galaxies and transients."""

    name: ClassVar[str] = "simbad"
    title: ClassVar[str] = "SIMBAD"
    description: ClassVar[str] = "Stars, galaxies and other objects beyond the solar system, with all their names."
    version: ClassVar[str] = "1"
    addresses: ClassVar[Mapping[str, str]] = {MAIN: "https://simbad.cds.unistra.fr/simbad/sim-tap"}
    credentials: ClassVar[tuple[str, ...]] = ()
    requests_per_minute: ClassVar[float] = 120.0

    async def resolve(self, query: NameQuery) -> Candidates:
        """The object of the name, if there is one."""
        adql = _QUERY.format(name=query.name.replace("'", "''"))
        params = {"request": "doQuery", "lang": "adql", "format": "json", "query": adql}
        answer = require(await query.http.request("GET", f"{query.address}/sync", params=params))
        return [_candidate(row) for row in _rows(answer) if text(row.get("main_id"))]


def _rows(answer: Answer) -> list[dict[str, Any]]:
    body = answer.json()
    try:
        names = [str(column["name"]) for column in body["metadata"]]
        return [dict(zip(names, row, strict=True)) for row in body["data"]]
    except (TypeError, KeyError, ValueError):
        raise UpstreamRefused(f"Its answer is no table: {words_of(answer)}") from None


def _candidate(row: Mapping[str, Any]) -> Candidate:
    name, names = text(row["main_id"]) or "", row.get("ids")
    aliases = [text(each) for each in names.split("|")] if isinstance(names, str) else []
    return Candidate(
        name=name,
        aliases=tuple(each for each in aliases if each),
        ra_deg=number(row.get("ra")),
        dec_deg=number(row.get("dec")),
        epoch=_EPOCH,
        proper_motion_ra_mas_yr=number(row.get("pmra")),
        proper_motion_dec_mas_yr=number(row.get("pmdec")),
        parallax_mas=number(row.get("plx_value")),
        object_type=text(row.get("otype_txt")),
        redshift=number(row.get("rvz_redshift")),
        address=_PAGE + quote(name, safe=""),
    )
