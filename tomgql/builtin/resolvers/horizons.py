"""JPL Horizons: planets, moons and spacecraft by name, https://ssd-api.jpl.nasa.gov/doc/horizons.html.

Exchange (the service's own documentation, and clients; not recorded): GET ``horizons.api`` with values in quotes
answers JSON whose ``result`` is the text of a terminal. A name that fits several bodies gives a table of them, in
columns as wide as the dashes below their names; one body gives a table between ``$$SOE`` and ``$$EOE``. Names that fit
no major body are looked for among the small ones, which `tomgql.builtin.resolvers.sbdb` tells. Elements osculate at
the beginning of the day (TDB, which is TT within 2 ms), about the Sun, in the ecliptic of J2000: those of moons and
spacecraft hold for a short while only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import quote

from tomgql.builtin.resolvers.values import number, text
from tomgql.builtin.surveys.answers import SHOWN_CHARACTERS, require, words_of
from tomgql.domain.cells import clean_text
from tomgql.domain.time import JD_MINUS_MJD
from tomgql.errors import UpstreamRefused
from tomgql.plugins.resolvers import Candidate, Candidates, NameQuery, Orbit
from tomgql.plugins.surveys import MAIN

_SUN = 10
"""NAIF's number of the body that elements are about."""

_UNIX_EPOCH_MJD = 40_587
_FRAME = {
    "format": "json", "OBJ_DATA": "'NO'", "MAKE_EPHEM": "'YES'", "EPHEM_TYPE": "'ELEMENTS'", "CENTER": f"'500@{_SUN}'",
    "REF_PLANE": "'ECLIPTIC'", "REF_SYSTEM": "'ICRF'", "OUT_UNITS": "'AU-D'", "TP_TYPE": "'ABSOLUTE'",
    "CSV_FORMAT": "'YES'", "TLIST_TYPE": "'JD'", "TIME_TYPE": "'TDB'",
}  # fmt: skip
_PAGE = "https://ssd.jpl.nasa.gov/api/horizons.api?format=text&MAKE_EPHEM=NO&COMMAND="
_MEANINGFUL = re.compile(r"['\";=*@$]")
"""What makes something else of a name: the end of a quotation, a search of small bodies, a pattern, a command."""

_MAJOR = re.compile(r"^Target body name: +(\S.*?) +\((-?\d+)\) ", re.MULTILINE)
_SEVERAL = "Multiple major-bodies match"
_NONE_OF_OURS = "No matches found", "Matching small-bodies"
_PLANETS, _NUMBERS_A_SYSTEM = range(100, 1000), 100
_PLANET_ITSELF = 99


class HorizonsResolver:
    """Names of planets, moons and spacecraft."""

    name: ClassVar[str] = "horizons"
    title: ClassVar[str] = "JPL Horizons"
    description: ClassVar[str] = "Planets, moons and spacecraft, with the elements of their orbits about the Sun today."
    version: ClassVar[str] = "1"
    addresses: ClassVar[Mapping[str, str]] = {MAIN: "https://ssd.jpl.nasa.gov/api"}
    credentials: ClassVar[tuple[str, ...]] = ()
    requests_per_minute: ClassVar[float] = 60.0

    async def resolve(self, query: NameQuery) -> Candidates:
        """The body of the name with its orbit, and the names of others that fit it."""
        if _MEANINGFUL.search(query.name):
            return []
        said = await _ask(query, query.name)
        if _SEVERAL not in said:
            return _told(said)
        listed = _listed(said)
        exact = [key for key, each in listed.items() if each.name.casefold() == query.name.casefold()]
        if len(exact) != 1 or exact[0] == _SUN:
            return list(listed.values())
        found = _told(await _ask(query, str(exact[0])))
        others = [each for key, each in listed.items() if key != exact[0]]
        return [*(found or [listed[exact[0]]]), *others]


