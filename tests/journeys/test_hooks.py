"""Hooks: what they are told, who sees it, and what becomes of bad ones; by uploads, real workers and kill -9."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.people import Person, make_person
from tests.support.plugins import write_package
from tests.support.previews import preview
from tests.support.site import Child, Site, running_worker, until
from tomgql.settings import Settings

HOOKS = """
    import dataclasses, json, os, time
    from tomgql.domain.measurements import Note
    from tomgql.errors import HookFailed, UnreadableFile, UpstreamBusy
    from tomgql.plugins.contracts import HookReport

    class Witness:
        name = "witness"; title = "Witness"; version = "2.1"; occasions = ("product_stored", "data_recorded")
        def run(self, occasion):
            seen = dataclasses.asdict(occasion).items()
            notes = tuple(Note("INFO", name, json.dumps(value, default=str)) for name, value in seen)
            return HookReport(f"Told of {occasion.name}.", notes)

    class Unruly:
        name = "unruly"; title = "Unruly"; version = "1"; occasions = ("product_stored",)
        def run(self, occasion):
            deed = getattr(self, occasion.product.file_name.split(".")[0], None)
            return None if deed is None else deed(occasion)
        def fail(self, occasion): raise HookFailed("The archive is full.")
        def stumble(self, occasion): raise RuntimeError("secret of the trade")
        def confuse(self, occasion): raise UnreadableFile("not mine to say")
        def hang(self, occasion): time.sleep(1000)
        def eat(self, occasion): return bytearray(64 * 2**30)
        def spin(self, occasion):
            while True: pass
        def crash(self, occasion): os.abort()
        def babble(self, occasion): return "done"
        def shout(self, occasion):
            return HookReport("x" * 10_000 + chr(0), tuple(Note("WARNING", "LOUD", chr(0xD800)) for _ in range(101)))
        def wait(self, occasion):
            if occasion.attempt == 1: raise UpstreamBusy("The archive is busy.")
            return HookReport(f"attempt {occasion.attempt}")
        def pause(self, occasion):
            if occasion.attempt == 1: time.sleep(1000)
            return HookReport(f"attempt {occasion.attempt} of {occasion.id}")
        def look(self, occasion):
            environment = open("/proc/self/environ").read() + repr(dict(os.environ))
            content = open(occasion.product.path, "rb").read().decode()
            return HookReport(content + " " + str("TOMGQL_" in environment) + str(len(os.listdir("/proc/self/fd"))))
"""
LIGHT_CURVE = b"mjd,magnitude,error,filter\n60000.25,18.42,0.03,ztfr\n60003.25,18.11,0.02,ztfr\n"
JOBS = """query ($where: JobWhere) { jobs(where: $where) { nodes {
  id kind state message attempts result error { code message retryable } target { id } dataProduct { id }
  createdBy { username } } } }"""
CREATE = """mutation ($input: CreateReducedDataInput!) {
  createReducedData(input: $input) { created revised unchanged rejected errors { code } } }"""
RETRY = "mutation ($id: ID!) { retryJob(id: $id) { job { state } errors { code } } }"


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("plugins")
    entries = {"tomgql.hooks": {"witness": "Witness", "unruly": "Unruly"}}
    write_package(place, "stray_hooks", HOOKS, entries)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(place))
        patch.setenv("PYTHONPATH", str(place))
        patch.setenv("TOMGQL_SECRET_KEY", "do-not-tell")
        yield place


@pytest.fixture(scope="module")
def settings(settings: Settings, plugins: Path) -> Settings:
    """The module's settings, once the plug-ins are where the site and the workers find them."""
    assert plugins.is_dir()
    return settings.model_copy(update={"hook_timeout_s": 6.0, "hook_cpu_s": 1})


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def observer(site: Site) -> Person:
    return await make_person(site, "observer")


@pytest.fixture(scope="module")
def worker(settings: Settings, site: Site) -> Any:
    with running_worker(settings) as child:
        yield child


