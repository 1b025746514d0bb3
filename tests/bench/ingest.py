"""Ingest side by side: new points, the same file again, and a bare COPY of the same rows into an equal indexed table.

`python -m tests.bench.ingest` starts an embedded PostgreSQL, with its settings for real data, and a Valkey, and runs
the jobs of uploaded files from their claim to their commit. All that is compared is measured in turn in one run, and
times are medians, so that a busy machine hits all alike: read ratios, and processor time, rather than times.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from statistics import median

import click

from tests.bench.reads import say
from tests.bench.road import Road, Run, bare_copy, light_curve, read_here
from tests.bench.table import Table
from tomgql.embedded import EmbeddedPostgres, EmbeddedValkey
from tomgql.embedded.processes import directory_mark
from tomgql.plugins.sandbox import Sandbox
from tomgql.runtime import running
from tomgql.services.accounts import insert_user, principal_of_user
from tomgql.settings import Settings
from tomgql.store.schema import migrate
from tomgql.store.transaction import transaction

POINTS, FEW, MANY, FULL = 100_000, 10_000, 500_000, 1_000_000
"""Points of the file in question, of a small and a large one, and of a target that has many already."""

PHASES = ("child", "COPY", "sort out", "insert", "event", "rest", "commit")
"""Phases of a job, in order; what `Run` does not hold took no time."""

GOAL_POINTS_S = 50_000
NEW, AGAIN, BARE = "new", "again", "bare COPY"


@click.command()
@click.option("--repetitions", default=5, type=click.IntRange(1, 50), help="Counted files of the usual size.")
@click.option("--quick", is_flag=True, help="Only the usual size into empty targets.")
def main(repetitions: int, quick: bool) -> None:
    """Measure ingest and print a table."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tomgql-bench-")))
        place.chmod(0o755)  # the database may run as another account
        postgres, valkey = EmbeddedPostgres(place / "postgres"), EmbeddedValkey(place / "valkey")
        for server in (postgres, valkey):
            stack.callback(server.stop)
            server.start()
        settings = Settings(database_url=postgres.dsn(), redis_url=valkey.url(), data_dir=place, log_level="warning")
        mark = directory_mark(place / "postgres")
        click.echo(asyncio.run(measure_all(settings, mark, repetitions, quick=quick)))


async def measure_all(settings: Settings, mark: str, repetitions: int, *, quick: bool) -> str:
    """Everything; returns the text of the table."""
    await migrate(settings.database_url or "")
    table = Table(f"CSV of {POINTS:,} points, load {os.getloadavg()[0]:.1f}", [NEW, AGAIN, BARE])
    async with running(settings) as rt, Sandbox() as sandbox:
        async with transaction(rt.writes) as tx:
            user_id = await insert_user(tx, "bench observer", is_admin=False)
        bench = Bench(Road(rt, sandbox, await principal_of_user(rt, user_id), mark), table, settings.data_dir)
        await bench.series(FEW, 1)  # warms up
        say(f"{POINTS:,} points into empty targets")
        usual = await bench.series(POINTS, repetitions)
        bench.usual(usual)
        if not quick:
            say("other sizes")
            bench.sizes(usual, await bench.series(FEW, 3), await bench.series(MANY, 1))
            say("a target that has many points")
            bench.full(*await bench.into_full(repetitions))
    return table.text()


class Series:
    """Jobs of files of one size, each once new and once again, and the bare COPY of each."""

    def __init__(self, points: int) -> None:
        self.points = points
        self.runs: dict[str, list[Run]] = {NEW: [], AGAIN: [], BARE: []}
        self.here: list[dict[str, float]] = []

    def add(self, new: Run, again: Run) -> None:
        """Keep two jobs, after a look at what they did: all points created, and none touched."""
        names = ("created", "revised", "unchanged", "withdrawn")
        changes = [[run.result[name] for name in names] for run in (new, again)]
        assert changes == [[self.points, 0, 0, 0], [0, 0, self.points, 0]], changes
        self.runs[NEW].append(new)
        self.runs[AGAIN].append(again)

    def median(self, figure: Callable[[Run], float]) -> dict[str, float]:
        """The median of a figure of each kind of job, and of the bare COPY."""
        return {name: median(map(figure, runs)) for name, runs in self.runs.items() if runs}

    def phase(self, phase: str) -> dict[str, float]:
        """Seconds of a phase."""
        figures = self.median(lambda run: run.phases.get(phase, 0.0))
        return {name: figures[name] for name in (NEW, AGAIN)}

    def rates(self) -> dict[str, float]:
        """Points a second."""
        return {name: self.points / seconds for name, seconds in self.median(lambda run: run.seconds).items()}

    def processor_us(self) -> dict[str, float]:
        """Microseconds of processor a point, ours and PostgreSQL's: a busy machine hardly changes them."""
        used = self.median(lambda run: run.ours_s + run.database_s)
        return {name: 1e6 * used[name] / self.points for name in (NEW, AGAIN)}


