"""A site with a worker that shares with a double of a destination."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.support.people import Person, make_person
from tests.support.receiver_double import ReceiverDouble, installed
from tests.support.sharing import GRANT, MAKE_GROUP, Sharing
from tests.support.site import Site, running_worker
from tests.support.survey_doubles import playing
from tomgql.settings import Settings


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with installed(tmp_path_factory.mktemp("plugins")):
        yield


@pytest.fixture(scope="module")
def settings(settings: Settings, plugins: None) -> Settings:
    given = {"credentials_key": "a key of sixteen letters", "private_peers": True, "tom_name": "North TOM"}
    return Settings.model_validate(settings.model_dump() | given)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sharing(site: Site, admin: Person) -> AsyncIterator[Sharing]:
    sharer = await make_person(site, "sharer")
    made = await admin.client.query(MAKE_GROUP, i={"name": "sharers", "members": [sharer.id]})
    group = made["createUserGroup"]["userGroup"]["id"]
    async with playing(ReceiverDouble()) as double:
        assert isinstance(double, ReceiverDouble)
        running = Sharing(site, admin, sharer, group, double)
        assert (await running.save_destination())["errors"] == []
        await admin.client.query(GRANT, d="receiver", g=group)
        yield running


@pytest.fixture(scope="module", autouse=True)
def worker(sharing: Sharing) -> Iterator[None]:
    """A worker; modules that kill theirs have a fixture of this name that starts none."""
    with running_worker(sharing.site.settings):
        yield


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def fresh(sharing: Sharing) -> None:
    await sharing.fresh()
