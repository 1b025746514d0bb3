"""Shares: from the mutation through a real worker to a double of a destination, and back into the ledger."""

from __future__ import annotations

import asyncio

from tests.support.client import Client
from tests.support.people import Person, make_person
from tests.support.sharing import GRANT_TARGET, MAKE_GROUP, RETRY, SHARE, Sharing, counts, point
from tests.support.site import until

LIGHT_CURVE = b"mjd,magnitude,error,filter\n60100.25,18.42,0.03,ztfr\n60103.25,18.11,0.02,ztfr\n"
MAKE_LIST = "mutation ($i: CreateTargetListInput!) { createTargetList(input: $i) { targetList { id } } }"
MAKE_PRODUCT_GROUP = """mutation ($i: CreateDataProductGroupInput!) {
  createDataProductGroup(input: $i) { dataProductGroup { id } errors { code } } }"""
DISABLE = """mutation ($ids: [ID!]!, $disabled: Boolean!, $reason: String!) {
  setReducedDataDisabled(ids: $ids, disabled: $disabled, reason: $reason) { errors { code } } }"""


async def test_a_target_goes_with_its_data_and_the_ledger_says_so(sharing: Sharing) -> None:
    target = await sharing.sharer.create_target("SN 2026abc", aliases=["ZTF26abc"])
    await sharing.data(sharing.sharer, target, *[point(number) for number in range(23)])
    share = await sharing.share(targets=[target], message="Look at this", options={"folder": "new"})
    found = await sharing.ended(share)
    assert found["job"]["error"] is None
    assert found["job"]["state"] == "SUCCEEDED"
    assert counts(found) == {"items": 24, "sent": 24}
    (there,) = sharing.double.targets.values()
    assert (there["names"], there["lists"]) == (["SN 2026abc", "ZTF26abc"], ["Imported From North TOM"])
    assert (there["message"], there["options"]) == ("Look at this", {"folder": "new"})
    assert there["sender"]["username"] == "sharer"
    fluxes = sorted(each["record"]["flux_ujy"] for each in sharing.double.data.values())
    assert fluxes == [100.0 + number for number in range(23)]
    items = await sharing.ledger(share)
    assert {each["state"] for each in items} == {"SENT"}
    assert [each["kind"] for each in items] == ["TARGET"] + ["REDUCED_DATUM"] * 23
    assert {each["target"]["id"] for each in items} == {target}
    assert all(each["remoteId"] == f"r-{each['globalId']}" for each in items)
    assert all(each["reducedDatum"] for each in items[1:])


async def test_what_is_there_as_it_is_stays_and_what_changed_goes_again(sharing: Sharing) -> None:
    target = await sharing.sharer.create_target("SN 2026chg")
    ids = await sharing.data(sharing.sharer, target, *[point(number) for number in range(12)])
    first = await sharing.ended(await sharing.share(targets=[target]))
    assert counts(first) == {"items": 13, "sent": 13}
    sharing.double.arrivals.clear()
    second = await sharing.ended(await sharing.share(targets=[target]))
    assert counts(second) == {"items": 13, "unchanged": 13}
    assert second["job"]["state"] == "SUCCEEDED"
    assert sharing.double.arrivals == []
    await sharing.data(sharing.sharer, target, point(3, flux_ujy=1.5), point(20))
    third = await sharing.share(targets=[target])
    assert counts(await sharing.ended(third)) == {"items": 14, "unchanged": 12, "sent": 2}
    sent = [each["reducedDatum"]["id"] for each in await sharing.ledger(third)]
    assert ids[3] in sent
    assert [sharing.double.data[each]["record"]["flux_ujy"] for each in sharing.double.arrivals] == [1.5, 120.0]
    resent = await sharing.ended(await sharing.share(targets=[target], resend=True))
    assert counts(resent) == {"items": 14, "sent": 14}
    assert len(sharing.double.arrivals) == 16


async def test_a_dry_run_counts_and_sends_nothing(sharing: Sharing) -> None:
    target = await sharing.sharer.create_target("SN 2026dry")
    await sharing.data(sharing.sharer, target, *[point(number) for number in range(4)])
    product = await upload(sharing, target)
    given = {"destination": "receiver", "targets": [target], "dataProducts": [product], "dryRun": True}
    payload = (await sharing.sharer.client.query(SHARE, i=given))["share"]
    assert payload == {
        "share": None, "job": None, "errors": [],
        "preview": {"targets": 1, "dataProducts": 1, "reducedData": 4, "unchanged": 0},
    }  # fmt: skip
    await sharing.ended(await sharing.share(targets=[target], includeData=False))
    payload = (await sharing.sharer.client.query(SHARE, i=given))["share"]
    assert payload["preview"]["unchanged"] == 1
    assert len(sharing.double.arrivals) == 1


