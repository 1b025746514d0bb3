"""Three TOMs that follow each other end equal; `python -m tests.bench.ring` kills a hundred times."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.ring import run


@pytest.mark.timeout(300)
async def test_three_toms_in_a_ring_that_are_killed_end_equal_and_come_to_rest(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)  # the database may run as another account
    outcome = await run(tmp_path, kills=2, pause_s=1.5, seed=3)
    assert outcome.data > 20
    assert outcome.targets >= 4
