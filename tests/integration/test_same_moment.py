"""What is asked at the same moment: one waits for the other, and none for ever."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

from tests.support.people import Person, make_person
from tests.support.scene import CREATE_DATA
from tests.support.site import Site, until
from tomgql.store.transaction import transaction

CSV = b"mjd,magnitude,error,filter\n%d.25,18.42,0.03,ztfr\n"
PROCESS = """mutation ($p: ID!) { processDataProduct(input: {dataProduct: $p}) { job { id } errors { code } } }"""
CANCEL = "mutation ($id: ID!) { cancelJob(id: $id) { job { state } errors { code } } }"
RETRY = "mutation ($id: ID!) { retryJob(id: $id) { job { state } errors { code } } }"
CREATE_TARGETS = "mutation ($i: CreateTargetsInput!) { createTargets(input: $i) { ids } }"
CREATE_LIST = "mutation ($i: CreateTargetListInput!) { createTargetList(input: $i) { targetList { id } } }"
UPDATE_LIST = "mutation ($i: UpdateTargetListInput!) { updateTargetList(input: $i) { errors { code } } }"
GRANT = "mutation ($i: GrantTargetAccessInput!) { grantTargetAccess(input: $i) { errors { code } } }"
FEATURE = """mutation ($i: UpdateDataProductInput!) { updateDataProduct(input: $i) {
  dataProduct { id } errors { code } } }"""
DELETE = "mutation ($id: ID!) { deleteDataProduct(id: $id) { errors { code } } }"

WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
"""How many transactions of the site wait for a lock."""


async def codes(*asked: Awaitable[dict[str, Any]]) -> Counter[str]:
    """How often each code came back of what is asked at once; "" where all went well."""
    return Counter(
        payload["errors"][0]["code"] if payload["errors"] else ""
        for answer in await asyncio.gather(*asked)
        for payload in answer.values()
    )


async def a_product(person: Person, target: str, number: int, **given: Any) -> str:
    """A stored file with one point; its id."""
    payload = await person.client.upload(target, f"{number}.csv", CSV % (58000 + number), **given)
    product: str = payload["dataProduct"]["id"]
    return product


async def test_one_of_many_has_a_product_processed(admin: Person) -> None:
    target = await admin.create_target("Asked by many")
    for number in range(5):
        product = await a_product(admin, target, number, process=False)
        asked = [admin.client.query(PROCESS, p=product) for _ in range(6)]
        assert await codes(*asked) == {"": 1, "CONFLICT": 5}


async def test_a_job_is_cancelled_and_tried_again_by_many(site: Site, admin: Person) -> None:
    target = await admin.create_target("Steered by many")
    product = await a_product(admin, target, 1, process=False)
    for _ in range(5):
        job = (await admin.client.query(PROCESS, p=product))["processDataProduct"]["job"]["id"]
        assert await codes(*[admin.client.query(CANCEL, id=job) for _ in range(6)]) == {"": 6}
        assert await codes(*[admin.client.query(RETRY, id=job) for _ in range(6)]) == {"": 1, "CONFLICT": 5}
        assert await codes(admin.client.query(CANCEL, id=job)) == {"": 1}


async def all_wait(site: Site, number: int) -> bool:
    """Whether so many transactions of the site wait for a lock."""
    waiting: int = await site.rt.reads.fetchval(WAITING)
    return waiting >= number


@asynccontextmanager
async def held_up(site: Site, target: str, waiting: int) -> AsyncIterator[None]:
    """Hold a target until so many others wait for locks, so that they go on at the same moment."""
    async with transaction(site.rt.writes) as tx:
        await tx.execute("select from targets where id = $1 for update", int(target[1:]))
        yield
        await until(10, lambda: all_wait(site, waiting))


async def test_a_list_is_changed_in_opposite_orders(site: Site, admin: Person) -> None:
    rows = [{"name": f"Listed {number}", "raDeg": 1.0, "decDeg": 1.0} for number in range(200)]
    targets = (await admin.client.query(CREATE_TARGETS, i={"targets": rows}))["createTargets"]["ids"]
    for _ in range(3):
        made = await admin.client.query(CREATE_LIST, i={"name": "at once"})
        chosen = {"id": made["createTargetList"]["targetList"]["id"]}
        changes = [{**chosen, "addTargets": targets[:: (-1) ** number]} for number in range(4)]
        async with held_up(site, targets[-1], len(changes)):
            asked = asyncio.create_task(codes(*[admin.client.query(UPDATE_LIST, i=each) for each in changes]))
        assert await asked == {"": 4}


async def test_data_come_to_a_product_that_is_being_deleted(site: Site, admin: Person) -> None:
    """Recorded before the end, or refused: the product and its data go together."""
    target = await admin.create_target("Deleted meanwhile")
    for number in range(10):
        product = await a_product(admin, target, number, process=False)
        row = {"mjd": 59000.5 + number, "mag": 18.0, "filter": "ztfr"}
        given = {"target": target, "dataType": "photometry", "dataProduct": product, "rows": [row]}
        done = await codes(
            admin.client.query(CREATE_DATA, input=given), admin.client.query(DELETE, id=product)
        )
        assert done in ({"": 2}, {"": 1, "NOT_FOUND": 1})
    assert await site.rt.reads.fetchval("select count(*) from reduced_data") == 0


async def test_one_holder_is_granted_rights_by_many(site: Site, admin: Person) -> None:
    holder = await make_person(site, "granted")
    for number in range(4):
        target = await admin.create_target(f"Granted {number}", access="PRIVATE")
        given = {"target": target, "user": holder.id, "permissions": ["CHANGE"]}
        async with held_up(site, target, 6):
            granting = [admin.client.query(GRANT, i=given) for _ in range(6)]
            waiting = asyncio.create_task(codes(*granting))
        assert await waiting == {"": 6}
        grants = "select permissions from target_grants where target_id = $1 and user_id = $2"
        rows = await site.rt.reads.fetch(grants, int(target[1:]), int(holder.id[1:]))
        assert [row["permissions"] for row in rows] == [["VIEW", "CHANGE"]]
        turns: list[list[str]] = [[], ["SHARE"], [], ["SHARE"]]
        both = [admin.client.query(GRANT, i={**given, "permissions": each}) for each in turns]
        assert await codes(*both) == {"": 4}


async def featured(site: Site, target: str) -> int:
    """How many products stand for a target."""
    count: int = await site.rt.reads.fetchval(
        "select count(*) from data_products where target_id = $1 and featured", int(target[1:])
    )
    return count


async def test_one_product_of_a_type_stands_for_its_target(site: Site, admin: Person) -> None:
    for number in range(3):
        target = await admin.create_target(f"Featured {number}")
        products = [await a_product(admin, target, each, process=False) for each in range(4)]
        async with held_up(site, target, 4):
            asked = [admin.client.query(FEATURE, i={"id": each, "featured": True}) for each in products]
            waiting = asyncio.create_task(codes(*asked))
        assert await waiting == {"": 4}
        assert await featured(site, target) == 1


async def test_a_product_that_changes_its_type_stands_alone_too(site: Site, admin: Person) -> None:
    target = await admin.create_target("Featured by type")
    first, second = [await a_product(admin, target, each, process=False) for each in range(2)]
    for given in (
        {"id": first, "dataProductType": "spectroscopy", "featured": True},
        {"id": second, "featured": True},
        {"id": first, "dataProductType": "photometry"},
    ):
        assert await codes(admin.client.query(FEATURE, i=given)) == {"": 1}
    assert await featured(site, target) == 1