async def test_chosen_data_and_products_go_with_the_target_that_they_hang_on(sharing: Sharing) -> None:
    target = await sharing.sharer.create_target("SN 2026flt")
    await sharing.data(sharing.sharer, target, *[point(number, band="gr"[number % 2]) for number in range(10)])
    other = await sharing.sharer.create_target("SN 2026oth")
    await sharing.data(sharing.sharer, other, point(1))
    where = {"photometry": {"band": {"eq": "g"}}, "mjd": {"gte": 60002.0}, "target": target}
    share = await sharing.share(reducedData=where)
    assert counts(await sharing.ended(share)) == {"items": 5, "sent": 5}
    times = sorted(each["record"]["mjd"] for each in sharing.double.data.values())
    assert times == [60002.0, 60004.0, 60006.0, 60008.0]
    assert [each["names"][0] for each in sharing.double.targets.values()] == ["SN 2026flt"]
    product = await upload(sharing, other)
    assert counts(await sharing.ended(await sharing.share(dataProducts=[product]))) == {"items": 2, "sent": 2}
    (file,) = sharing.double.products.values()
    assert (file["name"], file["content"]) == ("notes.txt", "clouds at dusk")
    assert file["record"]["data_product_type"] == "image_file"
    assert file["target"] == next(key for key in sharing.double.known if key[2:] in list(sharing.double.targets)[1])


async def test_a_list_goes_with_its_name_and_without_data_if_so_wished(sharing: Sharing) -> None:
    mine = [await sharing.sharer.create_target(f"SN 2026l{number}") for number in range(3)]
    hidden = await sharing.admin.create_target("not the sharer's", access="PUBLIC")
    made = await sharing.admin.client.query(MAKE_LIST, i={"name": "Bright ones", "targets": [*mine, hidden]})
    await sharing.data(sharing.sharer, mine[0], point(1))
    share = await sharing.share(targetList=made["createTargetList"]["targetList"]["id"], includeData=False)
    assert counts(await sharing.ended(share)) == {"items": 3, "sent": 3}
    there = sharing.double.targets.values()
    assert sorted(each["names"][0] for each in there) == ["SN 2026l0", "SN 2026l1", "SN 2026l2"]
    assert {tuple(each["lists"]) for each in there} == {("Imported From North TOM", "Bright ones")}
    assert sharing.double.data == {}


async def test_an_administrator_shares_whatever_there_is(sharing: Sharing) -> None:
    target = await sharing.sharer.create_target("SN 2026adm", access="PRIVATE")
    await sharing.data(sharing.sharer, target, *[point(number) for number in range(3)])
    product = await upload(sharing, target)
    made = await sharing.sharer.client.query(MAKE_LIST, i={"name": "Of the sharer", "targets": [target]})
    given = {"targetList": made["createTargetList"]["targetList"]["id"], "dataProducts": [product]}
    dry = await sharing.admin.client.query(SHARE, i={"destination": "receiver", **given, "dryRun": True})
    counted = {"targets": 1, "dataProducts": 1, "reducedData": 3, "unchanged": 0}
    assert dry["share"]["preview"] == counted
    share = await sharing.share(sharing.admin, **given)
    assert await sharing.read(share) is None
    assert counts(await sharing.ended(share, sharing.admin)) == {"items": 5, "sent": 5}
    await sharing.follow(sharing.admin, target=target)
    await sharing.data(sharing.sharer, target, point(9))
    await sharing.until_quiet()
    assert len(sharing.double.data) == 4


async def test_what_the_sharer_may_not_see_does_not_go(sharing: Sharing) -> None:
    """Data of a product that product groups hide from the sharer, who may share the target."""
    target = await sharing.admin.create_target("SN 2026hid", access="PUBLIC")
    await sharing.admin.client.query(
        GRANT_TARGET, i={"target": target, "user": sharing.sharer.id, "permissions": ["VIEW", "SHARE"]}
    )
    await sharing.data(sharing.admin, target, *[point(number) for number in range(3)])
    secret = await sharing.admin.client.upload(target, "secret.csv", LIGHT_CURVE)
    product = secret["dataProduct"]["id"]
    await until(20, lambda: total(sharing.admin.client, target, 5))
    groups = {"name": "nobody's", "userGroups": [await a_group(sharing.admin)], "dataProducts": [product]}
    await sharing.admin.client.query(MAKE_PRODUCT_GROUP, i=groups)
    assert (await sharing.refused(sharing.sharer, dataProducts=[product]))["code"] == "NOT_FOUND"
    assert counts(await sharing.ended(await sharing.share(targets=[target]))) == {"items": 4, "sent": 4}
    assert all(each["product"] is None for each in sharing.double.data.values())


