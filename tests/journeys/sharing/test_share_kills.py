"""Workers that are killed while they share: nothing is lost, and the ledger ends as if nothing had happened."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.sharing import Sharing, counts, point
from tests.support.site import running_worker, until


@pytest.fixture(scope="module", autouse=True)
def worker() -> None:
    """None: the test starts and kills its own."""


async def test_a_worker_that_is_killed_at_any_point_loses_nothing(sharing: Sharing) -> None:
    """Four workers, each killed while a request of its own hangs that the destination has heard."""
    target = await sharing.sharer.create_target("SN 2026kil")
    await sharing.data(sharing.sharer, target, *[point(number) for number in range(60)])
    share = await sharing.share(targets=[target])
    for request in (0, 0, 1, 3):
        with running_worker(sharing.site.settings) as child:
            sharing.double.held.clear()
            sharing.double.hold(len(sharing.double.heard) + request)
            await asyncio.wait_for(sharing.double.held.wait(), 30)
            child.kill()
            sharing.double.release()
    with running_worker(sharing.site.settings):
        found = await sharing.ended(share)
    assert found["job"]["error"] is None
    assert counts(found) == {"items": 61, "sent": 61}
    assert len(sharing.double.data) == 60
    assert len(sharing.double.arrivals) > 61  # what was heard and not recorded was sent again


async def test_what_came_while_no_worker_was_there_goes_and_workers_share_the_work(sharing: Sharing) -> None:
    targets = [await sharing.sharer.create_target(f"SN 2026w{number}") for number in range(3)]
    for target in targets:
        await sharing.follow(target=target)
        await sharing.data(sharing.sharer, target, *[point(number) for number in range(20)])
    with running_worker(sharing.site.settings), running_worker(sharing.site.settings):
        for number in range(20, 30):
            for target in targets:
                await sharing.data(sharing.sharer, target, point(number))
        await until(40, lambda: len(sharing.double.data) == 90)
        await sharing.until_quiet()
    assert len(sharing.double.arrivals) == 93
    assert len(sharing.double.targets) == 3


async def test_a_killed_worker_leaves_no_gap_in_a_continuous_share(sharing: Sharing) -> None:
    target = await sharing.sharer.create_target("SN 2026gap")
    await sharing.follow(target=target)
    for attempt in range(3):
        with running_worker(sharing.site.settings) as child:
            sharing.double.held.clear()
            sharing.double.hold(len(sharing.double.heard))
            await sharing.data(sharing.sharer, target, *[point(40 * attempt + number) for number in range(30)])
            await asyncio.wait_for(sharing.double.held.wait(), 30)
            child.kill()
            sharing.double.release()
    with running_worker(sharing.site.settings):
        await sharing.until_quiet()
    assert len(sharing.double.data) == 90
