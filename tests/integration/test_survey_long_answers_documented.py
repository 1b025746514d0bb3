"""Long answers of every built-in survey service, with columns and filters that nobody knows; none was recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.long_answers import ALIKE, LEAST_BYTES, LONG, NEW, SKIPPING, STRANGE, WITHOUT_FILTERS
from tests.support.survey_exchanges import EXCHANGES
from tests.support.survey_hosts import World, world_of_doubles
from tests.support.survey_sites import SCOPE
from tomgql.plugins.sandbox import Sandbox
from tomgql.settings import Settings
from workers.runner import run_job

DATA = """query ($target: ID!) { target(id: $target) {
  reducedData(first: 2, orderBy: [{field: TIMESTAMP}], where: {dataType: {eq: "photometry"}}) {
    totalCount nodes { value } } } }"""


@pytest_asyncio.fixture(**SCOPE)
async def world(settings: Settings) -> AsyncIterator[World]:
    async with world_of_doubles(settings, 10.0) as running:
        yield running


@pytest_asyncio.fixture(**SCOPE)
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        yield running


@pytest.mark.parametrize("service", EXCHANGES)
async def test_new_columns_are_kept_and_unknown_filters_counted(world: World, sandbox: Sandbox, service: str) -> None:
    exchange, (facts, rows) = EXCHANGES[service], LONG[service]
    vars(await world.good_day(exchange)).update(facts(rows))
    target, job_id = await world.ask(exchange, "at length")
    while (job := await world.step(sandbox, job_id))["state"] == "WAITING":
        pass
    assert (job["state"], job["error"]) == ("SUCCEEDED", None)
    for product in await world.products(target):
        await run_job(world.site.rt, sandbox, int(product["processing"]["id"][1:]))
    longest = max(await world.products(target), key=lambda product: product["sizeBytes"])
    assert longest["sizeBytes"] > LEAST_BYTES
    assert longest["processing"]["state"] == "SUCCEEDED"
    strange = 0 if service in WITHOUT_FILTERS else rows // STRANGE
    told = [note["message"] for note in longest["notes"] if note["code"] in ("OTHER_FILTERS", "UNKNOWN_BAND")]
    assert [f"{strange} rows" in words for words in told] == ([True] if strange else [])
    data = (await world.observer.client.query(DATA, target=target))["target"]["reducedData"]
    assert data["totalCount"] == rows - (strange if service in SKIPPING else 0)
    new = [[cell for name, cell in node["value"].items() if name.endswith(NEW)] for node in data["nodes"]]
    first = 0 if not strange or service not in SKIPPING else 1
    assert new == ([[], []] if service in ALIKE else [[first], [first + 1]])
