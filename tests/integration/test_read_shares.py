"""Nobody's slow reads keep others from reading, and what would cost too much is refused unread."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from tests.support.client import Client
from tests.support.people import Person, make_person
from tests.support.site import Site, until
from tomgql.settings import Settings

WAITING = "{reducedData {totalCount}}"
"""Reads what the tests lock: it takes until its statement is ended."""

TINY = "{targets {totalCount}}"
COSTLY_EVENT = "subscription ($after: Cursor) {targets(after: $after) {cursor target {reducedData {totalCount}}}}"
CREATE = 'mutation {createTarget(input: {name: "Costly", raDeg: 1, decDeg: 2, access: OPEN}) {errors {code}}}'


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def settings(settings: Settings) -> Settings:
    limits = {"statement_timeout_s": 2.0, "anonymous_statement_timeout_s": 2.0, "read_wait_s": 1.0}
    return settings.model_copy(update=limits)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def carol(site: Site) -> Person:
    return await make_person(site, "carol")


@asynccontextmanager
async def locked_data(site: Site) -> AsyncIterator[None]:
    """Reads of reduced data wait."""
    connection = await asyncpg.connect(site.settings.database_url)
    try:
        async with connection.transaction():
            await connection.execute("lock table reduced_data in access exclusive mode")
            yield
    finally:
        await connection.close()


def codes(answers: list[dict[str, Any]]) -> Counter[str]:
    return Counter(answer["errors"][0]["extensions"]["code"] for answer in answers)


async def worst_wait(client: Client, asking: asyncio.Future[Any]) -> float:
    worst = 0.0
    while not asking.done():
        began = time.monotonic()
        await client.query(TINY)
        worst = max(worst, time.monotonic() - began)
        await asyncio.sleep(0.1)
    return worst


@pytest.mark.parametrize(("who", "at_a_time"), [("nobody", 3), ("carol", 5)])
async def test_slow_reads_of_one_leave_connections_for_others(
    site: Site, admin: Person, carol: Person, who: str, at_a_time: int
) -> None:
    slow = site.client() if who == "nobody" else carol.client
    async with locked_data(site):
        asking = asyncio.gather(*(slow.ask(WAITING) for _ in range(12)))
        assert await worst_wait(admin.client, asking) < 0.9
    assert codes(await asking) == {"QUERY_TOO_COSTLY": at_a_time, "UNAVAILABLE": 12 - at_a_time}
    assert {answer["errors"][0]["message"] for answer in await asking} == {
        "This query took too long; ask for less at once.",
        "Other reads had the turn of this one for too long; try again later.",
    }
    assert (await slow.query(TINY))["targets"] is not None


async def test_a_replay_whose_events_are_too_costly_ends(site: Site, admin: Person) -> None:
    await admin.client.query(CREATE.replace("Costly", "Something before"))
    start = (await admin.client.query("{server {latestCursor}}"))["server"]["latestCursor"]
    await admin.client.query(CREATE)
    async with (
        asyncio.timeout(15),
        locked_data(site),
        site.client().subscribe(COSTLY_EVENT, after=start) as subscription,
    ):
        message = await subscription.message()
    assert message["type"] == "error"
    assert message["payload"] == [
        {
            "message": "This query took too long; ask for less at once.",
            "extensions": {"code": "QUERY_TOO_COSTLY", "cursor": start},
        }
    ]


async def test_a_live_stream_whose_events_are_too_costly_ends_for_all_who_share_it(site: Site, admin: Person) -> None:
    async with (
        asyncio.timeout(15),
        site.client().subscribe(COSTLY_EVENT) as one,
        site.client().subscribe(COSTLY_EVENT) as other,
    ):
        await until(10, lambda: site.rt.hub.subscribers == 2)
        async with locked_data(site):
            await admin.client.query(CREATE.replace("Costly", "Costly, too"))
            for each in (one, other):
                message = await each.message()
                assert message["type"] == "error"
                assert message["payload"][0]["extensions"]["code"] == "QUERY_TOO_COSTLY"
    await until(10, lambda: site.rt.hub.subscribers == 0)


def counts(parents: int, aliases: int) -> str:
    """So many filtered counts below each of so many rows."""
    each = '{}: reducedData(first: 1, where: {{sourceName: {{contains: "zz"}}}}) {{totalCount}}'
    below = " ".join(each.format(f"a{n}") for n in range(aliases))
    return f"{{reducedData(first: {parents}) {{nodes {{target {{{below}}}}}}}}}"


@pytest.mark.parametrize(
    ("who", "query", "message"),
    [
        (
            "nobody",
            counts(718, 7),
            "The counts, filters, summaries and light curves below the lists of this query come to 10052; at most 10000"
            " may be asked for at once. Ask in smaller pages, or for fewer of them.",
        ),
        (
            "carol",
            counts(718, 35),
            "The counts, filters, summaries and light curves below the lists of this query come to 50260; at most 50000"
            " may be asked for at once. Ask in smaller pages, or for fewer of them.",
        ),
    ],
    ids=["counts of a stranger", "counts of a user"],
)
async def test_what_costs_too_much_is_refused_unread(
    site: Site, carol: Person, who: str, query: str, message: str
) -> None:
    client = site.client() if who == "nobody" else carol.client
    answer = await client.ask(query)
    assert {(each["message"], each["extensions"]["code"]) for each in answer["errors"]} == {
        (message, "QUERY_TOO_COSTLY")
    }


async def test_counts_below_a_common_page_are_answered(site: Site) -> None:
    page = "nodes {summary {count bands {band}} lightCurve {count} reducedData {totalCount} dataProducts {totalCount}}"
    assert (await site.client().query(f"{{targets(first: 1000) {{{page}}}}}"))["targets"]["nodes"] is not None
