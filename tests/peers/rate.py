"""How fast points arrive at a TOM Toolkit, and whose time that is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import httpx

from tests.peers.departure import Departure
from tests.peers.projects import PASSWORD, USERNAME, Receiver
from tests.support.faults import ENDED
from tests.support.people import Person
from tests.support.sharing import READ, SHARE
from tests.support.site import Site, until

ALONE = 50
"""Points that a bare client sends one after the other with HTTP Basic, as a TOM Toolkit does, to compare."""

ROWS_AT_ONCE = 5_000


async def measure(site: Site, person: Person, there: Receiver, release: str, points: int) -> None:
    """Share points of one target, then share them again without the ledger; print rates and processor times."""
    departure = Departure(site, person, there, release)
    await departure.save_destination()
    alone_s, alone_cpu_s = await _alone(there)
    print(f"\n{release}: one bare client, one connection: {alone_s * 1e3:.1f} ms a POST,"
          f" {alone_cpu_s * 1e3:.1f} ms of them the peer's processor time")  # fmt: skip
    target = await person.create_target(f"Measured {release}")
    for start in range(0, points, ROWS_AT_ONCE):
        await departure.create(target, "photometry", *_rows(start, min(points, start + ROWS_AT_ONCE)))
    for what in ("first", "again, the ledger lost"):
        await site.rt.writes.execute("delete from share_ledger")
        begun, cpu_s = time.monotonic(), there.cpu_s
        share = await _share(departure, target, points)
        took_s, cpu_s = time.monotonic() - begun, there.cpu_s - cpu_s
        print(f"{release}: {points} points {what}: {took_s:.1f} s, {points / took_s:.1f} points/s,"
              f" {alone_s * points / took_s:.2f} times the bare client; {cpu_s / points * 1e3:.1f} ms of the peer's"
              f" processor time a point, {100 * cpu_s / took_s:.0f} % of one processor;"
              f" {share['sent']} sent, {share['failed']} failed, job {share['job']['state']}")  # fmt: skip
    ((kept,),) = departure.readback.stored(_COUNT[departure.typed])
    print(f"{release}: {kept - ALONE} of {points} points are there")


_COUNT = {
    True: "select count(*) from tom_dataproducts_photometryreduceddatum",
    False: "select count(*) from tom_dataproducts_reduceddatum",
}
"""How many points a release has, by whether it is a 3.x."""


def _rows(start: int, end: int) -> Sequence[dict[str, Any]]:
    return [
        {"mjd": 60000 + number * 0.01, "filter": "r", "mag": 18 + number % 100 / 100, "magerr": 0.02, "magsys": "AB"}
        for number in range(start, end)
    ]


async def _alone(there: Receiver) -> tuple[float, float]:
    """Seconds and processor seconds of the peer for one POST of a point, sent one after the other."""
    async with httpx.AsyncClient(base_url=there.url, auth=(USERNAME, PASSWORD), timeout=60) as http:
        body = {"name": "Bare", "type": "SIDEREAL", "ra": 1.0, "dec": 2.0, "aliases": [], "targetextra_set": []}
        target = (await http.post("/api/targets/", json=body)).raise_for_status().json()["id"]
        begun, cpu_s = time.monotonic(), there.cpu_s
        for number in range(ALONE):
            value = {"magnitude": 18.5, "error": 0.02, "filter": "r"}
            moment = f"2026-01-01T{number // 60:02}:{number % 60:02}:00Z"
            datum = {"data_product": "", "data_type": "photometry", "source_name": "x", "source_location": "",
                     "timestamp": moment, "value": value, "target": target}  # fmt: skip
            (await http.post("/api/reduceddatums/", json=datum)).raise_for_status()
        return (time.monotonic() - begun) / ALONE, (there.cpu_s - cpu_s) / ALONE


async def _share(departure: Departure, target: str, points: int) -> dict[str, Any]:
    """Share all of the target's data, and wait for the job with its pauses."""
    client = departure.person.client
    payload = (await client.query(SHARE, i={"destination": departure.destination, "targets": [target]}))["share"]
    assert payload["errors"] == []

    async def look() -> Any:
        found = (await client.query(READ, id=payload["share"]["id"]))["node"]
        return found if found["job"]["state"] in ENDED else None

    share: dict[str, Any] = await until(60 + points, look)
    return share
