"""Data that product groups hide are neither told of nor touched by who may not see them."""

from __future__ import annotations

from typing import Any

from tests.support.people import Person, make_person
from tests.support.site import Site

CREATE = """
mutation ($input: CreateReducedDataInput!) {
  createReducedData(input: $input) { created revised unchanged rejected ids errors { code } }
}
"""
GROUP = """
mutation ($input: CreateDataProductGroupInput!) {
  createDataProductGroup(input: $input) { dataProductGroup { id } errors { code message } }
}
"""
GRANT = """
mutation ($input: GrantTargetAccessInput!) { grantTargetAccess(input: $input) { errors { code message } } }
"""
READ = "query ($t: ID!) {reducedData(where: {target: $t}) {nodes {... on PhotometryDatum {magnitude revision}}}}"


async def test_a_datum_beside_a_hidden_one(site: Site, admin: Person) -> None:
    owner, other = await make_person(site, "owner"), await make_person(site, "other")
    target = await owner.create_target("shared field")
    granted = await owner.client.query(
        GRANT, input={"target": target, "user": other.id, "permissions": ["CHANGE"]}
    )
    assert granted["grantTargetAccess"]["errors"] == []
    team = await owner.client.query('mutation {createUserGroup(input: {name: "team"}) {userGroup {id}}}')
    product = (await owner.client.upload(target, "hidden.csv", b"x", process=False))["dataProduct"]["id"]
    made = await owner.client.query(
        GROUP,
        input={"name": "secret", "userGroups": [team["createUserGroup"]["userGroup"]["id"]], "dataProducts": [product]},
    )
    assert made["createDataProductGroup"]["errors"] == []

    async def record(person: Person, magnitude: float, **more: Any) -> tuple[int, int, int]:
        row = {"mjd": 59000.5, "mag": magnitude, "magerr": 0.1, "filter": "ztfr"}
        given = {"target": target, "dataType": "photometry", "sourceName": "s", "rows": [row], **more}
        payload = (await person.client.query(CREATE, input=given))["createReducedData"]
        assert payload["errors"] == []
        return payload["created"], payload["revised"], payload["unchanged"]

    async def read(person: Person) -> list[dict[str, Any]]:
        return (await person.client.query(READ, t=target))["reducedData"]["nodes"]  # type: ignore[no-any-return]

    assert await record(owner, 20.0, dataProduct=product) == (1, 0, 0)
    assert await read(other) == []
    assert await record(other, 20.0) == (1, 0, 0), "must not tell that the same datum is there"
    assert await record(other, 20.0) == (0, 0, 1)
    assert await record(other, 21.0) == (0, 1, 0)
    assert [(round(each["magnitude"], 6), each["revision"]) for each in await read(other)] == [(21.0, 2)]
    kept = [(round(each["magnitude"], 6), each["revision"]) for each in await read(owner)]
    assert sorted(kept) == [(20.0, 1), (21.0, 2)]
    assert await record(owner, 20.0, dataProduct=product) == (0, 0, 1)
