"""The data set of the measurements: written by SQL into databases of an embedded PostgreSQL.

Two databases: ``sky_...`` with targets, photometry and spectra, and ``cone_...`` with bare targets all over the sky.
Points are stored in the order of their time, as a survey that observes every night writes them: a list by time is then
as cheap for the database as it can be, so what a server adds to it shows most. Numbers have as many digits as surveys
report.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import asyncpg

from tomgql.site import create_token, create_user
from tomgql.store.schema import migrate, with_database

ADMIN, OBSERVER = "bench administrator", "bench observer"
"""Users of both databases: one sees everything, the other what is open, public, or granted."""

GRANTS = 100
"""Private targets that the observer may see."""

BATCH = 100_000
"""Rows inserted by one statement: the triggers on reduced data keep a copy of the rows of each."""

SAMPLES = 1_000
"""Samples of one spectrum."""


@dataclass(frozen=True)
class Sizes:
    """How much is written. One tenth of the points belongs to the last target; the others share the rest evenly."""

    targets: int = 2_000
    points: int = 1_000_000
    spectra: int = 500
    cone_targets: int = 1_000_000

    @property
    def page(self) -> int:
        """Rows of the flat list: 100,000, or what there is."""
        return min(100_000, self.points)

    @property
    def curve(self) -> int:
        """Points of the last target."""
        return self.points // 10


@dataclass(frozen=True)
class Database:
    """One filled database: its address and a token for each kind of actor; None signs nobody in."""

    url: str
    tokens: dict[str, str | None]


TARGETS = """
with written as (
    insert into targets (name, type, access, ra_deg, dec_deg)
    select 'Bench ' || n, 'SIDEREAL', (array['PRIVATE', 'PUBLIC', 'OPEN', 'OPEN'])[n % 4 + 1],
        360 * random(), degrees(asin(2 * random() - 1))
    from generate_series($1::int, $2::int) n order by n
    returning id, name
)
insert into target_names (target_id, name, simplified, is_primary)
select id, name, lower(replace(name, ' ', '')), true from written order by id
"""
"""Targets, evenly over the sphere: a quarter private, a quarter public, half of them open."""

PRODUCTS = """
insert into data_products (target_id, data_product_type, file_name, size_bytes, sha256)
select id, 'photometry', 'bench-' || id || '.csv', 100, repeat('0', 64) from targets order by id
"""

RESTRICTED = [
    "insert into user_groups (name) values ('insiders')",
    "insert into data_product_groups (name) values ('for insiders')",
    "insert into data_product_group_user_groups (group_id, user_group_id)"
    " select g.id, u.id from data_product_groups g, user_groups u",
    "insert into data_product_group_products (group_id, data_product_id)"
    " select g.id, p.id from data_product_groups g, data_products p where p.target_id % 20 = 2",
]
"""One data product in twenty, all of open targets, is for insiders: predicates have something to hide."""

PHOTOMETRY = """
insert into reduced_data (target_id, data_product_id, identity, content, global_id, data_type, mjd, source_name,
    telescope, instrument, reported, time_quality, band, flux_ujy, flux_error_ujy, exposure_s, forced, difference)
select n.target, case when n.n % 3 = 0 then p.id end, md5('i' || n.n)::uuid, md5('c' || n.n)::uuid,
    md5('g' || n.n)::uuid, 'photometry', n.mjd, (array['ATLAS', 'ZTF', 'Gaia'])[n.n % 3 + 1],
    (array['Haleakala', 'Palomar 48-inch', null])[n.n % 3 + 1], (array['ACAM1', 'ZTF Mosaic', null])[n.n % 3 + 1],
    jsonb_build_object('mjd', n.mjd, 'uJy', n.flux, 'duJy', n.error, 'F', n.band), 'exact', n.band, n.flux, n.error,
    30.0, true, true
