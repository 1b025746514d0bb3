"""Ingest where statistics know nothing of the target: a new one, in a table that was analysed before it came."""

from __future__ import annotations

import io
import time
from typing import Any

from tests.support.people import Person, make_person
from tests.support.site import Site
from tomgql.access.principal import ALL_SCOPES, Principal
from tomgql.domain.columns import interpret_photometry
from tomgql.domain.options import ColumnOptions
from tomgql.domain.staging import write_reading
from tomgql.services.ingest import Origin, Recorded, announce_data, record_data, withdraw_missing
from tomgql.store.transaction import transaction

ROWS = 4_000
"""Rows of one file; by nested loops a few of them took seconds each."""


def staged(first_mjd: float, magnitude: float = 20.0) -> io.BytesIO:
    columns: dict[str, Any] = {
        "mjd": [first_mjd + row / 1000 for row in range(ROWS)],
        "mag": [magnitude] * ROWS, "magerr": [0.1] * ROWS, "filter": ["ztfr"] * ROWS,
    }  # fmt: skip
    stream = io.BytesIO()
    write_reading(interpret_photometry(columns, ColumnOptions(), file_name="x"), stream)
    stream.seek(0)
    return stream


async def read_file(site: Site, origin: Origin, stream: io.BytesIO) -> tuple[Recorded, int, float]:
    """What was recorded, what was withdrawn, and the seconds that it took."""
    began = time.perf_counter()
    async with transaction(site.rt.writes) as tx:
        recorded = await record_data(tx, origin, stream)
        withdrawn = await withdraw_missing(tx, origin)
        await announce_data(tx, origin)
    return recorded, withdrawn, time.perf_counter() - began


async def origin_of(site: Site, person: Person, target: str, number: int) -> Origin:
    product = await site.rt.writes.fetchval(
        "insert into data_products (target_id, data_product_type, file_name, size_bytes, sha256)"
        " values ($1, 'photometry', 'x', 1, $2) returning id",
        int(target[1:]),
        f"{number:064x}",
    )
    job = await site.rt.writes.fetchval(
        "insert into jobs (kind, state, spec) values ('process_data_product', 'QUEUED', '{}') returning id"
    )
    actor = Principal(int(person.id[1:]), person.username, scopes=ALL_SCOPES)
    return Origin(int(target[1:]), actor, product, job)


async def test_time_does_not_grow_with_what_the_statistics_do_not_know(site: Site) -> None:
    person = await make_person(site, "statistician")
    known, new = await person.create_target("Known"), await person.create_target("New")
    await read_file(site, await origin_of(site, person, known, 1), staged(58000))
    await site.rt.writes.execute("analyze reduced_data")
    origins = [await origin_of(site, person, new, 2 + number) for number in range(6)]
    created = [await read_file(site, each, staged(59000 + 10 * at)) for at, each in enumerate(origins)]
    assert [recorded.created for recorded, _, _ in created] == [ROWS] * 6
    revised = await read_file(site, origins[0], staged(59000, 21.0))
    assert (revised[0].revised, revised[1]) == (ROWS, 0)
    moved = await read_file(site, origins[1], staged(59000 + 10 + 5))
    assert (moved[0].created, moved[1]) == (ROWS, ROWS)
    again = await read_file(site, origins[1], staged(59000 + 10))
    assert (again[0].unchanged, again[1]) == (ROWS, ROWS)
    first, *others = [seconds for _, _, seconds in (*created, revised, moved, again)]
    assert max(others) < 6 * first + 1.0, others
