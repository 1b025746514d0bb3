"""Brokers of ZTF's alerts through the public door and a real worker; what is recorded of them, the double says."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.broker_doubles import ALERCE, ANTARES, FINK, LASAIR, LOCUS, TOKEN, BrokersDouble
from tests.support.people import Person, make_person
from tests.support.recordings import recorded
from tests.support.site import Child, Site, running_site, running_worker, until
from tests.support.survey_doubles import BadDay, hurried, once, playing, query_survey, refused_survey
from tomgql.settings import Settings

NAMES = ("alerce", "fink", "lasair", "antares")
PRODUCTS = """query ($target: ID!) { target(id: $target) {
  dataProducts { nodes { fileName processing { state result error { message } } } }
  reducedData(first: 100) { nodes { __typename externalId sourceName ... on PhotometryDatum {
    mjd band fluxUjy isForced isDifference } } } } }"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def playing_double() -> AsyncIterator[BrokersDouble]:
    async with playing(BrokersDouble()) as double:
        assert isinstance(double, BrokersDouble)
        yield double


@pytest.fixture
def brokers(playing_double: BrokersDouble) -> BrokersDouble:
    """The services on a good day."""
    vars(playing_double).update(vars(BrokersDouble(address=playing_double.address)))
    return playing_double


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def settings(settings: Settings, playing_double: BrokersDouble) -> Settings:
    addresses = {name: f"{playing_double.address}/{name}" for name in NAMES}
    return settings.model_copy(
        update={
            "survey_addresses": addresses | {"antares": f"{addresses['antares']}/v1"},
            "survey_credentials": {"lasair": {"token": TOKEN}},
            "survey_step_s": 5.0,
        }
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(settings: Settings) -> AsyncIterator[Site]:
    async with running_site(Settings.model_validate(settings.model_dump())) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def observer(site: Site) -> Person:
    return await make_person(site, "observer")


@pytest.fixture(scope="module", autouse=True)
def worker(site: Site) -> Any:
    with running_worker(site.settings) as running:
        yield running
