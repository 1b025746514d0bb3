"""Sharing with a double of a destination: `python -m tests.bench.sharing`.

Some thousand data of one target, with portions of 5 and of 1,000; the same again, of which nothing may be sent; and a
share of a million data of many targets: how long it takes until all are in the ledger, how much memory the worker has
needed by then, and how fast they go. The double answers at once and runs in this process, so rates are ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click

from tests.bench.data import PHOTOMETRY, TARGETS
from tests.support.people import make_person
from tests.support.receiver_double import TOKEN, ReceiverDouble, installed
from tests.support.sharing import CANCEL, SAVE, Sharing
from tests.support.site import Child, running_site, running_worker, until
from tests.support.survey_doubles import playing
from tomgql.embedded import EmbeddedPostgres, EmbeddedValkey
from tomgql.settings import Settings
from tomgql.store.schema import migrate

PER_TARGET = 1_000
"""Data of a target of the large share, on average."""


@click.command()
@click.option("--data", default=10_000, type=click.IntRange(1), help="Data of the small share.")
@click.option("--many", default=1_000_000, type=click.IntRange(0), help="Data of the large share.")
@click.option("--seconds", default=60.0, help="For how long the large share is watched while it is delivered.")
def main(data: int, many: int, seconds: float) -> None:
    """Measure sharing and print figures."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tomgql-bench-")))
        place.chmod(0o755)  # the database may run as another account
        (place / "plugins").mkdir()
        stack.enter_context(installed(place / "plugins"))
        postgres, valkey = EmbeddedPostgres(place / "postgres"), EmbeddedValkey(place / "valkey")
        for server in (postgres, valkey):
            stack.callback(server.stop)
            server.start()
        settings = Settings(
            database_url=postgres.dsn(), redis_url=valkey.url(), data_dir=place, log_level="warning", port=0,
            private_peers=True, credentials_key="a key of sixteen letters", job_sweep_s=0.5,
        )  # fmt: skip
        asyncio.run(measure(settings, data, many, seconds))


async def measure(settings: Settings, data: int, many: int, seconds: float) -> None:
    """Measure everything, and print each figure as it comes."""
    await migrate(settings.database_url or "")
    async with sharing_at(settings) as sharing:
        with running_worker(settings) as worker:
            for kind in ("receiver", "many"):
                await small(sharing, kind, data)
            if many:
                await large(sharing, worker, many, seconds)


@asynccontextmanager
async def sharing_at(settings: Settings) -> AsyncIterator[Sharing]:
    """A site whose administrator shares with the double."""
    async with running_site(settings) as site, playing(ReceiverDouble()) as double:
        assert isinstance(double, ReceiverDouble)
        admin = await make_person(site, "root", is_admin=True)
        for kind in ("receiver", "many"):
            given = {"name": kind, "kind": kind, "address": double.address, "secrets": {"token": TOKEN}}
            await admin.client.query(SAVE, i=given)
        yield Sharing(site, admin, admin, "", double)


async def small(sharing: Sharing, kind: str, data: int) -> None:
    """A share of one target, and the same again."""
    await fill(sharing, 1, data)
    first = await sharing.site.rt.reads.fetchval("select 't' || min(id) from targets")
    for what in ("new", "again"):
        sharing.double.arrivals.clear()
        begun = time.monotonic()
        share = await sharing.share(destination=kind, targets=[first])
        found = await until(600, partial(succeeded, sharing, share))
        took_s = time.monotonic() - begun
        items, sent = found["items"], len(sharing.double.arrivals)
        assert found["sent"] + found["unchanged"] == items == data + 1
        click.echo(f"{kind}, {what}: {items:,} items in {took_s:.2f} s, {items / took_s:,.0f}/s; {sent:,} were sent")
        assert sent == (0 if what == "again" else data + 1)


async def large(sharing: Sharing, worker: Child, data: int, seconds: float) -> None:
    """A share of many targets: into the ledger, and for a while to the double."""
    targets = max(data // PER_TARGET, 1)
    await fill(sharing, targets, data)
    idle_mib = memory_mib(worker, "VmRSS")
    begun = time.monotonic()
    share = await sharing.share(destination="many", reducedData={})
    found = await until(900, lambda: expanded(sharing, share))
    click.echo(f"{found['items']:,} items in the ledger after {time.monotonic() - begun:.1f} s")
    click.echo(f"worker: {idle_mib:.0f} MiB before, {memory_mib(worker, 'VmHWM'):.0f} MiB at most until then")
    begun, before = time.monotonic(), len(sharing.double.arrivals)
    with contextlib.suppress(AssertionError):  # time is up
        await until(seconds, partial(succeeded, sharing, share))
    rate = (len(sharing.double.arrivals) - before) / (time.monotonic() - begun)
    click.echo(f"delivered at {rate:,.0f} items/s; worker: {memory_mib(worker, 'VmHWM'):.0f} MiB at most")
    await sharing.admin.client.query(CANCEL, id=(await sharing.read(share))["job"]["id"])


async def fill(sharing: Sharing, targets: int, data: int) -> None:
    """Leave so many targets and data, and nothing else."""
    await sharing.fresh()
    async with sharing.site.rt.writes.acquire() as connection:
        await connection.execute("truncate targets, reduced_data, events restart identity cascade")
        await connection.execute(TARGETS, 1, targets)
        evenly = PHOTOMETRY.replace("n::bigint * 7919 % ($3 - 1) + 1", "n % $3 + 1")
        await connection.execute(evenly, 1, data, targets, data)
        await connection.execute("vacuum analyze")


async def succeeded(sharing: Sharing, share: str) -> Any:
    """The share, once its job has succeeded."""
    found = await sharing.read(share)
    if found["job"]["error"] is not None:
        raise click.ClickException(str(found["job"]["error"]))
    return found if found["job"]["state"] == "SUCCEEDED" else None


async def expanded(sharing: Sharing, share: str) -> Any:
    """The share, once its items are in the ledger."""
    found = await sharing.read(share)
    return found if found["items"] else None


def memory_mib(child: Child, which: str) -> float:
    """Memory of a child process: ``VmRSS`` now, ``VmHWM`` at most so far."""
    status = Path(f"/proc/{child.process.pid}/status").read_text()
    return float(next(line.split()[1] for line in status.splitlines() if line.startswith(which))) / 1024


if __name__ == "__main__":
    main()
