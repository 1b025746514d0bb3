"""Name resolvers through the public door; what is recorded of them and what documented, their double says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
import pytest_asyncio

from tests.support.horizons_answers import RULE
from tests.support.people import CREATE_TARGET, Person, make_person
from tests.support.resolver_doubles import SECRETS, SESAME, ResolversDouble
from tests.support.site import Site, running_site
from tests.support.survey_doubles import CREDENTIALS, hurry, once, playing
from tomgql.plugins.registry import Installed
from tomgql.plugins.resolvers import Candidate, NameQuery
from tomgql.settings import Settings

NAMES = ["horizons", "ned", "sbdb", "sesame", "simbad", "tns"]
RESOLVE = """query ($name: String!, $services: [String!]) { resolveTarget(name: $name, services: $services) {
  services failures { service code message } candidates {
    service name type aliases raDeg decDeg epoch properMotionRaMasYr properMotionDecMasYr parallaxMas objectType
    redshift address orbit { scheme epochOfElementsMjd inclinationDeg ascendingNodeLongitudeDeg perihelionArgumentDeg
      eccentricity meanAnomalyDeg semimajorAxisAu meanDailyMotionDeg perihelionDistanceAu perihelionEpochMjd
      absoluteMagnitude slope }
  } } }"""
COUNTS = "query { targets { totalCount } }"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def playing_double() -> AsyncIterator[ResolversDouble]:
    async with playing(ResolversDouble()) as double:
        assert isinstance(double, ResolversDouble)
        yield double


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def settings(settings: Settings, playing_double: ResolversDouble) -> Settings:
    return settings.model_copy(
        update={
            "survey_addresses": {name: f"{playing_double.address}/{name}" for name in NAMES},
            "credentials_key": "a key of these tests",
        }
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(settings: Settings) -> AsyncIterator[Site]:
    async with running_site(Settings.model_validate(settings.model_dump())) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def observer(site: Site) -> Person:
    """Somebody who has the secrets of TNS."""
    person = await make_person(site, "observer")
    payload = await person.client.query(CREDENTIALS, input={"service": "tns", "secrets": SECRETS})
    assert payload["setSurveyCredentials"] == {"surveyService": None, "errors": []}
    return person


@pytest_asyncio.fixture(loop_scope="session")
async def resolvers(site: Site, playing_double: ResolversDouble) -> ResolversDouble:
    """The services on a good day, asked for the first time."""
    vars(playing_double).update(vars(ResolversDouble(address=playing_double.address)))
    await hurry(site)
    return playing_double


async def resolve(person: Person, name: str, *services: str) -> dict[str, Any]:
    found = await person.client.query(RESOLVE, name=name, services=list(services) or None)
    resolved: dict[str, Any] = found["resolveTarget"]
    return resolved


async def told_by(person: Person, name: str, service: str) -> list[dict[str, Any]]:
    """What one resolver tells, without what it leaves out."""
    resolved = await resolve(person, name, service)
    assert (resolved["services"], resolved["failures"]) == ([service], [])
    return [{key: value for key, value in each.items() if value is not None} for each in resolved["candidates"]]


async def test_simbad_as_documented(observer: Person, resolvers: ResolversDouble) -> None:
    assert await told_by(observer, "  Barnard's   star ", "simbad") == [
        {"service": "simbad", "name": "M 1", "type": "SIDEREAL", "aliases": ["NGC 1952", "SH 2-244"],
         "raDeg": 83.6324, "decDeg": 22.0174, "epoch": 2000.0, "objectType": "SNR",
         "address": "https://simbad.cds.unistra.fr/simbad/sim-id?Ident=M%201"}
    ]  # fmt: skip
    (heard,) = resolvers.heard
    assert heard.path == "/simbad/sync"
    assert heard.params["query"].endswith("WHERE ident.id = 'Barnard''s star'")


async def test_ned_as_recorded(observer: Person, resolvers: ResolversDouble) -> None:
    assert await told_by(observer, "M 1", "ned") == [
        {"service": "ned", "name": "MESSIER 001", "type": "SIDEREAL", "aliases": [], "raDeg": 83.63321,
         "decDeg": 22.01446, "objectType": "SNR",
         "address": "https://ned.ipac.caltech.edu/byname?objname=MESSIER%20001"}
    ]  # fmt: skip


async def test_sesame_as_documented(observer: Person, resolvers: ResolversDouble) -> None:
    assert await told_by(observer, "G184 +5&x=1", "sesame") == [
        {"service": "sesame", "name": "M 1", "type": "SIDEREAL", "aliases": ["NGC 1952", "SNR G184.6-05.8"],
         "raDeg": 83.63308, "decDeg": 22.01447, "properMotionRaMasYr": -11.7, "properMotionDecMasYr": 2.65,
         "parallaxMas": 0.5, "objectType": "Star", "redshift": 0.01,
         "address": "https://cds.unistra.fr/cgi-bin/Sesame?G184%20%2B5%26x%3D1"}
    ]  # fmt: skip
    assert list(resolvers.heard[0].params) == ["G184 +5&x=1"]


async def test_tns_as_documented(observer: Person, resolvers: ResolversDouble) -> None:
    expected = {
        "service": "tns", "name": "SN 2020qdo", "type": "SIDEREAL", "aliases": ["ZTF20abqkaoc", "ATLAS20uhf"],
        "raDeg": 5.31779, "decDeg": 22.40892, "objectType": "SN Ia", "redshift": 0.0467,
        "address": "https://www.wis-tns.org/object/2020qdo",
    }  # fmt: skip
    assert await told_by(observer, "SN2020qdo", "tns") == [expected]
    assert await told_by(observer, "ZTF20abqkaoc", "tns") == [expected]
    assert [heard.form["data"] for heard in resolvers.heard] == [
        '{"objname":"2020qdo"}', '{"objname":"2020qdo"}', '{"internal_name":"ZTF20abqkaoc"}', '{"objname":"2020qdo"}'
    ]  # fmt: skip
    marker = 'tns_marker{"tns_id":"48152","type":"bot","name":"a_bot"}'
    assert {heard.headers["User-Agent"] for heard in resolvers.heard} == {marker}


async def test_the_small_body_database_as_recorded(observer: Person, resolvers: ResolversDouble) -> None:
    (ceres,) = await told_by(observer, "ceres", "sbdb")
    assert {key: value for key, value in ceres.pop("orbit").items() if value is not None} == {
        "scheme": "MPC_MINOR_PLANET", "epochOfElementsMjd": 58200.0, "inclinationDeg": 10.5935097971363,
        "ascendingNodeLongitudeDeg": 80.30991865594387, "perihelionArgumentDeg": 73.11534200131032,
        "eccentricity": 0.07553461024389638, "meanAnomalyDeg": 352.2304611765882,
        "semimajorAxisAu": 2.767046248500289, "absoluteMagnitude": 3.34, "slope": 0.12,
    }  # fmt: skip
    assert ceres == {
        "service": "sbdb", "name": "1 Ceres", "type": "NON_SIDEREAL", "aliases": ["1", "1943 XB", "A899 OF"],
        "objectType": "Main-belt Asteroid", "address": "https://ssd.jpl.nasa.gov/tools/sbdb_lookup.html#/?sstr=1",
    }  # fmt: skip
    several = await told_by(observer, "halley", "sbdb")
    assert [(each["name"], each["aliases"]) for each in several] == [
        ("1P/Halley", ["1P"]), ("2688 Halley (1982 HG1)", ["2688"])
    ]  # fmt: skip


async def test_a_comet_of_the_small_body_database_as_documented(observer: Person, resolvers: ResolversDouble) -> None:
    elements = {"e": ".967", "q": ".586", "i": "162.2", "om": "58.4", "w": "111.3", "tp": "2446470.5"}
    resolvers.answers["sbdb"] = {
        "object": {"fullname": "1P/Halley", "kind": "cn", "des": "1P", "shortname": "1P/Halley"},
        "orbit": {"epoch": "2439875.5", "elements": [{"name": key, "value": value} for key, value in elements.items()]},
        "phys_par": [{"name": "M1", "value": "5.5"}, {"name": "K1", "value": None}],
    }
    (comet,) = await told_by(observer, "1P", "sbdb")
    assert {key: value for key, value in comet["orbit"].items() if value is not None} == {
        "scheme": "MPC_COMET", "epochOfElementsMjd": 39875.0, "inclinationDeg": 162.2,
        "ascendingNodeLongitudeDeg": 58.4, "perihelionArgumentDeg": 111.3, "eccentricity": 0.967,
        "perihelionDistanceAu": 0.586, "perihelionEpochMjd": 46470.0, "absoluteMagnitude": 5.5,
    }  # fmt: skip


PLANET_PAGE = "https://ssd.jpl.nasa.gov/api/horizons.api?format=text&MAKE_EPHEM=NO&COMMAND=%27{}%27"


async def test_a_planet_of_horizons_as_documented(observer: Person, resolvers: ResolversDouble) -> None:
    neptune, barycenter = await told_by(observer, "neptune", "horizons")
    orbit = {key: value for key, value in neptune.pop("orbit").items() if value is not None}
    (first, second) = resolvers.heard
    today = float(second.params["TLIST"].strip("'")) - 2400000.5
    assert abs(today - (datetime.now(UTC).timestamp() / 86400 + 40587)) < 1.01
    assert orbit == {
        "scheme": "JPL_MAJOR_PLANET", "epochOfElementsMjd": today, "inclinationDeg": 1.770208090186799,
        "ascendingNodeLongitudeDeg": 131.7829470230629, "perihelionArgumentDeg": 273.2186862917064,
        "eccentricity": 0.00867789198570963, "meanAnomalyDeg": 259.8833455466113,
        "semimajorAxisAu": 30.07090457964457, "meanDailyMotionDeg": 0.00598056207241547,
    }  # fmt: skip
    assert neptune == {"service": "horizons", "name": "Neptune", "type": "NON_SIDEREAL", "aliases": ["899"],
                       "objectType": "Planet", "address": PLANET_PAGE.format(899)}  # fmt: skip
    assert barycenter == {"service": "horizons", "name": "Neptune Barycenter", "type": "NON_SIDEREAL",
                          "aliases": ["8"], "objectType": "Barycenter", "address": PLANET_PAGE.format(8)}  # fmt: skip
    assert [heard.params["COMMAND"] for heard in resolvers.heard] == ["'neptune'", "'899'"]
    asked = {"EPHEM_TYPE": "'ELEMENTS'", "CENTER": "'500@10'", "OUT_UNITS": "'AU-D'", "REF_PLANE": "'ECLIPTIC'"}
    assert asked.items() <= first.params.items()


async def test_names_that_fit_several_bodies_of_horizons_are_listed_as_documented(
    observer: Person, resolvers: ResolversDouble
) -> None:
    listed = await told_by(observer, "nept", "horizons")
    assert [(each["name"], each["aliases"], "orbit" in each) for each in listed] == [
        ("Neptune Barycenter", ["8"], False), ("Neptune", ["899", "NVIII", "Poseidon"], False)
    ]  # fmt: skip


async def test_spacecraft_of_horizons_have_elements_and_small_bodies_are_left_to_the_database_as_documented(
    observer: Person, resolvers: ResolversDouble
) -> None:
    (webb,) = await told_by(observer, "-170", "horizons")
    assert (webb["name"], webb["objectType"], webb["orbit"]["scheme"]) == (
        "James Webb Space Telescope (spacecraft)", "Spacecraft", "JPL_MAJOR_PLANET"
    )  # fmt: skip
    assert await told_by(observer, "1", "horizons") == []
    heard = len(resolvers.heard)
    assert await told_by(observer, "Barnard's star", "horizons") == []
    assert len(resolvers.heard) == heard  # a quotation mark would end the name there


async def test_all_are_asked_and_a_target_can_be_made_of_what_they_tell(
    observer: Person, resolvers: ResolversDouble
) -> None:
    before = await observer.client.query(COUNTS)
    resolved = await resolve(observer, "2020qdo")
    assert (resolved["services"], resolved["failures"]) == (NAMES, [])
    candidates = {each["service"]: each for each in resolved["candidates"]}
    assert list(candidates) == NAMES
    assert await observer.client.query(COUNTS) == before
    for service in ("tns", "sbdb", "horizons"):
        told = {key: value for key, value in candidates[service].items() if value is not None}
        given = {key: told[key] for key in ("name", "type", "aliases", "raDeg", "decDeg", "orbit") if key in told}
        payload = (await observer.client.query(CREATE_TARGET, input=given))["createTarget"]
        assert (payload["errors"], payload["target"]["name"]) == ([], told["name"])


async def test_what_nobody_knows_is_no_failure(observer: Person, resolvers: ResolversDouble) -> None:
    resolved = await resolve(observer, "nobody")
    assert resolved == {"services": NAMES, "candidates": [], "failures": []}


@pytest.mark.parametrize(
    ("service", "bad_day", "code", "words"),
    [
        ("simbad", once("GET", "/simbad", 200, "<html><title>Down for work</title></html>"), "UPSTREAM_REFUSED",
         '"Down for work"'),
        ("simbad", once("GET", "/simbad", 400, '<VOTABLE><INFO name="QUERY_STATUS" value="ERROR">no such column</INFO>'
                                               "</VOTABLE>"), "UPSTREAM_REFUSED", "HTTP 400: no such column"),
        ("simbad", once("GET", "/simbad", 200, {"data": [[1]]}), "UPSTREAM_REFUSED", "no table"),
        ("ned", once("GET", "/ned", 503, "busy"), "UPSTREAM_BUSY", "busy"),
        ("ned", once("GET", "/ned", 500, "oops"), "UPSTREAM_DOWN", "HTTP 500: oops"),
        ("sesame", once("GET", "/sesame", 502, "Bad gateway"), "UPSTREAM_DOWN", "HTTP 502: Bad gateway"),
        ("tns", once("POST", "/tns", 429, {"id_message": "Too many"}, **{"Retry-After": "10"}), "UPSTREAM_BUSY",
         "Too many"),
        ("tns", once("POST", "/tns", 200, {"id_code": 403, "id_message": f"{SECRETS['api_key']} is no key"}),
         "UPSTREAM_REFUSED", "*** is no key"),
        ("sbdb", once("GET", "/sbdb", 200, {"message": "database is away"}), "UPSTREAM_REFUSED", "database is away"),
        ("horizons", once("GET", "/horizons", 400, {"message": "one or more query parameter was not recognized"}),
         "UPSTREAM_REFUSED", "one or more query parameter was not recognized"),
        ("horizons", once("GET", "/horizons", 200, {"error": 'No ephemeris for target "Gaia" after A.D. 2025-MAR-27'}),
         "UPSTREAM_REFUSED", 'It gives no elements: No ephemeris for target "Gaia" after A.D. 2025-MAR-27'),
        ("horizons", once("GET", "/horizons", 200, {"result": f"{RULE}\nMultiple major-bodies match string\n{RULE}"}),
         "UPSTREAM_REFUSED", "Its table of bodies cannot be read: Multiple major-bodies match string"),
        ("horizons", once("GET", "/horizons", 200, {"result": "Target body name: Io (501)  \n$$SOE\n$$EOE"}),
         "UPSTREAM_REFUSED", "Its table of elements cannot be read: $$EOE"),
        ("horizons", once("GET", "/horizons", 200, {"signature": {"version": "9"}}), "UPSTREAM_REFUSED",
         "Its answer has no result: version: 9"),
    ],
)  # fmt: skip
async def test_one_that_fails_says_why_and_the_others_answer(
    observer: Person, resolvers: ResolversDouble, service: str, bad_day: Any, code: str, words: str
) -> None:
    resolvers.bad_days.append(bad_day)
    resolved = await resolve(observer, "M 1")
    (failure,) = resolved["failures"]
    assert (failure["service"], failure["code"]) == (service, code)
    assert words in failure["message"]
    assert SECRETS["api_key"] not in failure["message"]
    assert [each["service"] for each in resolved["candidates"]] == [name for name in NAMES if name != service]


@pytest.mark.parametrize(
    ("service", "answer", "words"),
    [
        ("ned", "<VOTABLE><RESOURCE/></VOTABLE>", "without a word"),
        ("ned", "<!DOCTYPE a [<!ENTITY b 'c'>]><VOTABLE>&b;</VOTABLE>", "root element must be VOTABLE"),
        ("ned", "<VOTABLE><!-- <!ENTITY b 'c'> --></VOTABLE>", "has entities"),
        ("ned", "<VOTABLE>" + "<a>" * 60 + "</a>" * 60 + "</VOTABLE>", "more than 50 levels"),
        ("sesame", "<other/>", "root element must be Sesame"),
        ("sesame", "", "root element must be Sesame"),
        ("simbad", "x" * 3_000_000, "larger than 2097152 bytes"),
    ],
)
async def test_answers_that_are_none_are_refused(
    observer: Person, resolvers: ResolversDouble, service: str, answer: str, words: str
) -> None:
    resolvers.answers[service] = answer
    (failure,) = (await resolve(observer, "M 1", service))["failures"]
    assert failure["code"] == "UPSTREAM_REFUSED"
    assert words in failure["message"]


async def test_what_cannot_be_shown_is_left_out(observer: Person, resolvers: ResolversDouble) -> None:
    strange = SESAME.replace("83.63308", "1e400").replace("<v>0.01</v>", "<v>NaN</v>")
    resolvers.answers["sesame"] = strange
    assert await told_by(observer, "M 1", "sesame") == []
    strange = SESAME.replace("22.01447", "91").replace("M 1", "M" * 300)
    resolvers.answers["sesame"] = strange.replace("<alias>NGC 1952</alias>", "<alias>A\t B</alias>" * 300)
    (found,) = await told_by(observer, "M 1", "sesame")
    assert (found["name"], found["aliases"], "raDeg" in found, found["redshift"]) == ("M" * 200, ["A B"], False, 0.01)


class Strange:
    """A stranger's resolver that does what the contract does not allow."""

    name = "strange"
    title, description, version = "A strange one", "Nothing.", "1"
    addresses: ClassVar[dict[str, str]] = {"main": "http://127.0.0.1:9"}
    credentials = ()
    requests_per_minute = 60.0

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    async def resolve(self, query: NameQuery) -> Any:
        if self.answer == "elsewhere":
            await query.http.request("GET", "http://169.254.169.254/latest/meta-data")
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (RuntimeError("secret"), "SERVICE_FAILED", "A strange one: its code broke down (RuntimeError); the server's"),
        (None, "SERVICE_FAILED", "A strange one: it returned NoneType, which are no candidates."),
        ([{"name": "M 1"}], "SERVICE_FAILED", "A strange one: it returned list, which are no candidates."),
        ([Candidate("M 1", aliases=7)], "SERVICE_FAILED", "its code broke down (TypeError)"),
        ("elsewhere", "UPSTREAM_REFUSED", "names 169.254.169.254:80, which is not one of its hosts"),
    ],
)
async def test_a_strangers_resolver_takes_nothing_from_the_others(
    site: Site, observer: Person, resolvers: ResolversDouble, monkeypatch: pytest.MonkeyPatch, answer: Any, code: str,
    words: str,
) -> None:  # fmt: skip
    installed = {**site.rt.resolvers.installed, "strange": Installed(Strange(answer), "x:Strange", "x")}
    monkeypatch.setattr(site.rt.resolvers, "installed", installed)
    resolved = await resolve(observer, "M 1", "strange", "ned")
    (failure,) = resolved["failures"]
    assert (failure["service"], failure["code"]) == ("strange", code)
    assert words in failure["message"]
    assert "secret" not in failure["message"]
    assert [each["name"] for each in resolved["candidates"]] == ["MESSIER 001"]