from (
    select n, case when n % 10 = 0 then $3::int else n::bigint * 7919 % ($3 - 1) + 1 end as target,
        (58000 + round(3000.0 * n / $4::int, 6))::float8 as mjd,
        (array['atlaso', 'atlasc', 'ztfg', 'ztfr', 'ztfi'])[n % 5 + 1] as band,
        round((50 + 400 * random() * (n % 7 - 1))::numeric, 1)::float8 as flux,
        round((5 + 15 * random())::numeric, 1)::float8 as error
    from generate_series($1::int, $2::int) n
) n left join data_products p on p.target_id = n.target
order by n.n
"""

SPECTRA = """
insert into reduced_data (target_id, identity, content, global_id, data_type, mjd, source_name, telescope, instrument,
    time_quality, wavelength_angstrom, flux_values, flux_unit, medium, exposure_s)
select n % $2::int + 1, md5('si' || n)::uuid, md5('sc' || n)::uuid, md5('sg' || n)::uuid, 'spectroscopy',
    58000.5 + n, 'SNEx', 'Faulkes_North', 'FLOYDS', 'exact',
    array(select 3000 + 7.0 * k from generate_series(1, $3::int) k),
    array(select random() * 1e-15 from generate_series(1, $3::int) k where n > 0),
    'erg / (s cm2 Angstrom)', 'AIR', 1800
from generate_series(1, $1::int) n
"""

GRANTED = """
insert into target_grants (target_id, user_id, permissions)
select t.id, u.id, '{VIEW}' from (select id from targets where access = 'PRIVATE' order by id limit $2) t, users u
where u.username = $1
"""


async def sky(server: str, sizes: Sizes) -> Database:
    """The database of targets, photometry and spectra; written when there is none of these sizes yet."""
    url = with_database(server, f"sky_{sizes.targets}_{sizes.points}_{sizes.spectra}")

    async def write(connection: asyncpg.Connection) -> None:
        await _write_targets(connection, sizes.targets)
        await connection.execute(PRODUCTS)
        for first in range(1, sizes.points + 1, BATCH):
            last = min(first + BATCH - 1, sizes.points)
            await connection.execute(PHOTOMETRY, first, last, sizes.targets, sizes.points)
        await connection.execute(SPECTRA, sizes.spectra, sizes.targets, SAMPLES)
        for statement in RESTRICTED:
            await connection.execute(statement)

    await _fill(url, write)
    return Database(url, await _tokens(url))


async def cone(server: str, sizes: Sizes) -> Database:
    """The database of bare targets; written when there is none of this size yet."""
    url = with_database(server, f"cone_{sizes.cone_targets}")
    await _fill(url, lambda connection: _write_targets(connection, sizes.cone_targets))
    return Database(url, await _tokens(url))


async def _fill(url: str, write: Callable[[asyncpg.Connection], Awaitable[None]]) -> None:
    """Make the database unless it is there; half a database is never taken for a whole one."""
    name = url.rsplit("/", 1)[1]
    server, unfinished = with_database(url, "postgres"), with_database(url, "unfinished")
    if await _run(server, f"select from pg_database where datname = '{name}'"):
        await migrate(url)
        return
    await _run(server, "drop database if exists unfinished")
    await _run(server, "create database unfinished")
    await migrate(unfinished)
    for username in (ADMIN, OBSERVER):
        await create_user(unfinished, username, is_admin=username == ADMIN)
    connection = await asyncpg.connect(unfinished)
    await write(connection)
    await connection.execute("vacuum (analyze)")
    await connection.execute("checkpoint")
    await connection.close()
    await _run(server, f"alter database unfinished rename to {name}")


async def _run(url: str, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        rows: list[asyncpg.Record] = await connection.fetch(statement)
        return rows
    finally:
        await connection.close()


async def _write_targets(connection: asyncpg.Connection, count: int) -> None:
    await connection.execute("select setseed(0.5)")
    for first in range(1, count + 1, BATCH):
        await connection.execute(TARGETS, first, min(first + BATCH - 1, count))
    await connection.execute(GRANTED, OBSERVER, GRANTS)


async def _tokens(url: str) -> dict[str, str | None]:
    tokens: dict[str, str | None] = {"anonymous": None}
    for username in (ADMIN, OBSERVER):
        tokens[username] = await create_token(url, username, "bench", ())
    return tokens
