"""Pan-STARRS through the public door: the cone search in its recorded form, detections as documented."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.panstarrs_double import DETECTIONS, OURS, PanStarrsDouble
from tests.support.survey_doubles import BadDay, once, playing, refused_survey
from tests.support.survey_sites import SCOPE, Asking, asking
from tomgql.settings import Settings

PLACE = {"raDeg": 229.9620403, "decDeg": 34.8442757}
MEAN, DETECTION = "/dr2/mean.csv", "/dr2/detection.csv"
MEAN_COLUMNS = "objID,raMean,decMean,nDetections,epochMean," + ",".join(
    f"{band}MeanPSFMag{error}" for band in "grizy" for error in ("", "Err")
)
HEADER = "objID,raMean,decMean,nDetections\r\n"


@pytest_asyncio.fixture(**SCOPE)
async def mast() -> AsyncIterator[Any]:
    async with playing(PanStarrsDouble()) as double:
        yield double


@pytest_asyncio.fixture(**SCOPE)
async def sky(settings: Settings, mast: PanStarrsDouble) -> AsyncIterator[Asking]:
    async with asking(settings, mast, "panstarrs") as running:
        yield running


async def test_the_nearest_object_and_its_detections_documented(sky: Asking, mast: PanStarrsDouble) -> None:
    target = await sky.target("a star", **PLACE)
    mast.more = ("surveyID", "newest")
    job = await sky.ask(target, "panstarrs")
    assert (job["state"], job["message"]) == (
        "SUCCEEDED", f"4 detections of object {OURS}, 0.20 arcsec away."
    )  # fmt: skip
    products, data = await sky.found(target, 3)
    assert sorted(product["fileName"] for product in products) == [
        f"panstarrs_a_star_{OURS}_detections.csv", f"panstarrs_a_star_{OURS}_mean.csv",
    ]  # fmt: skip
    first, catalogue, second = data
    assert catalogue["dataType"] == "catalogue"
    value = catalogue["value"] if isinstance(catalogue["value"], dict) else json.loads(catalogue["value"])
    assert (value["gMeanPSFMag"], value["yMeanPSFMag"]) == (14.595100402832031, None)
    assert first["mjd"] == pytest.approx(55000.25 - 34 / 86400, abs=1e-8)  # TAI; UTC has 34 leap seconds less
    assert (first["band"], first["flux"]) == ("ps1::r", pytest.approx(6110.0, rel=1e-6))
    assert second["mjd"] == pytest.approx(56000.5 - 34 / 86400, abs=1e-8)
    assert (second["band"], second["magnitude"]) == ("ps1::g", pytest.approx(14.5976, abs=1e-4))
    (cone, detections) = mast.heard
    assert (cone.params["ra"], cone.params["dec"]) == ("229.9620403", "34.8442757")
    assert (cone.params["radius"], cone.params["nDetections.gte"], cone.params["pagesize"]) == (
        "0.000555556", "2", "1000"
    )  # fmt: skip
    assert (detections.params["objID"], detections.params["pagesize"]) == (OURS, "10000")


async def test_the_same_again_adds_nothing(sky: Asking, mast: PanStarrsDouble) -> None:
    target = await sky.target("asked twice", **PLACE)
    first = await sky.ask(target, "panstarrs")
    await sky.found(target, 3)
    mast.detections = tuple(reversed(DETECTIONS))
    second = await sky.ask(target, "panstarrs")
    assert first["result"]["dataProducts"] == second["result"]["dataProducts"]
    assert len((await sky.found(target, 3))[0]) == 2


async def test_poor_detections_can_be_kept(sky: Asking, mast: PanStarrsDouble) -> None:
    target = await sky.target("poor", **PLACE)
    await sky.ask(target, "panstarrs", min_psf_qf=0.1)
    _, data = await sky.found(target, 4)
    assert [each["band"] for each in data if each["dataType"] == "photometry"] == ["ps1::r", "ps1::g", "ps1::i"]


async def test_a_moving_star_is_looked_for_where_it_was(sky: Asking, mast: PanStarrsDouble) -> None:
    target = await sky.target("fast", **PLACE, properMotionDecMasYr=-1000.0)
    job = await sky.ask(target, "panstarrs")
    assert mast.heard[0].params["dec"] == f"{34.8442757 - 12 / 3600:.7f}"
    assert (job["state"], job["message"]) == ("SUCCEEDED", "Pan-STARRS has no object within 2 arcsec.")
    assert await sky.found(target, 0) == ([], [])


@pytest.mark.parametrize("body", ["", "\r\n", "header"])
async def test_nothing_there_is_a_success(sky: Asking, mast: PanStarrsDouble, body: str) -> None:
    target = await sky.target(f"nothing {body!r}", **PLACE)
    if body == "header":
        mast.detections = ()
        job = await sky.ask(target, "panstarrs")
        words = f"Pan-STARRS has the mean magnitudes of object {OURS}, 0.20 arcsec away, and no detections."
        assert (job["state"], job["message"]) == ("SUCCEEDED", words)
        await sky.found(target, 1)
    else:
        mast.bad_days.append(once("GET", MEAN, 200, body))
        job = await sky.ask(target, "panstarrs")
        assert (job["state"], job["message"]) == ("SUCCEEDED", "Pan-STARRS has no object within 2 arcsec.")
        assert mast.counts("GET", DETECTION) == 0


@pytest.mark.parametrize(
    ("bad_day", "words"),
    [
        (once("GET", MEAN, 400, "Invalid column: epochMean"), "HTTP 400: Invalid column: epochMean"),
        (once("GET", MEAN, 200, "<!doctype html><title>MAST is down</title>"), '"MAST is down"'),
        (once("GET", MEAN, 200, "ERROR: too many connections"),
         'is no table of mean; it begins with "ERROR: too many connections".'),
        (once("GET", MEAN, 200, f"{HEADER}1,2\r\n"), "is no table of mean; it begins with"),
        (once("GET", MEAN, 200, f"{MEAN_COLUMNS}\r\n{'x,' * 14}x\r\n"), 'Pan-STARRS gives "x" for degrees.'),
        (once("GET", DETECTION, 200, {"status": "ERROR", "msg": "no such table"}), "is no table of detection"),
    ],
)  # fmt: skip
async def test_what_is_refused_fails_in_its_words(
    sky: Asking, mast: PanStarrsDouble, bad_day: BadDay, words: str
) -> None:
    target = await sky.target(f"refused {words[:50]}", **PLACE)
    mast.bad_days.append(bad_day)
    job = await sky.ask(target, "panstarrs")
    assert (job["state"], job["error"]["code"]) == ("FAILED", "UPSTREAM_REFUSED")
    assert words in job["error"]["message"]


async def test_what_cannot_be_asked_is_refused_at_once(sky: Asking, mast: PanStarrsDouble) -> None:
    target = await sky.target("southern", raDeg=10.0, decDeg=-60.0)
    error = await refused_survey(sky.observer.client, target, "panstarrs")
    assert error["message"] == "Pan-STARRS DR2: its sky ends at declination -31.5; the target lies at -60.00."
    target = await sky.target("northern", **PLACE)
    error = await refused_survey(sky.observer.client, target, "panstarrs", radius_arcsec=31)
    assert error["message"] == "radius_arcsec: Input should be less than or equal to 30."
    assert mast.heard == []
