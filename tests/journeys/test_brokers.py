"""Brokers of ZTF's alerts through the public door and a real worker; what is recorded of them, the double says."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from string import ascii_lowercase
from typing import Any

import pytest
import pytest_asyncio

from tests.support.broker_doubles import ALERCE, ANTARES, FINK, LASAIR, LOCUS, TOKEN, BrokersDouble
from tests.support.people import Person, make_person
from tests.support.recordings import recorded
from tests.support.site import Site, running_site, running_worker, until
from tests.support.survey_doubles import BadDay, hurried, once, playing, query_survey, refused_survey
from tomgql.settings import Settings

TITLES = {"alerce": "ALeRCE", "fink": "Fink", "lasair": "Lasair", "antares": "ANTARES"}
NAMES = ("alerce", "fink", "lasair", "antares")
FOUND = """query ($target: ID!) { target(id: $target) {
  dataProducts { nodes { id fileName processing { state result } } }
  reducedData(first: 100, orderBy: [{field: TIMESTAMP}]) { nodes { revision sourceName ... on PhotometryDatum {
    mjd band flux limit(nSigma: 5) forced difference value } } } } }"""
ztf_names = (f"ZTF21aaaaaa{letter}" for letter in ascii_lowercase)
HALF_EXPOSURE = 15 / 86400


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


async def asked(site: Site, observer: Person, target: str, service: str, **parameters: Any) -> dict[str, Any]:
    """The job of a query, once it has ended."""
    return await hurried(site, observer.client, await query_survey(observer.client, target, service, **parameters))


async def read_of(observer: Person, target: str, products: int = 1) -> tuple[list[dict[str, Any]], list[Any]]:
    """The target's data products, once so many have been read, and its data in order of time."""

    async def read() -> Any:
        found = (await observer.client.query(FOUND, target=target))["target"]
        jobs = [node["processing"] for node in found["dataProducts"]["nodes"]]
        done = len(jobs) == products and all(job and job["state"] == "SUCCEEDED" for job in jobs)
        return found if done else None

    found = await until(30, read)
    return found["dataProducts"]["nodes"], found["reducedData"]["nodes"]


@pytest.mark.parametrize(
    ("service", "name", "count", "first"),
    [
        ("alerce", ALERCE, 3, {"mjd": 58288.37787039997, "band": "ztfg", "flux": -112.6539}),
        ("fink", FINK, 3, {"mjd": 59877.20496529993, "band": "ztfg", "flux": -1005.53}),
        ("lasair", LASAIR, 3, {"mjd": 61107.0, "band": "ztfg", "flux": -8.0, "forced": True}),
        ("antares", ANTARES, 3, {"mjd": 61224.483634300064, "band": "ztfr", "flux": None, "limit": 18.7413}),
    ],
)
async def test_an_object_is_asked_for_by_its_ztf_name(
    site: Site, observer: Person, brokers: BrokersDouble, service: str, name: str, count: int, first: dict[str, Any]
) -> None:
    target = await observer.create_target(f"named {service}", aliases=[name])
    job = await asked(site, observer, target, service)
    assert (job["state"], job["error"]) == ("SUCCEEDED", None)
    (product,), data = await read_of(observer, target)
    assert product["fileName"] == f"{service}_named_{service}_{LOCUS if service == 'antares' else name}.json"
    result = product["processing"]["result"]
    assert (result["processor"], result["created"], len(data)) == (service, count, count)
    expected = {"forced": False, "difference": True, "sourceName": "ZTF", **first}
    mjd = expected.pop("mjd") + HALF_EXPOSURE
    numbers = {key: pytest.approx(value, rel=1e-5) for key, value in expected.items() if isinstance(value, float)}
    assert {key: data[0][key] for key in expected} == expected | numbers
    assert data[0]["mjd"] == pytest.approx(mjd, abs=1e-8)
    again = await asked(site, observer, target, service)
    assert again["result"]["dataProducts"] == job["result"]["dataProducts"] == [product["id"]]
    assert (await read_of(observer, target))[1] == data


