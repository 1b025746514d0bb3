"""Every built-in survey service on every bad day, at every request of its exchange, with the machinery of a worker.

The bad answers are made up after the services' documentation and Django REST framework's; none was recorded.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import pytest_asyncio

from tests.support.atlas_double import AtlasDouble
from tests.support.faults import ENDED
from tests.support.survey_doubles import LOGIN, Spoiling, answering, broken_off, hanging
from tests.support.survey_exchanges import EXCHANGES, STEPS
from tests.support.survey_hosts import World, world_of_doubles
from tests.support.survey_sites import SCOPE
from tests.support.ztf_double import ZtfDouble
from tomgql.plugins.sandbox import Sandbox
from tomgql.settings import Settings

STEP_S = 0.75
THROTTLED = "Request was throttled. Expected available in"
IN_AN_HOUR = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)

PASSING: dict[str, tuple[Spoiling | None, float, float, str]] = {
    "429 with seconds": (answering(429, {"detail": f"{THROTTLED} 52 seconds."}), 53, 53,
                         f"is busy: {THROTTLED} 52 seconds."),
    "429 with minutes": (answering(429, {"detail": f"{THROTTLED} 2 minutes."}), 121, 121,
                         f"is busy: {THROTTLED} 2 minutes."),
    "429 with Retry-After": (answering(429, {"detail": "Slow."}, **{"Retry-After": "300"}), 300, 300, "is busy: Slow."),
    "429 with a date": (answering(429, "Slow.", **{"Retry-After": IN_AN_HOUR}), 3000, 3600, "is busy: Slow."),
    "429 without a word": (answering(429), 30, 30, "is busy: without a word."),
    "503": (answering(503, "<html><title>Maintenance</title></html>"), 30, 30, 'is busy: a web page, "Maintenance".'),
    "500": (answering(500, "Server Error"), 10, 12, "does not answer: HTTP 500: Server Error"),
    "hang": (hanging, 10, 12, "no whole answer within 0.6 seconds."),
    "cut": (broken_off, 10, 12, "the connection broke off."),
    "cut after its work": (None, 10, 12, "the connection broke off."),
}  # fmt: skip
"""Bad day -> its answer, the least and most seconds of the pause, and what the one who asked sees meanwhile."""

CUT = ("cut", "cut after its work")
"""Twice each: a request that does nothing is sent again at once where its connection breaks off."""

REFUSED: dict[str, tuple[Spoiling, str]] = {
    "400 by field": (answering(400, {"radius": ["Too wide."]}), "HTTP 400: radius: Too wide."),
    "400 without a field": (answering(400, {"non_field_errors": "Not today."}), "HTTP 400: Not today."),
    "401": (answering(401, {"detail": "Invalid token."}),
            "It does not accept our credentials (HTTP 401): Invalid token."),
    "302 to a login page": (answering(302, "", Location=LOGIN), "ign in"),
    "302 to another host": (answering(302, "", Location="https://elsewhere.example/login"), "another"),
    "404": (answering(404, {"detail": "Not found."}), "HTTP 404: Not found."),
    "HTML with 200": (answering(200, "<!doctype html><title>Sign in</title><body>Please sign in"), "ign in"),
    "JSON of something else": (answering(200, {"error": "no such thing"}), "no such thing"),
    "nothing": (answering(200), "The answer is no JSON but"),
}  # fmt: skip
"""Bad day -> its answer, and the words with which the query fails."""

NO_OBJECT = "has no such object."
OTHERWISE: dict[tuple[str, int, str], tuple[str, str]] = {
    ("atlas", 0, "nothing"): ("FAILED", "HTTP 200: without a word."),
    ("atlas", 1, "404"): ("SUCCEEDED", "147 rows from ATLAS."),
    ("atlas", 2, "nothing"): ("FAILED", "The result of ATLAS is no light curve"),
    ("ztf_forced", 1, "nothing"): ("FAILED", "ZTF has not taken the request: an empty page."),
    ("ztf_forced", 3, "nothing"): ("SUCCEEDED", "ZTF has no images of this place and time."),
    ("panstarrs", 0, "nothing"): ("SUCCEEDED", "Pan-STARRS has no object within 2 arcsec."),
    ("panstarrs", 1, "nothing"): ("SUCCEEDED", "and no detections."),
    ("alerce", 0, "404"): ("SUCCEEDED", NO_OBJECT),
    ("alerce", 0, "nothing"): ("SUCCEEDED", NO_OBJECT),
    ("fink", 0, "nothing"): ("SUCCEEDED", NO_OBJECT),
    ("lasair", 0, "nothing"): ("SUCCEEDED", NO_OBJECT),
    ("antares", 0, "nothing"): ("SUCCEEDED", NO_OBJECT),
    ("antares", 2, "nothing"): ("SUCCEEDED", "1 pages from ANTARES."),
    ("ztf_public", 0, "nothing"): ("SUCCEEDED", "ZTF has nothing within 1.5 arcsec."),
    ("gaia_alerts", 0, "404"): ("FAILED", "Gaia knows no alert Gaia14adi."),
    ("gaia_alerts", 0, "nothing"): ("SUCCEEDED", "Gaia has no light curve of Gaia14adi."),
    ("gaia_epochs", 1, "nothing"): ("SUCCEEDED", "has no epoch photometry of source"),
} | {
    (service, 1, bad_day): ("SUCCEEDED", f"has no data of {object_}.")
    for service, object_ in {"alerce": "ZTF18abcgqmz", "lasair": "ZTF19aaypuas", "antares": "ANT2026b78o35eau2gs",
                             "fink": "ZTF19aaosfcb"}.items()
    for bad_day in ("404", "nothing") if (service, bad_day) != ("fink", "404")
} | {
    ("ztf_forced", number, bad_day): ("SUCCEEDED", "14 rows from ZTF.")  # it may have nothing to list
    for number in (0, 2) for bad_day in ("HTML with 200", "JSON of something else", "nothing")
} | {
    ("atlas", 3, bad_day): ("SUCCEEDED", "147 rows from ATLAS.") for bad_day in REFUSED
}  # fmt: skip
"""Service, request and bad day -> how the query ends, where it is not the failure that is usual on such a day."""


@pytest_asyncio.fixture(**SCOPE)
async def world(settings: Settings) -> AsyncIterator[World]:
    async with world_of_doubles(settings, STEP_S) as running:
        yield running


@pytest_asyncio.fixture(**SCOPE)
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        yield running


async def ended(world: World, sandbox: Sandbox, job_id: str, words: str = "") -> tuple[dict[str, Any], float | None]:
    """The job once it has ended, without its pauses; and how long the pause was whose message holds the words."""
    pause_s = None
    for _ in range(40):
        job = await world.step(sandbox, job_id)
        if job["state"] in ENDED:
            return job, pause_s
        assert job["state"] == "WAITING", job
        if words and words in job["message"]:
            pause_s = (datetime.fromisoformat(job["waitingUntil"]) - datetime.now(UTC)).total_seconds()
    raise AssertionError(f"{job_id} does not end: {job}")


@pytest.mark.parametrize("service", EXCHANGES)
async def test_a_good_day(world: World, sandbox: Sandbox, service: str) -> None:
    exchange = EXCHANGES[service]
    double = await world.good_day(exchange)
    target, job_id = await world.ask(exchange, "on a good day")
    job, _ = await ended(world, sandbox, job_id)
    assert (job["state"], job["error"], job["message"]) == ("SUCCEEDED", None, exchange.said)
    assert tuple(f"{each.method} {each.path}" for each in double.heard) == exchange.requests
    assert len(await world.products(target)) == exchange.files_before(len(exchange.requests)) > 0


@pytest.mark.parametrize("bad_day", PASSING)
@pytest.mark.parametrize(("service", "number"), STEPS)
async def test_what_passes_is_waited_for(
    world: World, sandbox: Sandbox, service: str, number: int, bad_day: str
) -> None:
    exchange, (spoiling, least_s, most_s, words) = EXCHANGES[service], PASSING[bad_day]
    double = await world.good_day(exchange)
    tries = (number, number + 1) if bad_day in CUT else (number,)
    if spoiling is None:
        double.lost |= {*tries}
    else:
        double.spoilt |= dict.fromkeys(tries, spoiling)
    target, job_id = await world.ask(exchange, f"{bad_day} at {number}")
    job, pause_s = await ended(world, sandbox, job_id, words)
    assert (job["state"], job["error"]) == ("SUCCEEDED", None)
    if (service, number) == ("atlas", 3):
        assert job["message"].startswith(f"{exchange.said} Its task could not be deleted there: ")
    else:
        assert job["message"] == exchange.said
        assert pause_s is not None
        assert least_s - 1.5 < pause_s <= most_s
    assert len(await world.products(target)) == exchange.files_before(len(exchange.requests))
    if isinstance(double, ZtfDouble):
        assert len(double.rows) == 1
    if isinstance(double, AtlasDouble):
        assert (double.submitted, len(double.tasks)) == (1, number == 3 and bad_day != "cut after its work")


@pytest.mark.parametrize("bad_day", REFUSED)
@pytest.mark.parametrize(("service", "number"), STEPS)
async def test_what_does_not_pass_is_told(
    world: World, sandbox: Sandbox, service: str, number: int, bad_day: str
) -> None:
    exchange, (spoiling, usual) = EXCHANGES[service], REFUSED[bad_day]
    double = await world.good_day(exchange)
    double.spoilt[number] = spoiling
    target, job_id = await world.ask(exchange, f"{bad_day} at {number}")
    job, _ = await ended(world, sandbox, job_id)
    state, words = OTHERWISE.get((service, number, bad_day), ("FAILED", usual))
    said = job["error"]["message"] if job["error"] else job["message"]
    assert (job["state"], words in said) == (state, True), said
    assert said.isprintable()
    assert not any(secret in said for secret in exchange.secrets.values())
    if state == "FAILED":
        assert job["error"]["code"] == "UPSTREAM_REFUSED"
        assert len(await world.products(target)) == exchange.files_before(number)


async def test_a_page_without_a_table_is_told_while_ztf_is_waited_for(world: World, sandbox: Sandbox) -> None:
    exchange = EXCHANGES["ztf_forced"]
    double = await world.good_day(exchange)
    double.spoilt[2] = answering(200, "<html><title>ZTF</title><body>The table is being renewed.</body></html>")
    _, job_id = await world.ask(exchange, "renewed")
    words = "ZTF does not list the request yet; its page says: ZTF The table is being renewed."
    job, pause_s = await ended(world, sandbox, job_id, words)
    assert (job["state"], pause_s is None) == ("SUCCEEDED", False)
