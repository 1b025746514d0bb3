"""Ingest where statistics know nothing of the target: a new one, in a table that was analysed before it came."""

from __future__ import annotations

import io
import time
from typing import Any

import pytest

from tests.support.people import Person, make_person
from tests.support.site import Site
from tomgql.access.principal import ALL_SCOPES, Principal
from tomgql.domain.columns import interpret_photometry
from tomgql.domain.options import ColumnOptions
from tomgql.domain.staging import write_reading
from tomgql.services.ingest import Origin, Recorded, announce_data, record_data, withdraw_missing
from tomgql.store.transaction import transaction

TEAM = 'mutation { createUserGroup(input: {name: "few"}) { userGroup { id } } }'
GROUP = """
mutation ($input: CreateDataProductGroupInput!) { createDataProductGroup(input: $input) { errors { code message } } }
"""
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


LOOKED_AT = (
    "select coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables where relid = $1"
)


async def looked_at(site: Site, origin: Origin, stream: io.BytesIO) -> tuple[Recorded, int]:
    """What was recorded, with what earlier readings held withdrawn, and how many data were looked at for it."""
    table = await site.rt.writes.fetchval("select 'reduced_data'::regclass::oid")
    async with transaction(site.rt.writes) as tx:
        before = await tx.value(LOOKED_AT, table) or 0
        recorded = await record_data(tx, origin, stream)
        assert await withdraw_missing(tx, origin) == 0
        return recorded, await tx.value(LOOKED_AT, table) - before


@pytest.mark.parametrize("known", ["nothing", "another target", "the target", "all"])
async def test_a_file_is_compared_with_its_own_data_however_many_the_target_has(known: str, site: Site) -> None:
    person = await make_person(site, f"statistician of {known}")
    target, other = await person.create_target(f"Many {known}"), await person.create_target(f"Few {known}")
    analyze = "analyze reduced_data"
    if known == "nothing":
        await site.rt.writes.execute("truncate reduced_data cascade")
    await site.rt.writes.execute(analyze)
    if known == "another target":
        await read_file(site, await origin_of(site, person, other, 1), staged(58000))
        await site.rt.writes.execute(analyze)
    for number in range(5):
        await read_file(site, await origin_of(site, person, target, 2 + number), staged(59000 + 10 * number))
        if known == "the target" and number == 0:
            await site.rt.writes.execute(analyze)
    if known == "all":
        await site.rt.writes.execute(analyze)
    origin = await origin_of(site, person, target, 10)
    new, again = [await looked_at(site, origin, staged(59900)) for _ in range(2)]
    assert (new[0], again[0]) == (Recorded(ROWS, 0, 0), Recorded(0, 0, ROWS))
    assert new[1] <= ROWS + 10  # its own, to see what earlier readings of the file held
    assert again[1] <= 2 * ROWS + 10


async def test_nor_does_it_matter_where_some_data_are_hidden(site: Site) -> None:
    person = await make_person(site, "statistician of hidden data")
    target = await person.create_target("Many, some hidden")
    origins = [await origin_of(site, person, target, 1 + number) for number in range(6)]
    team = (await person.client.query(TEAM))["createUserGroup"]["userGroup"]["id"]
    group = {"name": "few", "userGroups": [team], "dataProducts": [f"p{origins[0].data_product_id}"]}
    assert (await person.client.query(GROUP, input=group))["createDataProductGroup"]["errors"] == []
    await site.rt.writes.execute("truncate reduced_data cascade")
    await site.rt.writes.execute("analyze reduced_data")
    for number, origin in enumerate(origins[:5]):
        await read_file(site, origin, staged(59000 + 10 * number))
    new, again = [await looked_at(site, origins[5], staged(59900)) for _ in range(2)]
    assert (new[0], again[0]) == (Recorded(ROWS, 0, 0), Recorded(0, 0, ROWS))
    assert new[1] <= ROWS + 10
    assert again[1] <= 3 * ROWS + 10