@pytest.mark.parametrize(
    ("service", "place", "name"),
    [
        ("alerce", (279.90476625, -4.8708879), ALERCE),
        ("fink", (284.6506, 29.0912), FINK),
        ("lasair", (280.0, -5.0), LASAIR),
        ("antares", (59.7257233, 23.7619434), LOCUS),
    ],
)
async def test_an_object_without_a_ztf_name_is_the_nearest(
    site: Site, observer: Person, brokers: BrokersDouble, service: str, place: tuple[float, float], name: str
) -> None:
    target = await observer.create_target(f"placed {service}", raDeg=place[0], decDeg=place[1])
    job = await asked(site, observer, target, service, radius_arcsec=20)
    assert (job["state"], job["message"]) == ("SUCCEEDED", f"The light curve of {name} from {TITLES[service]}.")
    far = await observer.create_target(f"far {service}", raDeg=place[0], decDeg=place[1] + 0.01)
    job = await asked(site, observer, far, service)
    assert (job["state"], job["message"]) == ("SUCCEEDED", f"{TITLES[service]} has no such object.")
    assert job["result"]["dataProducts"] == []


@pytest.mark.parametrize("service", NAMES)
async def test_an_object_that_is_not_known_is_an_empty_success(
    site: Site, observer: Person, brokers: BrokersDouble, service: str
) -> None:
    target = await observer.create_target(f"unknown {service}", aliases=[f"ZTF20aaaaa{service[:2]}"])
    job = await asked(site, observer, target, service)
    assert (job["state"], job["result"]["dataProducts"]) == ("SUCCEEDED", [])
    assert job["message"].startswith(f"{TITLES[service]} has no ")


@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("alerce", "/alerce/objects"),
        ("fink", "/fink/api/v1/conesearch"),
        ("lasair", "/lasair/api/cone/"),
        ("antares", "/antares/v1/loci"),
    ],
)
async def test_an_answer_without_content_is_an_empty_success(
    site: Site, observer: Person, brokers: BrokersDouble, service: str, path: str
) -> None:
    brokers.answers[path] = ""
    target = await observer.create_target(f"without content {service}")
    job = await asked(site, observer, target, service)
    assert (job["state"], job["message"]) == ("SUCCEEDED", f"{TITLES[service]} has no such object.")


async def test_the_same_alert_from_two_brokers_is_one_datum(
    site: Site, observer: Person, brokers: BrokersDouble
) -> None:
    target = await observer.create_target("of two brokers", aliases=[next(ztf_names)])
    await asked(site, observer, target, "alerce")
    _, before = await read_of(observer, target)
    detection = json.loads(recorded("alerce_ztf", 1))[0]
    alert = {f"i:{name}": detection[name] for name in ("fid", "magpsf", "sigmapsf", "ra", "dec")}
    alert |= {"i:jd": 2458288.8778704, "i:objectId": ALERCE, "i:candid": 534377870115010099, "i:isdiffpos": "f"}
    brokers.answers["/fink/api/v1/objects"] = [alert, alert | {"i:candid": 1, "i:jd": 2458390.5, "i:isdiffpos": "t"}]
    await asked(site, observer, target, "fink")
    _, after = await read_of(observer, target, products=2)
    assert (after[:3], [datum["revision"] for datum in after]) == (before, [1, 1, 1, 1])


async def test_a_changed_alert_is_a_revision(site: Site, observer: Person, brokers: BrokersDouble) -> None:
    name = next(ztf_names)
    target = await observer.create_target("revised", aliases=[name])
    await asked(site, observer, target, "alerce")
    await read_of(observer, target)
    detections = json.loads(recorded("alerce_ztf", 1))
    detections[1] |= {"magpsf": 18.4, "new_column": {"a": [1]}}
    brokers.answers[f"/alerce/objects/{name}/lightcurve"] = {"detections": detections, "non_detections": []}
    await asked(site, observer, target, "alerce")
    _, data = await read_of(observer, target, products=2)
    assert [(datum["revision"], datum["flux"]) for datum in data if datum["flux"]] == [
        (1, pytest.approx(-112.6539, rel=1e-6)),
        (2, pytest.approx(-158.4893, rel=1e-6)),
    ]


