"""ATLAS through the public door and a real worker; submissions as recorded, the rest by the source of its server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.atlas_double import TOKEN, AtlasDouble
from tests.support.faults import ended, job_of, latest_cursor, reaches
from tests.support.people import Person, make_person
from tests.support.site import Child, Site, running_site, running_worker, until
from tests.support.survey_doubles import BadDay, cut, hurried, hurry, once, playing, query_survey
from tomgql.settings import Settings

PLACE = {"raDeg": 29.86137, "decDeg": 30.72672}
CERES = {"scheme": "MPC_MINOR_PLANET", "epochOfElementsMjd": 61000.0, "inclinationDeg": 10.6, "eccentricity": 0.08,
         "ascendingNodeLongitudeDeg": 80.2, "perihelionArgumentDeg": 73.3, "meanAnomalyDeg": 5.0,
         "semimajorAxisAu": 2.77}  # fmt: skip
QUEUE = "/forcedphot/queue/"
PRODUCTS = """query ($target: ID!) { target(id: $target) {
  dataProducts { nodes { id fileName sizeBytes processing { id state result } } }
  reducedData(first: 1000) { totalCount } } }"""
JOBS = """subscription ($after: Cursor, $target: ID!) {
  jobs(after: $after, where: {target: $target, kind: {eq: "query_survey"}}) { job { state message progress } } }"""
CANCEL = "mutation ($id: ID!) { cancelJob(id: $id) { job { state } errors { code } } }"
RETRY = "mutation ($id: ID!) { retryJob(id: $id) { job { state } errors { code } } }"
DELETE_TARGET = "mutation ($id: ID!) { deleteTarget(id: $id) { errors { code } } }"
MERGE = "mutation ($into: ID!, $from: ID!) { mergeTargets(into: $into, from: $from) { errors { code message } } }"
FLUXES = "query ($target: ID!) { target(id: $target) { lightCurve { flux } } }"
KINDS = "query ($target: ID!) { jobs(where: {target: $target}) { nodes { kind state message error { code } } } }"



@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def atlas_address() -> AsyncIterator[AtlasDouble]:
    async with playing(AtlasDouble()) as double:
        assert isinstance(double, AtlasDouble)
        yield double


@pytest_asyncio.fixture(loop_scope="session")
async def atlas(atlas_address: AtlasDouble) -> AtlasDouble:
    """The service on a good day."""
    fresh = AtlasDouble(address=atlas_address.address)
    vars(atlas_address).update(vars(fresh))
    return atlas_address


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def settings(settings: Settings, atlas_address: AtlasDouble) -> Settings:
    return settings.model_copy(
        update={
            "survey_addresses": {"atlas": f"{atlas_address.address}/forcedphot"},
            "survey_credentials": {"atlas": {"token": TOKEN}},
            "survey_step_s": 1.5,
        }
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(settings: Settings) -> AsyncIterator[Site]:
    async with running_site(Settings.model_validate(settings.model_dump())) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def observer(site: Site) -> Person:
    return await make_person(site, "observer")


@pytest.fixture(scope="module")
def worker(site: Site) -> Any:
    with running_worker(site.settings) as running:
        yield running


def long_light_curve(rows: int) -> bytes:
    """ATLAS's text with a column that is new; every 25th row is of a filter that nobody knows."""
    header = "###MJD m dm uJy duJy F err chi/N RA Dec x y maj min phi apfit mag5sig Sky Obs Novelty"
    lines = (
        f"{58000 + row / 10:.6f} 18.123 0.050 {200 + row % 50} 10 {'z' if row % 25 == 0 else 'co'[row % 2]} 0 1.01"
        f" 29.86137 30.72672 {row:.2f} 3841.80 2.04 2.02 26.5 -0.421 19.59 20.43 01a{58000 + row // 10}o{row:04d}o new"
        for row in range(rows)
    )
    return "\n".join([header, *lines, ""]).encode()


