"""Files that nobody names are removed, and no other ones."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.support.people import Person
from tests.support.site import Site
from tomgql.files import SET_ASIDE
from tomgql.services.orphans import discard_orphans

DELETE = "mutation ($id: ID!) { deleteDataProduct(id: $id) { deletedId errors { code } } }"


def age(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds, time.time() - seconds))


async def test_only_old_files_that_nobody_names_go(site: Site, admin: Person) -> None:
    target, day = await admin.create_target("filed"), site.settings.orphan_age_s
    products = {}
    for name, content in (("kept", b"1"), ("gone", b"2"), ("twice", b"3"), ("again", b"3"), ("young", b"4")):
        named = {"productId": name, "process": False}  # so that the same content is two products
        products[name] = (await admin.client.upload(target, name, content, **named))["dataProduct"]
    paths = {name: site.rt.files.local_path(product["sha256"]) for name, product in products.items()}
    for name in ("kept", "gone", "twice"):
        age(paths[name], day + 60)
    directory = site.settings.files_dir
    for name in ("incoming-old", "incoming-new"):
        (directory / name).write_bytes(b"half")
    age(directory / "incoming-old", day + 60)
    for name in ("gone", "twice", "young"):
        await admin.client.query(DELETE, id=products[name]["id"])
    assert await discard_orphans(site.rt) == 1
    assert {name for name, path in paths.items() if path.exists()} == {"kept", "twice", "again", "young"}
    assert {path.name for path in directory.glob("incoming-*")} == {"incoming-new"}
    assert await discard_orphans(site.rt) == 0
    found = await admin.client.get(f"/files/{products['again']['id']}")
    assert (found.status_code, found.content) == (200, b"3")


async def test_bytes_that_come_anew_stay(site: Site, admin: Person) -> None:
    target, day = await admin.create_target("refiled"), site.settings.orphan_age_s
    first = (await admin.client.upload(target, "a", b"same", process=False))["dataProduct"]
    path = site.rt.files.local_path(first["sha256"])
    age(path, day + 60)
    assert first["sha256"] in await site.rt.files.older_than(day)
    second = (await admin.client.upload(target, "b", b"same", process=False))["dataProduct"]
    assert await site.rt.files.discard(second["sha256"], day) is False
    assert path.read_bytes() == b"same"


async def test_a_file_that_a_killed_worker_left_undecided_comes_back(site: Site, admin: Person) -> None:
    target, day = await admin.create_target("undecided"), site.settings.orphan_age_s
    product = (await admin.client.upload(target, "a", b"undecided", process=False))["dataProduct"]
    path = site.rt.files.local_path(product["sha256"])
    age(path, day + 60)
    path.rename(site.settings.files_dir / f"{SET_ASIDE}{product['sha256']}")
    assert await discard_orphans(site.rt) == 0
    assert path.read_bytes() == b"undecided"
    assert await site.rt.files.discard("0" * 64, day) is False
