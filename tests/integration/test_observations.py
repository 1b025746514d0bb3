"""Observations, and what may be changed of a data product."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.support.people import Person, make_person
from tests.support.site import Site

CREATE = """mutation ($i: CreateObservationInput!) {
  createObservation(input: $i) { observation { id status parameters target { id } } errors { code path } } }"""
UPDATE = """mutation ($i: UpdateObservationInput!) {
  updateObservation(input: $i) { observation { status parameters } errors { code path } } }"""
DELETE = "mutation ($id: ID!) { deleteObservation(id: $id) { deletedId errors { code } } }"
CHANGE = """mutation ($i: UpdateDataProductInput!) { updateDataProduct(input: $i) {
  dataProduct { productId fileName extraData featured dataProductType observation { id } } errors { code path } } }"""


async def test_an_observation_from_birth_to_end(admin: Person) -> None:
    target = await admin.create_target("observed")
    given = {"target": target, "facility": "LCO", "observationId": "12345", "parameters": {"exposures": [30]}}
    made = (await admin.client.query(CREATE, i=given))["createObservation"]
    observation = made["observation"]["id"]
    assert made == {
        "observation": {
            "id": observation, "status": "", "parameters": {"exposures": [30]}, "target": {"id": target},
        },
        "errors": [],
    }  # fmt: skip
    changed = await admin.client.query(UPDATE, i={"id": observation, "status": " COMPLETED "})
    assert changed["updateObservation"]["observation"] == {"status": "COMPLETED", "parameters": {"exposures": [30]}}
    product = (await admin.client.upload(target, "f.fits", b"x", observation=observation))["dataProduct"]["id"]
    found = await admin.client.query(
        "query ($o: ID!) { dataProducts(where: {observation: $o}) { nodes { id } }"
        ' observations(where: {facility: {startsWith: "L"}, status: {ne: "x"}}) { nodes { id } } }',
        o=observation,
    )
    assert found == {"dataProducts": {"nodes": [{"id": product}]}, "observations": {"nodes": [{"id": observation}]}}
    ended = (await admin.client.query(DELETE, id=observation))["deleteObservation"]
    assert ended == {"deletedId": observation, "errors": []}
    left = await admin.client.query("query ($p: ID!) { dataProduct(id: $p) { observation { id } } }", p=product)
    assert left == {"dataProduct": {"observation": None}}


async def test_an_observation_is_recorded_once(admin: Person, site: Site) -> None:
    target, other = await admin.create_target("observed once"), await admin.create_target("observed elsewhere")
    parameters = {"b": 1, "a": 2}
    given = {"target": target, "facility": "LCO", "observationId": "7", "status": "DONE", "parameters": parameters}
    calls = await asyncio.gather(*(admin.client.query(CREATE, i=given) for _ in range(6)))
    (observation,) = {call["createObservation"]["observation"]["id"] for call in calls}
    again = {**given, "observationId": " 7 ", "status": "DONE ", "parameters": {"a": 2, "b": 1}}
    assert (await admin.client.query(CREATE, i=again))["createObservation"]["observation"]["id"] == observation
    for change in ({"status": "FAILED"}, {"parameters": {}}):
        refused = (await admin.client.query(CREATE, i={**given, **change}))["createObservation"]
        assert refused == {"observation": None, "errors": [{"code": "CONFLICT", "path": ["input", "observationId"]}]}
    for change in ({"target": other}, {"facility": "SOAR"}, {"observationId": "8"}):
        made = (await admin.client.query(CREATE, i={**given, **change}))["createObservation"]
        assert made["observation"]["id"] != observation
    rows = await site.rt.reads.fetch(
        "select facility, observation_id, status, parameters from observations where target_id = $1 order by id",
        int(target[1:]),
    )
    content = ("DONE", {"a": 2, "b": 1})
    assert [tuple(row) for row in rows] == [("LCO", "7", *content), ("SOAR", "7", *content), ("LCO", "8", *content)]


async def test_doubles_of_an_observation_that_are_stored_stay(admin: Person, site: Site) -> None:
    target = await admin.create_target("observed twice")
    for status in ("OLD", "NEW", "NEW"):
        await site.rt.writes.execute(
            "insert into observations (target_id, facility, observation_id, status) values ($1, 'LCO', '7', $2)",
            int(target[1:]),
            status,
        )
    ids_of = "select id from observations where target_id = $1 order by id"
    keys = [row["id"] for row in await site.rt.reads.fetch(ids_of, int(target[1:]))]
    given = {"target": target, "facility": "LCO", "observationId": "7", "status": "NEW"}
    found = (await admin.client.query(CREATE, i=given))["createObservation"]["observation"]["id"]
    assert found == f"o{keys[1]}"
    assert [row["id"] for row in await site.rt.reads.fetch(ids_of, int(target[1:]))] == keys


async def test_wrong_observations_are_refused(admin: Person) -> None:
    target = await admin.create_target("unobserved")
    for given, path in (
        ({"facility": " "}, "facility"), ({"observationId": "x" * 256}, "observationId"),
        ({"status": "x" * 201}, "status"),
        ({"facility": "a\x00b"}, "facility"), ({"parameters": [1]}, "parameters"),
    ):  # fmt: skip
        wanted = {"target": target, "facility": "LCO", "observationId": "1", **given}
        refused = (await admin.client.query(CREATE, i=wanted))["createObservation"]["errors"]
        assert refused == [{"code": "INVALID_INPUT", "path": ["input", path]}]
    assert (
        await admin.client.query("query ($t: ID!) { target(id: $t) { observations { totalCount } } }", t=target)
    ) == {"target": {"observations": {"totalCount": 0}}}


async def change(person: Person, product: str, **given: Any) -> dict[str, Any]:
    payload: dict[str, Any] = (await person.client.query(CHANGE, i={"id": product, **given}))["updateDataProduct"]
    return payload


async def test_what_is_said_of_a_product_can_be_changed(site: Site, admin: Person) -> None:
    owner = await make_person(site, "keeper")
    target, other = await owner.create_target("kept"), await owner.create_target("other")
    first, second = [
        (await owner.client.upload(target, name, name.encode(), process=False))["dataProduct"]["id"] for name in "ab"
    ]
    given = {"target": other, "facility": "LCO", "observationId": "1"}
    elsewhere = (await owner.client.query(CREATE, i=given))["createObservation"]["observation"]["id"]
    changed = await change(owner, first, productId="id-1", fileName="../up/c.csv", extraData="note", featured=True)
    assert changed == {
        "dataProduct": {
            "productId": "id-1", "fileName": "c.csv", "extraData": "note", "featured": True,
            "dataProductType": "photometry", "observation": None,
        },
        "errors": [],
    }  # fmt: skip
    start = await site.rt.reads.fetchval("select max(id) from events")
    assert (await change(owner, second, featured=True))["dataProduct"]["featured"] is True
    news = "select topic, change, data_product_id from events where id > $1 order by id"
    told = await site.rt.reads.fetch(news, start)
    assert [tuple(row) for row in told] == [("data_products", "REVISED", int(each[1:])) for each in (second, first)]
    cleared = await change(owner, first, productId=None, extraData=None)
    assert (cleared["dataProduct"]["productId"], cleared["dataProduct"]["extraData"]) == (None, "")
    assert cleared["dataProduct"]["featured"] is False, "one product of a type stands for its target"
    before = await site.rt.reads.fetch("select id, modified from data_products order by id")
    events = await site.rt.reads.fetchval("select count(*) from events")
    assert (await change(owner, first, fileName="c.csv"))["errors"] == [], "nothing new"
    for wrong, code, path in (
        ({"fileName": None}, "INVALID_INPUT", "fileName"),
        ({"dataProductType": "x"}, "INVALID_INPUT", "dataProductType"),
        ({"observation": elsewhere}, "NOT_FOUND", "observation"),
        ({"extraData": "x" * 100_001}, "INVALID_INPUT", "extraData"),
        ({"fileName": "/"}, "INVALID_INPUT", "file"),
    ):  # fmt: skip
        assert (await change(owner, first, **wrong))["errors"] == [{"code": code, "path": ["input", path]}]
    assert await site.rt.reads.fetch("select id, modified from data_products order by id") == before
    assert await site.rt.reads.fetchval("select count(*) from events") == events


async def test_a_hidden_product_is_not_changed_by_another_that_is_featured(site: Site) -> None:
    owner, other = await make_person(site, "shows"), await make_person(site, "sees nothing")
    target = await owner.create_target("stands for itself")
    grant = "mutation ($i: GrantTargetAccessInput!) { grantTargetAccess(input: $i) { errors { code } } }"
    given = {"target": target, "user": other.id, "permissions": ["CHANGE"]}
    assert (await owner.client.query(grant, i=given))["grantTargetAccess"]["errors"] == []
    hidden, shown = [
        (await person.client.upload(target, name, name.encode(), process=False))["dataProduct"]["id"]
        for person, name in ((owner, "h"), (other, "s"))
    ]
    make = "mutation ($i: CreateUserGroupInput!) { createUserGroup(input: $i) { userGroup { id } } }"
    people = (await owner.client.query(make, i={"name": "who may look"}))["createUserGroup"]["userGroup"]["id"]
    hide = "mutation ($i: CreateDataProductGroupInput!) { createDataProductGroup(input: $i) { errors { code } } }"
    given = {"name": "hides", "userGroups": [people], "dataProducts": [hidden]}
    assert (await owner.client.query(hide, i=given))["createDataProductGroup"]["errors"] == []
    await change(owner, hidden, featured=True)
    row, news = "select * from data_products where id = $1", "select count(*) from events where data_product_id = $1"
    before = await site.rt.reads.fetchrow(row, int(hidden[1:])), await site.rt.reads.fetchval(news, int(hidden[1:]))
    assert (await change(other, shown, featured=True))["dataProduct"]["featured"] is True
    after = await site.rt.reads.fetchrow(row, int(hidden[1:])), await site.rt.reads.fetchval(news, int(hidden[1:]))
    assert after == before