async def hook_jobs(person: Person, **where: Any) -> list[dict[str, Any]]:
    """The hooks' jobs, oldest first."""
    found = await person.client.query(JOBS, where={"kind": {"eq": "run_hook"}, **where})
    nodes: list[dict[str, Any]] = found["jobs"]["nodes"]
    return sorted(nodes, key=lambda job: int(job["id"][1:]))


async def ended(person: Person, count: int, **where: Any) -> list[dict[str, Any]]:
    async def look() -> Any:
        jobs = await hook_jobs(person, **where)
        states = [job["state"] in ("SUCCEEDED", "FAILED") for job in jobs]
        return jobs if len(jobs) == count and all(states) else None

    jobs: list[dict[str, Any]] = await until(30, look)
    return jobs


async def of_unruly(person: Person, name: str) -> dict[str, Any]:
    """Upload a file by whose name the unruly hook behaves; its job once it has ended."""
    target = await person.create_target(f"about {name}")
    product = (await person.client.upload(target, name, b"content", process=False))["dataProduct"]["id"]

    (job,) = [job for job in await ended(person, 2, dataProduct=product) if job["result"]["hook"] == "unruly"]
    return job


def seen(job: dict[str, Any]) -> dict[str, Any]:
    """What the witness says that it was told."""
    return {note["code"]: json.loads(note["message"]) for note in job["result"]["notes"]}


# The worker of the classes below has not started when these two run.


async def test_a_killed_worker_s_hook_is_called_again(site: Site, observer: Person) -> None:
    target = await observer.create_target("killed over")
    first = Child(site.settings, "worker")
    await observer.client.upload(target, "pause.txt", b"a", process=False)

    async def begun() -> Any:
        jobs = await hook_jobs(observer, target=target)
        return [job for job in jobs if job["message"].startswith("Calling") and "unruly" in job["message"]]

    (running,) = await until(30, begun)
    first.kill()
    with running_worker(site.settings):
        jobs = await ended(observer, 2, target=target)
    (again,) = [job for job in jobs if job["id"] == running["id"]]
    assert (again["state"], again["attempts"]) == ("SUCCEEDED", 2)
    assert again["message"] == f"attempt 2 of {running['id']}"


async def test_a_queued_hook_does_not_keep_a_product_from_being_processed(observer: Person) -> None:
    target = await observer.create_target("processed beside")
    product = (await observer.client.upload(target, "lc.csv", LIGHT_CURVE, process=False))["dataProduct"]["id"]
    assert {job["state"] for job in await hook_jobs(observer, target=target)} == {"QUEUED"}
    process = "mutation ($i: ProcessDataProductInput!) { processDataProduct(input: $i) { job { id } errors { code } } }"
    answers = [(await observer.client.query(process, i={"dataProduct": product}))["processDataProduct"] for _ in "12"]
    assert [[error["code"] for error in answer["errors"]] for answer in answers] == [[], ["CONFLICT"]]


