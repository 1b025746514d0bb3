"""Target lists, and targets by their data, extras and lists."""

from __future__ import annotations

from tests.support.people import Person, make_person
from tests.support.site import Site

CREATE = "mutation ($i: CreateTargetListInput!) {createTargetList(input: $i) {targetList {id name} errors {code path}}}"
UPDATE = "mutation ($i: UpdateTargetListInput!) {updateTargetList(input: $i) {targetList {name} errors {code path}}}"
LIST = """query ($l: ID!) {
  targets(where: {targetList: $l}) {nodes {name}} targetLists(where: {id: {eq: $l}}) {totalCount}
}"""


async def test_a_list_from_birth_to_change(site: Site, admin: Person) -> None:
    owner, other = await make_person(site, "lister"), await make_person(site, "reader")
    one, two = await owner.create_target("L one"), await owner.create_target("L two", access="PUBLIC")
    made = await owner.client.query(CREATE, i={"name": "mine", "targets": [one, two]})
    list_id = made["createTargetList"]["targetList"]["id"]
    three = await owner.create_target("L three", targetLists=[list_id])
    found = await owner.client.query(LIST, l=list_id)
    assert {node["name"] for node in found["targets"]["nodes"]} == {"L one", "L two", "L three"}
    seen = await other.client.query(LIST, l=list_id)
    assert seen == {"targets": {"nodes": [{"name": "L two"}]}, "targetLists": {"totalCount": 1}}
    refused = await other.client.query(UPDATE, i={"id": list_id, "name": "theirs"})
    assert refused["updateTargetList"]["errors"] == [{"code": "NOT_ALLOWED", "path": ["input", "id"]}]
    stolen = await other.client.query(CREATE, i={"name": "x", "targets": [one]})
    assert stolen["createTargetList"]["errors"] == [{"code": "NOT_FOUND", "path": ["input", "targets"]}]
    await owner.client.query(UPDATE, i={"id": list_id, "name": "ours", "removeTargets": [two, three]})
    assert await other.client.query(LIST, l=list_id) == {"targets": {"nodes": []}, "targetLists": {"totalCount": 0}}
    lists = await owner.client.query("query ($t: ID!) {target(id: $t) {targetLists {name} viewerCan}}", t=one)
    assert lists["target"] == {"targetLists": [{"name": "ours"}], "viewerCan": ["VIEW", "CHANGE", "DELETE", "SHARE"]}
    public = await other.client.query("query ($t: ID!) {target(id: $t) {viewerCan}}", t=two)
    assert public["target"] == {"viewerCan": ["VIEW"]}


async def test_targets_by_their_extras_and_data(admin: Person) -> None:
    near = await admin.create_target("near", extras={"class": "SN Ia", "z": 0.01})
    await admin.create_target("far", extras={"class": "SN Ia", "z": 0.5})
    by_extras = await admin.client.query('{targets(where: {extras: {class: "SN Ia", z: 0.01}}) {nodes {name}}}')
    assert by_extras["targets"]["nodes"] == [{"name": "near"}]
    rows = [{"mjd": 59000.5, "mag": 17.5, "magerr": 0.1, "filter": "ztfr"}]
    await admin.client.query(
        "mutation ($i: CreateReducedDataInput!) {createReducedData(input: $i) {created}}",
        i={"target": near, "dataType": "photometry", "rows": rows},
    )
    bright = "{targets(where: {hasReducedData: {photometry: {magnitude: {lt: %s}}}}) {nodes {name}}}"
    assert (await admin.client.query(bright % 18))["targets"]["nodes"] == [{"name": "near"}]
    assert (await admin.client.query(bright % 17))["targets"]["nodes"] == []


async def test_an_id_in_another_spelling_names_nothing(admin: Person) -> None:
    target = await admin.create_target("spelled once")
    other = f"t0{target[1:]}"
    query = """query ($id: ID!) {
      target(id: $id) { id } node(id: $id) { id } targets(where: {id: {in: [$id]}}) { totalCount }
    }"""
    found = await admin.client.query(query, id=target)
    assert (found["target"], found["node"], found["targets"]) == ({"id": target}, {"id": target}, {"totalCount": 1})
    found = await admin.client.query(query, id=other)
    assert (found["target"], found["node"], found["targets"]) == (None, None, {"totalCount": 0})
