"""Two TOMs, one of which follows the other: what is there, what comes, what changes, what goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.people import Person, make_person
from tests.support.site import Site, free_port, running_worker, until, web_child
from tests.support.toms import (
    CHANGE,
    FOLLOW,
    an_admin,
    become_same,
    change,
    follow,
    followers,
    same,
    seen,
    stands,
    subscriptions,
    two_toms,
)
from tomgql.client import Client
from tomgql.events import log
from tomgql.services.federation import copying, following

CREATE_DATA = """mutation ($i: CreateReducedDataInput!) { createReducedData(input: $i) {
  created revised unchanged rejected ids errors { code message } } }"""
DISABLE = """mutation ($ids: [ID!]!, $off: Boolean!) {
  setReducedDataDisabled(ids: $ids, disabled: $off, reason: "a satellite") { revised errors { code } } }"""
UPDATE = "mutation ($i: UpdateTargetInput!) { updateTarget(input: $i) { errors { code message } } }"
DELETE_PRODUCT = "mutation ($id: ID!) { deleteDataProduct(id: $id) { errors { code } } }"
MERGE = """mutation ($into: ID!, $from: ID!) {
  mergeTargets(into: $into, from: $from) { errors { code message } } }"""
DELETE_TARGET = "mutation ($id: ID!) { deleteTarget(id: $id) { errors { code } } }"

ROWS = [
    {"mjd": 60000.5, "magnitude": 18.2, "error": 0.05, "filter": "r"},
    {"mjd": 60001.5, "limit": 20.1, "filter": "g"},
]


@pytest_asyncio.fixture(loop_scope="session")
async def toms(addresses: dict[str, str], tmp_path: Path, worker_id: str) -> AsyncIterator[tuple[Site, Site]]:
    async with two_toms(addresses, tmp_path, worker_id) as both:
        yield both


@pytest_asyncio.fixture(loop_scope="session")
async def admins(toms: tuple[Site, Site]) -> tuple[Person, Person]:
    return await an_admin(toms[0]), await an_admin(toms[1])


async def data(person: Person, target: str, rows: list[Any], **given: Any) -> dict[str, Any]:
    asked = {"target": target, "dataType": "photometry", "sourceName": "Survey", "rows": rows, **given}
    payload: dict[str, Any] = (await person.client.query(CREATE_DATA, i=asked))["createReducedData"]
    assert payload["errors"] == []
    return payload


async def test_what_is_there_comes_and_what_changes_follows(
    toms: tuple[Site, Site], admins: tuple[Person, Person]
) -> None:
    (east, west), (giver, taker) = toms, admins
    with running_worker(east.settings):
        target = await giver.create_target(
            "SN 2026abc", aliases=["ZTF26xyz"], extras={"redshift": 0.03, "host": "NGC 1"}, distancePc=2e7
        )
        made = await data(giver, target, ROWS)
        spectrum = [{"mjd": 60002.5, "wavelength": [4000, 5000, 6000], "flux": [1.0, 2.0, 1.5]}]
        await data(giver, target, spectrum, dataType="spectroscopy")
        await data(giver, target, [{"mjd": 60003.5, "ra": 150.0001, "dec": 2.0001}], dataType="astrometry")
        await data(giver, target, [{"mjd": 60004.5, "wind": 4.5}], dataType="weather")
        csv = b"mjd,mag,magerr,filter\n60010.25,17.1,0.02,i\n60011.25,17.2,0.02,i\n"
        uploaded = await giver.client.upload(target, "lc.csv", csv)
        await until(20, lambda: _is_read(giver, uploaded))
        async with followers(west):
            await follow(taker, east, giver)
            await become_same(giver, taker)
            (subscription,) = await subscriptions(taker)
            assert (subscription["state"], subscription["message"]) == ("FOLLOWING", "")
            assert len(await seen(taker)) == 1

            await data(giver, target, [{"mjd": 60005.5, "magnitude": 18.9, "error": 0.1, "filter": "r"}])
            await data(giver, target, [{"mjd": 60000.5, "magnitude": 18.3, "error": 0.05, "filter": "r"}])
            await giver.client.query(DISABLE, ids=[made["ids"][1]], off=True)
            await giver.client.query(UPDATE, i={"id": target, "addAliases": ["AT 2026abc"], "distancePc": 2.1e7})
            await become_same(giver, taker)
            await giver.client.query(DISABLE, ids=[made["ids"][1]], off=False)
            await giver.client.query(UPDATE, i={"id": target, "name": "SN 2026abd", "removeAliases": ["ZTF26xyz"]})
            other = await giver.create_target("Another one", raDeg=10.0)
            await data(giver, other, ROWS)
            await become_same(giver, taker)

            await giver.client.query(DELETE_PRODUCT, id=uploaded["dataProduct"]["id"])
            await giver.client.query(DELETE_TARGET, id=other)
            await become_same(giver, taker)
            (left,) = (await seen(taker)).values()
            assert left["dataProducts"] == []
            assert {each["dataType"] for each in left["data"]} == {
                "photometry", "spectroscopy", "astrometry", "weather",
            }  # fmt: skip
            (subscription,) = await subscriptions(taker)
            assert subscription["refusals"] == []
    await until(10, lambda: stands(taker, "INTERRUPTED", "No worker"))


async def _is_read(person: Person, uploaded: dict[str, Any]) -> bool:
    query = "query ($id: ID!) { job(id: $id) { state } }"
    return bool((await person.client.query(query, id=uploaded["job"]["id"]))["job"]["state"] == "SUCCEEDED")


LATEST = "{ server { latestCursor } }"


async def test_two_that_follow_each_other_end_equal_and_come_to_rest(
    toms: tuple[Site, Site], admins: tuple[Person, Person]
) -> None:
    (east, west), (one, other) = toms, admins
    first, second = await one.create_target("AT 2026zz"), await other.create_target("at2026 ZZ")
    mine = await data(one, first, ROWS)
    await data(other, second, [ROWS[0], {"mjd": 60001.5, "limit": 20.7, "filter": "g"}])
    async with followers(east, west):
        await follow(one, west, other)
        await follow(other, east, one)
        await become_same(one, other)
        (held,) = (await seen(one)).values()
        assert len(held["data"]) == 2
        assert len({each["globalId"] for each in held["data"]}) == 2
        await data(other, second, [{**ROWS[0], "magnitude": 18.0}])
        await one.client.query(DISABLE, ids=[mine["ids"][1]], off=True)
        await become_same(one, other)
        before = [await each.client.query(LATEST) for each in admins]
        await asyncio.sleep(1.5)
        assert [await each.client.query(LATEST) for each in admins] == before


class TestWhoFollows:
    """What stops a subscription, in words, and what sets it going again."""

    async def test_a_revoked_token_ends_it_and_another_one_lets_it_go_on(
        self, toms: tuple[Site, Site], admins: tuple[Person, Person]
    ) -> None:
        (east, west), (giver, taker) = toms, admins
        reader = await make_person(east, "reader", is_admin=True)
        async with followers(west):
            subscription = await follow(taker, east, reader)
            await until(30, lambda: stands(taker, "FOLLOWING"))
            await east.rt.writes.execute("delete from tokens where user_id = $1", int(reader.id[1:]))
            await giver.create_target("made meanwhile")
            await until(30, lambda: stands(taker, "REFUSED", "token"))
            await change(taker, subscription, token=giver.client.token)
            await become_same(giver, taker)

    async def test_a_site_does_not_follow_itself(self, toms: tuple[Site, Site], admins: tuple[Person, Person]) -> None:
        async with followers(toms[1]):
            await follow(admins[1], toms[1], admins[1])
            await until(30, lambda: stands(admins[1], "REFUSED", "this site itself"))

    async def test_another_installation_at_the_address_is_refused(
        self, toms: tuple[Site, Site], admins: tuple[Person, Person]
    ) -> None:
        (_, west), (_, taker) = toms, admins
        async with followers(west):
            subscription = await follow(taker, toms[0], admins[0])
            await until(30, lambda: stands(taker, "FOLLOWING"))
            await west.rt.writes.execute("update peer_subscriptions set instance_id = gen_random_uuid()")
            await change(taker, subscription, enabled=False)
            await change(taker, subscription, enabled=True)
            await until(30, lambda: stands(taker, "REFUSED", "another installation"))

    async def test_private_networks_are_not_asked_unless_the_settings_say_so(
        self, toms: tuple[Site, Site], admins: tuple[Person, Person], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        west = toms[1]
        monkeypatch.setattr(west.rt, "settings", west.settings.model_copy(update={"private_peers": False}))
        async with followers(west):
            await follow(admins[1], toms[0], admins[0])
            await until(30, lambda: stands(admins[1], "INTERRUPTED", "private network"))

    async def test_a_pause_is_kept_and_what_the_log_forgot_meanwhile_is_copied_again(
        self, toms: tuple[Site, Site], admins: tuple[Person, Person]
    ) -> None:
        (east, west), (giver, taker) = toms, admins
        gone, kept = await giver.create_target("goes"), await giver.create_target("stays")
        await data(giver, kept, ROWS)
        async with followers(west):
            subscription = await follow(taker, east, giver)
            await become_same(giver, taker)
            await change(taker, subscription, enabled=False)
            await giver.client.query(DELETE_TARGET, id=gone)
            await data(giver, kept, [{**ROWS[0], "magnitude": 18.9}])
            await giver.create_target("comes")
            await asyncio.sleep(1)
            assert await stands(taker, "PAUSED")
            assert not await same(giver, taker)
            async with east.rt.writes.acquire() as connection:
                await log.prune(connection, 0.0, 0)
            await change(taker, subscription, enabled=True)
            await become_same(giver, taker)
            assert len(await seen(taker)) == 2

    async def test_who_is_away_is_waited_for(self, toms: tuple[Site, Site], admins: tuple[Person, Person]) -> None:
        async with followers(toms[1]):
            asked = {"name": "nobody", "address": f"http://127.0.0.1:{free_port()}", "token": "t"}
            await admins[1].client.query(FOLLOW, i=asked)
            await until(30, lambda: stands(admins[1], "INTERRUPTED"))

    async def test_a_server_that_dies_is_waited_for_and_what_it_wrote_meanwhile_comes(
        self, toms: tuple[Site, Site], admins: tuple[Person, Person]
    ) -> None:
        (east, west), (giver, taker) = toms, admins
        settings = east.settings.model_copy(update={"port": free_port()})
        address = f"http://127.0.0.1:{settings.port}"
        async with followers(west):
            async with web_child(settings) as child:
                await taker.client.query(
                    FOLLOW, i={"name": "east", "address": address, "token": giver.client.token}
                )
                await until(30, lambda: stands(taker, "FOLLOWING"))
                child.kill()
                await until(30, lambda: stands(taker, "INTERRUPTED"))
            target = await giver.create_target("meanwhile")
            await data(giver, target, ROWS)
            async with web_child(settings):
                await become_same(giver, taker, 40)
                await until(30, lambda: stands(taker, "FOLLOWING"))

    async def test_whose_rights_end_follows_no_longer(
        self, toms: tuple[Site, Site], admins: tuple[Person, Person]
    ) -> None:
        (east, west), (giver, taker) = toms, admins
        second = await make_person(west, "second", is_admin=True)
        async with followers(west):
            await follow(second, east, giver)
            await until(30, lambda: stands(taker, "FOLLOWING"))
            await west.rt.writes.execute("update users set is_admin = false where id = $1", int(second.id[1:]))
            await giver.create_target("too late")
            await until(30, lambda: stands(taker, "REFUSED", "administrator"))
        assert await seen(taker) == {}

    async def test_a_filter_that_is_none_there_is_refused_in_words(
        self, toms: tuple[Site, Site], admins: tuple[Person, Person]
    ) -> None:
        async with followers(toms[1]):
            await follow(admins[1], toms[0], admins[0], where={"weight": 3})
            await until(30, lambda: stands(admins[1], "REFUSED", "weight"))

    async def test_it_is_for_administrators_and_keeps_the_token_to_itself(
        self, toms: tuple[Site, Site], admins: tuple[Person, Person]
    ) -> None:
        west, taker = toms[1], admins[1]
        subscription = await follow(taker, toms[0], admins[0])
        anonymous, somebody = west.client(), (await make_person(west, "somebody")).client
        for nobody in (anonymous, somebody):
            assert (await nobody.query("{ peerSubscriptions { nodes { id } } }"))["peerSubscriptions"]["nodes"] == []
            for document, given in (
                (FOLLOW, {"name": "mine", "address": toms[0].url, "token": "t"}),
                (CHANGE, {"id": subscription, "enabled": False}),
            ):
                answer = await nobody.ask(document, i=given)
                assert ("NOT_AUTHENTICATED" if nobody is anonymous else "NOT_ALLOWED") in str(answer)
        moved = {"id": subscription, "address": "https://elsewhere.example"}
        (error,) = (await taker.client.query(CHANGE, i=moved))["updatePeerSubscription"]["errors"]
        assert (error["code"], error["path"]) == ("INVALID_INPUT", ["input", "token"])
        token = (admins[0].client.token or "").encode()
        row = await west.rt.writes.fetchrow("select * from peer_subscriptions")
        assert row is not None
        assert row["enabled"]
        assert token not in row["token"]


class TestWhatIsTaken:
    """What the token sees, as far as the receiving site lets its administrator write."""

    async def test_no_more_than_the_token_sees_and_nothing_new_when_a_right_is_withdrawn(
        self, toms: tuple[Site, Site], admins: tuple[Person, Person]
    ) -> None:
        (east, west), (giver, taker) = toms, admins
        reader = await make_person(east, "reader")
        hidden = await giver.create_target("hidden", access="PRIVATE")
        shown = await giver.create_target("shown", access="PRIVATE")
        for target in (hidden, shown):
            await data(giver, target, ROWS)
        grant = "mutation ($i: GrantTargetAccessInput!) { grantTargetAccess(input: $i) { errors { code } } }"
        rights = {"target": shown, "user": reader.id, "permissions": ["VIEW"]}
        assert (await giver.client.query(grant, i=rights))["grantTargetAccess"]["errors"] == []
        async with followers(west):
            await follow(taker, east, reader)
            await until(30, lambda: _has(taker, {"shown": 2}))
            await data(giver, hidden, [{**ROWS[0], "mjd": 60009.5}])
            await data(giver, shown, [{**ROWS[0], "mjd": 60009.5}])
            await until(30, lambda: _has(taker, {"shown": 3}))
            withdrawn = {**rights, "permissions": []}
            assert (await giver.client.query(grant, i=withdrawn))["grantTargetAccess"]["errors"] == []
            await data(giver, shown, [{**ROWS[0], "mjd": 60010.5}])
            public = await giver.create_target("public", access="PUBLIC")
            await data(giver, public, ROWS)
            await until(30, lambda: _has(taker, {"shown": 3, "public": 2}))

    async def test_a_name_of_two_targets_here_is_refused_in_words_and_taken_when_they_are_one(
        self, toms: tuple[Site, Site], admins: tuple[Person, Person]
    ) -> None:
        (east, west), (giver, taker) = toms, admins
        here = [await taker.create_target(name) for name in ("SN 2026a", "ZTF26a")]
        there = await giver.create_target("SN 2026a", aliases=["ZTF26a"])
        await data(giver, there, ROWS)
        async with followers(west):
            subscription = await follow(taker, east, giver)
            await until(30, lambda: stands(taker, "FOLLOWING"))
            (found,) = await subscriptions(taker)
            (refusal,) = found["refusals"]
            assert (refusal["kind"], refusal["name"]) == ("target", "SN 2026a")
            assert "SN 2026a" in refusal["message"] and "ZTF26a" in refusal["message"]
            merged = await taker.client.query(MERGE, **{"into": here[0], "from": here[1]})
            assert merged["mergeTargets"]["errors"] == []
            await change(taker, subscription, copyAgain=True)
            await until(30, lambda: _has(taker, {"SN 2026a": 2}))
            (found,) = await subscriptions(taker)
            assert found["refusals"] == []

    async def test_a_target_that_comes_into_view_comes_with_its_data(
        self, toms: tuple[Site, Site], admins: tuple[Person, Person]
    ) -> None:
        (east, west), (giver, taker) = toms, admins
        reader = await make_person(east, "reader")
        target = await giver.create_target("comes out", access="PRIVATE")
        await data(giver, target, ROWS)
        async with followers(west):
            await follow(taker, east, reader)
            await until(30, lambda: stands(taker, "FOLLOWING"))
            await giver.client.query(UPDATE, i={"id": target, "access": "PUBLIC"})
            await until(30, lambda: _has(taker, {"comes out": 2}))

    async def test_who_takes_a_name_here_is_not_given_what_is_private_there(
        self, toms: tuple[Site, Site], admins: tuple[Person, Person]
    ) -> None:
        (east, west), (giver, taker) = toms, admins
        mallory = await make_person(west, "mallory")
        await mallory.create_target("SN 2026secret")
        secret = await giver.create_target("SN 2026secret", access="PRIVATE", extras={"note": "embargoed"})
        await data(giver, secret, ROWS)
        async with followers(west):
            await follow(taker, east, giver)
            await until(30, lambda: stands(taker, "FOLLOWING"))
            assert await _has(mallory, {"SN 2026secret": 0})
            assert "embargoed" not in str(await seen(mallory))
            ((refusal,),) = [each["refusals"] for each in await subscriptions(taker)]
            assert "more people see" in refusal["message"]

    async def test_what_was_made_anew_under_an_old_name_while_paused_is_there_afterwards(
        self, toms: tuple[Site, Site], admins: tuple[Person, Person]
    ) -> None:
        (east, west), (giver, taker) = toms, admins
        names = [f"anew {number}" for number in range(6)]
        targets = [await giver.create_target(name) for name in names]
        async with followers(west):
            subscription = await follow(taker, east, giver)
            await become_same(giver, taker)
            await change(taker, subscription, enabled=False)
            for name, target in zip(names, targets, strict=True):
                await giver.client.query(DELETE_TARGET, id=target)
                await data(giver, await giver.create_target(name), ROWS)
            await change(taker, subscription, enabled=True, copyAgain=True)
            await become_same(giver, taker)
            assert await _has(taker, dict.fromkeys(names, 2))

    async def test_data_that_came_before_their_file_end_with_it(
        self, toms: tuple[Site, Site], admins: tuple[Person, Person], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (east, west), (giver, taker) = toms, admins
        settings = west.rt.settings
        monkeypatch.setattr(west.rt, "settings", settings.model_copy(update={"max_file_bytes": 30}))
        target = await giver.create_target("file later")
        with running_worker(east.settings):
            csv = b"mjd,mag,magerr,filter\n60010.25,17.1,0.02,i\n60011.25,17.2,0.02,i\n"
            uploaded = await giver.client.upload(target, "lc.csv", csv)
            await until(20, lambda: _is_read(giver, uploaded))
        async with followers(west):
            subscription = await follow(taker, east, giver)
            await until(30, lambda: _has(taker, {"file later": 2}))
            monkeypatch.setattr(west.rt, "settings", settings)
            await change(taker, subscription, copyAgain=True)
            await become_same(giver, taker)
            await giver.client.query(DELETE_PRODUCT, id=uploaded["dataProduct"]["id"])
            await until(30, lambda: _has(taker, {"file later": 0}))

    async def test_an_event_that_is_too_large_is_gone_over_by_its_target_alone(
        self, toms: tuple[Site, Site], admins: tuple[Person, Person], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (east, west), (giver, taker) = toms, admins
        target, other = [await giver.create_target(name) for name in ("many spectra", "one point")]
        monkeypatch.setattr(copying, "DATA_A_PAGE", 2)
        gone_over, copy_next = [], following._copy_next

        async def counting(link: Any, cursor: str) -> str:
            gone_over.append(cursor)
            return await copy_next(link, cursor)

        monkeypatch.setattr(following, "_copy_next", counting)
        async with followers(west):
            await follow(taker, east, giver)
            await become_same(giver, taker)
            numbers = [4000.0 + number for number in range(4000)]
            spectra = [{"mjd": 60000.5 + day, "wavelength": numbers, "flux": numbers} for day in range(8)]
            monkeypatch.setattr(Client, "__init__", partialmethod(Client.__init__, max_message_bytes=300_000))
            await change(taker, (await subscriptions(taker))[0]["id"], enabled=True)
            await until(30, lambda: stands(taker, "FOLLOWING"))
            await data(giver, target, spectra, dataType="spectroscopy")
            await data(giver, other, ROWS[:1])
            await become_same(giver, taker)
            assert await stands(taker, "FOLLOWING")
        assert len(gone_over) == 1

    async def test_a_file_that_is_too_large_is_refused_and_its_data_are_not(
        self, toms: tuple[Site, Site], admins: tuple[Person, Person], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (east, west), (giver, taker) = toms, admins
        monkeypatch.setattr(west.rt, "settings", west.settings.model_copy(update={"max_file_bytes": 30}))
        target = await giver.create_target("with a file")
        await data(giver, target, ROWS)
        with running_worker(east.settings):
            csv = b"mjd,mag,magerr,filter\n60010.25,17.1,0.02,i\n60011.25,17.2,0.02,i\n"
            uploaded = await giver.client.upload(target, "lc.csv", csv)
            await until(20, lambda: _is_read(giver, uploaded))
        async with followers(west):
            await follow(taker, east, giver)
            await until(30, lambda: _has(taker, {"with a file": 4}))
            (found,) = await subscriptions(taker)
            (refusal,) = found["refusals"]
            assert (refusal["kind"], refusal["name"]) == ("data_product", "lc.csv")

    async def test_targets_that_are_merged_there_are_one_here_and_nothing_is_lost(
        self, toms: tuple[Site, Site], admins: tuple[Person, Person]
    ) -> None:
        (east, west), (giver, taker) = toms, admins
        into, gone = [await giver.create_target(name) for name in ("AT 2026into", "ZTF26from")]
        await data(giver, into, ROWS[:1])
        await data(giver, gone, ROWS)
        async with followers(west):
            await follow(taker, east, giver)
            await become_same(giver, taker)
            (copy,) = (await taker.client.query('{ targets(where: {name: {eq: "ZTF26from"}}) { nodes { id } } }'))[
                "targets"
            ]["nodes"]
            await data(taker, copy["id"], [{**ROWS[0], "mjd": 60077.5}])
            merged = await giver.client.query(MERGE, **{"into": into, "from": gone})
            assert merged["mergeTargets"]["errors"] == []
            await data(giver, into, [{**ROWS[0], "mjd": 60078.5}])
            await until(30, lambda: _has(taker, {"AT 2026into": 4}))
            (there,), (here,) = (await seen(giver)).values(), (await seen(taker)).values()
            assert there["aliases"] == here["aliases"] == ["ZTF26from"]
            assert there["globalId"] == here["globalId"]
            assert [each for each in here["data"] if each["mjd"] != 60077.5] == there["data"]
            assert (await subscriptions(taker))[0]["refusals"] == []

    async def test_what_was_deleted_here_does_not_come_back(
        self, toms: tuple[Site, Site], admins: tuple[Person, Person]
    ) -> None:
        (east, west), (giver, taker) = toms, admins
        target = await giver.create_target("unwanted")
        await data(giver, target, ROWS)
        async with followers(west):
            subscription = await follow(taker, east, giver)
            await until(30, lambda: _has(taker, {"unwanted": 2}))
            (copy,) = (await taker.client.query("{ targets { nodes { id } } }"))["targets"]["nodes"]
            await taker.client.query(DELETE_TARGET, id=copy["id"])
            await data(giver, target, [{**ROWS[0], "mjd": 60009.5}])
            await giver.create_target("wanted")
            await until(30, lambda: _has(taker, {"wanted": 0}))
            await change(taker, subscription, copyAgain=True)
            await until(30, lambda: stands(taker, "FOLLOWING"))
            assert await _has(taker, {"wanted": 0})
            assert len(await seen(giver)) == 2


async def _has(person: Person, expected: dict[str, int]) -> bool:
    """Whether a site has just these targets, with so many data each."""
    return {each["name"]: len(each["data"]) for each in (await seen(person)).values()} == expected
