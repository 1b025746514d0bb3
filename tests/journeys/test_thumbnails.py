"""Thumbnails from upload to browser: who draws them, how they are served, and what becomes of them."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from tests.support.faults import ended
from tests.support.images import a_sky, fits_file, opened, picture
from tests.support.people import Person, make_person
from tests.support.plugins import write_package
from tests.support.site import Child, Site, running_worker
from tomgql.services.orphans import discard_orphans
from tomgql.settings import Settings

CUBE_READER = """
    import numpy as np
    from tomgql.domain.measurements import Note, Reading
    from tomgql.errors import UnreadableFile
    class CubeReader:
        name = "cube"; title = "Cube"; version = "1"; data_types = ("photometry",)
        options_schema = {"type": "object"}
        def confidence(self, file): return 0
        def read(self, file, options):
            if options: raise UnreadableFile("no options, please")
            return Reading(notes=[Note("INFO", "LOOKED", "looked at it")])
"""
PRODUCT = "query ($id: ID!) { dataProduct(id: $id) { thumbnailUrl processing { kind } } }"
DELETE = "mutation ($id: ID!) { deleteDataProduct(id: $id) { errors { code } } }"
MERGE = "mutation ($into: ID!, $from: ID!) { mergeTargets(into: $into, from: $from) { errors { code } } }"
PROCESS = "mutation ($i: ProcessDataProductInput!) { processDataProduct(input: $i) { job { id } errors { code } } }"
EVENTS = """subscription ($target: ID!) { dataProducts(where: {target: $target}) {
  change dataProduct { id thumbnailUrl } } }"""


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("plugins")
    write_package(place, "cube_reader", CUBE_READER, {"tomgql.processors": {"cube": "CubeReader"}})
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(place))
        patch.setenv("PYTHONPATH", str(place))
        yield place


@pytest.fixture(scope="module")
def settings(settings: Settings, plugins: Path) -> Settings:
    """The module's settings, once the plug-in is where the site and the workers find it."""
    assert plugins.is_dir()
    return settings


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def observer(site: Site) -> Person:
    return await make_person(site, "observer")


@pytest.fixture(scope="module", autouse=True)
def worker(settings: Settings, site: Site) -> Iterator[Child]:
    assert site.settings == settings
    with running_worker(settings) as child:
        yield child


async def upload(person: Person, target: str, content: bytes, kind: str = "fits_file", **more: Any) -> tuple[str, Any]:
    """A product's id, and its job once it has ended."""
    sent = await person.client.upload(target, f"image.{kind}", content, dataProductType=kind, **more)
    assert sent["errors"] == []
    return sent["dataProduct"]["id"], await ended(person.client, sent["job"]["id"])


async def kind_of(person: Person, job: str) -> str:
    found: str = (await person.client.query("query ($id: ID!) { job(id: $id) { kind } }", id=job))["job"]["kind"]
    return found