async def test_total_magnitudes_of_alerce(site: Site, observer: Person, brokers: BrokersDouble) -> None:
    target = await observer.create_target("total", aliases=[next(ztf_names)])
    await asked(site, observer, target, "alerce", corrected=True)
    _, data = await read_of(observer, target)
    assert [(datum["difference"], datum["value"]["magpsf_corr"]) for datum in data] == [
        (False, 15.501175), (False, 15.52994)
    ]  # fmt: skip


async def test_pages_of_antares_are_files_and_end(site: Site, observer: Person, brokers: BrokersDouble) -> None:
    brokers.more_pages = 2
    target = await observer.create_target("paged", aliases=[next(ztf_names)])
    job = await asked(site, observer, target, "antares")
    assert job["message"] == f"The light curve of {LOCUS} from ANTARES, 3 pages."
    _, data = await read_of(observer, target, products=3)
    assert [datum["value"].get("candid") for datum in data] == [None, None, 3470490460915015042, 1, 2]
    assert [heard.params.get("page[offset]") for heard in brokers.heard if "alerts" in heard.path] == [None, "1", "2"]


@pytest.mark.parametrize(
    ("service", "bad_day", "words"),
    [
        ("alerce", once("GET", "/alerce/objects", 200, "<html><title>Maintenance</title></html>"), '"Maintenance"'),
        ("alerce", once("GET", "/alerce/objects", 200, {"message": "Internal error"}), "message: Internal error"),
        ("fink", once("POST", "/fink/api", 200, {"status": "error", "text": "no such column"}), "no such column"),
        ("fink", once("POST", "/fink/api", 400, {"status": "error", "text": "bad"}), "HTTP 400: status: error"),
        ("lasair", once("POST", "/lasair/api", 401, {"detail": "Invalid token."}), "does not accept our credentials"),
        ("lasair", once("POST", "/lasair/api", 200, {"error": "database is down"}), "error: database is down"),
        ("antares", once("GET", "/antares/v1/loci", 200, {"errors": [{"title": "Bad query"}]}), "Bad query"),
        ("antares", once("GET", "/antares/v1/loci", 200, {"data": [{"id": "../../x"}]}), "no name of one"),
    ],
)
async def test_what_is_refused_fails_in_its_words(
    site: Site, observer: Person, brokers: BrokersDouble, service: str, bad_day: BadDay, words: str
) -> None:
    target = await observer.create_target(f"refused {service} {words}", aliases=[next(ztf_names)])
    brokers.bad_days.append(bad_day)
    job = await asked(site, observer, target, service)
    assert (job["state"], job["error"]["code"]) == ("FAILED", "UPSTREAM_REFUSED")
    assert words in job["error"]["message"]
    assert TOKEN not in job["error"]["message"]
    assert (await read_of(observer, target, products=0)) == ([], [])


async def test_a_throttled_query_waits(site: Site, observer: Person, brokers: BrokersDouble) -> None:
    target = await observer.create_target("throttled", aliases=[next(ztf_names)])
    brokers.bad_days.append(once("POST", "/lasair/api", 429, {"detail": "Expected available in 40 minutes."}))
    job = await asked(site, observer, target, "lasair")
    assert job["state"] == "SUCCEEDED"
    assert brokers.counts("POST", "/lasair/api/object/") == 2


@pytest.mark.parametrize("service", NAMES)
async def test_who_cannot_be_asked_about_is_refused(
    site: Site, observer: Person, brokers: BrokersDouble, service: str
) -> None:
    orbit = {"scheme": "MPC_MINOR_PLANET", "epochOfElementsMjd": 61000.0, "inclinationDeg": 10.0,
             "ascendingNodeLongitudeDeg": 80.0, "perihelionArgumentDeg": 70.0, "eccentricity": 0.1,
             "meanAnomalyDeg": 5.0, "semimajorAxisAu": 2.7}  # fmt: skip
    target = await observer.create_target(
        f"moving {service}", type="NON_SIDEREAL", raDeg=None, decDeg=None, orbit=orbit
    )
    error = await refused_survey(observer.client, target, service)
    assert (error["code"], error["path"]) == ("INVALID_INPUT", ["input", "target"])
    assert "neither a ZTF name" in error["message"]
    error = await refused_survey(observer.client, target, service, radius_arcsec=61)
    assert error["path"] == ["input", "parameters"]
    assert brokers.heard == []
