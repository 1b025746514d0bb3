"""ZTF's public light curves through the public door; answers by IRSA's documentation, none was recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.irsa_double import IrsaDouble
from tests.support.survey_doubles import BadDay, once, playing, refused_survey
from tests.support.survey_sites import SCOPE, Asking, asking
from tests.unit.processors.test_light_curves_documented import HEADER, ROWS
from tomgql.settings import Settings

PLACE = {"raDeg": 298.0025, "decDeg": 29.87147}


@pytest_asyncio.fixture(**SCOPE)
async def irsa() -> AsyncIterator[Any]:
    async with playing(IrsaDouble()) as double:
        yield double


@pytest_asyncio.fixture(**SCOPE)
async def sky(settings: Settings, irsa: IrsaDouble) -> AsyncIterator[Asking]:
    async with asking(settings, irsa, "ztf_public") as running:
        yield running


async def test_a_query_becomes_data(sky: Asking, irsa: IrsaDouble) -> None:
    target = await sky.target("a variable", **PLACE)
    job = await sky.ask(target, "ztf_public", mjd_min=58194.0)
    assert (job["state"], job["message"]) == ("SUCCEEDED", "4 rows from ZTF.")
    (product,), data = await sky.found(target, 2)
    assert product["fileName"] == "ztf_public_a_variable.csv"
    told = {note["code"]: note["message"] for note in product["notes"]}
    assert told["OTHER_OBJECTS"] == "1 row of other objects skipped"
    assert told["QUALITY_CUT"] == "1 row with catflags of mask 32768; left out"
    assert [(each["band"], each["mjd"], each["sourceName"]) for each in data] == [
        ("ztfg", 58203.5109, "ZTF public"), ("ztfr", 58204.5109, "ZTF public"),
    ]  # fmt: skip
    assert [(each["magnitude"], each["magnitudeError"]) for each in data] == [
        (pytest.approx(15.2), pytest.approx(0.011)), (pytest.approx(14.1), pytest.approx(0.01)),
    ]  # fmt: skip
    (heard,) = irsa.heard
    assert (heard.path, heard.params) == (
        "/nph_light_curves",
        {"POS": "CIRCLE 298.002500 29.871470 0.0004167", "BANDNAME": "g,r,i", "FORMAT": "CSV",
         "TIME": "58194.0 100000.0"},
    )  # fmt: skip


async def test_the_same_again_adds_nothing_and_a_new_reduction_is_a_revision(sky: Asking, irsa: IrsaDouble) -> None:
    target = await sky.target("asked twice", **PLACE)
    first = await sky.ask(target, "ztf_public")
    await sky.found(target, 2)
    second = await sky.ask(target, "ztf_public")
    assert first["result"]["dataProducts"] == second["result"]["dataProducts"]
    irsa.header += ",newest"
    irsa.rows = tuple(f"{row.replace('15.2,', '15.3,')},7" for row in ROWS)
    await sky.ask(target, "ztf_public")
    products, data = await sky.found(target, 2)
    assert len(products) == 2
    assert data[0]["magnitude"] == pytest.approx(15.3)


async def test_flagged_rows_can_be_kept(sky: Asking, irsa: IrsaDouble) -> None:
    target = await sky.target("all of it", **PLACE)
    await sky.ask(target, "ztf_public", bad_catflags_mask=0, bands=["r"])
    await sky.found(target, 3)
    assert irsa.heard[0].params["BANDNAME"] == "r"


@pytest.mark.parametrize("body", ["", f"{HEADER}\n"])
async def test_nothing_there_is_a_success(sky: Asking, irsa: IrsaDouble, body: str) -> None:
    target = await sky.target(f"nothing {len(body)}", **PLACE)
    irsa.bad_days.append(once("GET", "/nph_light_curves", 200, body))
    job = await sky.ask(target, "ztf_public")
    assert (job["state"], job["message"]) == ("SUCCEEDED", "ZTF has nothing within 1.5 arcsec.")
    assert await sky.found(target, 0) == ([], [])


@pytest.mark.parametrize(
    ("bad_day", "words"),
    [
        (once("GET", "/", 200, "<html><title>Login</title></html>"), '"Login"'),
        (once("GET", "/", 200, {"error": "POS"}), """is no light curve; it begins with "{"error": "POS"}"."""),
        (once("GET", "/", 200, "ERROR: bad POS"), 'is no light curve; it begins with "ERROR: bad POS".'),
        (once("GET", "/", 400, "UsageError: POS"), "HTTP 400: UsageError: POS"),
    ],
)
async def test_what_is_refused_fails_in_its_words(
    sky: Asking, irsa: IrsaDouble, bad_day: BadDay, words: str
) -> None:
    target = await sky.target(f"refused {words[:50]}", **PLACE)
    irsa.bad_days.append(bad_day)
    job = await sky.ask(target, "ztf_public")
    assert (job["state"], job["error"]["code"]) == ("FAILED", "UPSTREAM_REFUSED")
    assert words in job["error"]["message"]
    assert await sky.found(target, 0) == ([], [])


async def test_a_busy_service_is_asked_again(sky: Asking, irsa: IrsaDouble) -> None:
    target = await sky.target("busy", **PLACE)
    irsa.bad_days.append(once("GET", "/", 503, "<html><title>Busy</title></html>"))
    assert (await sky.ask(target, "ztf_public"))["state"] == "SUCCEEDED"
    assert len(irsa.heard) == 2
    await sky.found(target, 2)


async def test_what_cannot_be_asked_is_refused_at_once(sky: Asking, irsa: IrsaDouble) -> None:
    target = await sky.target("southern", raDeg=10.0, decDeg=-60.0)
    error = await refused_survey(sky.observer.client, target, "ztf_public")
    assert error["message"] == "ZTF public light curves: its sky ends at declination -32; the target lies at -60.00."
    assert irsa.heard == []