async def _ask(query: NameQuery, command: str) -> str:
    """What the terminal says. Raises Upstream."""
    today = _UNIX_EPOCH_MJD + int(datetime.now(UTC).timestamp()) // 86_400
    params = {**_FRAME, "COMMAND": f"'{command}'", "TLIST": f"'{today + JD_MINUS_MJD}'"}
    answer = require(await query.http.request("GET", f"{query.address}/horizons.api", params=params))
    body = answer.json()
    said = [body.get(name) for name in ("result", "error")] if isinstance(body, Mapping) else []
    if not any(isinstance(each, str) for each in said):
        raise UpstreamRefused(f"Its answer has no result: {words_of(answer)}")
    return "\n".join(each for each in said if isinstance(each, str))


def _told(said: str) -> list[Candidate]:
    """The one body of an answer; none where it is a small one, or nothing. Raises UpstreamRefused."""
    body = _MAJOR.search(said)
    if "$$SOE" not in said:
        if any(words in said for words in _NONE_OF_OURS):
            return []
        raise UpstreamRefused(f"It gives no elements: {_words(said)}")
    return [] if body is None else [_candidate(int(body[2]), body[1], (), _orbit(said))]


def _orbit(said: str) -> Orbit:
    """The first row of the table. Raises UpstreamRefused for a table without one."""
    head, _, table = said.partition("$$SOE")
    names = next((line for line in reversed(head.splitlines()) if "JDTDB" in line), "")
    rows = [line for line in table.partition("$$EOE")[0].splitlines() if line.strip()]
    cells = dict(zip(_cells(names), _cells(rows[0]) if rows else [], strict=False))
    elements = {name: number(cell) for name, cell in cells.items()}
    epoch = elements.get("JDTDB")
    if epoch is None:
        raise UpstreamRefused(f"Its table of elements cannot be read: {_words(table)}")
    return Orbit(
        scheme="JPL_MAJOR_PLANET",
        epoch_of_elements_mjd=epoch - JD_MINUS_MJD,
        inclination_deg=elements.get("IN"),
        ascending_node_longitude_deg=elements.get("OM"),
        perihelion_argument_deg=elements.get("W"),
        eccentricity=elements.get("EC"),
        mean_anomaly_deg=elements.get("MA"),
        semimajor_axis_au=elements.get("A"),
        mean_daily_motion_deg=elements.get("N"),
    )


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split(",")]


def _listed(said: str) -> dict[int, Candidate]:
    """The bodies of a table by NAIF's number, without orbits. Raises UpstreamRefused for what is no table."""
    lines = said.splitlines()
    ruled = next((at for at, line in enumerate(lines) if re.fullmatch(r"\s*-+(\s+-+){3}\s*", line)), len(lines))
    spans = [match.span() for match in re.finditer(r"-+", lines[ruled])] if ruled < len(lines) else []
    found: dict[int, Candidate] = {}
    for line in lines[ruled + 1 :]:
        cells = [text(line[begin:end]) for begin, end in spans]
        if cells[0] is None or not re.fullmatch(r"-?\d{1,12}", cells[0]):
            break
        aliases = [each for cell in cells[2:] if cell for each in cell.split(",")]
        found[int(cells[0])] = _candidate(int(cells[0]), cells[1] or cells[0], tuple(aliases), None)
    if not found:
        raise UpstreamRefused(f"Its table of bodies cannot be read: {_words(said)}")
    return found


def _candidate(key: int, name: str, aliases: tuple[Any, ...], orbit: Orbit | None) -> Candidate:
    return Candidate(
        name=name,
        aliases=tuple(each for alias in (str(key), *aliases) if (each := text(alias)) and each != name),
        orbit=orbit,
        object_type=_kind(key),
        address=_PAGE + quote(f"'{key}'", safe=""),
    )


def _kind(key: int) -> str | None:
    """What a number stands for (https://naif.jpl.nasa.gov/pub/naif/toolkit_docs/C/req/naif_ids.html)."""
    if key < 0:
        return "Spacecraft"
    if key < _SUN:
        return "Barycenter"
    if key in _PLANETS:
        return "Planet" if key % _NUMBERS_A_SYSTEM == _PLANET_ITSELF else "Moon"
    return "Star" if key == _SUN else None


def _words(said: str) -> str:
    """A terminal's text without its rules, for people."""
    return clean_text(" ".join(re.sub(r"\*{3,}", " ", said).split()))[:SHOWN_CHARACTERS] or "without a word."
