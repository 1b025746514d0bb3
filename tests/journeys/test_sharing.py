"""Sharing: from the mutation through a real worker to a double of a destination, and back into the ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.support.people import Person, make_person
from tests.support.receiver_double import ReceiverDouble, installed
from tests.support.sharing import GRANT, MAKE_GROUP, Sharing, point
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
        with running_worker(site.settings):
            yield running


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def fresh(sharing: Sharing) -> None:
    await sharing.fresh()


async def test_a_target_goes_with_its_data_and_the_ledger_says_so(sharing: Sharing) -> None:
    target = await sharing.sharer.create_target("SN 2026abc", aliases=["ZTF26abc"])
    await sharing.data(sharing.sharer, target, *[point(number) for number in range(23)])
    share = await sharing.share(targets=[target], message="Look at this", options={"folder": "new"})
    found = await sharing.ended(share)
    assert found["job"]["error"] is None
    assert found["job"]["state"] == "SUCCEEDED"
    counts = {name: found[name] for name in ("items", "unchanged", "queued", "sent", "failed", "refused")}
    assert counts == {"items": 24, "unchanged": 0, "queued": 0, "sent": 24, "failed": 0, "refused": 0}
    (there,) = sharing.double.targets.values()
    assert (there["names"], there["lists"]) == (["SN 2026abc", "ZTF26abc"], ["Imported From North TOM"])
    assert (there["message"], there["options"]) == ("Look at this", {"folder": "new"})
    assert there["sender"]["username"] == "sharer"
    fluxes = sorted(each["record"]["flux_ujy"] for each in sharing.double.data.values())
    assert fluxes == [100.0 + number for number in range(23)]
    items = await sharing.ledger(share)
    assert {each["state"] for each in items} == {"SENT"}
    assert [each["kind"] for each in items] == ["TARGET"] + ["REDUCED_DATUM"] * 23
    assert {each["target"]["id"] for each in items} == {target}
    assert all(each["remoteId"] == f"r-{each['globalId']}" for each in items)
    assert all(each["reducedDatum"] for each in items[1:])
