"""An answer over the limit is refused while its rows come, not when it lies in PostgreSQL's memory as a whole."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from tests.support.people import Person
from tests.support.site import Site

MEBIBYTE = 1024 * 1024
DATA = 718
"""As many as the light curve that the demonstration site shows to everybody."""

ROWS = """mutation ($input: CreateReducedDataInput!) { createReducedData(input: $input) { created errors { code } } }"""

FIELDS = "id globalId timestamp value revisions {id} ... on PhotometryDatum {band flux magnitude limit isDetection}"

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is looked up in Linux's /proc")


async def backends(site: Site) -> list[int]:
    sql = "select pid from pg_stat_activity where datname = current_database()"
    return [row["pid"] for row in await site.rt.writes.fetch(sql)]


def own_bytes(process: int) -> int:
    """Memory of a process that it shares with nobody."""
    try:
        found = re.search(r"RssAnon:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    except OSError:  # ended meanwhile
        return 0
    return int(found[1]) * 1024 if found else 0


async def peak_bytes(site: Site, asking: asyncio.Future[object]) -> int:
    """Most memory that a backend of the site takes while something is asked."""
    peak = 0
    while not asking.done():
        peak = max(peak, *(own_bytes(each) for each in await backends(site)))
        await asyncio.sleep(0.02)
    return peak


@pytest.mark.parametrize("value_of", ["list below a list", "long rows of one list"])
async def test_an_answer_over_the_limit_never_lies_in_memory(site: Site, admin: Person, value_of: str) -> None:
    flat = value_of == "long rows of one list"
    target = await admin.create_target(value_of, access="OPEN")
    more = {"note": "n" * 200_000} if flat else {}
    rows = [
        {"mjd": 58000 + n / 10, "mag": 18.0, "magerr": 0.1, "filter": "ztfr", **more}
        for n in range(DATA // 4 if flat else DATA)
    ]
    for part in (rows[:100], rows[100:]):
        given = {"target": target, "dataType": "photometry", "rows": part}
        assert (await admin.client.query(ROWS, input=given))["createReducedData"]["created"] == len(part)
    nested = f"reducedData(first: {DATA}) {{nodes {{target {{reducedData(first: {DATA}) {{nodes {{{FIELDS}}}}}}}}}}}"
    asked = f'{{target(id: "{target}") {{{"reducedData(first: 718) {nodes {value}}" if flat else nested}}}}}'
    asking = asyncio.ensure_future(site.client().ask(asked))
    peak = await peak_bytes(site, asking)
    assert [error["extensions"]["code"] for error in (await asking)["errors"]] == ["QUERY_TOO_COSTLY"]
    assert 0 < peak < 300 * MEBIBYTE