async def product_of(observer: Person, target: str) -> dict[str, Any]:
    """The only data product of a target, once it has been read, and how many data the target has."""

    async def read() -> Any:
        found = (await observer.client.query(PRODUCTS, target=target))["target"]
        jobs = [node["processing"] for node in found["dataProducts"]["nodes"]]
        return found if jobs and all(job and job["state"] == "SUCCEEDED" for job in jobs) else None

    found = await until(30, read)
    (product,) = found["dataProducts"]["nodes"]
    return {**product, "data": found["reducedData"]["totalCount"]}


class TestWithWorker:
    async def test_a_query_becomes_data(
        self, site: Site, observer: Person, atlas: AtlasDouble, worker: Child
    ) -> None:
        target = await observer.create_target("asked of ATLAS", **PLACE)
        cursor = await latest_cursor(observer.client)
        watching = asyncio.create_task(self._events(observer, target, cursor))
        await asyncio.sleep(0.2)
        job_id = await query_survey(observer.client, target, "atlas", mjd_min=59000.5)
        job = await hurried(site, observer.client, job_id)
        assert (job["state"], job["error"]) == ("SUCCEEDED", None)
        assert job["message"] == "147 rows from ATLAS."
        product = await product_of(observer, target)
        assert job["result"] == {"service": "atlas", "version": "1", "dataProducts": [product["id"]]}
        assert product["fileName"] == "atlas_asked_of_ATLAS_152047.txt"
        assert product["processing"]["result"]["processor"] == "atlas"
        assert product["data"] == product["processing"]["result"]["created"] > 100
        (submitted,) = [each for each in atlas.heard if each.method == "POST"]
        assert submitted.path == QUEUE
        comment = submitted.form.pop("comment")
        assert submitted.form == {
            "ra": "29.86137", "dec": "30.72672", "mjd_min": "59000.5", "use_reduced": "false", "send_email": "false"
        }  # fmt: skip
        assert comment.startswith(f"tomgql {site.rt.instance_id} {job_id} ")
        assert submitted.headers["User-Agent"].startswith("tomgql/")
        assert atlas.tasks == {}
        messages = list(dict.fromkeys(job["message"] for job in await watching if job["message"]))
        assert messages == [
            "ATLAS has taken the task.", "In the queue of ATLAS: 2 before it.", "ATLAS is working on it.",
            "Fetching the result.", "147 rows from ATLAS.",
        ]  # fmt: skip

    async def _events(self, observer: Person, target: str, cursor: str) -> list[dict[str, Any]]:
        """What a subscriber is told of the query until it has ended."""
        jobs: list[dict[str, Any]] = []
        async with observer.client.subscribe(JOBS, after=cursor, target=target) as stream:
            while not jobs or jobs[-1]["state"] != "SUCCEEDED":
                jobs.append((await asyncio.wait_for(stream.next(), 20))["jobs"]["job"])
        return jobs

    async def test_the_same_again_adds_nothing(
        self, site: Site, observer: Person, atlas: AtlasDouble, worker: Child
    ) -> None:
        target = await observer.create_target("asked twice", **PLACE)
        first, second = [
            await hurried(site, observer.client, await query_survey(observer.client, target, "atlas"))
            for _ in range(2)
        ]
        assert first["result"]["dataProducts"] == second["result"]["dataProducts"]
        assert atlas.counts("POST") == 2
        before = (await product_of(observer, target))["data"]
        atlas.result = (await self._with_one_row_more(atlas))
        third = await hurried(site, observer.client, await query_survey(observer.client, target, "atlas"))
        assert third["result"]["dataProducts"] != first["result"]["dataProducts"]

        async def grown() -> bool:
            found = (await observer.client.query(PRODUCTS, target=target))["target"]
            return bool(found["reducedData"]["totalCount"] == before + 1)

        await until(30, grown)

    async def _with_one_row_more(self, atlas: AtlasDouble) -> bytes:
        from tests.support.files import DATA

        content = (DATA / "atlas_fp_job01088.txt").read_text().rstrip("\n").split("\n")
        last = content[-1].split()
        last[0], last[-1] = f"{float(last[0]) + 1:.6f}", "01a60000o0001o"
        return "\n".join([*content, " ".join(last), ""]).encode()

    async def test_a_service_that_goes_back_to_what_it_said_is_believed(
        self, site: Site, observer: Person, atlas: AtlasDouble, worker: Child
    ) -> None:
        target = await observer.create_target("to and fro", **PLACE)
        fluxes = []
        for flux in (200, 300, 200):
            atlas.result = long_light_curve(2).replace(b" 201 10 ", f" {flux} 10 ".encode())
            await hurried(site, observer.client, await query_survey(observer.client, target, "atlas"))

            async def read() -> bool:
                jobs = (await observer.client.query(KINDS, target=target))["jobs"]["nodes"]
                return {job["state"] for job in jobs} == {"SUCCEEDED"}

            await until(30, read)
            found = await observer.client.query(FLUXES, target=target)
            fluxes.append(found["target"]["lightCurve"]["flux"][-1])
        assert fluxes == [200, 300, 200]

    async def test_equal_queries_in_flight_are_joined(
        self, site: Site, observer: Person, atlas: AtlasDouble, worker: Child
    ) -> None:
        target = await observer.create_target("asked by two", **PLACE)
        other = await make_person(site, "other", is_admin=True)
        jobs = await asyncio.gather(
            *(query_survey(person.client, target, "atlas") for person in (observer, other) for _ in range(3))
        )
        assert len(set(jobs)) == 1
        assert (await hurried(site, observer.client, jobs[0]))["state"] == "SUCCEEDED"
        assert atlas.counts("POST") == 1

    @pytest.mark.parametrize(
        ("bad_day", "words"),
        [
            (once("POST", QUEUE, 400, {"dec": ["A valid number is required."]}),
             "HTTP 400: dec: A valid number is required."),
            (once("POST", QUEUE, 400, {"non_field_errors": "mjd_max must be > 0"}), "HTTP 400: mjd_max must be > 0"),
            (once("POST", QUEUE, 401, {"detail": "Invalid token."}),
             "It does not accept our credentials (HTTP 401): Invalid token."),
            (once("POST", QUEUE, 302, "", Location="/accounts/login/"),
             "It sends us to another page (HTTP 302), most likely to sign in."),
            (once("GET", QUEUE, 302, "", Location="https://elsewhere.example/login"), "redirects to"),
            (once("POST", QUEUE, 200, "<!doctype html><title>Sign in</title>"), "HTTP 200: a web page, \"Sign in\"."),
            (once("GET", "/forcedphot/static", 200, "<html><title>Not today</title></html>"), "\"Not today\""),
            (once("POST", QUEUE, 201, "null"), "The answer of ATLAS is no task: null"),
            (once("POST", QUEUE, 201, "{"), 'The answer is no JSON but "{" (HTTP 201).'),
            (once("GET", QUEUE, 200, {"url": "x", "finishtimestamp": "now", "error_msg": "Out of memory"}),
             "The task failed at ATLAS: Out of memory"),
            (once("POST", QUEUE, 201, {"url": "http://elsewhere.example/queue/1/"}),
             "The service names elsewhere.example:80, which is not one of its hosts."),
        ],
    )  # fmt: skip
    async def test_what_is_refused_fails_in_its_words(
        self, site: Site, observer: Person, atlas: AtlasDouble, worker: Child, bad_day: BadDay, words: str
    ) -> None:
        target = await observer.create_target(f"refused {words[:60]}", **PLACE)
        atlas.bad_days.append(bad_day)
        job = await hurried(site, observer.client, await query_survey(observer.client, target, "atlas"))
        assert (job["state"], job["error"]["code"]) == ("FAILED", "UPSTREAM_REFUSED")
        assert words in job["error"]["message"]
        assert TOKEN not in job["error"]["message"]
        assert (await observer.client.query(PRODUCTS, target=target))["target"]["dataProducts"]["nodes"] == []

    @pytest.mark.parametrize(
        ("bad_day", "least_s", "most_s", "words"),
        [
            (once("POST", QUEUE, 429, {"detail": "Request was throttled. Expected available in 52 seconds."}), 45, 54,
             "is busy: Request was throttled. Expected available in 52 seconds."),
            (once("POST", QUEUE, 429, {"detail": "Expected available in 2 minutes."}), 110, 122, "is busy"),
            (once("POST", QUEUE, 429, {"detail": "Slow down."}, **{"Retry-After": "300"}), 290, 301, "Slow down."),
            (once("POST", QUEUE, 503, "<html><title>Maintenance</title></html>"), 25, 31, "Maintenance"),
            (once("POST", QUEUE, 400, {"non_field_errors": "ERROR: You have too many queued tasks (501)."}), 590, 601,
             "too many tasks"),
            (once("POST", QUEUE, 500, "Server Error"), 5, 13, "does not answer: HTTP 500: Server Error"),
            (cut("POST", QUEUE), 5, 13, "does not answer"),
            (once("GET", "/forcedphot/static", 502, "Bad gateway"), 5, 13, "does not answer: HTTP 502: Bad gateway"),
        ],
    )  # fmt: skip
    async def test_what_passes_is_waited_for(
        self, site: Site, observer: Person, atlas: AtlasDouble, worker: Child, bad_day: BadDay, least_s: float,
        most_s: float, words: str,
    ) -> None:  # fmt: skip
        target = await observer.create_target(f"waits {words[:50]} {least_s}", **PLACE)
        atlas.bad_days.append(bad_day)
        job_id = await query_survey(observer.client, target, "atlas")

        async def waiting_for_it() -> Any:
            job = await job_of(observer.client, job_id)
            assert job["state"] not in ("FAILED", "SUCCEEDED"), job
            if words in job["message"] and job["state"] == "WAITING":
                return True
            if job["message"].startswith(("In the queue", "ATLAS has", "ATLAS is")):
                await hurry(site)
            return False

        await until(30, waiting_for_it)
        left_s = await site.rt.reads.fetchval(
            "select extract(epoch from waiting_until - now())::float from jobs where id = $1", int(job_id[1:])
        )
        assert least_s - 20 < left_s < most_s
        assert (await hurried(site, observer.client, job_id))["state"] == "SUCCEEDED"
        assert len(await self._kinds(observer, target, "query_survey")) == 1

    async def _kinds(self, observer: Person, target: str, kind: str) -> list[dict[str, Any]]:
        jobs = (await observer.client.query(KINDS, target=target))["jobs"]["nodes"]
        return [job for job in jobs if job["kind"] == kind]

    async def test_an_answer_that_never_ends_is_cut_off_and_asked_for_again(
        self, site: Site, observer: Person, atlas: AtlasDouble, worker: Child
    ) -> None:
        target = await observer.create_target("hangs", **PLACE)
        atlas.hold(0)
        job_id = await query_survey(observer.client, target, "atlas")
        await reaches(observer.client, job_id, "WAITING")
        assert "no whole answer within 1.2 seconds" in (await job_of(observer.client, job_id))["message"]
        atlas.release()
        assert (await hurried(site, observer.client, job_id))["state"] == "SUCCEEDED"
        assert atlas.counts("POST") == 1  # the task was found by its comment

    async def test_a_task_that_vanished_is_submitted_again(
        self, site: Site, observer: Person, atlas: AtlasDouble, worker: Child
    ) -> None:
        target = await observer.create_target("vanishes", **PLACE)
        atlas.bad_days.append(once("GET", QUEUE, 404, {"detail": "Not found."}))
        job = await hurried(site, observer.client, await query_survey(observer.client, target, "atlas"))
        assert job["state"] == "SUCCEEDED"
        assert atlas.counts("POST") == 2

    async def test_a_task_that_vanishes_twice_fails(
        self, site: Site, observer: Person, atlas: AtlasDouble, worker: Child
    ) -> None:
        target = await observer.create_target("vanishes twice", **PLACE)
        atlas.bad_days += [once("GET", QUEUE, 404, {"detail": "Not found."}) for _ in range(2)]
        job = await hurried(site, observer.client, await query_survey(observer.client, target, "atlas"))
        assert (job["state"], job["error"]["message"]) == ("FAILED", "It has lost the task twice.")
        assert atlas.counts("POST") == 2

    @pytest.mark.parametrize(
        "bad_day",
        [
            once("DELETE", QUEUE, 400, {"detail": f"bad header Token {TOKEN}"}),
            once("POST", QUEUE, 400, {"detail": "x" * 480 + TOKEN}),
            once("POST", QUEUE, 400, {"detail": f"{TOKEN.upper()} \u202e\x1b[31m\nend"}),
            once("GET", QUEUE, 200, {"url": "x", "finishtimestamp": "now", "error_msg": f"bad\x00thing {TOKEN}\nline"}),
        ],
    )
    async def test_what_a_service_says_is_told_on_one_line_without_secrets(
        self, site: Site, observer: Person, atlas: AtlasDouble, worker: Child, bad_day: BadDay
    ) -> None:
        target = await observer.create_target(f"echoes {id(bad_day)}", **PLACE)
        atlas.bad_days.append(bad_day)
        job = await hurried(site, observer.client, await query_survey(observer.client, target, "atlas"))
        words = job["message"] + ((job["error"] or {}).get("message") or "")
        assert (job["attempts"] < 6, words.isprintable()) == (True, True)
        assert TOKEN[:14] not in words.lower()

    @pytest.mark.parametrize("nothing", ["No data returned", ""])
    async def test_an_empty_light_curve_is_a_success(
        self, site: Site, observer: Person, atlas: AtlasDouble, worker: Child, nothing: str
    ) -> None:
        target = await observer.create_target(f"empty {nothing}", **PLACE)
        atlas.error_msg = nothing or None
        atlas.result = b"###MJD m dm uJy duJy F err chi/N RA Dec x y maj min phi apfit mag5sig Sky Obs\n"
        job = await hurried(site, observer.client, await query_survey(observer.client, target, "atlas"))
        assert (job["state"], job["result"]["dataProducts"]) == ("SUCCEEDED", [])
        assert job["message"].startswith("ATLAS has no data")
        assert atlas.tasks == {}

    async def test_a_star_that_moves_is_asked_for_with_its_motion(
        self, site: Site, observer: Person, atlas: AtlasDouble, worker: Child
    ) -> None:
        moving = {"properMotionRaMasYr": -3.5, "properMotionDecMasYr": 12.25, "epoch": 2016.0}
        target = await observer.create_target("moves", **PLACE, **moving)
        given = {"mjd_min": 59000, "mjd_max": 59100.5, "use_reduced": True}
        job = await hurried(site, observer.client, await query_survey(observer.client, target, "atlas", **given))
        assert job["state"] == "SUCCEEDED"
        (form,) = [each.form for each in atlas.heard if each.method == "POST"]
        del form["comment"]
        assert form == {
            "ra": "29.86137", "dec": "30.72672", "mjd_min": "59000.0", "mjd_max": "59100.5", "use_reduced": "true",
            "send_email": "false", "radec_epoch_year": "2016.0", "propermotion_ra": "-3.5", "propermotion_dec": "12.25",
        }  # fmt: skip

    @pytest.mark.parametrize(("given", "asked"), [({}, "Ceres"), ({"mpc_name": "A801 AA"}, "A801 AA")])
    async def test_a_minor_planet_is_asked_for_by_its_name(
        self, site: Site, observer: Person, atlas: AtlasDouble, worker: Child, given: dict[str, Any], asked: str
    ) -> None:
        name = "Ceres" if not given else "Ceres by another name"
        target = await observer.create_target(name, type="NON_SIDEREAL", raDeg=None, decDeg=None, orbit=CERES)
        job = await hurried(site, observer.client, await query_survey(observer.client, target, "atlas", **given))
        assert job["state"] == "SUCCEEDED"
        (form,) = [each.form for each in atlas.heard if each.method == "POST"]
        assert (form["mpc_name"], "ra" in form, "dec" in form) == (asked, False, False)

    async def test_a_long_light_curve_with_columns_and_filters_nobody_knows(
        self, site: Site, observer: Person, atlas: AtlasDouble, worker: Child
    ) -> None:
        target = await observer.create_target("long", **PLACE)
        atlas.result = long_light_curve(2_500)
        assert len(atlas.result) > 300_000
        job = await hurried(site, observer.client, await query_survey(observer.client, target, "atlas"))
        assert job["message"] == "2500 rows from ATLAS."
        product = await product_of(observer, target)
        assert (product["data"], product["processing"]["result"]["created"]) == (2_400, 2_400)

    async def test_a_cancelled_query_is_withdrawn(
        self, site: Site, observer: Person, atlas: AtlasDouble, worker: Child
    ) -> None:
        target = await observer.create_target("cancelled", **PLACE)
        job_id = await query_survey(observer.client, target, "atlas")
        await reaches(observer.client, job_id, "WAITING")
        assert len(atlas.tasks) == 1
        assert (await observer.client.query(CANCEL, id=job_id))["cancelJob"]["job"]["state"] == "CANCELLED"

        async def gone() -> bool:
            return not atlas.tasks

        await until(20, gone)
        (withdrawn,) = await self._kinds(observer, target, "withdraw_survey_query")
        assert withdrawn["error"] is None
        retried = (await observer.client.query(RETRY, id=job_id))["retryJob"]
        assert retried == {"job": {"state": "QUEUED"}, "errors": []}
        assert (await hurried(site, observer.client, job_id))["state"] == "SUCCEEDED"
        assert atlas.counts("POST") == 2


