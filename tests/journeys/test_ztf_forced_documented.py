"""ZTF forced photometry through the public door; pages by the service's description, the light curve a real one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.survey_doubles import BadDay, once, playing, refused_survey
from tests.support.survey_sites import SCOPE, Asking, asking
from tests.support.ztf_double import SECRETS, ZtfDouble
from tomgql.settings import Settings

PLACE = {"raDeg": 157.46508442, "decDeg": 9.01294532052}
REQUEST, TABLE = "/cgi-bin/requestForcedPhotometry.cgi", "/cgi-bin/getForcedPhotometryRequests.cgi"
YESTERDAYS = {"reqId": "69000", "ra": "157.46508", "dec": "9.01295", "startJD": "2458194.5000", "endJD": "2459523.5000",
              "created": "2022-01-25 13:00:00"}  # fmt: skip
DATES = {"mjd_min": 58194.0, "mjd_max": 59523.0}


@pytest_asyncio.fixture(**SCOPE)
async def ztf() -> AsyncIterator[Any]:
    async with playing(ZtfDouble()) as double:
        yield double


@pytest_asyncio.fixture(**SCOPE)
async def sky(settings: Settings, ztf: ZtfDouble) -> AsyncIterator[Asking]:
    async with asking(settings, ztf, "ztf_forced", SECRETS) as running:
        yield running


class TestWithWorker:
    async def test_a_query_becomes_data(self, sky: Asking, ztf: ZtfDouble) -> None:
        target = await sky.target("asked of ZTF", **PLACE)
        job = await sky.ask(target, "ztf_forced", **DATES)
        assert (job["state"], job["error"], job["message"]) == ("SUCCEEDED", None, "14 rows from ZTF.")
        (product,), data = await sky.found(target, 10)
        assert product["fileName"] == "ztf_forced_asked_of_ZTF_69627.txt"
        assert [note["message"] for note in product["notes"] if note["code"] == "QUALITY_CUT"] == [
            "1 row with infobitssci of 33554432 or more; left out",
            "3 rows with scisigpix above 25; left out",
        ]
        assert {(each["sourceName"], each["forced"]) for each in data} == {("ZTF", True)}
        first, second = data[:2]
        assert first["mjd"] == pytest.approx(58202.2723611 + 15 / 86400, abs=1e-7)  # jd is the start of 30 s
        assert first["flux"] == pytest.approx(1164.8296803721 * 10 ** (0.4 * (23.9 - 26.3335)), rel=1e-6)
        assert (first["band"], first["magnitude"]) == ("ztfg", pytest.approx(18.6678, abs=5e-4))
        assert (second["band"], second["mjd"]) == ("ztfr", pytest.approx(58217.2021644 + 15 / 86400, abs=1e-7))

    async def test_what_is_sent(self, sky: Asking, ztf: ZtfDouble) -> None:
        target = await sky.target("asked with care", **PLACE)
        assert (await sky.ask(target, "ztf_forced", **DATES))["state"] == "SUCCEEDED"
        (sent,) = [each for each in ztf.heard if each.path == REQUEST]
        own = {"email": SECRETS["email"], "userpass": SECRETS["userpass"]}
        asked = {"ra": "157.465084", "dec": "9.012945", "jdstart": "2458194.500000", "jdend": "2459523.500000"}
        assert sent.params == asked | own
        fetched = ztf.heard[-1]
        assert (fetched.path[-12:], fetched.params) == ("69627_lc.txt", {})

    async def test_the_same_again_adds_nothing_and_is_not_taken_for_the_old_one(
        self, sky: Asking, ztf: ZtfDouble
    ) -> None:
        target = await sky.target("asked twice", **PLACE)
        ztf.rows.append(dict(YESTERDAYS))
        first = await sky.ask(target, "ztf_forced", **DATES)
        await sky.found(target, 10)
        second = await sky.ask(target, "ztf_forced", **DATES)
        assert first["result"]["dataProducts"] == second["result"]["dataProducts"]
        await sky.found(target, 10)
        fetched = [each.path[-12:] for each in ztf.heard if each.path.endswith("_lc.txt")]
        assert fetched == ["69627_lc.txt", "69628_lc.txt"]

    async def test_quality_cuts_are_parameters_and_counted(self, sky: Asking, ztf: ZtfDouble) -> None:
        target = await sky.target("cut by hand", **PLACE)
        await sky.ask(target, "ztf_forced", **DATES, max_scisigpix=1000.0, procstatus=["0"], max_seeing_pixels=3.0)
        (product,), _ = await sky.found(target, 11)
        assert [note["message"] for note in product["notes"] if note["code"] == "QUALITY_CUT"] == [
            "1 row with infobitssci of 33554432 or more; left out",
            "2 rows with sciinpseeing above 3; left out",
        ]

    @pytest.mark.parametrize(
        ("bad_day", "words"),
        [
            (once("GET", REQUEST, 200, "<html><body>You have exceeded your quota.</body></html>"),
             "ZTF has not taken the request: You have exceeded your quota."),
            (once("GET", REQUEST, 200, "<html><body>No such userpass: xyz 12345</body></html>"),
             "ZTF has not taken the request: No such userpass: ***"),
            (once("GET", REQUEST, 200, ""), "ZTF has not taken the request: an empty page."),
            (once("GET", TABLE, 401, "<html><title>401 Unauthorized</title></html>"),
             "It does not accept our credentials (HTTP 401): a web page, \"401 Unauthorized\"."),
            (once("GET", TABLE, 200, "<table><tr><th>id<th>ra<tr><td>1<td>2</table>"),
             "ZTF's table of requests has no column reqId: id ra 1 2"),
            (once("GET", "/ztf/ops", 200, "<html><title>Maintenance</title></html>"), "\"Maintenance\""),
            (once("GET", "/ztf/ops", 200, "Out of disk"),
             'The file of ZTF is no light curve; it begins with "Out of disk".'),
        ],
    )  # fmt: skip
    async def test_what_is_refused_fails_in_its_words(
        self, sky: Asking, ztf: ZtfDouble, bad_day: BadDay, words: str
    ) -> None:
        target = await sky.target(f"refused {words[:60]}", **PLACE)
        ztf.bad_days.append(bad_day)
        job = await sky.ask(target, "ztf_forced", **DATES)
        assert (job["state"], job["error"]["code"]) == ("FAILED", "UPSTREAM_REFUSED")
        assert words in job["error"]["message"]
        assert not any(secret in job["error"]["message"] for secret in SECRETS.values())
        assert await sky.found(target, 0) == ([], [])

    async def test_a_request_that_ends_without_a_light_curve(self, sky: Asking, ztf: ZtfDouble) -> None:
        target = await sky.target("ends badly", **PLACE)
        ztf.exit_code = "61"
        job = await sky.ask(target, "ztf_forced", **DATES)
        assert job["error"]["message"].endswith('ZTF made no light curve; the code of its end is "61".')

    @pytest.mark.parametrize("nothing", [b"", b"# nothing\n index, field, forcediffimflux, forcediffimfluxunc\n#\n"])
    async def test_no_images_are_a_success(self, sky: Asking, ztf: ZtfDouble, nothing: bytes) -> None:
        target = await sky.target(f"empty {len(nothing)}", **PLACE)
        ztf.result = nothing
        job = await sky.ask(target, "ztf_forced", **DATES)
        assert (job["state"], job["result"]["dataProducts"]) == ("SUCCEEDED", [])
        assert job["message"] == "ZTF has no images of this place and time."

    async def test_an_answer_lost_on_the_way_is_looked_for_before_it_is_asked_again(
        self, sky: Asking, ztf: ZtfDouble
    ) -> None:
        target = await sky.target("lost on the way", **PLACE)
        ztf.bad_days.append(once("GET", REQUEST, 502, "Bad gateway"))
        job = await sky.ask(target, "ztf_forced", **DATES)
        assert job["state"] == "SUCCEEDED"
        assert ztf.counts("GET", REQUEST) == 2  # the first one never came into the table
        assert ztf.counts("GET", TABLE) > 8

    @pytest.mark.parametrize(
        ("place", "parameters", "words"),
        [
            ({"raDeg": 10.0, "decDeg": -50.0}, {}, "its sky ends at declination -32; the target lies at -50.00."),
            (PLACE, {"mjd_min": 59000.0, "mjd_max": 58500.0}, "mjd_max (58500) must be later than mjd_min (59000)."),
        ],
    )
    async def test_what_cannot_be_asked_is_refused_at_once(
        self, sky: Asking, ztf: ZtfDouble, place: dict[str, float], parameters: dict[str, float], words: str
    ) -> None:
        target = await sky.target(f"never asked {words[:40]}", **place)
        error = await refused_survey(sky.observer.client, target, "ztf_forced", **parameters)
        assert (error["code"], error["message"]) == ("INVALID_INPUT", f"ZTF forced photometry: {words}")
        assert ztf.heard == []
