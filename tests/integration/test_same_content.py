"""The same content for the same target: one data product, by both roads, and when it is another one after all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from tests.support.people import Person, make_person
from tests.support.pieces import begun, counts, send
from tests.support.site import Site, running_worker, until

CONTENT = b"mjd,mag,magerr,filter\n59000.5,18.1,0.1,ztfr\n"
GROUP = """
mutation ($i: CreateDataProductGroupInput!) {
  createDataProductGroup(input: $i) { dataProductGroup { id } errors { code message } }
}
"""
USER_GROUP = "mutation ($i: CreateUserGroupInput!) { createUserGroup(input: $i) { userGroup { id } errors { code } } }"
Road = Callable[..., Awaitable[dict[str, Any]]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sender(site: Site) -> Person:
    return await make_person(site, "sender")


@pytest_asyncio.fixture
async def target(sender: Person, request: pytest.FixtureRequest) -> str:
    return await sender.create_target(request.node.name)


async def at_once(person: Person, target: str, content: bytes = CONTENT, **given: Any) -> dict[str, Any]:
    """Upload by a multipart request; ids of product and job, whether it was there, and the code of a refusal."""
    payload = await person.client.upload(target, "lc.csv", content, **given)
    product, job = payload["dataProduct"], payload["job"]
    return {
        "product": product and product["id"],
        "job": job and job["id"],
        "there": payload["alreadyExists"],
        "errors": [error["code"] for error in payload["errors"]],
    }


async def in_pieces(person: Person, target: str, content: bytes = CONTENT, **given: Any) -> dict[str, Any]:
    """Upload by PUT; the same."""
    address = await begun(person.client, target, len(content), **given)
    answer = (await send(person.client, address, 0, content)).json()
    if "errors" in answer:
        code = answer["errors"][0]["extensions"]["code"]
        return {"product": None, "job": None, "there": False, "errors": [code]}
    job = answer["job"]
    return {
        "product": answer["dataProduct"]["id"],
        "job": job and job["id"],
        "there": answer["alreadyExists"],
        "errors": [],
    }


roads = pytest.mark.parametrize("road", [at_once, in_pieces])


@roads
async def test_the_same_content_again_is_answered_with_what_is_there(
    road: Road, site: Site, sender: Person, target: str
) -> None:
    first = await at_once(sender, target)
    assert (first["there"], first["errors"]) == (False, [])
    before = await counts(site, target)
    assert before == (1, 1, 2)
    assert await road(sender, target) == {**first, "there": True}
    assert await counts(site, target) == before


@roads
async def test_what_makes_it_another_product(road: Road, site: Site, sender: Person, target: str) -> None:
    first = await at_once(sender, target, process=False)
    elsewhere = await sender.create_target(f"elsewhere {road.__name__}")
    group = (await sender.client.query(GROUP, i={"name": "a group"}))["createDataProductGroup"]
    group_id = group["dataProductGroup"]["id"]
    others = [
        await road(sender, target, dataProductType="spectroscopy", process=False),
        await road(sender, target, CONTENT + b"59001.5,18.1,0.1,ztfr\n", process=False),
        await road(sender, target, productId=f"named by {road.__name__}", process=False),
        await road(sender, target, groups=[group_id], process=False),
        await road(sender, elsewhere, process=False),
    ]
    assert [(other["there"], other["errors"]) for other in others] == [(False, [])] * 5
    assert len({first["product"], *(other["product"] for other in others)}) == 6
    again = [
        await road(sender, target, productId=f"named by {road.__name__}", process=False),
        await road(sender, target, groups=[group_id], process=False),
    ]
    assert again == [{**other, "there": True} for other in others[2:4]]
    assert await counts(site, target) == (5, 0, 5)


@roads
async def test_a_hidden_product_is_not_answered(road: Road, site: Site, sender: Person, target: str) -> None:
    owner = await make_person(site, f"owner {road.__name__}")
    grant = "mutation ($i: GrantTargetAccessInput!) { grantTargetAccess(input: $i) { errors { code } } }"
    rights = {"target": target, "user": owner.id, "permissions": ["VIEW", "CHANGE"]}
    assert (await sender.client.query(grant, i=rights))["grantTargetAccess"] == {"errors": []}
    circle = (await owner.client.query(USER_GROUP, i={"name": f"circle {road.__name__}"}))["createUserGroup"]
    named = {"name": f"hidden {road.__name__}", "userGroups": [circle["userGroup"]["id"]]}
    group = (await owner.client.query(GROUP, i=named))["createDataProductGroup"]["dataProductGroup"]["id"]
    hidden = await road(owner, target, groups=[group], process=False)
    mine = await road(sender, target, process=False)
    assert (mine["there"], mine["errors"], mine["product"] != hidden["product"]) == (False, [], True)
    assert await road(sender, target, process=False) == {**mine, "there": True}
    assert await road(owner, target, process=False) == {**hidden, "there": True}
    assert (await counts(site, target))[0] == 2


@roads
async def test_other_options_read_it_again(road: Road, site: Site, sender: Person, target: str) -> None:
    first = await at_once(sender, target)
    assert (await road(sender, target, options={"source_name": "x"}))["errors"] == ["CONFLICT"]
    assert await counts(site, target) == (1, 1, 2)
    with running_worker(site.settings):
        await until(20, lambda: _ended(site, first["job"]))
    second = await road(sender, target, options={"source_name": "x"})
    assert (second["product"], second["there"], second["job"] != first["job"]) == (first["product"], True, True)
    assert await road(sender, target, options={"source_name": "x"}) == second
    products, jobs, _ = await counts(site, target)
    assert (products, jobs) == (1, 2)


async def _ended(site: Site, job: str) -> bool:
    return bool(await site.rt.reads.fetchval("select finished is not null from jobs where id = $1", int(job[1:])))


@roads
async def test_what_was_not_read_or_failed_is_read(road: Road, site: Site, sender: Person, target: str) -> None:
    kept = await at_once(sender, target, process=False)
    first = await road(sender, target)
    assert (first["product"], first["there"]) == (kept["product"], True)
    await site.rt.writes.execute(
        "update jobs set state = 'CANCELLED', finished = now() where id = $1", int(first["job"][1:])
    )
    second = await road(sender, target)
    assert (second["product"], second["job"] != first["job"]) == (kept["product"], True)
    assert await road(sender, target, process=False) == {**kept, "there": True}
    assert (await counts(site, target))[:2] == (1, 2)


@roads
async def test_an_idempotency_key_answers_the_same_again(road: Road, site: Site, sender: Person, target: str) -> None:
    first = await road(sender, target, idempotencyKey=f"first {road.__name__}")
    assert await road(sender, target, idempotencyKey=f"first {road.__name__}") == first
    second = await road(sender, target, idempotencyKey=f"second {road.__name__}")
    assert second == {**first, "there": True}
    assert await road(sender, target, idempotencyKey=f"second {road.__name__}") == second
    assert (await counts(site, target))[:2] == (1, 1)


async def test_many_at_once_make_one(site: Site, sender: Person, target: str) -> None:
    answers = await asyncio.gather(*(road(sender, target) for road in (at_once, in_pieces) for _ in range(5)))
    assert {answer["product"] for answer in answers} == {answers[0]["product"]}
    assert sorted(answer["there"] for answer in answers) == [False] + [True] * 9
    assert await counts(site, target) == (1, 1, 2)
