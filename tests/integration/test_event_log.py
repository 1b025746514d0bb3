"""The event log under overlapping transactions and restless subscribers: nothing missed, nothing doubled."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import asyncpg
import pytest
import pytest_asyncio

from tests.support.faults import DATA_EVENTS, latest_cursor, light_curve, stored_ids
from tests.support.people import Person, make_person
from tests.support.site import Site, running_worker
from tomgql.errors import CursorExpired
from tomgql.events import log, tail
from tomgql.reading import streams
from tomgql.store.transaction import transaction

RESUMPTIONS = 200
"""How often the subscriber leaves and comes back."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def observer(site: Site) -> Person:
    return await make_person(site, "observer")


async def read_on(site: Site, after: int) -> list[int]:
    """Targets of the `targets` events behind a place: here, plain numbers that tell events apart."""
    return [event.target_id or 0 for event in await log.read_after(site.rt.reads, ["targets"], after, 10_000)]


async def end_of_log(site: Site) -> int:
    return (await log.horizon(site.rt.reads)).latest


async def test_the_transaction_that_began_later_commits_first(site: Site) -> None:
    start = await end_of_log(site)
    async with transaction(site.rt.writes) as early:
        await early.value("select pg_current_xact_id()")
        async with transaction(site.rt.writes) as late:
            assert await late.value("select pg_current_xact_id()") > await early.value("select pg_current_xact_id()")
            await log.append(late, "targets", "CREATED", target_id=2)
        assert await read_on(site, start) == [2]
        between = await end_of_log(site)
        await log.append(early, "targets", "CREATED", target_id=1)
        assert await read_on(site, between) == []
    assert await read_on(site, between) == [1]
    assert await read_on(site, start) == [2, 1]


async def test_an_id_is_not_drawn_while_an_earlier_one_is_uncommitted(site: Site) -> None:
    start = await end_of_log(site)

    async def second() -> int:
        async with transaction(site.rt.writes) as tx:
            await log.append(tx, "targets", "CREATED", target_id=12)
            drawn: int = await tx.value("select max(id) from events")
        return drawn

    async with transaction(site.rt.writes) as first:
        await log.append(first, "targets", "CREATED", target_id=11)
        drawn = await first.value("select max(id) from events")
        waiting = asyncio.create_task(second())
        done, _ = await asyncio.wait([waiting], timeout=0.3)
        assert not done
        assert await read_on(site, start) == []
    assert await waiting > drawn
    assert await read_on(site, start) == [11, 12]


async def test_a_rolled_back_event_was_never_there(site: Site) -> None:
    start = await end_of_log(site)
    connection = await asyncpg.connect(site.settings.database_url)
    running = connection.transaction()
    await running.start()
    await connection.execute("insert into events (topic, change, target_id) values ('targets', 'CREATED', 21)")
    await running.rollback()
    await connection.close()
    async with transaction(site.rt.writes) as tx:
        await log.append(tx, "targets", "CREATED", target_id=22)
    assert await read_on(site, start) == [22]


async def test_a_reader_misses_nothing_of_many_writers(site: Site) -> None:
    start = place = await end_of_log(site)
    chance = random.Random(7)

    async def write(numbers: range) -> None:
        for number in numbers:
            async with transaction(site.rt.writes) as tx:
                await tx.value("select pg_current_xact_id()")
                await asyncio.sleep(chance.random() / 100)
                await log.append(tx, "targets", "CREATED", target_id=number)
                await asyncio.sleep(chance.random() / 500)

    writing = asyncio.gather(*(write(range(1000 * each, 1000 * each + 25)) for each in range(1, 9)))
    seen: list[int] = []
    while not writing.done() or len(seen) < 200:
        all_written = writing.done()  # asked before the read, which may be older than the last commit
        events = await log.read_after(site.rt.reads, ["targets"], place, 7)
        seen += [event.target_id or 0 for event in events]
        place = events[-1].id if events else place
        assert not (all_written and not events and len(seen) < 200), "events were missed"
    await writing
    assert seen == await read_on(site, start)
    assert (len(seen), set(Counter(seen).values())) == (200, {1})


async def test_a_subscriber_that_comes_and_goes_misses_nothing(site: Site, observer: Person) -> None:
    """Left at every kind of moment: before the first event, between two, with events underway, by closing or not."""
    target = await observer.create_target("Restless subscriber")
    place = await latest_cursor(observer.client)
    chance = random.Random(11)
    files, rows = 25, 600
    seen: Counter[str] = Counter()
    cursors: list[str] = []

    async def upload_all() -> None:
        for part in range(files):
            payload = await observer.client.upload(target, f"{part}.csv", light_curve(rows, 59000 + part))
            assert payload["errors"] == []

    with running_worker(site.settings):
        uploading = asyncio.create_task(upload_all())
        resumptions = 0
        while resumptions < RESUMPTIONS or sum(seen.values()) < files * rows:
            resumptions += 1
            wanted = chance.choice((0, 1, 1, 2))
            async with observer.client.subscribe(DATA_EVENTS, after=place, target=target) as events:
                for _ in range(wanted):
                    try:
                        event = (await asyncio.wait_for(events.next(), chance.random() / 10))["reducedData"]
                    except TimeoutError:
                        break
                    seen.update(datum["id"] for datum in event["data"])
                    place = event["cursor"]
                    cursors.append(place)
                if chance.random() < 0.5:
                    events.drop()
            assert resumptions < 3 * RESUMPTIONS, "events were lost"
        await uploading
    assert cursors == sorted(set(cursors))
    assert (len(seen), set(seen.values())) == (files * rows, {1})
    assert set(seen) == set(await stored_ids(site.rt.reads, target))


async def append(site: Site, *targets: int) -> None:
    for target in targets:
        async with transaction(site.rt.writes) as tx:
            await log.append(tx, "targets", "CREATED", target_id=target)


async def prune(site: Site, keep_days: float, keep_events: int) -> int:
    async with site.rt.writes.acquire() as connection:
        return await log.prune(connection, keep_days, keep_events)


async def test_the_log_keeps_so_many_days_and_so_many_events(site: Site, observer: Person) -> None:
    await append(site, 31, 32, 33)
    assert await prune(site, 1.0, 10_000_000) == 0
    before = await latest_cursor(observer.client)
    await append(site, 34, 35)
    await prune(site, 1.0, 1)
    left = await site.rt.reads.fetch("select target_id from events")
    assert [row["target_id"] for row in left] == [35]
    async with observer.client.subscribe("subscription ($a: Cursor) {targets(after: $a) {cursor}}", a=before) as events:
        refused = (await asyncio.wait_for(events.message(), 10))["payload"][0]
    oldest = (await observer.client.query("{server {oldestCursor}}"))["server"]["oldestCursor"]
    assert refused["extensions"]["code"] == "CURSOR_EXPIRED"
    assert oldest in refused["message"]
    await site.rt.writes.execute("update events set at = now() - interval '3 days'")
    assert await prune(site, 2.0, 10_000_000) == 1


async def test_a_reader_that_the_end_of_the_log_overtakes_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "EVENTS_PER_READ", 1)
    feed = streams.Feed(place=await end_of_log(site))
    await append(site, *range(40, 40 + tail.EVENTS_KEPT + 10))
    events = feed.events(site.rt, ["targets"], None)
    assert (await anext(events)).event.target_id == 40
    await prune(site, 1.0, 5)
    with pytest.raises(CursorExpired):
        await anext(events)
