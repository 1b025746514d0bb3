"""Shares with a TOM Toolkit, played by its double: from the mutation to what stands there."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.sharing import GRANT, Sharing, counts, point
from tests.support.survey_doubles import playing
from tests.support.toolkit_double import PASSWORD, USERNAME, ToolkitDouble


@pytest_asyncio.fixture(params=[2, 3], loop_scope="session")
async def toolkit(sharing: Sharing, request: pytest.FixtureRequest) -> AsyncIterator[ToolkitDouble]:
    async with playing(ToolkitDouble(major=request.param)) as double:
        assert isinstance(double, ToolkitDouble)
        login = {"username": USERNAME, "password": PASSWORD}
        saved = await sharing.save_destination(name="toolkit", kind="tomtoolkit", address=double.address, secrets=login)
        assert saved["errors"] == [], saved
        await sharing.admin.client.query(GRANT, d="toolkit", g=sharing.group)
        yield double


async def test_a_target_its_data_and_a_file_arrive_once(sharing: Sharing, toolkit: ToolkitDouble) -> None:
    target = await sharing.sharer.create_target(f"SN 2026tk{toolkit.major}", aliases=[f"alias {toolkit.major}"])
    await sharing.data(sharing.sharer, target, *[point(number) for number in range(5)])
    payload = await sharing.sharer.client.upload(
        target, "finder.fits", b"a picture", dataProductType="image_file", process=False
    )
    product = payload["dataProduct"]["id"]
    for resend in (False, True):
        share = await sharing.share(destination="toolkit", targets=[target], dataProducts=[product], resend=resend)
        found = await sharing.ended(share)
        assert found["job"]["error"] is None
        assert counts(found) == {"items": 7, "sent": 7}
        (there,) = toolkit.targets.values()
        assert (there["name"], there["aliases"]) == (f"SN 2026tk{toolkit.major}", [{"name": f"alias {toolkit.major}"}])
        assert (there["ra"], there["dec"]) == (150.0, 2.0)
        assert there["shared_by"] == "sharer"
        assert len(toolkit.data) == 5
        assert [each["file"]["content"] for each in toolkit.products] == [b"a picture"]


async def test_what_is_new_arrives_by_itself(sharing: Sharing, toolkit: ToolkitDouble) -> None:
    target = await sharing.sharer.create_target(f"SN 2026tl{toolkit.major}")
    await sharing.follow(destination="toolkit", target=target)
    await sharing.data(sharing.sharer, target, point(1), point(2))
    await sharing.until_quiet()
    assert len(toolkit.data) == 2
