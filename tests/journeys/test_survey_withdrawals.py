"""What queries have submitted is taken back from the service: with ATLAS, the rest of whose exchange is documented."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from tests.support.atlas_double import LIGHT_CURVE, TOKEN, AtlasDouble
from tests.support.faults import held_up, someone_waits
from tests.support.files import DATA
from tests.support.people import Person, make_person
from tests.support.survey_doubles import CREDENTIALS, answering, once, query_survey
from tests.support.survey_exchanges import EXCHANGES
from tests.support.survey_hosts import World, world_of_doubles
from tests.support.survey_sites import SCOPE
from tomgql.plugins.sandbox import Sandbox
from tomgql.settings import Settings
from workers.runner import run_job

ATLAS = EXCHANGES["atlas"]
DELETE = "mutation ($id: ID!) { deleteTarget(id: $id) { errors { code message } } }"
CANCEL = "mutation ($id: ID!) { cancelJob(id: $id) { errors { code } } }"
RETRY = "mutation ($id: ID!) { retryJob(id: $id) { errors { code } } }"
WITHDRAWALS = """{ jobs(where: {kind: {eq: "withdraw_survey_query"}}, first: 1000) { nodes {
  id state message target { id } createdBy { username } } } }"""


@pytest_asyncio.fixture(**SCOPE)
async def world(settings: Settings) -> AsyncIterator[World]:
    chosen = settings.model_copy(update={"credentials_key": "a key of these tests"})
    async with world_of_doubles(chosen, 5.0) as running:
        yield running


@pytest_asyncio.fixture(**SCOPE)
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def atlas(world: World) -> AtlasDouble:
    """The service, whose tasks are never done."""
    double = await world.good_day(ATLAS)
    assert isinstance(double, AtlasDouble)
    double.looks_until_done = 1000
    return double


async def waiting(world: World, sandbox: Sandbox, name: str) -> tuple[str, str]:
    """A target and the job of its query, whose task ATLAS has taken."""
    target, job_id = await world.ask(ATLAS, name)
    assert (await world.step(sandbox, job_id))["message"] == "ATLAS has taken the task."
    return target, job_id


async def withdrawals(person: Person, before: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """The jobs that withdraw and that the person may see, without those from before."""
    nodes = (await person.client.query(WITHDRAWALS))["jobs"]["nodes"]
    return [node for node in nodes if node["id"] not in before]


async def all_withdrawn(world: World, sandbox: Sandbox) -> list[dict[str, Any]]:
    """Run the observer's jobs that withdraw and are not done; they then."""
    due = [job["id"] for job in await withdrawals(world.observer) if job["state"] in ("QUEUED", "WAITING")]
    for job_id in due:
        await world.step(sandbox, job_id)
    return [job for job in await withdrawals(world.observer) if job["id"] in due]


async def delete(person: Person, target: str) -> None:
    assert (await person.client.query(DELETE, id=target))["deleteTarget"]["errors"] == []


