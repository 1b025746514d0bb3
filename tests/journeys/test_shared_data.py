"""Data that several files of a target hold outlive the deletion of one, and its reading with other options."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import pytest_asyncio

from tests.support.jobs import ended_job
from tests.support.people import Person, make_person
from tests.support.site import Site, running_worker
from tomgql.settings import Settings

HEAD = "mjd,magnitude,error,filter\n"
TWO = f"{HEAD}58100.25,18.42,0.03,ztfr\n58101.25,18.5,0.03,ztfr\n"
THREE = f"{TWO}58102.25,18.6,0.03,ztfr\n"
JOB = "query ($id: ID!) { job(id: $id) { state message result dataProduct { fileName notes { code message } } } }"
DELETE = """mutation ($id: ID!) { deleteDataProduct(id: $id) {
  deletedId jobs { id kind dataProduct { id } } errors { code } } }"""
PROCESS = "mutation ($i: ProcessDataProductInput!) { processDataProduct(input: $i) { job { id } errors { code } } }"
DISABLE = """mutation ($ids: [ID!]!) { setReducedDataDisabled(
  ids: $ids, disabled: true, reason: "clouds") { revised } }"""
GROUP = "mutation ($i: CreateDataProductGroupInput!) { createDataProductGroup(input: $i) { errors { code } } }"
TEAM = "mutation ($n: String!) { createUserGroup(input: {name: $n}) { userGroup { id } } }"
READ = """query ($t: ID!) { target(id: $t) { lightCurve { mjd } reducedData(where: {disabled: null}) { nodes {
  id globalId mjd disabled revision dataProduct { id } } } } }"""
JOBS = """query ($t: ID!) { target(id: $t) { jobs { nodes { id state dataProduct { id } } } } }"""
DATA_EVENTS = """subscription ($after: Cursor, $t: ID!) {
  reducedData(after: $after, where: {target: $t, disabled: null}) {
  change count dataProduct { id } data { id mjd } } }"""
PRODUCT_EVENTS = """subscription ($after: Cursor, $t: ID!) { dataProducts(after: $after, where: {target: $t}) {
  change dataProduct { id } } }"""
TIMES = [58100.25, 58101.25, 58102.25]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def observer(site: Site) -> Person:
    return await make_person(site, "weekly")


@pytest.fixture(scope="module", autouse=True)
def worker(settings: Settings, site: Site) -> Any:
    with running_worker(settings) as child:
        yield child


async def ended(person: Person, job: str) -> dict[str, Any]:
    found = await ended_job(person.client, JOB, job)
    assert found["state"] == "SUCCEEDED", found
    return found


async def upload(person: Person, target: str, name: str, content: str, **given: Any) -> str:
    payload = await person.client.upload(target, name, content.encode(), **given)
    await ended(person, payload["job"]["id"])
    return str(payload["dataProduct"]["id"])


async def process(person: Person, product: str, **options: Any) -> dict[str, Any]:
    asked = await person.client.query(PROCESS, i={"dataProduct": product, "options": options})
    return await ended(person, asked["processDataProduct"]["job"]["id"])


async def delete(person: Person, product: str) -> list[dict[str, Any]]:
    """The jobs that the deletion asked for, ended."""
    payload = (await person.client.query(DELETE, id=product))["deleteDataProduct"]
    assert (payload["deletedId"], payload["errors"]) == (product, [])
    assert {job["kind"] for job in payload["jobs"]} <= {"process_data_product"}
    return [{**job, **await ended(person, job["id"])} for job in payload["jobs"]]


async def read(person: Person, target: str) -> tuple[list[float], dict[float, dict[str, Any]]]:
    found = (await person.client.query(READ, t=target))["target"]
    return found["lightCurve"]["mjd"], {each["mjd"]: each for each in found["reducedData"]["nodes"]}


async def all_ended(person: Person, target: str) -> int:
    """Wait for all jobs of a target; how many there are."""
    jobs = (await person.client.query(JOBS, t=target))["target"]["jobs"]["nodes"]
    for job in jobs:
        await ended(person, job["id"])
    return len(jobs)


async def latest(person: Person) -> str:
    return str((await person.client.query("{ server { latestCursor } }"))["server"]["latestCursor"])


async def told(person: Person, document: str, after: str, target: str, count: int) -> list[dict[str, Any]]:
    async with person.client.subscribe(document, after=after, t=target) as events:
        found = [await asyncio.wait_for(events.next(), 15) for _ in range(count)]
    return [next(iter(each.values())) for each in found]


async def test_deleting_one_file_keeps_what_another_holds(observer: Person) -> None:
    target = await observer.create_target("weekly downloads")
    first, second = [await upload(observer, target, *file) for file in (("v1.csv", TWO), ("v2.csv", THREE))]
    alone = await upload(observer, target, "alone.csv", f"{HEAD}58200.25,17.1,0.03,ztfr\n")
    _, before = await read(observer, target)
    start = await latest(observer)
    (job,) = await delete(observer, first)
    assert job["dataProduct"]["fileName"] == "v2.csv", "not the file that shares nothing"
    assert job["message"] == (
        "Read again, as data that this file may hold went with another. Recorded reduced data: 2 created, 1 unchanged."
    )
    times, after = await read(observer, target)
    assert times == [*TIMES, 58200.25]
    assert {mjd: each["dataProduct"]["id"] for mjd, each in after.items()} == {
        **dict.fromkeys(TIMES, second), 58200.25: alone,
    }  # fmt: skip
    assert {mjd: each["globalId"] for mjd, each in after.items()} == {
        mjd: each["globalId"] for mjd, each in before.items()
    }
    assert [after[mjd]["id"] == before[mjd]["id"] for mjd in TIMES] == [False, False, True]
    (gone,) = await told(observer, PRODUCT_EVENTS, start, target, 1)
    assert gone == {"change": "DELETED", "dataProduct": {"id": first}}
    (back,) = await told(observer, DATA_EVENTS, start, target, 1)
    assert (back["change"], back["count"], back["dataProduct"]) == ("CREATED", 2, {"id": second})
    assert [(each["id"], each["mjd"]) for each in back["data"]] == [(after[mjd]["id"], mjd) for mjd in TIMES[:2]]
    assert await delete(observer, alone) == [], "nobody else holds data of others any more"


async def test_a_revision_is_read_again_from_the_file_that_it_revised(observer: Person) -> None:
    target = await observer.create_target("revised then deleted")
    first = await upload(observer, target, "old.csv", TWO)
    second = await upload(observer, target, "new.csv", TWO.replace("18.42", "16"))
    (job,) = await delete(observer, second)
    assert job["dataProduct"]["fileName"] == "old.csv"
    times, after = await read(observer, target)
    assert times == TIMES[:2]
    assert {each["dataProduct"]["id"] for each in after.values()} == {first}


async def test_reading_one_file_otherwise_keeps_what_another_holds(observer: Person) -> None:
    target = await observer.create_target("read otherwise")
    first, second = [await upload(observer, target, *file) for file in (("v1.csv", TWO), ("v2.csv", THREE))]
    _, before = await read(observer, target)
    start = await latest(observer)
    job = await process(observer, first, time_scale="tai")
    assert (job["result"]["withdrawn"], job["result"]["created"]) == (2, 2)
    (note,) = [each["message"] for each in job["dataProduct"]["notes"] if each["code"] == "withdrawn"]
    assert note.endswith("come back when these are read again, as asked for")
    assert await all_ended(observer, target) == 4
    times, after = await read(observer, target)
    shifted = [mjd - 37 / 86400 for mjd in TIMES[:2]]
    assert times == pytest.approx(sorted([*shifted, *TIMES]), abs=1e-9)
    assert [after[mjd]["dataProduct"]["id"] for mjd in TIMES] == [second] * 3
    assert [after[mjd]["id"] for mjd in TIMES] == [before[mjd]["id"] for mjd in TIMES]
    events = await told(observer, DATA_EVENTS, start, target, 3)
    assert [(each["change"], each["count"]) for each in events] == [("DISABLED", 2), ("CREATED", 2), ("ENABLED", 2)]
    assert events[2]["dataProduct"] == {"id": second}
    again = await process(observer, second)
    assert (again["result"]["withdrawn"], again["result"]["unchanged"]) == (0, 3)
    assert await all_ended(observer, target) == 5, "a reading that withdraws nothing asks for none"


async def test_what_a_person_disabled_stays_so(observer: Person) -> None:
    target = await observer.create_target("clouded")
    first, _ = [await upload(observer, target, *file) for file in (("v1.csv", TWO), ("v2.csv", THREE))]
    _, before = await read(observer, target)
    await observer.client.query(DISABLE, ids=[before[TIMES[0]]["id"]])
    assert len(await delete(observer, first)) == 1
    times, after = await read(observer, target)
    assert (times, sorted(after)) == (TIMES[1:], TIMES)
    assert [after[mjd]["disabled"] for mjd in TIMES] == [True, False, False]


async def test_a_decision_waits_for_no_strangers_data(observer: Person, admin: Person, site: Site) -> None:
    """Sent by somebody else, the same measurement tells nothing of what was disabled with a deleted file."""
    target = await observer.create_target("not told")
    first, second = [await upload(observer, target, *file) for file in (("v1.csv", TWO), ("v2.csv", THREE))]
    _, before = await read(observer, target)
    await observer.client.query(DISABLE, ids=[each["id"] for each in before.values()])
    await delete(observer, first)
    await delete(observer, second)
    await upload(observer, target, "v3.csv", THREE + "\n")
    assert (await read(observer, target))[0] == TIMES


async def test_a_hidden_file_is_read_again_and_named_to_nobody(observer: Person, admin: Person, site: Site) -> None:
    target = await admin.create_target("hidden holder", access="OPEN")
    grant = "mutation ($i: GrantTargetAccessInput!) { grantTargetAccess(input: $i) { errors { code } } }"
    given = {"target": target, "user": observer.id, "permissions": ["CHANGE", "DELETE"]}
    assert (await admin.client.query(grant, i=given))["grantTargetAccess"]["errors"] == []
    first = await upload(observer, target, "v1.csv", TWO)
    second = await upload(admin, target, "v2.csv", THREE)
    team = (await admin.client.query(TEAM, n="holders"))["createUserGroup"]["userGroup"]["id"]
    await admin.client.query(GROUP, i={"name": "h", "userGroups": [team], "dataProducts": [second]})
    assert await delete(observer, first) == []
    assert await all_ended(admin, target) == 2
    assert (await read(admin, target))[0] == TIMES
    assert await read(observer, target) == ([], {})
