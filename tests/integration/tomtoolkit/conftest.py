"""Two TOMs that share with this one."""

from __future__ import annotations

import pytest
import pytest_asyncio

from tests.support.people import Person, make_person
from tests.support.site import Site
from tests.support.toolkit import Sender


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def person(site: Site) -> Person:
    """In whose name a TOM shares."""
    return await make_person(site, "tom-a")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stranger(site: Site) -> Person:
    """In whose name another does."""
    return await make_person(site, "tom-b")


@pytest.fixture
def sender(person: Person) -> Sender:
    """The first TOM's sender."""
    return Sender.as_person(person)
