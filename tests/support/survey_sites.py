"""A site whose worker asks doubles of survey services, and what came of a query."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.support.people import Person, make_person
from tests.support.site import Site, running_site, running_worker, until
from tests.support.survey_doubles import ServiceDouble, hurried, query_survey
from tomgql.settings import Settings

FOUND = """query ($target: ID!) { target(id: $target) {
  dataProducts(first: 50) { nodes { fileName notes { code message } processing { state error { message } result } } }
  reducedData(first: 1000) { totalCount nodes {
    mjd dataType sourceName value
    ... on PhotometryDatum { band flux fluxError magnitude magnitudeError forced } } } } }"""
SCOPE: Any = {"scope": "module", "loop_scope": "session"}
"""How long fixtures of one module's double and site live."""


@dataclass
class Asking:
    """A site, an observer of it, and the double that it asks."""

    site: Site
    observer: Person
    double: ServiceDouble

    async def target(self, name: str, **given: Any) -> str:
        """A new target; forget what the double was told before."""
        fresh = type(self.double)(address=self.double.address)
        vars(self.double).update(vars(fresh))
        return await self.observer.create_target(name, **given)

    async def ask(self, target: str, service: str, **parameters: Any) -> dict[str, Any]:
        """The job of a query once it has ended."""
        job_id = await query_survey(self.observer.client, target, service, **parameters)
        return await hurried(self.site, self.observer.client, job_id)

    async def found(self, target: str, data: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Data products and reduced data of a target, once all are read and there are so many data."""

        async def read() -> Any:
            found = (await self.observer.client.query(FOUND, target=target))["target"]
            jobs = [node["processing"] for node in found["dataProducts"]["nodes"]]
            done = all(job and job["state"] in ("SUCCEEDED", "FAILED") for job in jobs)
            return found if done and found["reducedData"]["totalCount"] == data else None

        found = await until(30, read)
        return found["dataProducts"]["nodes"], found["reducedData"]["nodes"]


@asynccontextmanager
async def asking(
    settings: Settings, double: ServiceDouble, service: str, secrets: Mapping[str, str] | None = None, *,
    also: Sequence[str] = (),
) -> AsyncIterator[Asking]:  # fmt: skip
    """A running site that takes the double for the service, and others, with a worker, as long as the block lasts."""
    chosen = settings.model_copy(
        update={
            "survey_addresses": dict.fromkeys((service, *also), double.address),
            "survey_credentials": {service: dict(secrets)} if secrets else {},
            "survey_step_s": 5.0,
        }
    )
    async with running_site(Settings.model_validate(chosen.model_dump())) as site:
        observer = await make_person(site, "observer")
        with running_worker(site.settings):
            yield Asking(site, observer, double)
