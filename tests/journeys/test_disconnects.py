"""The short version of `python -m tests.bench.disconnects`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.support.restless import run


async def test_restless_subscribers_of_a_mortal_site_miss_nothing_and_hear_nothing_twice() -> None:
    with tempfile.TemporaryDirectory(prefix="tomgql-disconnects-") as directory:
        Path(directory).chmod(0o755)
        outcome = await run(Path(directory), disconnects=60, pause_s=1.5, seed=7)
    assert outcome.disconnects >= 60
    assert sum(outcome.kills.values()) >= 2
    assert outcome.revised > 0
