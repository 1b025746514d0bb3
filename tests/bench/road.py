"""The job road under measurement: files go up, jobs run in this process as a worker runs them, a watch takes times.

The verbs, the nursery and its children, PostgreSQL and Valkey are the real ones. Only the queue is left out: the
time between an upload and the moment at which a worker takes its job says nothing about ingest.
"""

from __future__ import annotations

import gc
import io
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from tests.bench.measure import processor_s
from tomgql.access.principal import Principal
from tomgql.builtin.processors.photometry import PhotometryProcessor
from tomgql.domain.staging import write_reading
from tomgql.embedded.processes import marked_processes
from tomgql.plugins.contracts import SourceFile
from tomgql.plugins.sandbox import Sandbox
from tomgql.runtime import Runtime
from tomgql.services.products import NewProduct, process_product, register_product
from tomgql.services.target_checks import NewTarget
from tomgql.services.targets import create_target
from tomgql.store.connection import Connection
from tomgql.store.transaction import Transaction
from workers.runner import run_job

STATEMENTS = {
    "copy staged": "COPY",
    "create temporary table staged": "COPY",
    "analyze staged": "COPY",
    "drop table if exists pg_temp": "COPY",
    "staged_outcomes": "sort out",
    "insert into reduced_data": "insert",
    "update reduced_data d set": "insert",
    "insert into events": "event",
}
"""Words of a statement, and the phase that it counts to; the last words that occur decide."""

DAYS = 100
"""Days that one file spans. Each file has days of its own, and no two rows of a file one time."""

FIRST_MJD = 50_000
_TICKS_PER_DAY = 1_000_000


