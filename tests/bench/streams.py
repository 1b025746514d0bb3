"""Subscriptions side by side: tomgql, and the same events by plain Strawberry.

`python -m tests.bench.streams` subscribes 10, 100 and 1,000 listeners to a web process of each kind over one database,
has another web process record data, and counts what arrives: deliveries a second, deliveries a second of the
measured process's own processor time, and the time from sending a mutation to its event's arrival (which holds the
mutation itself). Everything is on loopback; the listeners share the machine with the servers.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

import click
import orjson

from tests.bench import data
from tests.bench.data import Sizes
from tests.bench.listeners import Listener, listen
from tests.bench.measure import Web, processor_s
from tests.bench.questions import Question
from tests.bench.reads import say, servers, tomgql_process, yardstick
from tests.bench.table import Table
from tomgql.settings import Settings

SUBSCRIBERS = (10, 100, 1_000)
"""Numbers of listeners."""

SHARED = (
    "subscription { reducedData { cursor change at count target { id name } data { id mjd"
    " ... on PhotometryDatum { band flux fluxError } } } }"
)
"""What all listeners ask."""

CREATE = (
    "mutation ($m: Float!) { createReducedData(input: {target: \"t1\", dataType: \"photometry\", rows: [{mjd: $m,"
    ' filter: "ztfr", mag: 18, magerr: 0.1}]}) { created errors { message } } }'
)
"""One datum, and so one event; ``rows`` holds a variable."""

BURST, PACED = 40, 60
"""Events that come as fast as they are written, and events that come one every 50 ms, at most."""

MOST_EXECUTIONS = 6_000
"""Executions of a series at most: a thousand distinct questions are a thousand executions an event."""

PAUSE_S = 0.05
"""Pause between paced events."""

PATIENCE_S = 120.0
"""Longest wait for the last delivery."""


@dataclass
class Run:
    """What a number of listeners heard."""

    deliveries_per_s: float
    deliveries_per_processor_s: float
    latency_ms: list[float]


@click.command()
def main() -> None:
    """Measure streams and print a table."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tomgql-bench-")))
        place.chmod(0o755)  # the database may run as another account
        click.echo(measure_all(place))


def measure_all(place: Path) -> str:
    """Everything; returns the text of the table."""
    table = Table("events of one datum", ["tomgql shared", "tomgql distinct", "plain"])
    with servers(place) as (postgres, valkey), ExitStack() as stack:
        sky = asyncio.run(data.sky(postgres, Sizes(300, 10_000, 0)))
        settings = Settings(redis_url=valkey, data_dir=place, log_level="warning")
        writer, web = (stack.enter_context(tomgql_process(sky, settings)) for _ in range(2))
        plain = stack.enter_context(yardstick(Web, "plain", sky))
        times = iter(range(1, 10**9))
        for count in SUBSCRIBERS:
            say(f"{count} listeners")
            runs = {
                "tomgql shared": asyncio.run(_measure(web, writer, [SHARED] * count, times.__next__)),
                "tomgql distinct": asyncio.run(_measure(web, writer, _distinct(count), times.__next__)),
                "plain": asyncio.run(_measure(plain, writer, [SHARED] * count, times.__next__)),
            }
            _report(table, count, runs)
    return table.text()


def _distinct(count: int) -> list[str]:
    return [SHARED.replace("cursor", f"a{number}: cursor", 1) for number in range(count)]


def _report(table: Table, count: int, runs: dict[str, Run]) -> None:
    whose = f"{count:,} listeners"
    table.figures(f"{whose}: deliveries", "/s", {name: run.deliveries_per_s for name, run in runs.items()})
    table.figures(
        "  a second of processor time", "/s", {name: run.deliveries_per_processor_s for name, run in runs.items()}
    )
    for part, place in (("p50", 49), ("p95", 94), ("p99", 98)):
        cuts = {name: quantiles(run.latency_ms, n=100)[place] for name, run in runs.items()}
        table.figures(f"  from the mutation to the event, {part}", "ms", cuts)
    if count == max(SUBSCRIBERS):
        table.goal(
            "shared deliveries a second of processor time",
            runs["tomgql shared"].deliveries_per_processor_s, 10_000, at_least=True,
        )  # fmt: skip
    else:
        p95 = quantiles(runs["tomgql shared"].latency_ms, n=100)[94]
        table.goal(f"{whose}, from the mutation to the event, p95", p95, 50, " ms")


async def _measure(web: Web, writer: Web, documents: list[str], number: Callable[[], int]) -> Run:
    most = max(5, MOST_EXECUTIONS // len(set(documents)))
    burst, paced = min(BURST, most), min(PACED, most)
    listeners = await listen(web.port, web.token, documents)
    await asyncio.sleep(1.0)  # the last of them has reached the end of the log
    latency_ms = []
    for _ in range(paced):
        before, sent = len(listeners[0].came), time.perf_counter()
        await asyncio.to_thread(_record, writer, number())
        await _heard(listeners, before + 1)
        latency_ms += [1000 * (each.came[-1] - sent) for each in listeners]
        await asyncio.sleep(PAUSE_S)
    heard, used, began = len(listeners[0].came), processor_s([web.process.pid]), time.perf_counter()
    for _ in range(burst):
        await asyncio.to_thread(_record, writer, number())
    await _heard(listeners, heard + burst)
    last = max(each.came[-1] for each in listeners)
    spent = processor_s([web.process.pid]) - used
    for each in listeners:
        each.close()
    await asyncio.sleep(0.5)
    deliveries = burst * len(listeners)
    return Run(deliveries / (last - began), deliveries / max(spent, 0.01), latency_ms)


async def _heard(listeners: list[Listener], number: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while any(len(each.came) < number for each in listeners):
            problem = next((each.problem for each in listeners if each.problem), "")
            assert not problem, problem
            await asyncio.sleep(0.001)
    assert all(len(each.came) == number for each in listeners), "an event came twice"


def _record(writer: Web, number: int) -> None:
    answer = orjson.loads(writer.ask(Question(CREATE, {"m": 50_000 + number / 100})).content)
    assert answer["data"]["createReducedData"]["created"] == 1, answer


if __name__ == "__main__":
    main()
