"""Sesame of the CDS, which asks VizieR's catalogues (and, before them, SIMBAD and NED).

VizieR needs no resolver beside it: it has no names of its own, and finds the place of a name through Sesame.

Exchange (the service's own documentation, https://cds.unistra.fr/cgi-bin/Sesame): the name stands bare behind the
question mark; the answer is XML with a ``Resolver`` for each database that was asked, without a position where it does
not know the name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import quote
from xml.etree.ElementTree import Element

from tomgql.builtin.processors.xml_files import children, text_of
from tomgql.builtin.resolvers.values import number, read_answer, text
from tomgql.builtin.surveys.answers import require
from tomgql.plugins.resolvers import Candidate, Candidates, NameQuery
from tomgql.plugins.surveys import MAIN

_ASKED = "-oxp/SNV"
"""XML as plain text, from SIMBAD, NED and VizieR, in this order, until one knows the name."""

_PAGE = "https://cds.unistra.fr/cgi-bin/Sesame?"


class SesameResolver:
    """Names in the catalogues of VizieR."""

    name: ClassVar[str] = "sesame"
    title: ClassVar[str] = "VizieR (Sesame)"
    description: ClassVar[str] = (
        "Names in the catalogues of VizieR. Asks SIMBAD, NED and VizieR in this order; the first that knows the name"
        " answers."
    )
    version: ClassVar[str] = "1"
    addresses: ClassVar[Mapping[str, str]] = {MAIN: "https://cds.unistra.fr/cgi-bin/nph-sesame"}
    credentials: ClassVar[tuple[str, ...]] = ()
    requests_per_minute: ClassVar[float] = 120.0

    async def resolve(self, query: NameQuery) -> Candidates:
        """The object of the name in each database that knows it."""
        address = f"{query.address}/{_ASKED}?{quote(query.name, safe='')}"
        document = read_answer(require(await query.http.request("GET", address)), "Sesame", "answer of Sesame")
        found = [_candidate(each, query.name) for each in children(document, "Target", "Resolver")]
        return [candidate for candidate in found if candidate is not None]


def _candidate(resolver: Element, asked: str) -> Candidate | None:
    ra_deg, dec_deg = number(text_of(resolver, "jradeg")), number(text_of(resolver, "jdedeg"))
    if ra_deg is None or dec_deg is None:
        return None
    aliases = [text(each.text) for each in children(resolver, "alias")]
    return Candidate(
        name=text(text_of(resolver, "oname")) or asked,
        aliases=tuple(each for each in aliases if each),
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        proper_motion_ra_mas_yr=number(text_of(resolver, "pm", "pmRA")),
        proper_motion_dec_mas_yr=number(text_of(resolver, "pm", "pmDE")),
        parallax_mas=number(text_of(resolver, "plx", "v")),
        object_type=text(text_of(resolver, "otype")),
        redshift=number(text_of(resolver, "z", "v")),
        address=_PAGE + quote(asked, safe=""),
    )