def light_curve(points: int, number: int) -> bytes:
    """A generic CSV in the order of time, at a millionth of a day, a thousandth of a magnitude; the same every time."""
    random = np.random.default_rng(number)
    ticks = np.cumsum(random.integers(1, 2 * DAYS * _TICKS_PER_DAY // points - 1, points, endpoint=True))
    start = FIRST_MJD + DAYS * (37 * number % 101)  # measured files lie between those that were there before
    columns = (
        start + ticks / _TICKS_PER_DAY, random.normal(18, 1, points), random.uniform(0.01, 0.2, points),
        np.array(["ztfg", "ztfr", "ztfi"])[random.integers(0, 3, points)],
    )  # fmt: skip
    rows = zip(*(column.tolist() for column in columns), strict=True)
    lines = [f"{mjd:.6f},{magnitude:.3f},{error:.3f},{band}\n" for mjd, magnitude, error, band in rows]
    return ("mjd,magnitude,error,filter\n" + "".join(lines)).encode()


@dataclass
class Run:
    """One job: seconds from its claim to its commit, seconds of each phase, processor seconds of our processes and of
    PostgreSQL's, and the job's result."""

    seconds: float = 0.0
    phases: dict[str, float] = field(default_factory=dict)
    ours_s: float = 0.0
    database_s: float = 0.0
    result: dict[str, Any] = field(default_factory=dict)


@dataclass
class Road:
    """A site whose jobs run here. ``mark`` is that of PostgreSQL's processes."""

    rt: Runtime
    sandbox: Sandbox
    actor: Principal
    mark: str

    async def target(self, name: str) -> int:
        """A new target of the actor's."""
        return (await create_target(self.rt, self.actor, NewTarget(name, ra_deg=10.0, dec_deg=20.0)))[0]

    async def upload(self, target_id: int, content: bytes) -> tuple[int, Run]:
        """Store a file and run its job; the product's key, and what the job took."""

        async def chunks() -> AsyncIterator[bytes]:
            yield content

        stored = await register_product(self.rt, self.actor, NewProduct(target_id, "points.csv"), chunks())
        assert stored.job_id is not None
        return stored.data_product_id, await self._run(stored.job_id)

    async def again(self, product_id: int) -> Run:
        """Have the same file read again."""
        (job_id,) = await process_product(self.rt, self.actor, product_id, None, {})
        return await self._run(job_id)

    async def _run(self, job_id: int) -> Run:
        run = Run()
        with watched(run):
            ours, database, start = self._ours_s(), processor_s(marked_processes(self.mark)), time.perf_counter()
            await run_job(self.rt, self.sandbox, job_id)
            run.seconds = time.perf_counter() - start
        run.phases["commit"] = start + run.seconds - run.phases.pop("last statement")
        run.ours_s = self._ours_s() - ours
        run.database_s = processor_s(marked_processes(self.mark)) - database
        row = await self.rt.reads.fetchrow("select state, result, error_message from jobs where id = $1", job_id)
        assert row["state"] == "SUCCEEDED", row["error_message"]
        run.result = row["result"]
        return run

    def _ours_s(self) -> float:
        """Processor seconds of this process, the nursery and the children that it has reaped."""
        nursery = self.sandbox._nursery
        used = os.times()
        if nursery is None:
            return used.user + used.system
        fields = Path(f"/proc/{nursery._process.pid}/stat").read_text().rpartition(")")[2].split()
        return used.user + used.system + sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")  # proc(5)


@contextmanager
def watched(run: Run) -> Iterator[None]:
    """Add up the time of each statement, COPY and child of this process in the phases of ``run``."""

    def timed(owner: type, name: str) -> Any:
        original = getattr(owner, name)

        async def call(self: Any, *arguments: Any, **options: Any) -> Any:
            start = time.perf_counter()
            try:
                return await original(self, *arguments, **options)
            finally:
                end = time.perf_counter()
                phase = "child" if owner is Sandbox else _phase(name, arguments)
                run.phases[phase] = run.phases.get(phase, 0.0) + end - start
                run.phases["last statement"] = end

        return patch.object(owner, name, call)

    methods = [(Transaction, name) for name in ("execute", "row", "rows", "value")]
    watches = [timed(*each) for each in [*methods, (Connection, "copy_to_table"), (Sandbox, "run")]]
    for watch in watches:
        watch.start()
    try:
        yield
    finally:
        for watch in watches:
            watch.stop()


def _phase(name: str, arguments: tuple[Any, ...]) -> str:
    said = "copy staged" if name == "copy_to_table" else arguments[0]
    return next((phase for words, phase in reversed(STATEMENTS.items()) if words in said), "rest")


def read_here(path: Path) -> dict[str, float]:
    """Seconds that parsing and staging a file take in this process: the child's work without the child."""
    content = path.read_bytes()
    file = SourceFile(path, path.name, len(content), content[:65536], "photometry", (), None, None)
    gc.disable()
    start = time.perf_counter()
    reading = PhotometryProcessor().read(file, {})
    parsed = time.perf_counter()
    write_reading(reading, io.BytesIO())
    staged = time.perf_counter()
    gc.enable()
    return {"parse": parsed - start, "staging": staged - parsed}


async def bare_copy(rt: Runtime, target_id: int, mark: str) -> Run:
    """COPY of a target's data, typed and complete, into an equal indexed table; ``mark`` as in `Road`."""
    async with rt.writes.acquire() as connection:
        await connection.execute("create table if not exists bare (like reduced_data including all)")
        names = [row["name"] for row in await connection.fetch(STORED)]
        typed = io.BytesIO()
        query = f"select {', '.join(names)} from reduced_data where target_id = $1 order by mjd"
        await connection.copy_from_query(query, target_id, output=typed, format="binary")
        typed.seek(0)
        database, start = processor_s(marked_processes(mark)), time.perf_counter()
        await connection.copy_to_table("bare", source=typed, columns=names, format="binary")
        seconds = time.perf_counter() - start
        return Run(seconds, database_s=processor_s(marked_processes(mark)) - database)


STORED = (
    "select attname as name from pg_attribute where attrelid = 'reduced_data'::regclass and attnum > 0"
    " and not attisdropped and attgenerated = ''"
)
"""Columns of reduced data that are written, not computed."""