async def test_a_fits_image_is_drawn_announced_and_served(observer: Person) -> None:
    target = await observer.create_target("drawn")
    async with observer.client.subscribe(EVENTS, target=target) as events:
        await asyncio.sleep(0.3)
        sent = await observer.client.upload(target, "sky.fits", fits_file(a_sky()), dataProductType="fits_file")
        product = sent["dataProduct"]["id"]
        told = [(await asyncio.wait_for(events.next(), 30))["dataProducts"] for _ in "12"]
    address = f"/files/{product}/thumbnail"
    assert [event["change"] for event in told] == ["CREATED", "REVISED"]
    assert told[1]["dataProduct"] == {"id": product, "thumbnailUrl": address}
    job = await ended(observer.client, sent["job"]["id"])
    assert await kind_of(observer, sent["job"]["id"]) == "make_thumbnail"
    assert (job["state"], job["message"], job["result"]) == ("SUCCEEDED", "Drew the thumbnail.", {"drawn": True})
    found = (await observer.client.query(PRODUCT, id=product))["dataProduct"]
    assert found == {"thumbnailUrl": address, "processing": None}

    got = await observer.client.get(address)
    assert (got.status_code, got.headers["content-type"]) == (200, "image/png")
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert got.headers["etag"] == f'"{hashlib.sha256(got.content).hexdigest()}"'
    image = opened(got.content)
    assert (image.size, image.mode) == ((171, 256), "L")
    assert np.asarray(image)[51, 51] == 255
    again = await observer.client.get(address, **{"If-None-Match": got.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", got.headers["etag"])
    other = await observer.client.get(address, **{"If-None-Match": '"0"'})
    assert (other.status_code, other.content) == (200, got.content)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF"])
async def test_image_files_keep_theirs_small(observer: Person, kind: str) -> None:
    target = await observer.create_target(f"a {kind}")
    product, job = await upload(observer, target, picture(kind), "image_file")
    assert (job["state"], job["result"]) == ("SUCCEEDED", {"drawn": True})
    got = await observer.client.get(f"/files/{product}/thumbnail")
    assert opened(got.content).size == (256, 128)
    assert (await observer.client.get(f"/files/{product}")).content == picture(kind)


async def test_a_file_without_an_image_has_none_and_a_page_is_refused_in_words(observer: Person) -> None:
    target = await observer.create_target("undrawn")
    product, job = await upload(observer, target, fits_file(np.ones(100)))
    assert (job["state"], job["message"]) == ("SUCCEEDED", "The file holds no image to draw.")
    assert job["result"] == {"drawn": False}
    page, failed = await upload(observer, target, b"<html><script>alert(1)</script>", "image_file")
    assert (failed["state"], failed["error"]) == ("FAILED", {
        "code": "UNREADABLE_FILE", "retryable": False,
        "message": "image.image_file: the file is no image; FITS, PNG, JPEG, GIF or TIFF would be one.",
    })  # fmt: skip
    for each in (product, page):
        assert (await observer.client.query(PRODUCT, id=each))["dataProduct"]["thumbnailUrl"] is None
        assert (await observer.client.get(f"/files/{each}/thumbnail")).status_code == 404
        assert (await observer.client.get(f"/files/{each}")).status_code == 200


async def test_other_types_and_files_that_are_not_to_be_read_have_no_job(observer: Person) -> None:
    target = await observer.create_target("unasked")
    for kind in ("fits_file", "photometry"):
        content = fits_file(a_sky())
        sent = await observer.client.upload(target, "sky.fits", content, dataProductType=kind, process=False)
        assert (sent["job"], sent["errors"]) == (None, [])
        found = (await observer.client.query(PRODUCT, id=sent["dataProduct"]["id"]))["dataProduct"]
        assert found == {"thumbnailUrl": None, "processing": None}


async def test_the_job_that_processes_an_image_draws_it_too_even_when_it_fails(observer: Person) -> None:
    target = await observer.create_target("processed")
    product, job = await upload(observer, target, fits_file(a_sky()), processor="cube")
    assert (job["state"], job["result"]["processor"]) == ("SUCCEEDED", "cube")
    found = (await observer.client.query(PRODUCT, id=product))["dataProduct"]
    assert found == {
        "thumbnailUrl": f"/files/{product}/thumbnail", "processing": {"kind": "process_data_product"},
    }  # fmt: skip
    other, failed = await upload(observer, target, picture("PNG"), "image_file", processor="cube", options={"a": 1})
    assert (failed["state"], failed["error"]["message"]) == ("FAILED", "no options, please")
    assert (await observer.client.get(f"/files/{other}/thumbnail")).status_code == 200
    page, read = await upload(observer, target, b"<html>", "image_file", processor="cube")
    assert (read["state"], read["error"]) == ("SUCCEEDED", None)
    assert (await observer.client.query(PRODUCT, id=page))["dataProduct"]["thumbnailUrl"] is None


async def test_drawn_again_nothing_changes(site: Site, observer: Person) -> None:
    target = await observer.create_target("drawn twice")
    product, _ = await upload(observer, target, fits_file(a_sky()))
    before = await site.rt.reads.fetchrow("select * from data_products where id = $1", int(product[1:]))
    events = "select count(*) from events where topic = 'data_products' and data_product_id = $1"
    assert await site.rt.reads.fetchval(events, int(product[1:])) == 2
    asked = await observer.client.query(PROCESS, i={"dataProduct": product, "processor": "cube", "options": {"a": 1}})
    job = await ended(observer.client, asked["processDataProduct"]["job"]["id"])
    assert job["state"] == "FAILED"
    after = await site.rt.reads.fetchrow("select * from data_products where id = $1", int(product[1:]))
    assert after["thumbnail_sha256"] == before["thumbnail_sha256"]
    assert await site.rt.reads.fetchval(events, int(product[1:])) == 2


async def test_it_goes_where_its_product_goes(site: Site, observer: Person) -> None:
    into, merged = await observer.create_target("stays"), await observer.create_target("comes")
    kept, _ = await upload(observer, merged, picture("PNG", size=(70, 50)), "image_file")
    gone, _ = await upload(observer, merged, picture("PNG", size=(50, 70)), "image_file")
    merge = await observer.client.query(MERGE, into=into, **{"from": merged})
    assert merge["mergeTargets"]["errors"] == []
    hashes = dict(await site.rt.reads.fetch("select id, thumbnail_sha256 from data_products where target_id = $1",
                                            int(into[1:])))  # fmt: skip
    paths = {each: site.rt.files.local_path(hashes[int(each[1:])]) for each in (kept, gone)}
    assert (await observer.client.get(f"/files/{kept}/thumbnail")).content == paths[kept].read_bytes()
    await observer.client.query(DELETE, id=gone)
    assert (await observer.client.get(f"/files/{gone}/thumbnail")).status_code == 404
    old = time.time() - site.settings.orphan_age_s - 60
    for path in paths.values():
        os.utime(path, (old, old))
    assert await discard_orphans(site.rt) == 1
    assert {each: path.exists() for each, path in paths.items()} == {kept: True, gone: False}


async def test_a_bomb_fails_its_own_job(observer: Person, worker: Child) -> None:
    target = await observer.create_target("bombed")
    _, job = await upload(observer, target, picture("PNG", "1", (20_000, 20_000)), "image_file")
    assert (job["state"], job["error"]["code"]) == ("FAILED", "UNREADABLE_FILE")
    assert "more than 100000000 pixels" in job["error"]["message"]
    assert worker.process.poll() is None