class TestDeletedTargets:
    async def test_the_task_of_a_deleted_target_is_gone_there_too(
        self, world: World, sandbox: Sandbox, atlas: AtlasDouble
    ) -> None:
        target, _ = await waiting(world, sandbox, "deleted")
        await delete(world.observer, target)
        (job,) = await all_withdrawn(world, sandbox)
        assert (job["state"], job["message"], job["target"]) == (
            "SUCCEEDED", "Told ATLAS forced photometry that the query was given up.", None
        )  # fmt: skip
        assert atlas.tasks == {}
        kept = await world.site.rt.reads.fetchval("select spec from jobs where id = $1", int(job["id"][1:]))
        assert kept["gone"] is None  # nothing of the target stays

    async def test_a_task_is_found_that_was_submitted_while_its_target_was_deleted(
        self, world: World, sandbox: Sandbox, atlas: AtlasDouble
    ) -> None:
        target, job_id = await world.ask(ATLAS, "deleted in a step")
        atlas.hold(0)
        step = asyncio.create_task(run_job(world.site.rt, sandbox, int(job_id[1:])))
        await asyncio.wait_for(atlas.held.wait(), 10)
        await delete(world.observer, target)
        (waits,) = [job for job in await withdrawals(world.observer) if job["state"] == "WAITING"]
        assert waits["message"] == "Waits until the query's last step has ended."
        atlas.release()
        await step
        assert len(atlas.tasks) == 1
        (job,) = await all_withdrawn(world, sandbox)
        assert (job["state"], atlas.tasks) == ("SUCCEEDED", {})

    async def test_what_a_query_left_before_it_began_anew_is_withdrawn_with_the_rest(
        self, world: World, sandbox: Sandbox, atlas: AtlasDouble
    ) -> None:
        target, job_id = await waiting(world, sandbox, "deleted after a retry")
        for act in (CANCEL, RETRY):
            await world.observer.client.query(act, id=job_id)
        await world.step(sandbox, job_id)
        assert len(atlas.tasks) == 2
        await delete(world.observer, target)
        jobs = await all_withdrawn(world, sandbox)
        assert [job["state"] for job in jobs] == ["SUCCEEDED", "SUCCEEDED"]
        assert atlas.tasks == {}

    async def test_a_target_deleted_while_its_result_is_being_stored_is_gone_without_a_refusal(
        self, world: World, sandbox: Sandbox, atlas: AtlasDouble
    ) -> None:
        atlas.looks_until_done = 1
        target, job_id = await waiting(world, sandbox, "deleted while stored")
        digest = hashlib.sha256((DATA / LIGHT_CURVE).read_bytes()).hexdigest()
        lock = f"select pg_advisory_xact_lock(hashtextextended('{digest}', 0))"
        async with held_up(str(world.site.settings.database_url), lock) as holding:
            step = asyncio.create_task(world.step(sandbox, job_id))
            await someone_waits(holding, "pg_advisory_xact_lock_shared")
            deleting = asyncio.create_task(delete(world.observer, target))
            await someone_waits(holding, "for update")
        await asyncio.gather(step, deleting)
        assert [job["state"] for job in await all_withdrawn(world, sandbox)] in ([], ["SUCCEEDED"])
        assert atlas.tasks == {}

    async def test_a_withdrawal_that_failed_can_be_tried_again(
        self, world: World, sandbox: Sandbox, atlas: AtlasDouble
    ) -> None:
        target, _ = await waiting(world, sandbox, "deleted on a bad day")
        await delete(world.observer, target)
        atlas.bad_days.append(once("DELETE", "/forcedphot/queue/", 401, {"detail": "Invalid token."}))
        (job,) = await all_withdrawn(world, sandbox)
        assert (job["state"], len(atlas.tasks)) == ("FAILED", 1)
        assert (await world.observer.client.query(RETRY, id=job["id"]))["retryJob"]["errors"] == []
        (job,) = await all_withdrawn(world, sandbox)
        assert (job["state"], atlas.tasks) == ("SUCCEEDED", {})

    async def test_the_secrets_are_those_of_who_asked(
        self, world: World, sandbox: Sandbox, atlas: AtlasDouble
    ) -> None:
        admin = await make_person(world.site, "the administrator", is_admin=True)
        asker = await make_person(world.site, "with a token")
        given = {"service": "atlas", "secrets": {"token": TOKEN}}
        assert (await asker.client.query(CREDENTIALS, input=given))["setSurveyCredentials"]["errors"] == []
        target = await asker.create_target("of somebody else", **ATLAS.target)
        job_id = await query_survey(asker.client, target, "atlas")
        await run_job(world.site.rt, sandbox, int(job_id[1:]))
        assert len(atlas.tasks) == 1
        kept = world.site.rt.settings
        world.site.rt.settings = kept.model_copy(update={"survey_credentials": {}})
        try:
            await delete(admin, target)
            (job,) = await withdrawals(asker)
            await run_job(world.site.rt, sandbox, int(job["id"][1:]))
        finally:
            world.site.rt.settings = kept
        (job,) = await withdrawals(asker)
        assert (job["state"], job["createdBy"]) == ("SUCCEEDED", {"username": "with a token"})
        assert atlas.tasks == {}

    async def test_of_queries_that_are_done_or_left_nothing_nothing_is_asked(
        self, world: World, sandbox: Sandbox, atlas: AtlasDouble
    ) -> None:
        atlas.looks_until_done = 1
        before = tuple(job["id"] for job in await withdrawals(world.observer))
        target, job_id = await world.ask(ATLAS, "done")
        while (await world.step(sandbox, job_id))["state"] == "WAITING":
            pass
        await delete(world.observer, target)
        never_begun, _ = await world.ask(ATLAS, "never begun")
        await delete(world.observer, never_begun)
        found = await world.good_day(EXCHANGES["panstarrs"])
        found.spoilt[1] = answering(500)
        target, job_id = await world.ask(EXCHANGES["panstarrs"], "only read")
        assert (await world.step(sandbox, job_id))["state"] == "WAITING"
        await delete(world.observer, target)
        assert await withdrawals(world.observer, before) == []


