"""Destinations: stored by administrators or named in the settings; what they refuse, and what they never tell."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.receiver_double import TOKEN
from tests.support.sharing import SAVE, SHARE, Sharing, counts, point
from tests.support.site import running_site, running_worker
from tomgql.settings import Settings

DELETE = "mutation ($n: String!) { deleteDestination(name: $n) { deletedId errors { code message } } }"
LIST = "{ sharingDestinations { name title kind isConfigured enabled address description } }"
NEW = {"name": "north-tom", "kind": "receiver", "address": "https://north.example.org/tom/"}


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Settings:
    given = {
        "destinations": {
            "configured": {"kind": "receiver", "title": "Of the settings", "address": "http://127.0.0.1:9",
                           "secrets": {"token": "s3cret"}},
            "unknown": {"kind": "carrier_pigeon", "title": "By air", "address": "https://example.org"},
        }
    }  # fmt: skip
    return Settings.model_validate(settings.model_dump() | given)


@pytest.fixture(scope="module", autouse=True)
def worker() -> None:
    """None, but where a test starts its own."""


async def saved(sharing: Sharing, **given: Any) -> dict[str, Any]:
    payload = (await sharing.admin.client.query(SAVE, i={**NEW, **given}))["saveDestination"]
    assert payload["errors"] == []
    found: dict[str, Any] = payload["sharingDestination"]
    return found


async def listed(sharing: Sharing, name: str) -> dict[str, Any]:
    found = (await sharing.admin.client.query(LIST))["sharingDestinations"]
    return next(each for each in found if each["name"] == name)


async def test_a_stored_one_keeps_what_is_not_given_and_its_secrets_where_it_is(sharing: Sharing) -> None:
    found = await saved(sharing, secrets={"token": "a secret of theirs"}, title="North")
    assert (found["title"], found["address"], found["isConfigured"]) == ("North", NEW["address"][:-1], True)
    row = await sharing.site.rt.reads.fetchval("select secrets from destinations where name = 'north-tom'")
    assert b"a secret" not in row
    found = (await sharing.admin.client.query(SAVE, i={"name": "north-tom", "enabled": False}))["saveDestination"]
    assert found["sharingDestination"]["isConfigured"]
    assert (found["sharingDestination"]["enabled"], found["sharingDestination"]["title"]) == (False, "North")
    refused = await sharing.refused(sharing.admin, destination="north-tom", targets=[await a_target(sharing)])
    assert refused["message"] == 'The destination "north-tom" is switched off.'
    moved = await saved(sharing, address="https://elsewhere.example.org")
    assert not moved["isConfigured"]
    gone = (await sharing.admin.client.query(DELETE, n="north-tom"))["deleteDestination"]
    assert gone == {"deletedId": "north-tom", "errors": []}
    gone = (await sharing.admin.client.query(DELETE, n="north-tom"))["deleteDestination"]
    assert gone["errors"][0]["code"] == "NOT_FOUND"


async def a_target(sharing: Sharing) -> str:
    count = await sharing.site.rt.reads.fetchval("select count(*) from targets")
    return await sharing.sharer.create_target(f"target {count}")


@pytest.mark.parametrize(
    ("given", "path", "words"),
    [
        ({"address": "ftp://example.org"}, "address", "http or https"),
        ({"address": "https://user:pass@example.org"}, "address", "without user"),
        ({"address": "https://example.org/?next=http://10.0.0.1"}, "address", "query"),
        ({"address": "https://" + "a" * 600}, "address", "500"),
        ({"name": "No Such Name"}, "name", "lower-case word"),
        ({"kind": "pigeon"}, None, "pigeon"),
        ({"kind": None}, "kind", "needs `kind`"),
        ({"title": " "}, "title", "1 to 200"),
        ({"options": {"folder": 5}}, "options", "folder: Input should be a valid string"),
        ({"options": {"fodler": "x"}}, "options", "fodler"),
        ({"options": {"folder": "x" * 30_000}}, "options", "20000 bytes"),
        ({"secrets": {"password": "x"}}, "secrets", "exactly these secrets: token"),
        ({"secrets": {"token": 5}}, "secrets", "1 to 4000"),
        ({"secrets": {"token": "x" * 5_000}}, "secrets", "1 to 4000"),
        ({"peer": "u999999"}, "peer", "no such user"),
    ],
)
async def test_what_cannot_be_one_is_refused_with_words(
    sharing: Sharing, given: dict[str, Any], path: str | None, words: str
) -> None:
    payload = (await sharing.admin.client.query(SAVE, i={**NEW, **given}))["saveDestination"]
    (error,) = payload["errors"]
    assert words in error["message"]
    assert path is None or error["path"] == ["input", path]
    assert payload["sharingDestination"] is None
    assert await sharing.site.rt.reads.fetchval("select count(*) from destinations where name <> 'receiver'") == 0


async def test_those_of_the_settings_stand_beside_the_stored_ones_which_come_first(sharing: Sharing) -> None:
    configured = await listed(sharing, "configured")
    assert (configured["title"], configured["isConfigured"]) == ("Of the settings", True)
    unknown = await listed(sharing, "unknown")
    assert (unknown["isConfigured"], unknown["description"]) == (False, "This kind of place is not installed.")
    refused = await sharing.refused(sharing.admin, destination="unknown", targets=[await a_target(sharing)])
    assert refused["code"] == "UNKNOWN_PLUGIN"
    await sharing.admin.client.query(SAVE, i={"name": "configured", "title": "Stored"})
    found = await listed(sharing, "configured")
    assert (found["title"], found["isConfigured"], found["address"]) == ("Stored", True, "http://127.0.0.1:9")
    await sharing.admin.client.query(DELETE, n="configured")
    assert (await listed(sharing, "configured"))["title"] == "Of the settings"


async def test_without_a_key_no_secret_is_stored(sharing: Sharing) -> None:
    settings = Settings.model_validate(sharing.site.settings.model_dump() | {"credentials_key": None})
    async with running_site(settings) as site:
        client = site.client(sharing.admin.client.token)
        answer = await client.ask(SAVE, i={**NEW, "secrets": {"token": "x"}})
        assert "TOMGQL_CREDENTIALS_KEY" in str(answer)
        listed = (await client.query(LIST))["sharingDestinations"]
        assert {each["name"]: each["isConfigured"] for each in listed}["receiver"] is False


async def test_private_networks_are_refused_when_they_are_connected_to(sharing: Sharing) -> None:
    """By number and by name: what a name leads to is known only then."""
    settings = Settings.model_validate(sharing.site.settings.model_dump() | {"private_peers": False})
    target = await a_target(sharing)
    with running_worker(settings):
        for address in (sharing.double.address, sharing.double.address.replace("127.0.0.1", "localhost")):
            await sharing.save_destination(address=address, secrets={"token": TOKEN})
            found = await sharing.ended(await sharing.share(targets=[target]))
            assert found["job"]["error"]["code"] == "UPSTREAM_REFUSED"
            assert "is in a private network" in found["job"]["error"]["message"]
    assert sharing.double.heard == []
    await sharing.save_destination()


@pytest.mark.parametrize(
    ("given", "path", "words"),
    [
        ({}, "targets", "Say what to share"),
        ({"message": "x" * 10_001}, "message", "10000 characters"),
        ({"options": {"folder": "x" * 51}, "reducedData": {}}, "options", "folder: String should have at most 50"),
        ({"options": ["folder"]}, "options", "object"),
        ({"targets": ["t1", "p1"]}, "targets", "not the id of a target"),
        ({"targets": [f"t{number}" for number in range(10_001)]}, "targets", "10000"),
        ({"reducedData": {"targets": [f"t{number}" for number in range(10_001)]}}, None, "10000"),
        ({"reducedData": {"and": [{"mjd": {"gt": 1.0}}] * 301}}, None, "300"),
        ({"reducedData": {"sourceName": {"in": ["x" * 600] * 1_000}}}, "reducedData", "500000 bytes"),
    ],
)
async def test_what_cannot_be_shared_is_refused_with_words(
    sharing: Sharing, given: dict[str, Any], path: str | None, words: str
) -> None:
    error = await sharing.refused(sharing.sharer, **given)
    assert words in error["message"]
    assert path is None or error["path"][:2] == ["input", path]
    assert await sharing.site.rt.reads.fetchval("select count(*) from shares") == 0


async def test_the_same_call_again_is_done_once(sharing: Sharing) -> None:
    target = await a_target(sharing)
    given = {"destination": "receiver", "targets": [target], "idempotencyKey": "one", "reducedData": {"mjd": {"gt": 5}}}
    first = (await sharing.sharer.client.query(SHARE, i=given))["share"]
    again = (await sharing.sharer.client.query(SHARE, i=given))["share"]
    assert (first["share"]["id"], first["job"]["id"]) == (again["share"]["id"], again["job"]["id"])
    other = (await sharing.sharer.client.query(SHARE, i={**given, "message": "other"}))["share"]
    assert [each["code"] for each in other["errors"]] == ["CONFLICT"]


async def test_a_filter_with_times_means_later_what_it_means_now(sharing: Sharing) -> None:
    target = await a_target(sharing)
    await sharing.data(sharing.sharer, target, *[point(number) for number in range(4)])
    where = {"timestamp": {"gte": "2023-02-26T00:00:00Z"}, "target": target}  # MJD 60001
    share = await sharing.share(reducedData=where)
    with running_worker(sharing.site.settings):
        assert counts(await sharing.ended(share)) == {"items": 4, "sent": 4}
    assert len(sharing.double.data) == 3
