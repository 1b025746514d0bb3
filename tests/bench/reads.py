"""Reads side by side: tomgql, the same schema by plain Strawberry, and a bare endpoint that sends SQL's own JSON.

`python -m tests.bench.reads` makes a data set in an embedded PostgreSQL of its own, starts one web process of each
kind over the same database, compares their answers, and prints a table with the goals of the design. Everything is on
loopback. Every time is the median of warm repetitions, taken in turn, so that a busy machine hits all alike: read
ratios rather than times.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from tests.bench import data, figures
from tests.bench.data import Sizes
from tests.bench.figures import Stage
from tests.bench.measure import BareWeb, Web, start
from tests.bench.questions import tiny
from tests.bench.table import Table
from tests.support.site import environment
from tomgql.embedded import EmbeddedPostgres, EmbeddedValkey
from tomgql.embedded.processes import directory_mark
from tomgql.settings import Settings

SERVER = {
    "fsync": "off",
    "max_wal_size": "4GB",
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track_utility": "off",
}
"""Beside the product's own settings: a data set is written sooner, and statements are counted."""


@click.command()
@click.option("--targets", default=2_000, type=click.IntRange(300), help="Targets.")
@click.option("--points", default=1_000_000, type=click.IntRange(10_000), help="Photometric points.")
@click.option("--spectra", default=500, type=click.IntRange(0), help="Spectra.")
@click.option("--cone-targets", default=1_000_000, type=click.IntRange(1_000), help="Targets of the cone search.")
@click.option("--repetitions", default=7, type=click.IntRange(1, 100), help="Counted repetitions of each question.")
@click.option("--data", "directory", type=click.Path(path_type=Path), help="Directory that keeps the data set.")
def main(targets: int, points: int, spectra: int, cone_targets: int, repetitions: int, directory: Path | None) -> None:
    """Measure reads and print a table."""
    sizes = Sizes(targets, points, spectra, cone_targets)
    with ExitStack() as stack:
        place = directory or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tomgql-bench-")))
        place.mkdir(exist_ok=True)
        place.chmod(0o755)  # the database may run as another account
        click.echo(measure_all(place, sizes, repetitions))


def measure_all(place: Path, sizes: Sizes, repetitions: int) -> str:
    """Everything; returns the text of the table."""
    title = f"{sizes.targets:,} targets, {sizes.points:,} points, load {os.getloadavg()[0]:.1f}"
    table = Table(title, ["tomgql", "plain", "bare"])
    with servers(place) as (postgres, valkey):
        mark = directory_mark(place / "postgres")
        say("writing the data set")
        sky = asyncio.run(data.sky(postgres, sizes))
        settings = Settings(redis_url=valkey, data_dir=place, log_level="warning")
        with web_processes(sky, settings) as webs:
            stage = Stage(webs, sky, sizes, repetitions, table, mark)
            for measure in figures.ALL:
                say(measure.__doc__ or "")
                measure(stage)
        say("writing the targets of the cone search")
        cone = asyncio.run(data.cone(postgres, sizes))
        with tomgql_process(cone, settings) as web:
            say(figures.cones.__doc__ or "")
            figures.cones(Stage([web], cone, sizes, repetitions, table, mark))
    return table.text()


@contextmanager
def servers(place: Path) -> Iterator[tuple[str, str]]:
    """PostgreSQL and Valkey; their addresses."""
    postgres = EmbeddedPostgres(place / "postgres", settings=SERVER)
    valkey = EmbeddedValkey(place / "valkey")
    with ExitStack() as stack:
        for server in (postgres, valkey):
            stack.callback(server.stop)
            server.start()
        yield postgres.dsn("postgres"), valkey.url()


@contextmanager
def tomgql_process(database: data.Database, settings: Settings) -> Iterator[Web]:
    """`tomgql serve` over the database, asked as the administrator."""
    given = environment(settings.model_copy(update={"database_url": database.url}))
    process, port = start("tomgql", "serve", "--port", **given)
    yield from _running(Web("tomgql", process, port, database.tokens[data.ADMIN]))


@contextmanager
def yardstick(kind: type[Web], name: str, database: data.Database) -> Iterator[Web]:
    """One of the servers to compare with."""
    process, port = start(f"tests.bench.{name}", BENCH_DATABASE_URL=database.url)
    yield from _running(kind(name, process, port))


@contextmanager
def web_processes(database: data.Database, settings: Settings) -> Iterator[list[Web]]:
    """One web process of each kind."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(tomgql_process(database, settings)),
            stack.enter_context(yardstick(Web, "plain", database)),
            stack.enter_context(yardstick(BareWeb, "bare", database)),
        ]


def _running(web: Web) -> Iterator[Web]:
    try:
        web.wait_until_it_answers(tiny(1))
        yield web
    finally:
        web.stop()


def say(line: str) -> None:
    """Tell how far we are."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
