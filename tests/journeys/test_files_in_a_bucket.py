"""A site with its files in a bucket, through the public door: nobody can tell, also not by what it never says."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.journeys.test_large_uploads import MEBIBYTE, another_web, hash_of, part, peak_bytes, pieces, put
from tests.support.faults import ended, job_of, light_curve, reaches
from tests.support.images import a_sky, fits_file
from tests.support.object_store import BUCKET, IN_A_BUCKET, SECRET_KEY, ObjectStore
from tests.support.people import Person, make_person
from tests.support.pieces import begun, counts, offset_of, send
from tests.support.site import Child, Site, running_worker
from tomgql.services.orphans import discard_orphans

pytestmark = IN_A_BUCKET

DELETE = "mutation ($id: ID!) { deleteDataProduct(id: $id) { errors { code } } }"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def observer(site: Site) -> Person:
    return await make_person(site, "observer")


@pytest.fixture(scope="module")
def worker(site: Site) -> Iterator[Child]:
    with running_worker(site.settings) as child:
        yield child


async def upload(person: Person, target: str, content: bytes, **more: Any) -> dict[str, Any]:
    payload = await person.client.upload(target, "a.csv", content, **more)
    assert payload["errors"] == []
    return payload


def key_of(content: bytes) -> str:
    sha256 = hashlib.sha256(content).hexdigest()
    return f"{sha256[:2]}/{sha256}"


def assert_no_word_of_the_bucket(response: httpx.Response) -> None:
    for word in (BUCKET, "amz", "s3"):
        assert word not in str(response.headers).lower()


async def test_a_file_is_read_by_a_job_and_served(
    site: Site, observer: Person, worker: Child, object_store: ObjectStore
) -> None:
    target, content = await observer.create_target("Read"), light_curve(500)
    sent = await upload(observer, target, content)
    job = await ended(observer.client, sent["job"]["id"])
    assert (job["state"], job["result"]["created"]) == ("SUCCEEDED", 500)
    address = f"/files/{sent['dataProduct']['id']}"
    whole = await observer.client.get(address)
    assert (whole.status_code, whole.content) == (200, content)
    assert whole.headers["etag"] == f'"{sent["dataProduct"]["sha256"]}"' == f'"{hashlib.sha256(content).hexdigest()}"'
    some = await observer.client.get(address, Range="bytes=100-199")
    assert (some.status_code, some.content) == (206, content[100:200])
    for response in (whole, some):
        assert_no_word_of_the_bucket(response)
    assert key_of(content) in object_store.objects()
    assert list(site.settings.files_dir.iterdir()) == []


async def test_a_thumbnail_is_drawn_and_served(observer: Person, worker: Child, object_store: ObjectStore) -> None:
    target = await observer.create_target("Drawn")
    sent = await upload(observer, target, fits_file(a_sky()), dataProductType="fits_file")
    assert (await ended(observer.client, sent["job"]["id"]))["message"] == "Drew the thumbnail."
    found = await observer.client.get(f"/files/{sent['dataProduct']['id']}/thumbnail")
    assert (found.status_code, found.headers["content-type"]) == (200, "image/png")
    assert found.headers["etag"] == f'"{hashlib.sha256(found.content).hexdigest()}"'
    assert_no_word_of_the_bucket(found)
    assert key_of(found.content) in object_store.objects()


async def test_the_same_content_is_the_same_object(observer: Person, object_store: ObjectStore) -> None:
    target, other = await observer.create_target("Same"), await observer.create_target("Same too")
    first = await upload(observer, target, b"same content", process=False)
    again = await upload(observer, target, b"same content", process=False)
    elsewhere = await upload(observer, other, b"same content", process=False)
    assert (again["alreadyExists"], again["dataProduct"]) == (True, first["dataProduct"])
    assert elsewhere["alreadyExists"] is False
    assert elsewhere["dataProduct"]["id"] != first["dataProduct"]["id"]
    assert object_store.objects().count(key_of(b"same content")) == 1


async def test_the_file_of_a_deleted_product_goes_when_it_is_old(
    site: Site, observer: Person, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = await observer.create_target("Deleted")
    kept, gone = [await upload(observer, target, content, process=False) for content in (b"kept", b"gone")]
    await observer.client.query(DELETE, id=gone["dataProduct"]["id"])
    assert await discard_orphans(site.rt) == 0
    monkeypatch.setattr(site.rt, "settings", site.settings.model_copy(update={"orphan_age_s": -60.0}))
    assert await discard_orphans(site.rt) >= 1  # and what others left of uploads that were cut off
    assert (key_of(b"gone") in object_store.objects(), key_of(b"kept") in object_store.objects()) == (False, True)
    assert (await observer.client.get(f"/files/{kept['dataProduct']['id']}")).content == b"kept"
    assert (await observer.client.get(f"/files/{gone['dataProduct']['id']}")).status_code == 404


async def test_while_the_store_is_killed_files_wait_and_nothing_else_does(
    site: Site, observer: Person, worker: Child, object_store: ObjectStore
) -> None:
    target, content = await observer.create_target("Killed"), light_curve(200, 58000.0)
    stored = await upload(observer, target, b"there before", process=False)
    address = await begun(observer.client, target, len(content))
    before = await counts(site, target)
    object_store.kill()
    try:
        answer = await observer.client.upload_answer(target, "a.csv", b"refused")
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAVAILABLE"]
        away = await observer.client.get(f"/files/{stored['dataProduct']['id']}")
        assert (away.status_code, away.json()["errors"][0]["extensions"]["code"]) == (503, "UNAVAILABLE")
        assert "Traceback" not in away.text and BUCKET not in away.text
        assert (await send(observer.client, address, 0, content)).status_code == 503
        assert await offset_of(observer.client, address) == len(content)
        assert await counts(site, target) == before
        process = "mutation ($i: ProcessDataProductInput!) { processDataProduct(input: $i) { job { id } } }"
        asked = await observer.client.query(process, i={"dataProduct": stored["dataProduct"]["id"]})
        job = asked["processDataProduct"]["job"]["id"]
        await reaches(observer.client, job, "WAITING")
        assert (await job_of(observer.client, job))["message"].startswith("The file store of this server cannot be")
    finally:
        object_store.start()
    assert (await ended(observer.client, job))["error"]["code"] == "UNREADABLE_FILE"  # it was read, and is no table
    whole = (await send(observer.client, address, len(content))).json()
    assert (await ended(observer.client, whole["job"]["id"]))["result"]["created"] == 200
    assert list(site.settings.files_dir.iterdir()) == []


async def test_a_large_file_takes_little_memory_both_ways(site: Site, observer: Person) -> None:
    target, size = await observer.create_target("Large"), 200 * MEBIBYTE
    address = await begun(observer.client, target, size, dataProductType="fits_file", process=False)
    async with another_web(site, observer) as (web, client):
        small = await client.upload(target, "a", part(0, MEBIBYTE), process=False)  # everything is loaded then
        await client.get(f"/files/{small['dataProduct']['id']}")
        before = peak_bytes(web.process.pid)
        sent = await put(client, address, pieces(0, size), 0)
        assert sent.status_code == 200
        print(f"200 MiB there: {(peak_bytes(web.process.pid) - before) / 1e6:.0f} MB more at the most")
        product = sent.json()["dataProduct"]["id"]
        digest = hashlib.sha256()
        async with (
            httpx.AsyncClient(timeout=60) as http,
            http.stream("GET", f"{client.url}/files/{product}", headers=client.headers) as response,
        ):
            async for chunk in response.aiter_bytes():
                digest.update(chunk)
        assert digest.hexdigest() == await asyncio.to_thread(hash_of, size)
        grown = peak_bytes(web.process.pid) - before
        print(f"200 MiB there and back: {grown / 1e6:.0f} MB more at the most")
        assert grown < 60_000_000


@pytest.mark.parametrize(("command", "code"), [("up", 1), ("worker", 1), ("serve", 3)])
async def test_no_process_starts_with_a_bucket_that_it_cannot_use(site: Site, command: str, code: int) -> None:
    child = Child(site.settings.model_copy(update={"files": "s3://misspelt/x"}), command)
    assert await asyncio.to_thread(child.process.wait, 30) == code
    assert 'There is no bucket "misspelt": check TOMGQL_FILES' in child.printed()
    assert SECRET_KEY not in child.printed()