async def test_rights_are_asked_again_when_a_thing_goes(sharing: Sharing) -> None:
    target = await sharing.admin.create_target("SN 2026los", access="PUBLIC")
    grant = {"target": target, "user": sharing.sharer.id}
    await sharing.admin.client.query(GRANT_TARGET, i={**grant, "permissions": ["VIEW", "SHARE"]})
    await sharing.data(sharing.admin, target, *[point(number) for number in range(30)])
    sharing.double.hold(1)
    share = await sharing.share(targets=[target])
    await asyncio.wait_for(sharing.double.held.wait(), 20)
    await sharing.admin.client.query(GRANT_TARGET, i={**grant, "permissions": ["VIEW"]})
    sharing.double.release()
    found = await sharing.ended(share)
    assert (found["job"]["state"], found["job"]["error"]["code"]) == ("FAILED", "SHARE_INCOMPLETE")
    assert found["job"]["error"]["message"] == "21 of 31 items were not taken; the share's `ledger` says why."
    assert counts(found) == {"items": 31, "sent": 10, "refused": 21}
    assert len(sharing.double.data) == 9
    refused = await sharing.ledger(share, state=["REFUSED"])
    assert {each["answer"] for each in refused} == {
        "It is gone, out of use, or may not be shared any more by who shared it."
    }
    await sharing.admin.client.query(GRANT_TARGET, i={**grant, "permissions": ["VIEW", "SHARE"]})
    assert (await sharing.sharer.client.query(RETRY, id=found["job"]["id"]))["retryJob"]["errors"] == []
    assert counts(await sharing.ended(share)) == {"items": 31, "sent": 31}
    assert len(sharing.double.arrivals) == 31


async def test_a_later_share_takes_over_what_an_earlier_one_has_not_sent(sharing: Sharing) -> None:
    target = await sharing.sharer.create_target("SN 2026two")
    await sharing.data(sharing.sharer, target, *[point(number) for number in range(30)])
    sharing.double.hold(1)
    first = await sharing.share(targets=[target])
    await asyncio.wait_for(sharing.double.held.wait(), 20)
    second = await sharing.share(sharing.admin, targets=[target])
    await until(20, lambda: queued_none(sharing, first))
    sharing.double.release()
    ended = await sharing.ended(first), await sharing.ended(second, sharing.admin)
    assert ended[0]["sent"] + ended[1]["sent"] == 31
    assert "went over to later shares of the same things." in ended[0]["job"]["message"]
    assert {each["job"]["state"] for each in ended} == {"SUCCEEDED"}
    assert len(sharing.double.data) == 30


async def queued_none(sharing: Sharing, share: str) -> bool:
    return bool((await sharing.read(share))["queued"] == 0)


async def test_disabled_data_stay_and_nothing_goes_back_where_it_came_from(sharing: Sharing) -> None:
    peer = await make_person(sharing.site, "their account")
    target = await sharing.admin.create_target("SN 2026loop", access="PUBLIC")
    for person, rights in ((peer, ["VIEW", "CHANGE"]), (sharing.sharer, ["VIEW", "CHANGE", "SHARE"])):
        given = {"target": target, "user": person.id, "permissions": rights}
        await sharing.admin.client.query(GRANT_TARGET, i=given)
    theirs = await peer.client.upload(target, "theirs.csv", LIGHT_CURVE)
    await until(20, lambda: total(peer.client, target, 2))
    ids = await sharing.data(sharing.sharer, target, *[point(number) for number in range(3)])
    disable = {"ids": ids[:1], "disabled": True, "reason": "clouds"}
    await sharing.sharer.client.query(DISABLE, **disable)
    assert (await sharing.save_destination(peer=peer.id))["sharingDestination"]["peer"] == {"username": peer.username}
    try:
        share = await sharing.share(targets=[target], dataProducts=[theirs["dataProduct"]["id"]])
        assert counts(await sharing.ended(share)) == {"items": 3, "sent": 3}
        assert sorted(each["record"]["mjd"] for each in sharing.double.data.values()) == [60001.0, 60002.0]
        assert sharing.double.products == {}
    finally:
        await sharing.save_destination(peer=None)


async def upload(sharing: Sharing, target: str) -> str:
    """A data product that nothing is read from; its id."""
    payload = await sharing.sharer.client.upload(
        target, "notes.txt", b"clouds at dusk", dataProductType="image_file", process=False
    )
    assert payload["errors"] == []
    found: str = payload["dataProduct"]["id"]
    return found


async def a_group(admin: Person) -> str:
    made = await admin.client.query(MAKE_GROUP, i={"name": "the others"})
    found: str = made["createUserGroup"]["userGroup"]["id"]
    return found


async def total(client: Client, target: str, wanted: int) -> bool:
    """Whether the target has so many data."""
    asked = "query ($t: ID!) { reducedData(where: {target: $t}) { totalCount } }"
    return bool((await client.query(asked, t=target))["reducedData"]["totalCount"] == wanted)