async def test_an_orbit_that_is_not_whole_is_left_out(observer: Person, resolvers: ResolversDouble) -> None:
    resolvers.answers["sbdb"] = {
        "object": {"fullname": "2026 AA", "kind": "au", "des": "2026 AA"},
        "orbit": {"epoch": "2461000.5", "elements": [{"name": "e", "value": "0.1"}, {"name": "a", "value": None}]},
    }
    (found,) = await told_by(observer, "2026 AA", "sbdb")
    assert (found["name"], found["type"], "orbit" in found) == ("2026 AA", "NON_SIDEREAL", False)


async def test_a_resolver_that_is_down_is_left_alone(observer: Person, resolvers: ResolversDouble) -> None:
    resolvers.bad_days += [once("GET", "/ned", 500, "oops") for _ in range(3)]
    for _ in range(3):
        await resolve(observer, "M 1", "ned")
    (failure,) = (await resolve(observer, "M 1", "ned"))["failures"]
    assert failure["code"] == "UPSTREAM_DOWN"
    assert failure["message"].startswith("NED does not answer; it is left alone for ")
    assert resolvers.counts("GET") == 3


async def test_all_of_a_site_keep_a_resolvers_pace(observer: Person, resolvers: ResolversDouble) -> None:
    resolved = await asyncio.gather(*(resolve(observer, "M 1", "ned") for _ in range(8)))
    failures = [failure for each in resolved for failure in each["failures"]]
    assert len(failures) == 3
    assert {failure["code"] for failure in failures} == {"UPSTREAM_BUSY"}
    assert failures[0]["message"] == "NED may be asked 60 requests a minute by all of us."
    assert resolvers.counts("GET") == 5