class TestSecondThoughts:
    """Queries that are cancelled and tried again."""

    async def test_what_was_submitted_by_a_step_that_was_cancelled_is_withdrawn(
        self, site: Site, observer: Person, atlas: AtlasDouble, worker: Child
    ) -> None:
        target = await observer.create_target("cancelled in a step", **PLACE)
        atlas.hold(0)
        job_id = await query_survey(observer.client, target, "atlas")
        await asyncio.wait_for(atlas.held.wait(), 20)
        await observer.client.query(CANCEL, id=job_id)
        await reaches(observer.client, job_id, "CANCELLED")
        atlas.release()

        async def gone() -> bool:
            await hurry(site)
            return not atlas.tasks

        await until(20, gone)

    async def test_what_a_query_left_is_withdrawn_though_it_begins_anew(
        self, site: Site, observer: Person, atlas: AtlasDouble, worker: Child
    ) -> None:
        target = await observer.create_target("cancelled and retried", **PLACE)
        atlas.looks_until_done = 1000
        job_id = await query_survey(observer.client, target, "atlas")
        await reaches(observer.client, job_id, "WAITING")
        both = "mutation ($id: ID!) { cancelJob(id: $id) { errors { code } } retryJob(id: $id) { errors { code } } }"
        assert await observer.client.query(both, id=job_id) == {"cancelJob": {"errors": []}, "retryJob": {"errors": []}}

        async def only_the_new_one() -> bool:
            await hurry(site)
            return list(atlas.tasks) == [152048]

        await until(20, only_the_new_one)
        await observer.client.query(CANCEL, id=job_id)

        async def gone() -> bool:
            await hurry(site)
            return not atlas.tasks

        await until(20, gone)

    async def test_a_query_is_not_retried_beside_an_equal_one(
        self, site: Site, observer: Person, atlas: AtlasDouble, worker: Child
    ) -> None:
        target = await observer.create_target("retried beside", **PLACE)
        first = await query_survey(observer.client, target, "atlas")
        await observer.client.query(CANCEL, id=first)
        await reaches(observer.client, first, "CANCELLED")
        second = await query_survey(observer.client, target, "atlas")
        refused = "mutation ($id: ID!) { retryJob(id: $id) { errors { code message } } }"
        (error,) = (await observer.client.query(refused, id=first))["retryJob"]["errors"]
        assert error == {"code": "CONFLICT", "message": f"An equal query goes on already: {second}."}
        assert (await hurried(site, observer.client, second))["state"] == "SUCCEEDED"


    async def test_who_retries_somebody_s_query_asks_with_secrets_of_their_own(
        self, site: Site, observer: Person, admin: Person, atlas: AtlasDouble, worker: Child
    ) -> None:
        target = await observer.create_target("retried by another", **PLACE)
        job_id = await query_survey(observer.client, target, "atlas")
        await observer.client.query(CANCEL, id=job_id)
        await reaches(observer.client, job_id, "CANCELLED")
        site.rt.settings, kept = site.rt.settings.model_copy(update={"survey_credentials": {}}), site.rt.settings
        try:
            refused = "mutation ($id: ID!) { retryJob(id: $id) { errors { code } } }"
            assert (await admin.client.query(refused, id=job_id))["retryJob"]["errors"] == [{"code": "INVALID_INPUT"}]
        finally:
            site.rt.settings = kept
        assert (await admin.client.query(RETRY, id=job_id))["retryJob"]["errors"] == []
        asker = "query ($id: ID!) { job(id: $id) { createdBy { username } } }"
        assert (await admin.client.query(asker, id=job_id))["job"] == {"createdBy": {"username": "root"}}
        assert (await hurried(site, admin.client, job_id))["state"] == "SUCCEEDED"