class TestFailedQueries:
    async def test_a_task_that_failed_is_gone_there_too(
        self, world: World, sandbox: Sandbox, atlas: AtlasDouble
    ) -> None:
        atlas.looks_until_done, atlas.error_msg = 1, "Out of memory"
        target, job_id = await waiting(world, sandbox, "fails")
        job = await world.step(sandbox, job_id)
        assert (job["state"], job["error"]["message"]) == ("FAILED", "The task failed at ATLAS: Out of memory")
        (withdrawn,) = await all_withdrawn(world, sandbox)
        assert (withdrawn["state"], withdrawn["target"], atlas.tasks) == ("SUCCEEDED", {"id": target}, {})
        atlas.error_msg = None
        assert (await world.observer.client.query(RETRY, id=job_id))["retryJob"]["errors"] == []
        while (job := await world.step(sandbox, job_id))["state"] == "WAITING":
            pass
        assert (job["state"], atlas.submitted, atlas.tasks) == ("SUCCEEDED", 2, {})

    async def test_a_task_is_found_whose_submission_was_never_confirmed_in_time(
        self, world: World, sandbox: Sandbox, atlas: AtlasDouble
    ) -> None:
        _, job_id = await world.ask(ATLAS, "too late")
        atlas.lost.add(0)
        assert (await world.step(sandbox, job_id))["state"] == "WAITING"
        assert len(atlas.tasks) == 1
        begun = "update survey_queries set begun = begun - interval '3 days' where job_id = $1 returning begun"
        await world.site.rt.writes.fetchval(begun, int(job_id[1:]))
        for task in atlas.tasks.values():  # as if it had been submitted then
            task["comment"] = await self._comment(world, job_id, task["comment"])
        job = await world.step(sandbox, job_id)
        assert (job["state"], job["error"]["code"]) == ("FAILED", "UPSTREAM_TIMEOUT")
        (withdrawn,) = await all_withdrawn(world, sandbox)
        assert (withdrawn["state"], atlas.tasks) == ("SUCCEEDED", {})

    async def _comment(self, world: World, job_id: str, comment: str) -> str:
        """The comment of a submission, with the moment at which the query was begun."""
        begun = await world.site.rt.reads.fetchval(
            "select begun from survey_queries where job_id = $1", int(job_id[1:])
        )
        return f"{comment.rpartition(' ')[0]} {begun:%Y%m%dT%H%M%S%f}"

    async def test_a_service_that_takes_nothing_back_is_left_alone(self, world: World, sandbox: Sandbox) -> None:
        before = tuple(job["id"] for job in await withdrawals(world.observer))
        broker = EXCHANGES["alerce"]
        (await world.good_day(broker)).spoilt[1] = answering(400, "no")
        _, job_id = await world.ask(broker, "fails")
        assert (await world.step(sandbox, job_id))["state"] == "FAILED"
        assert await withdrawals(world.observer, before) == []