@pytest.mark.usefixtures("worker")
class TestTold:
    async def test_of_nothing_that_would_be(self, observer: Person) -> None:
        target = await observer.create_target("only asked about")
        assert (await preview(observer.client, target, "lc.csv", LIGHT_CURVE))["created"] == 2
        assert await hook_jobs(observer, target=target) == []
        product = (await observer.client.upload(target, "lc.csv", LIGHT_CURVE, process=False))["dataProduct"]["id"]
        told = await ended(observer, 2, target=target)
        process = "mutation ($i: ProcessDataProductInput!) { processDataProduct(input: $i) { job { id } } }"
        dry = await observer.client.query(process, i={"dataProduct": product, "dryRun": True})

        async def done() -> Any:
            where = {"id": {"eq": dry["processDataProduct"]["job"]["id"]}, "state": "SUCCEEDED"}
            return (await observer.client.query(JOBS, where=where))["jobs"]["nodes"]

        (job,) = await until(30, done)
        assert job["message"] == "There would be: 2 created. Nothing was stored."
        assert await hook_jobs(observer, target=target) == told

    async def test_of_a_product_that_is_stored_and_of_data_that_are_recorded(self, observer: Person) -> None:
        target = await observer.create_target("AT 2026hook", aliases=["hooked"])
        upload = await observer.client.upload(target, "lc.csv", LIGHT_CURVE)
        product, job = upload["dataProduct"], upload["job"]["id"]
        jobs = await ended(observer, 3, target=target)
        assert {job["kind"] for job in jobs} == {"run_hook"}
        assert {(job["state"], job["dataProduct"]["id"], job["target"]["id"], job["createdBy"]["username"])
                for job in jobs} == {("SUCCEEDED", product["id"], target, "observer")}  # fmt: skip
        told = {(job["result"]["hook"], job["result"]["occasion"]): job for job in jobs}
        assert set(told) == {
            ("unruly", "product_stored"), ("witness", "product_stored"), ("witness", "data_recorded"),
        }  # fmt: skip
        assert told["unruly", "product_stored"]["message"] == 'The hook "unruly" is done.'
        stored = told["witness", "product_stored"]
        assert (stored["message"], stored["result"]["version"]) == ("Told of product_stored.", "2.1")
        said = seen(stored)
        path = said["product"].pop("path")
        assert path.endswith(product["sha256"])
        assert said == {
            "id": stored["id"], "name": "product_stored", "attempt": 1, "recorded": None,
            "target": {"id": target, "names": ["AT 2026hook", "hooked"], "type": "SIDEREAL",
                       "ra_deg": 150.0, "dec_deg": 2.0},
            "product": {"id": product["id"], "data_product_type": "photometry", "file_name": "lc.csv",
                        "size_bytes": len(LIGHT_CURVE), "sha256": product["sha256"]},
        }  # fmt: skip
        recorded = seen(told["witness", "data_recorded"])
        assert recorded["product"] == {**said["product"], "path": path}
        assert recorded["recorded"] == {
            "created": 2, "revised": 0, "disabled": 0, "enabled": 0, "job_id": job, "processor": "photometry",
            "version": "1", "format_name": "delimited text",
        }  # fmt: skip
        processing = "query ($id: ID!) { dataProduct(id: $id) { processing { id kind } } }"
        found = (await observer.client.query(processing, id=product["id"]))["dataProduct"]["processing"]
        assert found == {"id": job, "kind": "process_data_product"}

    async def test_of_rows_that_a_client_sends_and_only_when_something_changed(self, observer: Person) -> None:
        target = await observer.create_target("AT 2026rows")
        rows = [{"mjd": 60000.0 + n, "mag": 20.0, "magerr": 0.1, "filter": "ztfr"} for n in range(3)]
        given = {"target": target, "dataType": "photometry", "rows": rows}
        assert (await self.send(observer, given, dryRun=True))["created"] == 3
        refused = {**given, "rows": [*rows, {"mag": 1}], "allOrNothing": True}
        assert (await self.send(observer, refused))["created"] == 0
        assert await hook_jobs(observer, target=target) == []
        for _ in range(2):
            assert (await self.send(observer, given, idempotencyKey="once"))["created"] == 3
        assert (await self.send(observer, given))["unchanged"] == 3
        changed = {**given, "rows": [{**rows[0], "mag": 19.0}]}
        assert (await self.send(observer, changed))["revised"] == 1
        counts = [seen(job) for job in await ended(observer, 2, target=target)]
        assert [said["recorded"] for said in counts] == [
            {"created": created, "revised": revised, "disabled": 0, "enabled": 0, "job_id": None, "processor": None,
             "version": None, "format_name": None}
            for created, revised in ((3, 0), (0, 1))
        ]  # fmt: skip
        assert [said["product"] for said in counts] == [None, None]

    async def send(self, person: Person, given: dict[str, Any], **more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = (await person.client.query(CREATE, input={**given, **more}))["createReducedData"]
        return answer

    async def test_their_jobs_are_seen_by_who_sees_the_product(self, site: Site, observer: Person) -> None:
        stranger = await make_person(site, "stranger")
        target = await observer.create_target("kept private")
        product = (await observer.client.upload(target, "a.txt", b"a", process=False))["dataProduct"]["id"]
        assert len(await ended(observer, 2, dataProduct=product)) == 2
        assert await hook_jobs(stranger, dataProduct=product) == []
        opened = await observer.create_target("open to all", access="OPEN")
        product = (await observer.client.upload(opened, "a.txt", b"a", process=False))["dataProduct"]["id"]
        assert len(await ended(observer, 2, dataProduct=product)) == 2
        assert len(await hook_jobs(stranger, dataProduct=product)) == 2

    async def test_nothing_of_an_upload_that_was_refused(self, observer: Person) -> None:
        target = await observer.create_target("refused")
        await observer.client.upload(target, "a.txt", b"a", process=False, productId="taken")
        before = await ended(observer, 2, target=target)
        refused = await observer.client.upload(target, "b.txt", b"b", process=False, productId="taken")
        assert [error["code"] for error in refused["errors"]] == ["CONFLICT"]
        assert await hook_jobs(observer, target=target) == before


@pytest.mark.usefixtures("worker")
class TestMisdeeds:
    @pytest.mark.parametrize(
        ("name", "code", "words"),
        [
            ("fail", "HOOK_FAILED", 'Hook "unruly": The archive is full.'),
            ("confuse", "HOOK_FAILED", 'Hook "unruly": not mine to say'),
            ("babble", "HOOK_FAILED",
             'Hook "unruly": it returned str; None or a HookReport would be right.'),
            ("stumble", "HOOK_FAILED", 'Hook "unruly" broke down (RuntimeError); the server\'s log says where.'),
            ("hang", "PROCESSING_LIMIT", 'Hook "unruly": its run took longer than 6 seconds.'),
            ("eat", "PROCESSING_LIMIT", 'Hook "unruly": its run needs more memory than this server grants.'),
            ("spin", "PROCESSING_LIMIT", 'Hook "unruly": its run took more processor time than this server grants.'),
            ("crash", "PROCESSING_LIMIT", 'Hook "unruly": its run crashed (signal 6, SIGABRT).'),
        ],
    )  # fmt: skip
    async def test_a_bad_hook_fails_its_own_job_and_nothing_else(
        self, observer: Person, worker: Child, name: str, code: str, words: str
    ) -> None:
        target = await observer.create_target(f"bears {name}")
        upload = await observer.client.upload(target, f"{name}.csv", LIGHT_CURVE)
        jobs = await ended(observer, 3, target=target)
        (failed,) = [job for job in jobs if job["state"] == "FAILED"]
        assert failed["error"] == {"code": code, "message": words, "retryable": False}
        assert (failed["attempts"], failed["result"]) == (1, None)
        (processed,) = (await observer.client.query(JOBS, where={"id": {"eq": upload["job"]["id"]}}))["jobs"]["nodes"]
        assert (processed["state"], processed["result"]["created"]) == ("SUCCEEDED", 2)
        assert worker.process.poll() is None
        again = (await observer.client.query(RETRY, id=failed["id"]))["retryJob"]
        assert again == {"job": {"state": "QUEUED"}, "errors": []}
        (retried,) = [job for job in await ended(observer, 3, target=target) if job["state"] == "FAILED"]
        assert (retried["id"], retried["attempts"], retried["error"]) == (failed["id"], 2, failed["error"])

    async def test_a_hook_that_waits_for_another_service_is_called_again(self, observer: Person) -> None:
        job = await of_unruly(observer, "wait.txt")
        assert (job["state"], job["attempts"], job["message"], job["error"]) == ("SUCCEEDED", 2, "attempt 2", None)

    async def test_a_report_is_cut_to_what_a_job_holds(self, observer: Person) -> None:
        job = await of_unruly(observer, "shout.txt")
        assert job["message"] == "x" * 500
        assert job["result"]["notes"] == [
            {"level": "WARNING", "code": "LOUD", "message": "\N{REPLACEMENT CHARACTER}", "row": None, "count": 1}
        ] * 100

    async def test_a_hook_reads_the_file_and_sees_none_of_our_secrets(self, observer: Person) -> None:
        job = await of_unruly(observer, "look.txt")
        assert job["message"].startswith("content False")
        assert int(job["message"].removeprefix("content False")) <= 4
