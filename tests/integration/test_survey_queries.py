"""Asking survey services: what is refused before anything is queued, whose secrets are used, and services that fail."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.people import Person, make_person
from tests.support.plugins import write_package
from tests.support.site import Site
from tests.support.survey_doubles import CREDENTIALS, QUERY, hurry, query_survey, refused_survey
from tomgql.plugins.sandbox import Sandbox
from tomgql.services.survey_credentials import find_credentials
from tomgql.settings import Settings
from workers.runner import run_job

SERVICES = """
    from pydantic import Field
    from tomgql.errors import UpstreamDown, UpstreamRefused
    from tomgql.plugins.surveys import MAIN, Going, Later, Parameters, Result, SurveyFile

    class Wish(Parameters):
        do: str = Field("give", description="What to do.")
        radius_arcsec: float = Field(1.0, gt=0, le=60, description="Radius, arcsec.")

    class Moody:
        name = "moody"; title = "Moody survey"; description = "Does what it is told."; version = "7"
        addresses = {MAIN: "http://127.0.0.1:9"}; credentials = ("token", "email"); parameters = Wish
        requests_per_minute = 60.0; time_limit_s = 3600.0

        def refusal(self, target, parameters):
            return "only Ceres is known here." if parameters.do == "know" and "Ceres" not in target.names else None

        async def step(self, query, state):
            return await getattr(self, query.parameters.do)(query, state)

        async def withdraw(self, query, state): pass

        async def give(self, query, state):
            content = b"mjd,mag,magerr,filter\\n59000.5,18.1,0.1,ztfr\\n"
            address = f"http://127.0.0.1:9/file?key={query.credentials.get('token')}"
            return Result((SurveyFile("moody.csv", content, address=address, remote_id="m1"),), "One file.")

        async def blab(self, query, state): raise UpstreamRefused("no " + query.credentials["token"])
        async def echo(self, query, state):
            import base64
            pair = f"{query.credentials['email']}:{query.credentials['token']}"
            raise UpstreamRefused("no " + base64.b64encode(pair.encode()).decode())
        async def stumble(self, query, state): raise KeyError(query.credentials["token"])
        async def babble(self, query, state): return "done"
        async def call(self, query, state): await query.http.request("GET", query.address)
        async def stray(self, query, state): await query.http.request("GET", "http://example.org/x")
        async def spin(self, query, state): return Going({"n": state.get("n", 0) + 1}, "Round and round.", 0.3)
        async def wait(self, query, state): return Later(30, "Patience.", {"interrupted": query.interrupted})
        async def ask(self, query, state):
            for _ in range(9): await query.http.request("GET", query.address)

    class Free(Moody):
        name = "free"; title = "Free survey"; credentials = ()

    class Odd(Moody):
        name = "odd"; addresses = {MAIN: "ftp://x"}; requests_per_minute = 0; credentials = ("To Ken",)
        parameters = dict
"""
JOB = """query ($id: ID!) { job(id: $id) { state message progress waitingUntil result error { code message }
  dataProduct { id } } }"""
LIST = "{ surveyServices { name needsCredentials credentials isConfigured parametersSchema } }"
PRODUCT = """query ($target: ID!) { target(id: $target) { dataProducts { nodes {
  fileName origin request { id } uploadedBy { username } } } } }"""
SECRETS = {"token": "tell-nobody-4711", "email": "me@example.org"}


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("plugins")
    write_package(
        place, "stray_surveys", SERVICES, {"tomgql.surveys": {"moody": "Moody", "free": "Free", "odd": "Odd"}}
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(place))
        yield place


@pytest.fixture(scope="module")
def settings(settings: Settings, plugins: Path) -> Settings:
    assert plugins.is_dir()
    given = settings.model_dump() | {"credentials_key": "a key of sixteen and more", "survey_step_s": 2.0}
    return Settings.model_validate(given)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def observer(site: Site) -> Person:
    return await make_person(site, "observer")


async def run(site: Site, person: Person, job_id: str) -> dict[str, Any]:
    """Make the job's next steps here; the job then."""
    async with Sandbox() as sandbox:
        await run_job(site.rt, sandbox, int(job_id[1:]))
    job: dict[str, Any] = (await person.client.query(JOB, id=job_id))["job"]
    return job


async def jobs_of(site: Site) -> int:
    count: int = await site.rt.reads.fetchval("select count(*) from jobs")
    return count


