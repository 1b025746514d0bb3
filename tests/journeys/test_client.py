"""The Python client at a running site: ask, change, send, wait, read, fetch."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from astropy import units
from astropy.table import QTable
from astropy.time import Time

from tests.support.faults import light_curve
from tests.support.people import CREATE_TARGET, Person, make_person
from tests.support.site import Site, running_worker
from tomgql.client import (
    AnswerTooLarge,
    Client,
    InvalidCall,
    JobFailed,
    NotSignedIn,
    PayloadErrors,
    Refused,
    ServerError,
    Unreachable,
)
from tomgql.settings import Settings


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def observer(site: Site) -> Person:
    return await make_person(site, "observer")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def tom(site: Site, observer: Person) -> AsyncIterator[Client]:
    async with Client(site.url, token=observer.client.token) as client:
        yield client


@pytest.fixture(scope="module")
def worker(settings: Settings, site: Site) -> Any:
    with running_worker(settings) as child:
        yield child


class TestAsking:
    async def test_an_answer_and_its_variables(self, tom: Client, observer: Person) -> None:
        target = await observer.create_target("Asked")
        assert await tom.query("query ($t: ID) { target(id: $t) { name } }", {"t": target}) == {
            "target": {"name": "Asked"}
        }

    async def test_errors_have_code_path_message_and_what_came_beside_them(self, tom: Client) -> None:
        with pytest.raises(Refused) as refusal:
            await tom.query("{ server { name } target { id } }")
        assert (refusal.value.code, refusal.value.path) == ("INVALID_INPUT", ["id"])
        assert refusal.value.data == {"server": {"name": "tomgql"}, "target": None}
        with pytest.raises(Refused) as refusal:
            await tom.query("{ server { nam } }")
        assert refusal.value.code == "GRAPHQL_VALIDATION_FAILED"
        assert "nam" in refusal.value.message

    async def test_payload_errors_raise_unless_asked_not_to(self, tom: Client) -> None:
        silent = "mutation ($input: CreateTargetInput!) { createTarget(input: $input) { target { id } } }"
        given = {"input": {"name": "Nowhere", "raDeg": 400, "decDeg": 0}}
        with pytest.raises(PayloadErrors) as refusal:
            await tom.mutate(silent, given)
        assert refusal.value.code == "INVALID_COORDINATES"
        assert refusal.value.errors[0].path == tuple(refusal.value.path or ())
        assert refusal.value.data["createTarget"]["target"] is None
        data = await tom.mutate(CREATE_TARGET, given, raise_errors=False)
        assert ServerError.read(data["createTarget"]["errors"][0]) == refusal.value.errors[0]

    async def test_a_wrong_token_is_told_and_never_shown(self, site: Site) -> None:
        async with Client(site.url, token="tomgql_wrong") as stranger:
            with pytest.raises(NotSignedIn) as refusal:
                await stranger.query("{ server { name } }")
            assert refusal.value.code == "NOT_AUTHENTICATED"
            assert "tomgql_wrong" not in repr(stranger) + str(refusal.value) + repr(vars(refusal.value))

    @pytest.mark.parametrize("url", ["tom.example.org", "ftp://x", "http://a:b@x", "http://x/?q=1", "http://[", ""])
    def test_an_address_that_is_none(self, url: str) -> None:
        with pytest.raises(InvalidCall, match="Give the site's address"):
            Client(url)

    @pytest.mark.parametrize("token", ["", "two words", "line\nend", "é"])
    def test_a_token_that_is_none(self, token: str) -> None:
        with pytest.raises(InvalidCall, match="no token has"):
            Client("http://127.0.0.1", token=token)

    async def test_what_json_cannot_say_is_not_sent(self, tom: Client) -> None:
        with pytest.raises(InvalidCall, match="NaN"):
            await tom.query("query ($x: JSON) { __typename }", {"x": float("nan")})

    async def test_a_server_that_is_not_there(self) -> None:
        async with Client("http://127.0.0.1:1") as nobody:
            with pytest.raises(Unreachable, match="cannot be reached"):
                await nobody.query("{ __typename }")

    async def test_an_answer_has_a_largest_size(self, site: Site) -> None:
        async with Client(site.url, max_message_bytes=1000) as small:
            with pytest.raises(AnswerTooLarge, match="more than 1000 bytes"):
                await small.query("{ __schema { types { name description } } }")

    async def test_a_client_is_opened_first(self, site: Site) -> None:
        with pytest.raises(InvalidCall, match="async with"):
            await Client(site.url).query("{ __typename }")


@pytest.mark.usefixtures("worker")
class TestFiles:
    async def test_a_file_goes_up_and_its_light_curve_comes_back(
        self, tom: Client, observer: Person, tmp_path: Path
    ) -> None:
        target = await observer.create_target("AT 2026 client")
        path = tmp_path / 'it is "ünusual".csv'
        content = light_curve(20_000)
        path.write_bytes(content)
        told: list[tuple[int, int]] = []
        sent = await tom.upload(path, target=target, progress=lambda *each: told.append(each))
        sizes = [sent for sent, _ in told]
        assert (sizes, told[-1]) == (sorted(set(sizes)), (len(content), len(content)))
        assert {total for _, total in told} == {len(content)}
        assert max(np.diff([0, *sizes])) <= 256 * 1024
        assert sent["dataProduct"]["fileName"] == path.name
        assert sent["dataProduct"]["sha256"] == hashlib.sha256(content).hexdigest()
        job = await tom.wait(sent["job"]["id"], timeout_s=30)
        assert (job["state"], job["result"]["created"]) == ("SUCCEEDED", 20_000)
        assert await tom.wait(sent["job"]["id"]) == job
        curve = await tom.light_curve(target)
        assert len(curve) == 20_000

        fetched: list[tuple[int, int]] = []
        (tmp_path / "new").mkdir()
        kept = await tom.download(
            sent["dataProduct"]["id"], tmp_path / "new", progress=lambda *each: fetched.append(each)
        )
        assert (kept, kept.read_bytes()) == (tmp_path / "new" / path.name, content)
        assert fetched[-1] == (len(content), len(content))
        assert list((tmp_path / "new").iterdir()) == [kept]

    async def test_bytes_need_a_name_and_a_file_must_be_there(self, tom: Client, tmp_path: Path) -> None:
        with pytest.raises(InvalidCall, match="file_name"):
            await tom.upload(b"mjd", target="t1")
        with pytest.raises(InvalidCall, match=r"gone\.csv cannot be read: No such file"):
            await tom.upload(tmp_path / "gone.csv", target="t1")

    async def test_a_refused_upload_says_why(self, tom: Client, site: Site) -> None:
        with pytest.raises(PayloadErrors) as refusal:
            await tom.upload(b"mjd,mag", file_name="a.csv", target="t999999")
        assert refusal.value.code == "NOT_FOUND"
        told: list[int] = []
        async with Client(site.url) as anonymous:
            with pytest.raises(Refused) as too_large:
                content = bytes(2 * site.settings.max_anonymous_body_bytes)
                await anonymous.upload(
                    content, file_name="a", target="t1", progress=lambda sent, _total: told.append(sent)
                )
        assert (too_large.value.code, told) == ("TOO_LARGE", [])

    async def test_a_failed_job_raises_its_message(self, tom: Client, observer: Person) -> None:
        target = await observer.create_target("AT 2026 bad")
        sent = await tom.upload(b"wavelength,counts\n1,2\n", file_name="bad.csv", target=target)
        with pytest.raises(JobFailed, match=r"bad\.csv") as failure:
            await tom.wait(sent["job"]["id"], timeout_s=30)
        assert (failure.value.code, failure.value.job["state"]) == ("UNREADABLE_FILE", "FAILED")

    async def test_a_job_that_nobody_knows_is_not_waited_for(self, tom: Client) -> None:
        with pytest.raises(Refused) as refusal:
            await tom.wait("j999999")
        assert refusal.value.code == "NOT_FOUND"


ROWS = b"mjd,mag,magerr,filter,limit\n59000.5,20.0,0.1,ztfr,\n59001.5,,,ztfr,21.0\n59002.5,19.0,0.05,ztfg,\n"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def target(tom: Client, observer: Person, worker: Any) -> str:
    """A target with two detections in two bands, and a limit."""
    made = await observer.create_target("AT 2026 table")
    sent = await tom.upload(ROWS, file_name="lc.csv", target=made)
    await tom.wait(sent["job"]["id"], timeout_s=30)
    return made


class TestLightCurve:
    async def test_columns_have_units_and_masks_and_times_a_scale(self, tom: Client, target: str) -> None:
        table = await tom.light_curve(target)
        assert isinstance(table, QTable)
        assert isinstance(table["time"], Time)
        assert (table["time"].scale, table["time"].format) == ("utc", "mjd")
        assert list(table["time"].value) == [59000.5, 59001.5, 59002.5]
        assert list(table["band"]) == ["ztfr", "ztfr", "ztfg"]
        kinds = {name: str(table[name].unit) for name in table.colnames if getattr(table[name], "unit", None)}
        assert kinds == {
            "flux": "uJy", "flux_error": "uJy", "flux_scatter": "uJy",
            "magnitude": "mag", "magnitude_error": "mag", "limit": "mag",
        }  # fmt: skip
        assert list(table["magnitude"].mask) == [False, True, False]
        assert table["magnitude"].unmasked[2].value == pytest.approx(19, abs=1e-9)
        assert table["flux"].unmasked[0].to_value(units.Jy) == pytest.approx(3631 * 10 ** (-0.4 * 20), rel=1e-4)
        assert table.meta == {
            "target": "AT 2026 table", "target_id": target, "magnitude_system": "AB", "n_sigma": 3.0, "bin_days": None,
        }  # fmt: skip

    async def test_other_units_scales_and_the_target_by_name(self, tom: Client, target: str) -> None:
        table = await tom.light_curve(
            name="at2026table", flux_unit="MJY", time_scale="TAI", where={"band": {"eq": "ztfg"}}
        )
        assert (table["flux"].unit, table["time"].scale, len(table)) == (units.mJy, "tai", 1)
        assert not hasattr(table["magnitude"], "mask")
        assert table["time"].utc.value[0] == pytest.approx(59002.5, abs=1e-9)

    async def test_an_empty_one_has_its_columns_too(self, tom: Client, target: str) -> None:
        table = await tom.light_curve(target, where={"band": {"eq": "none"}})
        assert (len(table), table["flux"].unit) == (0, units.uJy)

    async def test_a_target_that_nobody_knows(self, tom: Client) -> None:
        with pytest.raises(Refused) as refusal:
            await tom.light_curve("t999999")
        assert refusal.value.code == "NOT_FOUND"
        with pytest.raises(InvalidCall, match="NJY, UJY, MJY, JY"):
            await tom.light_curve("t1", flux_unit="mJy")
