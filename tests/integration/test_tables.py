"""What the database itself keeps: constraints, references, and models that say what is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from tortoise.context import TortoiseContext
from tortoise.migrations.autodetector import MigrationAutodetector

from tomgql.store.schema import APP, pending_migrations, tortoise_config

DATUM = (
    "insert into reduced_data (target_id, identity, content, global_id, data_type, mjd, band, forced, difference{more})"
    " values ({target}, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'photometry', {mjd}, 'ztfr', false,"
    " false{values})"
)


def datum(target: int = 1, mjd: str = "59000.5", **more: str) -> str:
    """A statement that inserts one photometric datum."""
    names, values = "".join(f", {name}" for name in more), "".join(f", {value}" for value in more.values())
    return DATUM.format(target=target, mjd=mjd, more=names, values=values)


@pytest_asyncio.fixture(loop_scope="session")
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection with two targets and a product of the first, rolled back after the test."""
    connection = await asyncpg.connect(database_url)
    transaction = connection.transaction()
    await transaction.start()
    for number in (1, 2):
        await connection.execute(
            "insert into targets (id, name, type, access, ra_deg, dec_deg) values ($1, $2, 'SIDEREAL', 'OPEN', 10, 20)",
            number,
            f"T{number}",
        )
        await connection.execute(
            "insert into target_names (target_id, name, simplified, is_primary) values ($1, $2, $3, true)",
            number,
            f"T{number}",
            f"t{number}",
        )
    await connection.execute(
        "insert into data_products (id, target_id, data_product_type, file_name, size_bytes, sha256)"
        " values (1, 1, 'photometry', 'f', 1, repeat('0', 64))"
    )
    yield connection
    await transaction.rollback()
    await connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "insert into targets (name, type, access) values ('x', 'SIDEREAL', 'OPEN')",
        "insert into targets (name, type, access, ra_deg, dec_deg) values ('x', 'SIDEREAL', 'OPEN', 360, 0)",
        "insert into targets (name, type, access, ra_deg, dec_deg) values ('x', 'SIDEREAL', 'OPEN', 'NaN', 0)",
        "insert into targets (name, type, access, ra_deg, dec_deg) values ('x', 'SIDEREAL', 'OPEN', 1, 90.1)",
        "insert into targets (name, type, access, ra_deg, dec_deg) values ('x', 'SIDEREAL', 'SECRET', 1, 1)",
        "insert into targets (name, type, access, scheme) values ('x', 'NON_SIDEREAL', 'OPEN', 'MPC_COMET')",
        "insert into target_names (target_id, name, simplified) values (2, 'T-1', 't1')",
        "insert into target_grants (target_id, permissions) values (1, '{VIEW}')",
        "insert into jobs (kind, state) values ('x', 'LOST')",
        "insert into jobs (kind, state) values ('x', 'SUCCEEDED')",
        "insert into data_products (target_id, data_product_type, file_name, size_bytes, sha256)"
        " values (1, 'x', '../f', 1, repeat('0', 64))",
        "insert into events (topic, change) values ('reduced_data', 'CREATED')",
        datum(target=99),
        datum(data_product_id="99"),
        datum(target=2, data_product_id="1"),
        datum(flux_ujy="'NaN'"),
        datum(flux_ujy="'Infinity'"),
        datum(flux_error_ujy="0"),
        datum(limit_flux_ujy="-1"),
        datum(mjd="'NaN'"),
        datum(mjd="2459000.5"),
        datum(wavelength_angstrom="'{1, NaN}'"),
    ],
)
async def test_what_makes_no_sense_is_refused(connection: asyncpg.Connection, statement: str) -> None:
    with pytest.raises((asyncpg.IntegrityConstraintViolationError, asyncpg.DatetimeFieldOverflowError)):
        await connection.execute(statement)


async def test_a_targets_name_is_one_of_its_names(connection: asyncpg.Connection) -> None:
    await connection.execute("update targets set name = 'other' where id = 1")
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await connection.execute("set constraints all immediate")


async def test_data_go_with_their_product_and_their_target(connection: asyncpg.Connection) -> None:
    for statement in (datum(data_product_id="1"), datum(mjd="59001"), datum(target=2)):
        await connection.execute(statement)
    await connection.execute("delete from data_products where id = 1")
    assert await connection.fetchval("select count(*) from reduced_data") == 2
    await connection.execute("delete from targets where id = 1")
    assert await connection.fetch("select target_id from reduced_data") == [(2,)]


async def test_timestamps_are_whole_milliseconds_of_the_mjd(connection: asyncpg.Connection) -> None:
    await connection.execute(datum(mjd="57269.6823"))
    stamp = await connection.fetchval("select timestamp at time zone 'UTC' from reduced_data")
    assert stamp.isoformat() == "2015-09-04T16:22:30.720000"


async def test_a_parent_cannot_vanish_while_its_data_come_in(database_url: str) -> None:
    setup, writer, deleter = [await asyncpg.connect(database_url) for _ in range(3)]
    async with setup.transaction():
        await setup.execute(
            "insert into targets (id, name, type, access, ra_deg, dec_deg) values (77, 'T77', 'SIDEREAL', 'OPEN', 1, 1)"
        )
        await setup.execute(
            "insert into target_names (target_id, name, simplified, is_primary) values (77, 'T77', 't77', true)"
        )
    writing = writer.transaction()
    await writing.start()
    await writer.execute(datum(target=77))
    deleting = asyncio.create_task(deleter.execute("delete from targets where id = 77"))
    await asyncio.sleep(0.2)
    assert not deleting.done()
    await writing.commit()
    await deleting
    assert await setup.fetchval("select count(*) from reduced_data where target_id = 77") == 0
    for connection in (setup, writer, deleter):
        await connection.close()


async def test_models_and_migrations_agree(database_url: str) -> None:
    assert await pending_migrations(database_url) == []
    async with TortoiseContext() as context:
        await context.init(config=tortoise_config(database_url))
        detector: Any = MigrationAutodetector(context.apps, {"tomgql": APP})
        changes = await detector.changes()
    assert [change.as_string() for change in changes] == []
