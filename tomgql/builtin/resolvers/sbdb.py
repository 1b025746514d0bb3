"""JPL's Small-Body Database: orbits of minor planets and comets, https://ssd-api.jpl.nasa.gov/doc/sbdb.html.

Exchange (recorded): numbers are texts, and any value may be null. Several objects that fit a name are status 300 with
a ``list``; none is a body with ``message``, with status 200 or 404. Elements are heliocentric, ecliptic J2000, at an
epoch in TDB, which is TT within 2 ms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from tomgql.builtin.processors.json_tables import mappings
from tomgql.builtin.resolvers.values import number, text
from tomgql.builtin.surveys.answers import require, words_of
from tomgql.errors import UpstreamRefused
from tomgql.plugins.resolvers import Candidate, Candidates, NameQuery, Orbit
from tomgql.plugins.surveys import MAIN

_PAGE = "https://ssd.jpl.nasa.gov/tools/sbdb_lookup.html#/?sstr="
_JD_OF_MJD_0 = 2_400_000.5
_COMET = "c"
"""How the kind of a comet begins: ``cn`` with a number, ``cu`` without."""


class SbdbResolver:
    """Names of minor planets and comets."""

    name: ClassVar[str] = "sbdb"
    title: ClassVar[str] = "JPL Small-Body Database"
    description: ClassVar[str] = "Minor planets and comets, with their orbits."
    version: ClassVar[str] = "1"
    addresses: ClassVar[Mapping[str, str]] = {MAIN: "https://ssd-api.jpl.nasa.gov"}
    credentials: ClassVar[tuple[str, ...]] = ()
    requests_per_minute: ClassVar[float] = 60.0

    async def resolve(self, query: NameQuery) -> Candidates:
        """The body of the name with its orbit, or the names of those that fit it."""
        params = {"sstr": query.name, "full-prec": "true", "alt-des": "true", "phys-par": "true"}
        answer = await query.http.request("GET", f"{query.address}/sbdb.api", params=params)
        body = require(answer, (200, 300, 404)).json()
        if not isinstance(body, Mapping):
            raise UpstreamRefused(f"Its answer tells of no body: {words_of(answer)}")
        if isinstance(body.get("object"), Mapping):
            return [_candidate(body)]
        if isinstance(body.get("list"), list):
            return [_listed(each) for each in mappings(body["list"])]
        if "not found" in str(body.get("message")).lower():
            return []
        raise UpstreamRefused(f"Its answer tells of no body: {words_of(answer)}")


def _candidate(body: Mapping[str, Any]) -> Candidate:
    known, orbit = body["object"], body.get("orbit")
    name = text(known.get("fullname")) or text(known.get("des")) or ""
    others = [each.get("des") for each in mappings(known.get("des_alt"))]
    names = [text(known.get("shortname")), text(known.get("des")), *map(text, others)]
    kind = known.get("orbit_class")
    return Candidate(
        name=name,
        aliases=tuple(each for each in names if each and each != name),
        orbit=_orbit(body, orbit, str(known.get("kind") or "")) if isinstance(orbit, Mapping) else None,
        object_type=text(kind.get("name")) if isinstance(kind, Mapping) else None,
        address=_PAGE + quote(str(known.get("des") or name), safe=""),
    )


def _orbit(body: Mapping[str, Any], orbit: Mapping[str, Any], kind: str) -> Orbit:
    said = _values(orbit.get("elements"))
    physical = _values(body.get("phys_par"))
    comet = kind.startswith(_COMET)
    scheme, brightness, slope = ("MPC_COMET", "M1", "K1") if comet else ("MPC_MINOR_PLANET", "H", "G")
    return Orbit(
        scheme=scheme,
        epoch_of_elements_mjd=_mjd(number(orbit.get("epoch"))),
        inclination_deg=said.get("i"),
        ascending_node_longitude_deg=said.get("om"),
        perihelion_argument_deg=said.get("w"),
        eccentricity=said.get("e"),
        mean_anomaly_deg=None if comet else said.get("ma"),
        semimajor_axis_au=None if comet else said.get("a"),
        perihelion_distance_au=said.get("q") if comet else None,
        perihelion_epoch_mjd=_mjd(said.get("tp")) if comet else None,
        absolute_magnitude=physical.get(brightness),
        slope=physical.get(slope),
    )


def _values(items: Any) -> dict[str, float | None]:
    return {str(each.get("name")): number(each.get("value")) for each in mappings(items)}


def _mjd(jd: float | None) -> float | None:
    return None if jd is None else jd - _JD_OF_MJD_0


def _listed(each: Mapping[str, Any]) -> Candidate:
    designation = str(each.get("pdes") or "")
    return Candidate(
        name=text(each.get("name")) or designation,
        aliases=(designation,),
        address=_PAGE + quote(designation, safe=""),
    )
