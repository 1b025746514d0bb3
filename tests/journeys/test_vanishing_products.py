"""A data product that is deleted, or moved by a merge, while its job is about to record what it read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from tests.support.jobs import ended_job
from tests.support.people import Person
from tests.support.site import Site, running_worker, until
from tomgql.settings import Settings

CONTENT = b"mjd,mag,magerr,filter\n59000.5,18.1,0.1,ztfr\n59001.5,18.2,0.1,ztfr\n"
JOB = "query ($id: ID!) { job(id: $id) { state result error { code message } } }"
COUNT = "query ($t: ID!) { target(id: $t) { reducedData { totalCount } dataProducts { totalCount } } }"


@pytest.fixture(scope="module", autouse=True)
def worker(settings: Settings, site: Site) -> Any:
    with running_worker(settings) as child:
        yield child


@asynccontextmanager
async def about_to_record(site: Site, admin: Person, target: str) -> AsyncIterator[tuple[Any, dict[str, Any]]]:
    """A connection whose open transaction holds the target, and the upload whose job waits for it."""
    connection = await asyncpg.connect(site.settings.database_url)
    async with connection.transaction():
        await connection.execute("select from targets where id = $1 for no key update", int(target[1:]))
        payload = await admin.client.upload(target, "lc.csv", CONTENT)
        waiting = "select true from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        await until(20, lambda: site.rt.reads.fetchval(f"{waiting} and query like '%targets%no key update%'"))
        yield connection, payload
    await connection.close()


async def test_a_product_deleted_while_its_job_records(site: Site, admin: Person, worker: Any) -> None:
    target = await admin.create_target("deleted while recording")
    async with about_to_record(site, admin, target) as (connection, payload):
        await connection.execute("delete from data_products where id = $1", int(payload["dataProduct"]["id"][1:]))
    other = await admin.client.upload(target, "other.csv", CONTENT + b"\n")  # the worker goes on
    assert (await ended_job(admin.client, JOB, other["job"]["id"]))["result"]["created"] == 2
    assert (await admin.client.query(COUNT, t=target))["target"] == {
        "reducedData": {"totalCount": 2}, "dataProducts": {"totalCount": 1},
    }  # fmt: skip
    assert "Traceback" not in worker.printed()
    assert "internal error" not in worker.printed()


async def test_a_product_merged_while_its_job_records(site: Site, admin: Person) -> None:
    target, into = await admin.create_target("merged while recording"), await admin.create_target("takes it")
    async with about_to_record(site, admin, target) as (connection, payload):
        await connection.execute(
            "update data_products set target_id = $2 where target_id = $1", int(target[1:]), int(into[1:])
        )
    job = await ended_job(admin.client, JOB, payload["job"]["id"])
    assert (job["state"], job["result"]["created"], job["error"]) == ("SUCCEEDED", 2, None)
    assert (await admin.client.query(COUNT, t=into))["target"]["reducedData"] == {"totalCount": 2}
    assert (await admin.client.query(COUNT, t=target))["target"]["reducedData"] == {"totalCount": 0}
