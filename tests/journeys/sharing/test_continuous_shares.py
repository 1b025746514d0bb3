"""Continuous shares: what is new goes by itself, also after workers, destinations and the event log were away."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.support.people import make_person
from tests.support.receiver_double import TOKEN
from tests.support.sharing import CREATE_RULE, DELETE_RULE, GRANT, GRANT_TARGET, REVOKE, UPDATE_RULE, Sharing, point
from tests.support.site import until
from tests.support.survey_doubles import hurry, once
from tomgql.events import log

UPDATE_TARGET = "mutation ($i: UpdateTargetInput!) { updateTarget(input: $i) { errors { code message } } }"
MAKE_LIST = "mutation ($i: CreateTargetListInput!) { createTargetList(input: $i) { targetList { id } } }"
DISABLE = """mutation ($ids: [ID!]!, $disabled: Boolean!) {
  setReducedDataDisabled(ids: $ids, disabled: $disabled, reason: "clouds") { errors { code } } }"""
DELETE_TARGET = "mutation ($id: ID!) { deleteTarget(id: $id) { errors { code } } }"
MERGE = "mutation ($a: ID!, $b: ID!) { mergeTargets(into: $a, from: $b) { errors { code message } } }"


async def arrived(sharing: Sharing, data: int, *, hurried: bool = False) -> None:
    """So many data have come, and nothing is left to do."""

    async def look() -> bool:
        if hurried:
            await hurry(sharing.site)
        return len(sharing.double.data) == data

    await until(30, look)


async def quiet(sharing: Sharing, rule: str) -> dict[str, Any]:
    """The rule once it has nothing left to look at or to give."""

    async def look() -> Any:
        await hurry(sharing.site)
        found = await sharing.rule(rule)
        busy = found["job"] is not None and found["job"]["state"] in ("QUEUED", "RUNNING", "WAITING")
        return None if busy or found["queued"] or found["lag"]["events"] else found

    found: dict[str, Any] = await until(30, look)
    return found


async def test_what_is_new_goes_and_what_was_there_stays(sharing: Sharing) -> None:
    target = await sharing.sharer.create_target("SN 2026new")
    await sharing.data(sharing.sharer, target, point(1))
    rule = await sharing.follow(target=target, options={"folder": "live"})
    assert sharing.double.heard == []
    ids = await sharing.data(sharing.sharer, target, point(2), point(3))
    await arrived(sharing, 2)
    (there,) = sharing.double.targets.values()
    assert (there["names"], there["options"]) == (["SN 2026new"], {"folder": "live"})
    await sharing.data(sharing.sharer, target, point(3, flux_ujy=7.0), point(4))
    await arrived(sharing, 3)
    found = await quiet(sharing, rule)
    assert sorted(each["record"]["flux_ujy"] for each in sharing.double.data.values()) == [7.0, 102.0, 104.0]
    assert (found["message"], found["failed"], found["lag"]) == ("", 0, {"events": 0, "seconds": 0.0})
    assert (found["target"], found["createdBy"]) == ({"id": target}, {"username": "sharer"})
    arrivals = len(sharing.double.arrivals)
    await sharing.sharer.client.query(DISABLE, ids=ids[:1], disabled=True)
    await sharing.sharer.client.query(DISABLE, ids=ids[:1], disabled=False)
    await quiet(sharing, rule)
    assert len(sharing.double.arrivals) == arrivals
    changed = await sharing.sharer.client.query(UPDATE_TARGET, i={"id": target, "raDeg": 151.5, "decDeg": 2.0})
    assert changed["updateTarget"]["errors"] == []
    await until(20, lambda: len(sharing.double.arrivals) == arrivals + 1)
    (there,) = sharing.double.targets.values()
    assert there["record"]["ra_deg"] == 151.5


async def test_what_is_there_already_goes_first_if_so_wished(sharing: Sharing) -> None:
    targets = [await sharing.sharer.create_target(f"SN 2026e{number}") for number in range(3)]
    made = await sharing.sharer.client.query(MAKE_LIST, i={"name": "Followed", "targets": targets[:2]})
    list_id = made["createTargetList"]["targetList"]["id"]
    for target in targets:
        await sharing.data(sharing.sharer, target, *[point(number) for number in range(6)])
    rule = await sharing.follow(targetList=list_id, shareExisting=True)
    for target in targets:
        await sharing.data(sharing.sharer, target, point(50))
    await arrived(sharing, 14)
    await quiet(sharing, rule)
    assert len(sharing.double.arrivals) == 16
    assert {tuple(each["lists"]) for each in sharing.double.targets.values()} == {
        ("Imported From North TOM", "Followed")
    }


async def test_a_destination_that_was_down_gets_everything_afterwards(sharing: Sharing) -> None:
    target = await sharing.sharer.create_target("SN 2026dow")
    rule = await sharing.follow(target=target)
    sharing.double.bad_days += [once("POST", "/", 503) for _ in range(20)]
    for number in range(10):
        await sharing.data(sharing.sharer, target, point(number))
    found = await until(20, lambda: waiting(sharing, rule))
    assert found["queued"] > 0
    await until(20, lambda: nothing_unseen(sharing, rule))
    await arrived(sharing, 10, hurried=True)
    assert (await quiet(sharing, rule))["failed"] == 0


async def waiting(sharing: Sharing, rule: str) -> Any:
    found = await sharing.rule(rule)
    return found if found["job"] and found["job"]["state"] == "WAITING" else None


async def nothing_unseen(sharing: Sharing, rule: str) -> bool:
    return bool((await sharing.rule(rule))["lag"]["events"] == 0)


async def test_a_wrong_password_is_told_and_what_waited_goes_with_the_next(sharing: Sharing) -> None:
    target = await sharing.sharer.create_target("SN 2026wrg")
    rule = await sharing.follow(target=target)
    await sharing.save_destination(secrets={"token": "of yesterday"})
    await sharing.data(sharing.sharer, target, point(1))

    async def failed() -> Any:
        found = await sharing.rule(rule)
        return found if found["job"] and found["job"]["state"] == "FAILED" else None

    found = await until(20, failed)
    assert found["job"]["error"]["code"] == "UPSTREAM_REFUSED"
    assert found["queued"] == 2
    await sharing.save_destination(secrets={"token": TOKEN})
    await sharing.data(sharing.sharer, target, point(2))
    await arrived(sharing, 2)
    assert (await quiet(sharing, rule))["job"]["state"] == "SUCCEEDED"


async def test_a_pause_holds_everything_and_ends_where_it_began(sharing: Sharing) -> None:
    target = await sharing.sharer.create_target("SN 2026pau")
    rule = await sharing.follow(target=target)
    await change(sharing, rule, paused=True)
    await sharing.data(sharing.sharer, target, point(1), point(2))
    await asyncio.sleep(1)
    found = await sharing.rule(rule)
    assert (found["paused"], found["queued"], found["lag"]["events"]) == (True, 0, 1)
    assert found["lag"]["seconds"] >= 1
    assert sharing.double.heard == []
    await change(sharing, rule, paused=False)
    await arrived(sharing, 2)


async def change(sharing: Sharing, rule: str, *, paused: bool) -> None:
    payload = await sharing.sharer.client.query(UPDATE_RULE, i={"id": rule, "paused": paused})
    assert payload["updateContinuousShare"] == {"continuousShare": {"paused": paused}, "errors": []}


async def test_what_waits_for_a_deleted_rule_does_not_go(sharing: Sharing) -> None:
    target = await sharing.sharer.create_target("SN 2026del")
    rule = await sharing.follow(target=target)
    sharing.double.hold(1)
    await sharing.data(sharing.sharer, target, *[point(number) for number in range(30)])
    await asyncio.wait_for(sharing.double.held.wait(), 20)
    payload = await sharing.sharer.client.query(DELETE_RULE, id=rule)
    assert payload["deleteContinuousShare"] == {"deletedId": rule, "errors": []}
    sharing.double.release()
    assert await sharing.rule(rule) is None
    states = "select state, count(*) as n from share_ledger group by state"
    found = {row["state"]: row["n"] for row in await sharing.site.rt.reads.fetch(states)}
    assert found["REFUSED"] >= 20
    await sharing.data(sharing.sharer, target, point(90))
    await asyncio.sleep(1)
    assert len(sharing.double.data) <= 10


async def test_a_maker_without_rights_is_told_and_goes_on_when_they_are_back(sharing: Sharing) -> None:
    target = await sharing.admin.create_target("SN 2026rgt", access="PUBLIC")
    grant = {"target": target, "user": sharing.sharer.id}
    await sharing.admin.client.query(GRANT_TARGET, i={**grant, "permissions": ["VIEW", "SHARE"]})
    rule = await sharing.follow(target=target)

    async def stands_still(words: str) -> None:
        await until(20, lambda: told(words))
        assert sharing.double.data == {}

    async def told(words: str) -> bool:
        return bool((await sharing.rule(rule))["message"] == words)

    await sharing.admin.client.query(GRANT_TARGET, i={**grant, "permissions": ["VIEW"]})
    await sharing.data(sharing.admin, target, point(1))
    await stands_still("Stands still: its maker may not SHARE its target any more.")
    await sharing.admin.client.query(GRANT_TARGET, i={**grant, "permissions": ["VIEW", "SHARE"]})
    await sharing.admin.client.query(REVOKE, d="receiver", g=sharing.group)
    await stands_still('Stands still: its maker may not share with "receiver" any more.')
    await sharing.admin.client.query(GRANT, d="receiver", g=sharing.group)
    await arrived(sharing, 1)
    assert (await quiet(sharing, rule))["message"] == ""


async def test_a_forgotten_log_has_everything_compared_anew(sharing: Sharing) -> None:
    target = await sharing.sharer.create_target("SN 2026fgt")
    rule = await sharing.follow(target=target)
    await change(sharing, rule, paused=True)
    await sharing.data(sharing.sharer, target, point(1), point(2))
    async with sharing.site.rt.writes.acquire() as connection:
        await log.prune(connection, 0.0, 1)
    await change(sharing, rule, paused=False)
    await arrived(sharing, 2)
    found = await quiet(sharing, rule)
    assert found["message"].startswith("The event log had forgotten what came since the last look")
    await sharing.data(sharing.sharer, target, point(3))
    await arrived(sharing, 3)
    assert len(sharing.double.arrivals) == 4


async def test_a_deleted_target_ends_its_shares_and_a_merged_one_takes_them_along(sharing: Sharing) -> None:
    into, taken, gone = [await sharing.sharer.create_target(f"SN 2026m{number}") for number in range(3)]
    rules = [await sharing.follow(target=target) for target in (taken, gone)]
    await sharing.data(sharing.sharer, taken, point(1))
    await arrived(sharing, 1)
    assert (await sharing.admin.client.query(MERGE, a=into, b=taken))["mergeTargets"]["errors"] == []
    await sharing.admin.client.query(DELETE_TARGET, id=gone)
    assert await sharing.rule(rules[1]) is None
    assert (await sharing.rule(rules[0]))["target"] == {"id": into}
    await sharing.data(sharing.sharer, into, point(2))
    await until(20, lambda: 60002.0 in [each["record"]["mjd"] for each in sharing.double.data.values()])


async def test_rules_are_seen_and_steered_by_who_may(sharing: Sharing) -> None:
    target = await sharing.sharer.create_target("SN 2026see", access="PUBLIC")
    rule = await sharing.follow(target=target)
    again = await sharing.sharer.client.query(CREATE_RULE, i={"destination": "receiver", "target": target})
    assert [each["code"] for each in again["createContinuousShare"]["errors"]] == ["CONFLICT"]
    other = await make_person(sharing.site, "another observer")
    assert await sharing.rule(rule, other) is None
    refused = await other.client.query(DELETE_RULE, id=rule)
    assert [each["code"] for each in refused["deleteContinuousShare"]["errors"]] == ["NOT_FOUND"]
    given = {"target": target, "user": other.id, "permissions": ["VIEW", "SHARE"]}
    await sharing.sharer.client.query(GRANT_TARGET, i=given)
    await sharing.admin.client.query(GRANT_TARGET, i=given)
    paused = await other.client.query(UPDATE_RULE, i={"id": rule, "paused": True})
    assert paused["updateContinuousShare"]["errors"] == []
    refused = await other.client.query(UPDATE_RULE, i={"id": rule, "paused": False})
    assert [each["code"] for each in refused["updateContinuousShare"]["errors"]] == ["NOT_ALLOWED"]
    listed = "query ($t: ID!) { continuousShares { nodes { id } } target(id: $t) { continuousShares { id } } }"
    found = await other.client.query(listed, t=target)
    assert found == {"continuousShares": {"nodes": [{"id": rule}]}, "target": {"continuousShares": [{"id": rule}]}}
    assert (await sharing.site.client().query(listed, t=target))["target"] is None
    assert (await other.client.query(DELETE_RULE, id=rule))["deleteContinuousShare"]["deletedId"] == rule
