"""A site whose survey services are all doubles, each at an address of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.support.people import Person, make_person
from tests.support.site import Site, running_site
from tests.support.survey_doubles import ServiceDouble, hurry, playing, query_survey
from tests.support.survey_exchanges import EXCHANGES, Exchange
from tomgql.plugins.sandbox import Sandbox
from tomgql.settings import Settings
from workers.runner import run_job

JOB = """query ($id: ID!) { job(id: $id) {
  state message waitingUntil attempts result error { code message } } }"""
PRODUCTS = """query ($target: ID!) { target(id: $target) {
  dataProducts(first: 50) { nodes { fileName sizeBytes notes { code message } processing { id state result } } } } }"""


@dataclass
class World:
    """A site, an observer, and what every service is there."""

    site: Site
    observer: Person
    doubles: dict[str, ServiceDouble]

    async def good_day(self, exchange: Exchange) -> ServiceDouble:
        """The exchange's double, which has forgotten what it heard and does as on a good day."""
        double = self.doubles[exchange.service]
        vars(double).update(vars(exchange.fresh(double.address)))
        await hurry(self.site)
        return double

    async def ask(self, exchange: Exchange, name: str) -> tuple[str, str]:
        """Ask about a new target; the ids of the target and of the job."""
        target = await self.observer.create_target(f"{exchange.service} {name}", **exchange.target)
        return target, await query_survey(self.observer.client, target, exchange.service, **exchange.parameters)

    async def step(self, sandbox: Sandbox, job_id: str) -> dict[str, Any]:
        """Make the job's next steps here, as a worker would, after making them due; the job then."""
        await hurry(self.site)
        await run_job(self.site.rt, sandbox, int(job_id[1:]))
        job: dict[str, Any] = (await self.observer.client.query(JOB, id=job_id))["job"]
        return job

    async def products(self, target: str) -> list[dict[str, Any]]:
        """The target's data products."""
        found = (await self.observer.client.query(PRODUCTS, target=target))["target"]
        nodes: list[dict[str, Any]] = found["dataProducts"]["nodes"]
        return nodes


@asynccontextmanager
async def world_of_doubles(settings: Settings, step_s: float) -> AsyncIterator[World]:
    """All of it, as long as the block lasts; ``step_s`` is the longest time of a step."""
    async with AsyncExitStack() as stack:
        doubles = {name: await stack.enter_async_context(playing(each.fresh())) for name, each in EXCHANGES.items()}
        chosen = settings.model_dump() | {
            "survey_addresses": {name: f"{double.address}{EXCHANGES[name].path}" for name, double in doubles.items()},
            "survey_credentials": {name: dict(each.secrets) for name, each in EXCHANGES.items() if each.secrets},
            "survey_step_s": step_s,
        }
        site = await stack.enter_async_context(running_site(Settings.model_validate(chosen)))
        yield World(site, await make_person(site, "observer"), doubles)