class Bench:
    """What is measured, and where it is written."""

    def __init__(self, road: Road, table: Table, place: Path) -> None:
        self.road, self.table, self.place = road, table, place
        self._numbers = count(1)

    async def series(self, points: int, repetitions: int) -> Series:
        """Files of so many points, each into an empty target of its own."""
        series = Series(points)
        for _ in range(repetitions):
            number = next(self._numbers)
            content = light_curve(points, number)
            target_id = await self.road.target(f"empty {number}")
            await self._once(series, target_id, content)
            series.runs[BARE].append(await bare_copy(self.road.rt, target_id, self.road.mark))
            path = self.place / "points.csv"
            path.write_bytes(content)
            series.here.append(read_here(path))
        return series

    async def into_full(self, repetitions: int) -> tuple[Series, Series]:
        """Files of the usual size in turn into empty targets and into one that has many points already."""
        target_id = await self.road.target("full")
        for _ in range(FULL // POINTS):
            await self.road.upload(target_id, light_curve(POINTS, next(self._numbers)))
        empty, full = Series(POINTS), Series(POINTS)
        for _ in range(repetitions):
            number = next(self._numbers)
            await self._once(empty, await self.road.target(f"empty {number}"), light_curve(POINTS, number))
            await self._once(full, target_id, light_curve(POINTS, next(self._numbers)))
        return empty, full

    async def _once(self, series: Series, target_id: int, content: bytes) -> None:
        before = await self._changes()
        product_id, new = await self.road.upload(target_id, content)
        written = await self._changes()
        assert written[0] - before[0] == -(-series.points // 500), "one event announces at most 500 data"
        series.add(new, await self.road.again(product_id))
        assert await self._changes() == written, "the same file again wrote reduced data"

    async def _changes(self) -> tuple[int, int, int]:
        """Events of reduced data, the newest of them, and the youngest transaction that wrote a datum's row."""
        row = await self.road.rt.reads.fetchrow(
            "select count(*) as events, coalesce(max(id), 0) as newest, (select coalesce(max(xmin::text::bigint), 0)"
            " from reduced_data) as wrote from events where topic = 'reduced_data'"
        )
        return row["events"], row["newest"], row["wrote"]

    # ------------------------------------------------------------------ lines of the table
    def usual(self, series: Series) -> None:
        """The usual size, by phases and by processor time."""
        self._rates("into an empty target", series)
        for phase in PHASES:
            self.table.figures(phase, "ms", _in_ms(series.phase(phase)))
            if phase == "child":
                for part in ("parse", "staging"):
                    here = 1000 * median(each[part] for each in series.here)
                    self.table.figures(f"  of it {part} (measured without a child)", "ms", {NEW: here, AGAIN: here})
        ours, database = series.median(lambda run: run.ours_s), series.median(lambda run: run.database_s)
        self.table.figures("processor time, our processes", "ms", _in_ms(ours))
        self.table.figures("processor time, PostgreSQL", "ms", _in_ms(database))
        rates = series.rates()
        beside = {name: rates[BARE] / rates[name] for name in (NEW, AGAIN)}
        self.table.figures("time beside the bare COPY", "x", beside)
        beside = {name: database[name] / database[BARE] for name in (NEW, AGAIN)}
        self.table.figures("processor time of PostgreSQL beside the bare COPY", "x", beside)
        goal = self.table.goal
        goal("new file, thousand points/s", rates[NEW] / 1000, GOAL_POINTS_S / 1000, at_least=True)
        goal("new file, thousand points per second of our processor", series.points / ours[NEW] / 1000,
             GOAL_POINTS_S / 1000, at_least=True)  # fmt: skip
        goal("the same file again, speed beside a new one", rates[AGAIN] / rates[NEW], 1, "x", at_least=True)

    def sizes(self, usual: Series, *others: Series) -> None:
        """Other sizes: time is to be linear in rows."""
        for series in others:
            self._rates(f"{series.points:,} points", series)
        ratio = usual.rates()[NEW] / others[-1].rates()[NEW]
        what = f"{others[-1].points:,} beside {usual.points:,} points"
        self.table.goal(f"time per point, {what}", ratio, 1.3, "x")
        ratio = others[-1].processor_us()[NEW] / usual.processor_us()[NEW]
        self.table.goal(f"processor time per point, {what}", ratio, 1.3, "x")

    def full(self, empty: Series, full: Series) -> None:
        """A target that has many points: time is to be the same."""
        self._rates("into empty targets, in turn with the next", empty)
        self._rates(f"into a target that has {FULL:,}", full)
        for name in (NEW, AGAIN):
            ratio = empty.rates()[name] / full.rates()[name]
            self.table.goal(f"{name}: time, target that has {FULL:,} beside an empty one", ratio, 1.2, "x")
            ratio = full.processor_us()[name] / empty.processor_us()[name]
            self.table.goal(f"{name}: processor time, {FULL:,} beside an empty one", ratio, 1.2, "x")

    def _rates(self, what: str, series: Series) -> None:
        self.table.figures(what, "pts/s", series.rates())
        self.table.figures("  processor time a point", "us", series.processor_us())


def _in_ms(seconds: dict[str, float]) -> dict[str, float]:
    return {name: 1000 * value for name, value in seconds.items()}


if __name__ == "__main__":
    main()
