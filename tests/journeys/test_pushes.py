"""Shares from one tomgql server to another: what arrives, what a repeat does, and what may not be written there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from tests.support.people import Person, make_person
from tests.support.sharing import LEDGER, READ, SAVE, SHARE, counts, point
from tests.support.site import Site, running_worker, until
from tests.support.toms import an_admin, become_same, seen, two_toms

CREATE_DATA = """mutation ($i: CreateReducedDataInput!) {
  createReducedData(input: $i) { ids errors { code message } } }"""
DISABLE = """mutation ($ids: [ID!]!) {
  setReducedDataDisabled(ids: $ids, disabled: true, reason: "a satellite") { errors { code } } }"""
PUSH = """mutation ($i: PushTargetInput!) { pushTarget(input: $i) {
  target { id name } changed refusals { kind globalId name message } errors { code message path } } }"""
RECORDS = """{ server { instanceId } targets { nodes { globalId record } } dataProducts { nodes { record } }
  reducedData(where: {disabled: null}) { nodes { globalId record } } }"""
CSV = b"mjd,mag,magerr,filter\n60010.25,17.1,0.02,i\n60011.25,17.2,0.02,i\n"


@pytest_asyncio.fixture(loop_scope="session")
async def toms(addresses: dict[str, str], tmp_path: Path, worker_id: str) -> AsyncIterator[tuple[Site, Site]]:
    async with two_toms(addresses, tmp_path, worker_id) as both:
        yield both


@pytest_asyncio.fixture(loop_scope="session")
async def admins(toms: tuple[Site, Site]) -> tuple[Person, Person]:
    return await an_admin(toms[0]), await an_admin(toms[1])


async def data(person: Person, target: str, *rows: dict[str, Any]) -> list[str]:
    given = {"target": target, "dataType": "photometry", "sourceName": "Survey", "rows": list(rows)}
    ids: list[str] = (await person.client.query(CREATE_DATA, i=given))["createReducedData"]["ids"]
    return ids


async def knows(here: Person, there: Person) -> None:
    """Have a site know another one as the destination "west", by a token of it."""
    given = {"name": "west", "kind": "tomgql", "address": there.client.url, "secrets": {"token": there.client.token}}
    assert (await here.client.query(SAVE, i=given))["saveDestination"]["errors"] == []


async def name_peer(admin: Person, account: Person) -> None:
    """Have an administrator name an account as that of another server."""
    place = {"name": "east", "kind": "tomgql", "address": "http://127.0.0.1:1", "secrets": {"token": "none"}}
    assert (await admin.client.query(SAVE, i={**place, "peer": account.id}))["saveDestination"]["errors"] == []


async def share(here: Person, **given: Any) -> tuple[str, dict[str, Any]]:
    """Share with it; the share as it ended."""
    payload = (await here.client.query(SHARE, i={"destination": "west", **given}))["share"]
    assert payload["errors"] == []

    async def look() -> Any:
        found = (await here.client.query(READ, id=payload["share"]["id"]))["node"]
        return found if found["job"]["state"] in ("SUCCEEDED", "FAILED") else None

    return payload["share"]["id"], await until(30, look)


async def test_everything_arrives_whole_and_a_repeat_changes_nothing(
    toms: tuple[Site, Site], admins: tuple[Person, Person]
) -> None:
    (east, _), (giver, taker) = toms, admins
    await knows(giver, taker)
    with running_worker(east.settings):
        target = await giver.create_target("SN 2026push", aliases=["ZTF26push"], extras={"redshift": 0.03})
        ids = await data(giver, target, *[point(number) for number in range(7)])
        uploaded = await giver.client.upload(target, "lc.csv", CSV)
        job = "query ($id: ID!) { job(id: $id) { state } }"

        async def is_read() -> bool:
            return bool((await giver.client.query(job, id=uploaded["job"]["id"]))["job"]["state"] == "SUCCEEDED")

        await until(20, is_read)
        await giver.client.query(DISABLE, ids=ids[:1])
        product = uploaded["dataProduct"]["id"]
        _, done = await share(giver, targets=[target], dataProducts=[product], includeData=True)
        assert done["job"]["state"] == "SUCCEEDED", done
        assert counts(done) == {"items": 11, "sent": 11}
        await become_same(giver, taker)
        lists = await taker.client.query("{ targetLists { nodes { name targets { nodes { name } } } } }")
        (listed,) = lists["targetLists"]["nodes"]
        assert listed == {
            "name": f"Imported From {east.settings.tom_name}", "targets": {"nodes": [{"name": "SN 2026push"}]},
        }  # fmt: skip
        end = "{ server { latestCursor } }"
        before = await taker.client.query(end)
        _, again = await share(giver, targets=[target], dataProducts=[product], includeData=True, resend=True)
        assert counts(again) == {"items": 11, "sent": 11}
        assert await taker.client.query(end) == before
        await data(giver, target, point(3, flux_ujy=1.5))
        _, revised = await share(giver, targets=[target])
        assert revised["sent"] == 1
        await become_same(giver, taker)


async def test_a_target_that_may_not_be_changed_there_is_refused_in_words_and_untouched(
    toms: tuple[Site, Site], admins: tuple[Person, Person]
) -> None:
    (east, west), (giver, taker) = toms, admins
    pusher = await make_person(west, "pusher")
    await name_peer(taker, pusher)
    mine = await taker.create_target("SN 2026mine", access="PUBLIC")
    await data(taker, mine, point(1))
    before = await seen(taker)
    await knows(giver, pusher)
    with running_worker(east.settings):
        target = await giver.create_target("SN 2026mine", distancePc=1e7)
        await data(giver, target, point(2))
        share_id, done = await share(giver, targets=[target])
        assert done["job"]["error"]["code"] == "SHARE_INCOMPLETE"
        items = (await giver.client.query(LEDGER, id=share_id, w=None))["node"]["ledger"]["nodes"]
        assert [each["state"] for each in items] == ["FAILED", "FAILED"]
        assert "may not change it" in items[0]["answer"]
    assert await seen(taker) == before


class TestPushes:
    """`pushTarget` as somebody might use it who is no tomgql server."""

    async def test_nobody_readers_and_users_that_are_no_servers_push_nothing(
        self, toms: tuple[Site, Site], admins: tuple[Person, Person]
    ) -> None:
        west, taker = toms[1], admins[1]
        await admins[0].create_target("pushed")
        records = await admins[0].client.query(RECORDS)
        asked = {"instanceId": records["server"]["instanceId"], "target": records["targets"]["nodes"][0]["record"]}
        reader = await make_person(west, "reader", scopes=("read",))
        user = await make_person(west, "user")
        for nobody, code in (
            (west.client(), "NOT_AUTHENTICATED"), (reader.client, "NOT_ALLOWED"), (user.client, "NOT_ALLOWED"),
        ):  # fmt: skip
            assert code in str(await nobody.ask(PUSH, i=asked))
        assert await seen(taker) == {}

    async def test_hidden_data_and_products_are_not_changed_through_their_target(
        self, toms: tuple[Site, Site], admins: tuple[Person, Person]
    ) -> None:
        west, taker = toms[1], admins[1]
        pusher = await make_person(west, "pusher")
        await name_peer(taker, pusher)
        target = await taker.create_target("half hidden")
        grant = "mutation ($i: GrantTargetAccessInput!) { grantTargetAccess(input: $i) { errors { code } } }"
        await taker.client.query(grant, i={"target": target, "user": pusher.id, "permissions": ["CHANGE"]})
        group = """mutation { createUserGroup(input: {name: "few"}) { userGroup { id } errors { code } } }"""
        few = (await taker.client.query(group))["createUserGroup"]["userGroup"]["id"]
        make = """mutation ($g: [ID!]) { createDataProductGroup(input: {name: "secret", userGroups: $g}) {
          dataProductGroup { id } errors { code message } } }"""
        secret = (await taker.client.query(make, g=[few]))["createDataProductGroup"]["dataProductGroup"]["id"]
        with running_worker(west.settings):
            uploaded = await taker.client.upload(target, "lc.csv", CSV, groups=[secret])
            job = "query ($id: ID!) { job(id: $id) { state } }"

            async def is_read() -> bool:
                return bool((await taker.client.query(job, id=uploaded["job"]["id"]))["job"]["state"] == "SUCCEEDED")

            await until(20, is_read)
        before, records = await seen(taker), await taker.client.query(RECORDS)
        stolen = [
            {**each["record"], "revision": 9, "content": "00000000-0000-0000-0000-0000000000ff", "flux_ujy": 1.0,
             "product": None, "path": []}
            for each in records["reducedData"]["nodes"]
        ]  # fmt: skip
        asked = {
            "instanceId": "00000000-0000-0000-0000-000000000001",
            "target": records["targets"]["nodes"][0]["record"] | {"path": []},
            "reducedData": stolen,
        }
        payload = (await pusher.client.query(PUSH, i=asked))["pushTarget"]
        assert payload["errors"] == [], payload
        assert [each["kind"] for each in payload["refusals"]] == ["reduced_datum"] * 2
        assert "may not see" in payload["refusals"][0]["message"]
        assert await seen(taker) == before

    async def test_what_a_newer_server_says_beyond_is_kept_and_passed_on(
        self, toms: tuple[Site, Site], admins: tuple[Person, Person]
    ) -> None:
        giver, taker = admins
        target = await giver.create_target("from the future")
        await data(giver, target, point(1))
        records = await giver.client.query(RECORDS)
        newer = [each["record"] | {"weather": {"seeing_arcsec": 0.7}} for each in records["reducedData"]["nodes"]]
        asked = {
            "instanceId": records["server"]["instanceId"],
            "target": records["targets"]["nodes"][0]["record"] | {"mood": "fine"},
            "reducedData": newer,
        }
        assert (await taker.client.query(PUSH, i=asked))["pushTarget"]["changed"] == 2
        kept = await taker.client.query(RECORDS)
        assert kept["targets"]["nodes"][0]["record"]["mood"] == "fine"
        assert kept["reducedData"]["nodes"][0]["record"]["weather"] == {"seeing_arcsec": 0.7}

    async def test_what_is_made_up_can_still_be_changed_by_people(
        self, toms: tuple[Site, Site], admins: tuple[Person, Person]
    ) -> None:
        giver, taker = admins
        target = await giver.create_target("made up")
        await data(giver, target, point(1))
        records = await giver.client.query(RECORDS)
        asked = {"instanceId": records["server"]["instanceId"]}
        whole, datum = records["targets"]["nodes"][0]["record"], records["reducedData"]["nodes"][0]["record"]
        farthest = {**asked, "target": {**whole, "revision": 2**31 - 1}}
        (refused,) = (await taker.client.query(PUSH, i=farthest))["pushTarget"]["refusals"]
        assert "revision" in refused["message"]
        most = {"revision": 1_000_000_000}
        flagged = {**datum, **most, "flag_revision": 1_000_000_000}
        pushed = {**asked, "target": {**whole, **most}, "reducedData": [flagged]}
        payload = (await taker.client.query(PUSH, i=pushed))["pushTarget"]
        assert (payload["changed"], payload["refusals"]) == (2, [])
        update = "mutation ($i: UpdateTargetInput!) { updateTarget(input: $i) { errors { code } } }"
        changed = await taker.client.query(update, i={"id": payload["target"]["id"], "distancePc": 5.0})
        assert changed["updateTarget"]["errors"] == []
        (held,) = (await taker.client.query("{ reducedData { nodes { id } } }"))["reducedData"]["nodes"]
        off = await taker.client.query(DISABLE, ids=[held["id"]])
        assert off["setReducedDataDisabled"]["errors"] == []

    async def test_names_that_are_none_and_bags_that_are_too_large_are_refused(
        self, toms: tuple[Site, Site], admins: tuple[Person, Person]
    ) -> None:
        giver, taker = admins
        await giver.create_target("badly named")
        records = await giver.client.query(RECORDS)
        whole = records["targets"]["nodes"][0]["record"]
        named = [{"names": ["new", alias]} for alias in ("", "a\nb", "---")]
        for odd in (*named, {"more": "x" * 99_999}):
            asked = {"instanceId": records["server"]["instanceId"], "target": {**whole, **odd}}
            payload = (await taker.client.query(PUSH, i=asked))["pushTarget"]
            assert (payload["target"], len(payload["refusals"])) == (None, 1)
        assert await seen(taker) == {}

    async def test_whatever_is_pushed_is_taken_or_refused_in_words(
        self, toms: tuple[Site, Site], admins: tuple[Person, Person]
    ) -> None:
        giver, taker = admins
        target = await giver.create_target("odd", extras={"a": 1}, distancePc=1.0)
        await data(giver, target, point(1))
        records = await giver.client.query(RECORDS)
        whole, datum = records["targets"]["nodes"][0]["record"], records["reducedData"]["nodes"][0]["record"]
        odd: tuple[Any, ...] = (None, "", "x" * 5000, -1, 1e300, 2**53, True, [], [None], {}, {"a": []}, "nan")
        asked = {"instanceId": records["server"]["instanceId"], "target": whole, "reducedData": [datum]}
        for name in whole:
            for value in odd:
                await _is_answered(taker, {**asked, "target": {**whole, name: value}})
        for name in datum:
            for value in odd:
                await _is_answered(taker, {**asked, "reducedData": [{**datum, name: value}]})
        for value in odd:
            if not isinstance(value, dict):
                await _is_answered(taker, {**asked, "instanceId": str(value)})


async def _is_answered(person: Person, asked: dict[str, Any]) -> None:
    answer = await person.client.ask(PUSH, i=asked)
    assert "INTERNAL" not in str(answer), (asked, answer)
