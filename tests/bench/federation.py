"""From one tomgql server to another: `python -m tests.bench.federation`.

So many points of one target: pushed by a share; the same share again; copied by a server that begins to follow; and
heard by it while they are recorded. Both servers and their workers run on this machine, over one PostgreSQL.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import click
from pydantic import SecretStr

from tests.support.people import Person, make_person
from tests.support.sharing import READ, SAVE, SHARE
from tests.support.site import Site, running_site, running_worker, until
from tests.support.toms import follow
from tomgql.embedded import EmbeddedPostgres, EmbeddedValkey
from tomgql.settings import Settings
from tomgql.store.schema import migrate, with_database

PATIENCE_S = 900.0


@click.command()
@click.option("--points", default=10_000, type=click.IntRange(1), help="Points of photometry.")
def main(points: int) -> None:
    """Measure, and print a line for each way."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tomgql-bench-")))
        place.chmod(0o755)  # the database may run as another account
        postgres, valkey = EmbeddedPostgres(place / "postgres"), EmbeddedValkey(place / "valkey")
        for server in (postgres, valkey):
            stack.callback(server.stop)
            server.start()
        asyncio.run(measure(place, postgres, valkey, points))


async def measure(place: Path, postgres: EmbeddedPostgres, valkey: EmbeddedValkey, points: int) -> None:
    """One giver; a taker that is pushed to, and one that follows."""
    async with (
        a_site(place, postgres, valkey, 0) as (east, giver),
        a_site(place, postgres, valkey, 1) as (pushed, pushee),
        a_site(place, postgres, valkey, 2) as (following, follower),
    ):
        with running_worker(east.settings):
            target = await giver.create_target("bench")
            await record(giver, target, points, 60_000)
            place_of = {"name": "other", "kind": "tomgql", "address": pushed.url}
            given = {**place_of, "secrets": {"token": pushee.client.token}}
            assert (await giver.client.query(SAVE, i=given))["saveDestination"]["errors"] == []
            await timed("pushed", points, lambda: share(giver, target))
            assert await count(pushee) == points
            await timed("pushed again", points, lambda: share(giver, target))
        with running_worker(following.settings):
            await follow(follower, east, giver)
            await timed("copied by a follower", points, lambda: until(PATIENCE_S, lambda: has(follower, points)))

            async def heard() -> None:
                await record(giver, target, points, 50_000)
                await until(PATIENCE_S, lambda: has(follower, 2 * points))

            await timed("recorded and heard by it", points, heard)


@asynccontextmanager
async def a_site(
    place: Path, postgres: EmbeddedPostgres, valkey: EmbeddedValkey, number: int
) -> AsyncIterator[tuple[Site, Person]]:
    """A server of its own with an administrator."""
    admin = await asyncpg.connect(postgres.dsn("postgres"))
    await admin.execute(f"create database tom{number}")
    await admin.close()
    database = with_database(postgres.dsn("postgres"), f"tom{number}")
    await migrate(database)
    settings = Settings(
        database_url=database, redis_url=valkey.url().rsplit("/", 1)[0] + f"/{number}", data_dir=place / f"tom{number}",
        port=0, tom_name=f"tom{number}", private_peers=True, log_level="warning",
        credentials_key=SecretStr("a key of sixteen or more"),
    )  # fmt: skip
    async with running_site(settings) as site:
        yield site, await make_person(site, "root", is_admin=True)


async def record(giver: Person, target: str, points: int, since_mjd: int) -> None:
    """Record points of photometry by the public door."""
    create = "mutation ($i: CreateReducedDataInput!) { createReducedData(input: $i) { created errors { message } } }"
    rows = [
        {"mjd": since_mjd + number * 0.01, "flux_ujy": 100.0 + number % 97, "flux_error_ujy": 2.0, "band": "r"}
        for number in range(points)
    ]
    for start in range(0, points, 10_000):
        asked = {"target": target, "dataType": "photometry", "sourceName": "bench"}
        given = {**asked, "rows": rows[start : start + 10_000]}
        assert (await giver.client.query(create, i=given))["createReducedData"]["created"] == len(given["rows"])


async def share(giver: Person, target: str) -> None:
    """Share the target and wait for the end of it."""
    payload = (await giver.client.query(SHARE, i={"destination": "other", "targets": [target]}))["share"]
    assert payload["errors"] == []

    async def ended() -> bool:
        job = (await giver.client.query(READ, id=payload["share"]["id"]))["node"]["job"]
        assert job["error"] is None, job
        return bool(job["state"] == "SUCCEEDED")

    await until(PATIENCE_S, ended)


async def count(person: Person) -> int:
    """Data at a site."""
    found: int = (await person.client.query("{ reducedData { totalCount } }"))["reducedData"]["totalCount"]
    return found


async def has(person: Person, points: int) -> bool:
    """Whether a site has so many data."""
    return await count(person) == points


async def timed(what: str, points: int, work: Callable[[], Any]) -> None:
    """Print how long it took."""
    begun = time.monotonic()
    await work()
    took_s = time.monotonic() - begun
    click.echo(f"{what}: {points:,} points in {took_s:.2f} s, {points / took_s:,.0f}/s")


if __name__ == "__main__":
    main()
