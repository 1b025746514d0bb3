"""Older revisions stay readable, by whoever may see what they came from; limits keep the number that was written."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.people import Person, make_person
from tests.support.reads import ADMIN, Reads
from tests.support.site import Site
from tomgql.access.principal import ANONYMOUS

CREATE = "mutation ($i: CreateReducedDataInput!) { createReducedData(input: $i) { created revised errors { code } } }"
READ = """query ($t: ID!) { reducedData(where: {target: $t}) { nodes { id revision revisions {
  id globalId revision value dataProduct { id } ... on PhotometryDatum { magnitude band } } globalId } } }"""
TEAM = "mutation ($name: String!) { createUserGroup(input: {name: $name}) { userGroup { id } } }"
GROUP = "mutation ($i: CreateDataProductGroupInput!) { createDataProductGroup(input: $i) { errors { code } } }"
LIMITS = """query ($t: ID!) { reducedData(where: {target: $t}) { nodes { ... on PhotometryDatum {
  isCalibrated limit asReported: limit(system: AS_REPORTED, nSigma: 5) magnitude } } }
  target(id: $t) { lightCurve(system: AS_REPORTED) { limit } } }"""


async def record(person: Person, target: str, magnitude: float, **given: Any) -> dict[str, Any]:
    row = {"mjd": 60000.5, "magnitude": magnitude, "error": 0.1, "filter": "ztfr"}
    asked = {"target": target, "dataType": "photometry", "rows": [row], **given}
    done: dict[str, Any] = (await person.client.query(CREATE, i=asked))["createReducedData"]
    assert done["errors"] == []
    return done


async def test_what_a_datum_was(site: Site, admin: Person) -> None:
    target = await admin.create_target("revised", access="OPEN")
    product = (await admin.client.upload(target, "a.csv", b"x", process=False))["dataProduct"]["id"]
    for magnitude, given in ((18.0, {"dataProduct": product}), (17.5, {}), (17.25, {})):
        await record(admin, target, magnitude, **given)
    node = (await admin.client.query(READ, t=target))["reducedData"]["nodes"][0]
    assert node["revision"] == 3
    assert [(each["revision"], round(each["magnitude"], 6)) for each in node["revisions"]] == [(2, 17.5), (1, 18.0)]
    assert {(each["id"], each["globalId"]) for each in node["revisions"]} == {(node["id"], node["globalId"])}
    assert [each["dataProduct"] for each in node["revisions"]] == [None, {"id": product}]
    assert [each["value"]["magnitude"] for each in node["revisions"]] == [17.5, 18.0]
    nested = "query ($t: ID!) { reducedData(where: {target: $t}) { nodes { revisions { revisions { revision } } } } }"
    older = (await admin.client.query(nested, t=target))["reducedData"]["nodes"][0]["revisions"]
    assert older == [{"revisions": [{"revision": 1}]}, {"revisions": []}], "what came later is not what it was before"
    reads = Reads(site)
    assert await reads.data(READ, {"t": target}, slow=True) == await reads.data(READ, {"t": target})
    team = await admin.client.query('mutation { createUserGroup(input: {name: "insiders"}) { userGroup { id } } }')
    hidden = {"name": "hidden", "userGroups": [team["createUserGroup"]["userGroup"]["id"]], "dataProducts": [product]}
    group = "mutation ($i: CreateDataProductGroupInput!) { createDataProductGroup(input: $i) { errors { code } } }"
    await admin.client.query(group, i=hidden)
    seen = (await (await make_person(site, "outside")).client.query(READ, t=target))["reducedData"]["nodes"][0]
    assert [each["revision"] for each in seen["revisions"]] == [2], "a revision follows the product that it came from"


@pytest.mark.parametrize("behind", [False, True], ids=["by the mutation", "behind everybody's back"])
async def test_revisions_of_a_deleted_product_are_gone(behind: bool, site: Site, admin: Person) -> None:
    target = await admin.create_target(f"hidden history {behind}", access="OPEN")
    secret = (await admin.client.upload(target, "secret.csv", b"x", process=False))["dataProduct"]["id"]
    public = (await admin.client.upload(target, "public.csv", b"y", process=False))["dataProduct"]["id"]
    for magnitude, given in ((18.0, {}), (12.5, {"dataProduct": secret}), (17.0, {"dataProduct": public})):
        await record(admin, target, magnitude, **given)
    team = await admin.client.query(TEAM, name=f"keepers {behind}")
    hidden = {"name": "h", "userGroups": [team["createUserGroup"]["userGroup"]["id"]], "dataProducts": [secret]}
    await admin.client.query(GROUP, i=hidden)
    if behind:  # a revision whose product is gone, however it came to be
        await site.rt.writes.execute("alter table data_products disable trigger data_product_deleted")
        await site.rt.writes.execute("delete from data_products where id = $1", int(secret[1:]))
        await site.rt.writes.execute("alter table data_products enable trigger data_product_deleted")
    else:
        done = await admin.client.query("mutation ($p: ID!) { deleteDataProduct(id: $p) { deletedId } }", p=secret)
        assert done["deleteDataProduct"] == {"deletedId": secret}
    for client in (site.client(), admin.client):
        (node,) = (await client.query(READ, t=target))["reducedData"]["nodes"]
        assert (node["revision"], [each["revision"] for each in node["revisions"]]) == (3, [1])
    for actor in (ANONYMOUS, ADMIN):
        reads = Reads(site)
        slow = await reads.data(READ, {"t": target}, actor, slow=True)
        assert slow == await reads.data(READ, {"t": target}, actor)
        assert [each["revision"] for each in slow["reducedData"]["nodes"][0]["revisions"]] == [1]
    left = "select revision from reduced_data_revisions where target_id = $1"
    kept = await site.rt.reads.fetch(left, int(target[1:]))
    assert sorted(row["revision"] for row in kept) == ([1, 2] if behind else [1])


async def test_limits_in_unknown_bands_are_given_as_they_came(site: Site, admin: Person) -> None:
    target = await admin.create_target("limited")
    rows = [
        {"mjd": 60001.5, "limit": 20.5, "filter": "my band"}, {"mjd": 60002.5, "magnitude": 17.0, "filter": "my band"},
        {"mjd": 60003.5, "limit": 21.0, "filter": "ztfr"},
    ]  # fmt: skip
    given = {"target": target, "dataType": "photometry", "rows": rows}
    assert (await admin.client.query(CREATE, i=given))["createReducedData"]["created"] == 3
    found = await admin.client.query(LIMITS, t=target)
    assert found["reducedData"]["nodes"] == [
        {"isCalibrated": False, "limit": None, "asReported": 20.5, "magnitude": None},
        {"isCalibrated": False, "limit": None, "asReported": None, "magnitude": None},
        {"isCalibrated": True, "limit": 21.0, "asReported": 21.0, "magnitude": None},
    ]
    assert found["target"]["lightCurve"]["limit"] == [20.5, None, 21.0]
    reads = Reads(site)
    assert await reads.data(LIMITS, {"t": target}, slow=True) == await reads.data(LIMITS, {"t": target})
