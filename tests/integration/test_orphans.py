"""Files that nobody names are removed, and no other ones."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.people import Person
from tests.support.pieces import counts
from tests.support.site import Site, until
from tomgql.files import SET_ASIDE
from tomgql.services.orphans import discard_orphans, hold_file
from tomgql.store.transaction import transaction

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


async def test_a_file_that_is_discarded_while_it_is_registered_is_sent_again(
    site: Site, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, put = await admin.create_target("raced"), site.rt.files.put

    async def put_and_lose(*given: Any) -> Any:
        stored = await put(*given)
        assert await site.rt.files.discard(stored.sha256, -60) is True
        return stored

    with monkeypatch.context() as patch:
        patch.setattr(site.rt.files, "put", put_and_lose)
        answer = await admin.client.upload_answer(target, "a", b"raced", process=False)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAVAILABLE"]
    assert await counts(site, target) == (0, 0, 0)
    product = (await admin.client.upload(target, "a", b"raced", process=False))["dataProduct"]
    assert (await admin.client.get(f"/files/{product['id']}")).content == b"raced"


async def test_a_file_that_is_being_named_is_not_discarded(site: Site, admin: Person) -> None:
    target, content = await admin.create_target("held"), b"held"
    product = (await admin.client.upload(target, "a", content, process=False))["dataProduct"]
    name, key = "update data_products set sha256 = $2 where id = $1", int(product["id"][1:])
    age(site.rt.files.local_path(product["sha256"]), site.settings.orphan_age_s + 60)
    await site.rt.writes.execute(name, key, "0" * 64)  # an orphan, until the transaction below commits
    async with transaction(site.rt.writes) as tx:
        await hold_file(tx, site.rt, product["sha256"])
        discarding = asyncio.create_task(discard_orphans(site.rt))
        waits = (
            "select count(*) from pg_locks where locktype = 'advisory' and not granted"
            " and database = (select oid from pg_database where datname = current_database())"
        )
        await until(10, lambda: site.rt.reads.fetchval(waits))
        await tx.execute(name, key, product["sha256"])
    assert await discarding == 0
    assert (await admin.client.get(f"/files/{product['id']}")).content == content
