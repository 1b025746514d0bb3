"""User groups with roles, and the end of groups and lists."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.support.people import Person, make_person
from tests.support.site import Site

CREATE = "mutation ($i: CreateUserGroupInput!) { createUserGroup(input: $i) { userGroup { id } errors { code } } }"
UPDATE = """mutation ($i: UpdateUserGroupInput!) { updateUserGroup(input: $i) {
  userGroup { members { id } managers { id } } errors { code path } } }"""
CREATE_GROUP = """mutation ($i: CreateDataProductGroupInput!) { createDataProductGroup(input: $i) {
  dataProductGroup { id } errors { code message path } } }"""
UPDATE_GROUP = """mutation ($i: UpdateDataProductGroupInput!) { updateDataProductGroup(input: $i) {
  errors { code } } }"""
CREATE_LIST = "mutation ($i: CreateTargetListInput!) { createTargetList(input: $i) { targetList { id } } }"


async def delete(person: Person, field: str, public_id: str) -> Any:
    document = f"mutation ($id: ID!) {{ {field}(id: $id) {{ deletedId errors {{ code path }} }} }}"
    payload = (await person.client.query(document, id=public_id))[field]
    return payload["errors"] or payload["deletedId"]


async def test_managers_come_and_go(site: Site) -> None:
    first, second, third = [await make_person(site, name) for name in ("first", "second", "third")]
    made = await first.client.query(CREATE, i={"name": "team", "members": [second.id]})
    group = made["createUserGroup"]["userGroup"]["id"]

    async def update(person: Person, **given: Any) -> Any:
        return (await person.client.query(UPDATE, i={"id": group, **given}))["updateUserGroup"]

    refused = (await update(second, addMembers=[third.id]))["errors"]
    assert refused == [{"code": "NOT_ALLOWED", "path": ["input", "id"]}]
    done = await update(first, addManagers=[second.id, third.id])
    assert {each["id"] for each in done["userGroup"]["managers"]} == {first.id, second.id, third.id}
    done = await update(second, removeManagers=[first.id, third.id])
    assert [each["id"] for each in done["userGroup"]["managers"]] == [second.id]
    assert {each["id"] for each in done["userGroup"]["members"]} == {first.id, second.id, third.id}
    for given in ({"removeManagers": [second.id]}, {"removeMembers": [second.id]}):
        field = next(iter(given))
        assert (await update(second, **given))["errors"] == [{"code": "INVALID_INPUT", "path": ["input", field]}]
    assert (await update(first, name="mine"))["errors"][0]["code"] == "NOT_ALLOWED"
    assert await delete(first, "deleteUserGroup", group) == [{"code": "NOT_ALLOWED", "path": ["id"]}]
    assert await delete(second, "deleteUserGroup", group) == group


async def test_nothing_shows_because_a_group_is_deleted(site: Site) -> None:
    owner, member, other = [await make_person(site, name) for name in ("keeper", "insider", "outsider")]
    target = await owner.create_target("guarded", access="OPEN")
    product = (await owner.client.upload(target, "a.csv", b"x", process=False))["dataProduct"]["id"]
    made = await owner.client.query(CREATE, i={"name": "insiders", "members": [member.id]})
    users = made["createUserGroup"]["userGroup"]["id"]
    given = {"name": "hidden", "userGroups": [users], "dataProducts": [product]}
    group = (await owner.client.query(CREATE_GROUP, i=given))["createDataProductGroup"]["dataProductGroup"]["id"]
    assert await delete(owner, "deleteDataProductGroup", group) == [{"code": "CONFLICT", "path": ["id"]}]
    assert await delete(owner, "deleteUserGroup", users) == [{"code": "CONFLICT", "path": ["id"]}]
    assert await delete(member, "deleteDataProductGroup", group) == [{"code": "NOT_ALLOWED", "path": ["id"]}]
    assert await delete(other, "deleteDataProductGroup", group) == [{"code": "NOT_FOUND", "path": ["id"]}]
    seen = await other.client.query("query ($p: ID!) { dataProduct(id: $p) { id } }", p=product)
    assert seen["dataProduct"] is None
    await owner.client.query(UPDATE_GROUP, i={"id": group, "removeDataProducts": [product]})
    assert await delete(owner, "deleteDataProductGroup", group) == group
    assert await delete(owner, "deleteUserGroup", users) == users


async def test_a_list_ends_and_its_targets_stay(site: Site) -> None:
    owner, other = await make_person(site, "list maker"), await make_person(site, "list reader")
    target = await owner.create_target("listed", access="OPEN")
    made = await owner.client.query(CREATE_LIST, i={"name": "mine", "targets": [target]})
    listed = made["createTargetList"]["targetList"]["id"]
    assert await delete(other, "deleteTargetList", listed) == [{"code": "NOT_ALLOWED", "path": ["id"]}]
    assert await delete(owner, "deleteTargetList", listed) == listed
    assert await delete(owner, "deleteTargetList", listed) == [{"code": "NOT_FOUND", "path": ["id"]}]
    found = await owner.client.query("query ($t: ID!) { target(id: $t) { targetLists { id } } }", t=target)
    assert found == {"target": {"targetLists": []}}


async def test_managers_who_remove_each_other_leave_one(site: Site) -> None:
    first, second = [await make_person(site, name) for name in ("one manager", "another manager")]

    async def update(person: Person, group: str, **given: Any) -> Any:
        done = (await person.client.query(UPDATE, i={"id": group, **given}))["updateUserGroup"]
        return [error["code"] for error in done["errors"]]

    for number in range(10):
        made = await first.client.query(CREATE, i={"name": f"duel {number}", "members": [second.id]})
        group = made["createUserGroup"]["userGroup"]["id"]
        assert await update(first, group, addManagers=[second.id]) == []
        field = ("removeManagers", "removeMembers")[number % 2]
        answers = await asyncio.gather(
            update(first, group, **{field: [second.id]}), update(second, group, **{field: [first.id]})
        )
        left = "select count(*) from memberships where user_group_id = $1 and role = 'MANAGER'"
        assert await site.rt.reads.fetchval(left, int(group[2:])) == 1
        # Who comes second is a manager no more, and no member where members were removed.
        assert sorted(answers) == [[], [("NOT_ALLOWED", "NOT_FOUND")[number % 2]]]