class TestRefusals:
    """Nothing is queued."""

    @pytest.mark.parametrize(
        ("service", "parameters", "code", "path", "words"),
        [
            ("hubble", {}, "UNKNOWN_PLUGIN", None, 'There is no survey service named "hubble". Known: '),
            ("free", {"radius_arcsec": 61}, "INVALID_INPUT", [], "radius_arcsec: Input should be less than"),
            ("free", {"radius": 1}, "INVALID_INPUT", [], "radius: Extra inputs are not permitted"),
            ("free", {"do": 5, "radius_arcsec": "far"}, "INVALID_INPUT", [], "radius_arcsec: Input should be"),
            ("free", {"do": "know"}, "INVALID_INPUT", None, "Free survey: only Ceres is known here."),
            ("free", {"do": "x" * 20_000}, "INVALID_INPUT", [], "more than 20000 bytes"),
            ("moody", {}, "INVALID_INPUT", None, 'The service "moody" needs token and email: set them with'),
        ],
    )
    async def test_words(
        self, site: Site, observer: Person, service: str, parameters: dict[str, Any], code: str,
        path: list[str] | None, words: str,
    ) -> None:  # fmt: skip
        target = await observer.create_target(f"refused {service} {words[:60]}")
        before = await jobs_of(site)
        error = await refused_survey(observer.client, target, service, **parameters)
        assert error["code"] == code
        assert words in error["message"]
        if path is not None:
            assert error["path"] == ["input", "parameters", *path]
        assert await jobs_of(site) == before

    async def test_a_broken_service_is_left_out(self, site: Site, observer: Person) -> None:
        services = (await observer.client.query(LIST))["surveyServices"]
        assert {"moody", "free", "atlas"} <= {each["name"] for each in services}
        assert "odd" not in {each["name"] for each in services}
        (fault,) = [str(fault) for fault in site.rt.surveys.faults]
        assert "parameters is no subclass of Parameters" in fault
        assert "requests_per_minute is no positive number" in fault
        assert "credentials is no tuple of lower-case words" in fault
        assert 'addresses holds "ftp://x"' in fault


class TestCredentials:
    async def test_they_are_stored_encrypted_and_never_answered(self, site: Site, observer: Person) -> None:
        answer = await observer.client.query(CREDENTIALS, input={"service": "moody", "secrets": SECRETS})
        assert answer["setSurveyCredentials"] == {"surveyService": {"isConfigured": True}, "errors": []}
        stored = await site.rt.reads.fetchrow("select * from survey_credentials")
        assert SECRETS["token"].encode() not in bytes(stored["secrets"])
        assert SECRETS["token"] not in str(await observer.client.query(LIST))
        other = await make_person(site, "other")
        listed = {each["name"]: each for each in (await other.client.query(LIST))["surveyServices"]}
        assert (listed["moody"]["isConfigured"], listed["free"]["isConfigured"]) == (False, True)
        assert listed["moody"]["credentials"] == ["token", "email"]
        assert listed["moody"]["parametersSchema"]["properties"]["radius_arcsec"]["maximum"] == 60

    async def test_ones_own_come_before_everybodys(self, site: Site, observer: Person, admin: Person) -> None:
        common = {"token": "of everybody", "email": "site@example.org"}
        given = {"service": "moody", "secrets": common, "forEverybody": True}
        refused = (await observer.client.query(CREDENTIALS, input=given))["setSurveyCredentials"]["errors"]
        assert [error["code"] for error in refused] == ["NOT_ALLOWED"]
        await admin.client.query(CREDENTIALS, input=given)
        plugin = site.rt.surveys.locate("moody").plugin
        assert await find_credentials(site.settings, site.rt.reads.fetch, plugin, int(observer.id[1:])) == SECRETS
        assert await find_credentials(site.settings, site.rt.reads.fetch, plugin, int(admin.id[1:])) == common
        delete = (
            'mutation { deleteSurveyCredentials(service: "moody", forEverybody: true) { deletedId errors { code } } }'
        )
        assert (await admin.client.query(delete))["deleteSurveyCredentials"] == {"deletedId": "moody", "errors": []}
        again = (await admin.client.query(delete))["deleteSurveyCredentials"]["errors"]
        assert [error["code"] for error in again] == ["NOT_FOUND"]

    @pytest.mark.parametrize(
        ("service", "secrets", "words"),
        [
            ("moody", {"token": "x"}, "wants exactly these secrets: token, email"),
            ("moody", {"token": "x", "email": 5}, "Secrets are texts"),
            ("moody", {"token": "", "email": "e"}, "Secrets are texts"),
            ("moody", {"token": "x" * 4001, "email": "e"}, "Secrets are texts"),
            ("free", {"token": "x"}, "needs no credentials"),
        ],
    )
    async def test_others_are_refused(
        self, observer: Person, service: str, secrets: dict[str, Any], words: str
    ) -> None:
        answer = await observer.client.query(CREDENTIALS, input={"service": service, "secrets": secrets})
        (error,) = answer["setSurveyCredentials"]["errors"]
        assert (error["code"], error["path"]) == ("INVALID_INPUT", ["input", "secrets"])
        assert words in error["message"]

    async def test_another_key_cannot_read_them(self, site: Site, observer: Person) -> None:
        target = await observer.create_target("another key")
        site.rt.settings, kept = site.rt.settings.model_copy(update={"credentials_key": None}), site.rt.settings
        try:
            answer = await observer.client.ask(CREDENTIALS, input={"service": "moody", "secrets": SECRETS})
            assert answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
            assert "TOMGQL_CREDENTIALS_KEY" in answer["errors"][0]["message"]
            site.rt.settings = Settings.model_validate({**kept.model_dump(), "credentials_key": "quite another key"})
            error = await refused_survey(observer.client, target, "moody")
        finally:
            site.rt.settings = kept
        assert error["message"].startswith("Stored credentials cannot be read with this site's key")