async def test_secrets_are_wanted_only_of_who_asks_for_it(site: Site, resolvers: ResolversDouble) -> None:
    other = await make_person(site, "without secrets")
    assert (await resolve(other, "nobody"))["services"] == [name for name in NAMES if name != "tns"]
    (failure,) = (await resolve(other, "nobody", "tns"))["failures"]
    assert (failure["service"], failure["code"]) == ("tns", "INVALID_INPUT")
    assert failure["message"].startswith('The service "tns" needs api_key and bot_id and bot_name: set them with')
    assert resolvers.counts("POST") == 0


async def test_resolvers_are_listed(observer: Person, site: Site) -> None:
    listed = "query { nameResolvers { name title credentials isConfigured requestsPerMinute version description } }"
    found = (await observer.client.query(listed))["nameResolvers"]
    assert [each["name"] for each in found] == NAMES
    tns = {"name": "tns", "title": "Transient Name Server", "credentials": ["api_key", "bot_id", "bot_name"],
           "isConfigured": True, "requestsPerMinute": 20.0, "version": "1"}  # fmt: skip
    assert tns.items() <= found[-1].items()
    anonymous = (await site.client().query(listed))["nameResolvers"]
    assert [each["isConfigured"] for each in anonymous] == [True] * 5 + [False]


@pytest.mark.parametrize(
    ("name", "services", "code", "words"),
    [
        ("", None, "INVALID_INPUT", "1 to 100 printable characters"),
        ("M 1" * 40, None, "INVALID_INPUT", "1 to 100 printable characters"),
        ("M\u0000 1", None, "INVALID_INPUT", "1 to 100 printable characters"),
        ("M 1", ["ned"] * 21, "INVALID_INPUT", "more than 20"),
        ("M 1", ["ned", "nod"], "UNKNOWN_PLUGIN", "Known: horizons, ned, sbdb, sesame, simbad, tns"),
    ],
)
async def test_wrong_questions_are_refused(
    observer: Person, resolvers: ResolversDouble, name: str, services: list[str] | None, code: str, words: str
) -> None:
    answer = await observer.client.ask(RESOLVE, name=name, services=services)
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == code
    assert words in error["message"]
    assert resolvers.heard == []


async def test_nobody_signed_in_is_refused(site: Site, resolvers: ResolversDouble) -> None:
    answer = await site.client().ask(RESOLVE, name="M 1", services=["ned"])
    assert answer["errors"][0]["extensions"]["code"] == "NOT_AUTHENTICATED"
    assert resolvers.heard == []
