"""The short version of `python -m tests.bench.resuming`: fewer events, each as large as events become."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.support.resuming import run
from tomgql.events.log import DATA_PER_EVENT

EVENTS = 500
"""Missed events: some 50 MB of JSON."""

MOST_GROWTH_BYTES = 24 * 2**20
"""What the web process may grow by meanwhile, much less than what it tells."""


async def test_who_was_away_for_long_is_told_everything_in_bounded_memory() -> None:
    with tempfile.TemporaryDirectory(prefix="tomgql-resuming-") as directory:
        Path(directory).chmod(0o755)
        resumed = await run(Path(directory), EVENTS, DATA_PER_EVENT)
    print(resumed)
    assert resumed.events == EVENTS
    assert resumed.size > 1.5 * MOST_GROWTH_BYTES
    assert resumed.growth < MOST_GROWTH_BYTES