class TestServices:
    """Run here, step by step, without a worker."""

    async def test_what_was_given_says_where_it_came_from(self, site: Site, observer: Person) -> None:
        target = await observer.create_target("given")
        job_id = await query_survey(observer.client, target, "moody", radius_arcsec=2.0)
        job = await run(site, observer, job_id)
        assert (job["state"], job["message"], job["dataProduct"]) == ("SUCCEEDED", "One file.", None)
        (product,) = (await observer.client.query(PRODUCT, target=target))["target"]["dataProducts"]["nodes"]
        received = product["origin"].pop("received")
        assert received.endswith("+00:00")
        assert product == {
            "fileName": "moody.csv",
            "origin": {
                "service": "moody", "version": "7", "parameters": {"do": "give", "radius_arcsec": 2.0},
                "address": "http://127.0.0.1:9/file?key=***", "remote_id": "m1",
            },
            "request": {"id": job_id},
            "uploadedBy": {"username": "observer"},
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("do", "code", "message"),
        [
            ("blab", "UPSTREAM_REFUSED", "no ***"),
            ("echo", "UPSTREAM_REFUSED", "no ***"),
            ("stumble", "SERVICE_FAILED", "Moody survey: its code broke down (KeyError); the server's log says where."),
            ("babble", "SERVICE_FAILED", "Moody survey: its step returned str, which is none."),
            ("stray", "UPSTREAM_REFUSED", "The service names example.org:80, which is not one of its hosts."),
        ],
    )
    async def test_faults_tell_no_secret(
        self, site: Site, observer: Person, caplog: pytest.LogCaptureFixture, do: str, code: str, message: str
    ) -> None:
        target = await observer.create_target(f"fault {do}")
        with caplog.at_level(logging.DEBUG):
            job = await run(site, observer, await query_survey(observer.client, target, "moody", do=do))
        assert (job["state"], job["error"]) == ("FAILED", {"code": code, "message": message})
        assert SECRETS["token"] not in caplog.text

    async def test_endless_steps_let_others_have_their_turn(self, site: Site, observer: Person) -> None:
        target = await observer.create_target("spins")
        job = await run(site, observer, await query_survey(observer.client, target, "free", do="spin"))
        assert (job["state"], job["message"], job["progress"]) == ("WAITING", "Other jobs have their turn.", 0.3)
        assert await site.rt.reads.fetchval("select max((state->>'n')::int) from survey_queries") == 50

    async def test_a_query_ends_with_its_time(self, site: Site, observer: Person) -> None:
        target = await observer.create_target("late")
        job_id = await query_survey(observer.client, target, "free", do="wait")
        assert (await run(site, observer, job_id))["state"] == "WAITING"
        await site.rt.writes.execute("update survey_queries set begun = now() - interval '61 minutes'")
        await hurry(site)
        job = await run(site, observer, job_id)
        assert (job["state"], job["error"]["code"]) == ("FAILED", "UPSTREAM_TIMEOUT")
        assert job["error"]["message"] == "Free survey was not done within 1 hours."

    async def test_a_service_that_is_down_is_left_alone_by_all(self, site: Site, observer: Person) -> None:
        await hurry(site)
        targets = [await observer.create_target(f"down {number}") for number in range(4)]
        jobs = [
            await run(site, observer, await query_survey(observer.client, target, "free", do="call"))
            for target in targets
        ]
        assert {job["state"] for job in jobs} == {"WAITING"}
        assert [job["message"] for job in jobs[:3]] == [
            "Free survey does not answer: 127.0.0.1:9 does not answer: no connection."
        ] * 3
        assert jobs[3]["message"] == "Free survey does not answer; it is left alone for a while."
        assert await site.rt.pacing.blocked("free", 5) > 5
        await hurry(site)

    async def test_all_of_us_ask_no_more_often_than_the_service_allows(self, site: Site, observer: Person) -> None:
        await hurry(site)
        for _ in range(5):
            assert await site.rt.pacing.reserve("free", 60.0) == 0
        wait_s = await site.rt.pacing.reserve("free", 60.0)
        assert 0.5 < wait_s <= 1.0
        target = await observer.create_target("too often")
        job = await run(site, observer, await query_survey(observer.client, target, "free", do="ask"))
        assert job["message"] == "Free survey is busy: Free survey may be asked 60 requests a minute by all of us."
        await hurry(site)

    async def test_only_who_may_change_the_target_asks(self, site: Site, observer: Person) -> None:
        target = await observer.create_target("not yours", access="PUBLIC")
        stranger = await make_person(site, "stranger")
        error = await refused_survey(stranger.client, target, "free")
        assert error["code"] == "NOT_ALLOWED"
        key = {"target": target, "service": "free", "parameters": {}, "idempotencyKey": "once"}
        first, second = [(await observer.client.query(QUERY, input=key))["querySurvey"]["job"]["id"] for _ in range(2)]
        assert first == second
        await run(site, observer, first)
        third = (await observer.client.query(QUERY, input=key))["querySurvey"]["job"]
        assert (third["id"], third["state"]) == (first, "SUCCEEDED")