class TestMeanwhile:
    """What becomes of a query whose target or asker changes while it waits."""

    async def test_a_merge_takes_the_query_along(
        self, site: Site, observer: Person, atlas: AtlasDouble, worker: Child
    ) -> None:
        kept, gone = [await observer.create_target(name, **PLACE) for name in ("merges into", "is merged")]
        job_id = await query_survey(observer.client, gone, "atlas")
        await reaches(observer.client, job_id, "WAITING")
        merged = await observer.client.query(MERGE, **{"into": kept, "from": gone})
        assert merged["mergeTargets"]["errors"] == []
        job = await hurried(site, observer.client, job_id)
        assert (job["state"], job["error"]) == ("SUCCEEDED", None)
        assert (await product_of(observer, kept))["data"] > 100

    async def test_who_may_change_the_target_no_more_brings_nothing_to_it(
        self, site: Site, observer: Person, admin: Person, atlas: AtlasDouble, worker: Child
    ) -> None:
        target = await observer.create_target("taken away", **PLACE)
        job_id = await query_survey(observer.client, target, "atlas")
        await reaches(observer.client, job_id, "WAITING")
        await site.rt.writes.execute("delete from target_grants where target_id = $1", int(target[1:]))
        job = await hurried(site, admin.client, job_id)
        assert (job["state"], job["error"]["code"]) == ("FAILED", "NOT_FOUND")
        assert (await admin.client.query(PRODUCTS, target=target))["target"]["dataProducts"]["nodes"] == []

    async def test_a_target_that_is_deleted_ends_its_query(
        self, site: Site, observer: Person, atlas: AtlasDouble, worker: Child
    ) -> None:
        target = await observer.create_target("deleted", **PLACE)
        job_id = await query_survey(observer.client, target, "atlas")
        await reaches(observer.client, job_id, "WAITING")
        assert (await observer.client.query(DELETE_TARGET, id=target))["deleteTarget"]["errors"] == []
        assert (await observer.client.query("query ($id: ID!) { job(id: $id) { id } }", id=job_id))["job"] is None
        left = "select count(*) from survey_queries where job_id = $1"
        assert await site.rt.reads.fetchval(left, int(job_id[1:])) == 0


class TestKills:
    """Without a worker of the module's: each test has its own, which are killed."""

    @pytest.mark.parametrize("number", range(6))
    async def test_a_worker_killed_at_any_request_submits_once(
        self, site: Site, observer: Person, atlas: AtlasDouble, number: int
    ) -> None:
        target = await observer.create_target(f"killed at {number}", **PLACE)
        atlas.hold(number)
        first = Child(site.settings, "worker")
        job_id = await query_survey(observer.client, target, "atlas")

        async def hangs() -> bool:
            await hurry(site)
            return atlas.held.is_set()

        try:
            await until(30, hangs)
        finally:
            first.kill()
        atlas.release()
        with running_worker(site.settings):
            job = await hurried(site, observer.client, job_id)
            assert (job["state"], job["error"]) == ("SUCCEEDED", None)
            product = await product_of(observer, target)
        assert job["result"]["dataProducts"] == [product["id"]]
        assert (atlas.counts("POST"), atlas.tasks) == (1, {})
        await ended(observer.client, job_id)
