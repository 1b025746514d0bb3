"""beginUpload and PUT: a file that comes in pieces is the same product as one that came at once."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.support.client import TLS, Client
from tests.support.object_store import IN_BOTH_STORES
from tests.support.people import Person, make_person
from tests.support.pieces import begin, begun, counts, offset_of, request, send, slow_put
from tests.support.site import Site, running_site, until
from tomgql.services import uploads
from tomgql.services.open_uploads import discard_ended_uploads
from tomgql.settings import Settings

pytestmark = IN_BOTH_STORES

CONTENT = b"mjd,mag,magerr,filter\n" + b"".join(b"%d.5,18.1,0.1,ztfr\n" % (59000 + n) for n in range(500))
HASH = hashlib.sha256(CONTENT).hexdigest()
SIZE = len(CONTENT)
PRODUCT = """
query ($id: ID!) { dataProduct(id: $id) {
  fileName sizeBytes sha256 dataProductType productId extraData target { id }
} }
"""
GRANT = "mutation ($i: GrantTargetAccessInput!) { grantTargetAccess(input: $i) { errors { code } } }"
REVOKE = "mutation ($id: ID!) { revokeToken(id: $id) { errors { code } } }"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sender(site: Site) -> Person:
    return await make_person(site, "sender")


@pytest_asyncio.fixture
async def target(sender: Person, request: pytest.FixtureRequest) -> str:
    return await sender.create_target(request.node.name, access="PRIVATE")


def refused(response: httpx.Response) -> tuple[int, str, str | None]:
    """Status, code and the offset that an error tells."""
    code = response.json()["errors"][0]["extensions"]["code"]
    return response.status_code, code, response.headers.get("upload-offset")


async def test_a_file_in_three_pieces_becomes_a_product_and_its_job(site: Site, sender: Person, target: str) -> None:
    given = {"sha256": HASH.upper(), "productId": "in-pieces", "extraData": "from afar", "fileName": "a/b/large.csv"}
    address = await begun(sender.client, target, SIZE, **given)
    head = await request(sender.client, "HEAD", address)
    assert {name: head.headers[name] for name in ("upload-offset", "upload-complete", "upload-length")} == {
        "upload-offset": "0", "upload-complete": "?0", "upload-length": str(SIZE)
    }  # fmt: skip
    assert head.headers["cache-control"] == "no-store"
    first = await send(sender.client, address, 0, CONTENT[:1000], Upload_Complete="?0")
    assert (first.status_code, first.headers["upload-offset"]) == (204, "1000")
    assert await offset_of(sender.client, address) == 1000
    second = await request(sender.client, "PATCH", address, CONTENT[1000:4000], **{"Upload-Offset": "1000"})
    assert (second.status_code, second.headers["upload-offset"]) == (204, "4000")
    assert await counts(site, target) == (0, 0, 0)
    last = await send(sender.client, address, 4000, CONTENT[4000:], Upload_Complete="?1")
    assert (last.status_code, last.headers["upload-complete"], last.headers["upload-offset"]) == (200, "?1", str(SIZE))
    answer = last.json()
    assert answer["dataProduct"]["id"][0] + answer["job"]["id"][0] == "pj"
    product = (await sender.client.query(PRODUCT, id=answer["dataProduct"]["id"]))["dataProduct"]
    assert product == {
        "fileName": "large.csv", "sizeBytes": SIZE, "sha256": HASH, "dataProductType": "photometry",
        "productId": "in-pieces", "extraData": "from afar", "target": {"id": target},
    }  # fmt: skip
    assert (await sender.client.get(f"/files/{answer['dataProduct']['id']}")).content == CONTENT
    assert await counts(site, target) == (1, 1, 2)
    again = await send(sender.client, address, SIZE)
    assert (again.status_code, again.json()) == (200, answer)
    assert (await request(sender.client, "HEAD", address)).headers["upload-complete"] == "?1"
    assert refused(await send(sender.client, address, 0, CONTENT)) == (409, "CONFLICT", str(SIZE))
    assert refused(await request(sender.client, "DELETE", address)) == (409, "CONFLICT", None)
    assert await counts(site, target) == (1, 1, 2)
    assert site.rt.files.partial_names() == []


async def test_both_roads_answer_one_idempotency_key_alike(site: Site, sender: Person, target: str) -> None:
    whole = await sender.client.upload(target, "large.csv", CONTENT, idempotencyKey="one")
    address = await begun(sender.client, target, SIZE, idempotencyKey="one")
    answer = (await send(sender.client, address, 0, CONTENT)).json()
    assert answer["dataProduct"]["id"] == whole["dataProduct"]["id"]
    assert answer["job"]["id"] == whole["job"]["id"]
    assert (await counts(site, target))[0] == 1


async def test_a_file_without_bytes(site: Site, sender: Person, target: str) -> None:
    address = await begun(sender.client, target, 0, process=False)
    answer = await send(sender.client, address, 0)
    assert (answer.status_code, answer.json()["job"]) == (200, None)
    assert await counts(site, target) == (1, 0, 1)


async def test_wrong_offsets_and_headers_change_nothing(site: Site, sender: Person, target: str) -> None:
    address = await begun(sender.client, target, SIZE)
    await send(sender.client, address, 0, CONTENT[:100])
    for offset in (0, 99, 101, SIZE, 10**14):
        answer = await send(sender.client, address, offset, b"x")
        assert refused(answer) == (409, "CONFLICT", "100")
        said = f"The next byte is that at offset 100, not {offset}."
        assert answer.json()["errors"][0]["message"] == said
    for wrong in ("-1", "1e2", "100.0", "", "²", "9" * 16):
        async with httpx.AsyncClient(verify=TLS) as http:
            headers = {**sender.client.headers, "Upload-Offset": wrong.encode()}
            answer = await http.put(sender.client.url + address, content=b"x", headers=headers)
        assert refused(answer) == (400, "INVALID_INPUT", None)
    assert refused(await send(sender.client, address, 100, b"x", Upload_Complete="yes")) == (400, "INVALID_INPUT", None)
    assert refused(await send(sender.client, address, 100, CONTENT[99:])) == (413, "TOO_LARGE", "100")
    early = await send(sender.client, address, 100, CONTENT[100:200], Upload_Complete="?1")
    assert refused(early) == (400, "INVALID_INPUT", "200")
    assert await offset_of(sender.client, address) == 200
    assert await counts(site, target) == (0, 0, 0)


async def test_a_body_of_unknown_length_stops_at_the_announced_size(sender: Person, target: str) -> None:
    address = await begun(sender.client, target, 10)

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"123456789"
            await asyncio.sleep(0.01)

    async with httpx.AsyncClient(verify=TLS) as http:
        answer = await http.put(
            sender.client.url + address, content=endless(), headers={**sender.client.headers, "Upload-Offset": "0"}
        )
    status, code, offset = refused(answer)
    assert (status, code) == (413, "TOO_LARGE")
    assert offset in ("0", "9")  # pieces that come together are taken or refused together
    assert await offset_of(sender.client, address) == int(offset or "")


async def test_another_hash_than_was_given_is_refused_and_the_file_begins_anew(
    site: Site, sender: Person, target: str
) -> None:
    address = await begun(sender.client, target, SIZE, sha256=HASH)
    spoilt = b"X" + CONTENT[1:]
    answer = await send(sender.client, address, 0, spoilt)
    assert refused(answer) == (400, "INVALID_INPUT", "0")
    message = answer.json()["errors"][0]["message"]
    assert hashlib.sha256(spoilt).hexdigest() in message
    assert HASH in message
    assert (await counts(site, target), await offset_of(sender.client, address)) == ((0, 0, 0), 0)
    assert (await send(sender.client, address, 0, CONTENT)).status_code == 200


@pytest.mark.parametrize(
    ("given", "code", "path"),
    [
        ({"sizeBytes": -1}, "INVALID_INPUT", ["input", "sizeBytes"]),
        ({"sizeBytes": 1.5}, "INVALID_INPUT", ["input", "sizeBytes"]),
        ({"sizeBytes": 8 * 2**30 + 1}, "TOO_LARGE", ["input", "sizeBytes"]),
        ({"sha256": "0" * 63}, "INVALID_INPUT", ["input", "sha256"]),
        ({"fileName": "a/\x00"}, "INVALID_INPUT", ["input", "file"]),
        ({"extraData": "\x00"}, "INVALID_INPUT", None),
        ({"processor": "nobody's"}, "UNKNOWN_PLUGIN", None),
        ({"target": "t987654"}, "NOT_FOUND", ["input", "target"]),
    ],
)
async def test_what_may_not_begin(
    given: dict[str, Any], code: str, path: list[str] | None, site: Site, sender: Person, target: str
) -> None:
    given, before = dict(given), await site.rt.reads.fetchval("select count(*) from file_uploads")
    payload = await begin(sender.client, given.pop("target", target), 5, **given)
    assert (payload["uploadId"], payload["url"], payload["expires"]) == (None, None, None)
    assert [(error["code"], error["path"]) for error in payload["errors"]] == [(code, path)]
    assert await site.rt.reads.fetchval("select count(*) from file_uploads") == before


async def test_a_cut_request_is_gone_on_with(sender: Person, target: str) -> None:
    address = await begun(sender.client, target, SIZE, sha256=HASH)
    async with slow_put(sender.client, address, 0, SIZE) as put:
        await put.send(CONTENT[:3000])
        await until(10, lambda: _has(sender.client, address, 3000))
    await until(10, lambda: _takes(sender.client, address, 3000))
    assert (await send(sender.client, address, 3000, CONTENT[3000:])).status_code == 200


async def _has(client: Client, address: str, offset: int) -> bool:
    return await offset_of(client, address) == offset


async def _takes(client: Client, address: str, offset: int) -> bool:
    return (await send(client, address, offset)).status_code == 204


async def test_two_requests_at_once_never_mix_their_bytes(sender: Person, target: str) -> None:
    address = await begun(sender.client, target, SIZE, sha256=HASH)
    async with slow_put(sender.client, address, 0, SIZE) as put:
        await put.send(CONTENT[:3000])
        await until(10, lambda: _has(sender.client, address, 3000))
        for offset in (0, 3000):
            other = await send(sender.client, address, offset, b"x" * 100)
            assert refused(other) == (409, "CONFLICT", "3000")
        await put.send(CONTENT[3000:])
        assert await put.status() == 200


async def test_many_requests_for_the_same_place(site: Site, sender: Person, target: str) -> None:
    address = await begun(sender.client, target, SIZE, sha256=HASH)
    answers = await asyncio.gather(*(send(sender.client, address, 0, CONTENT) for _ in range(8)))
    assert sorted({answer.status_code for answer in answers}) == [200, 409]
    assert [answer.status_code for answer in answers].count(200) == 1
    assert (await counts(site, target))[0] == 1


async def test_nobody_else_finds_an_upload(site: Site, sender: Person, admin: Person, target: str) -> None:
    address = await begun(sender.client, target, SIZE)
    await send(sender.client, address, 0, CONTENT[:10])
    anonymous = site.client()
    for method in ("PUT", "PATCH", "DELETE"):
        answer = await request(anonymous, method, address, b"x", **{"Upload-Offset": "10"})
        assert refused(answer) == (401, "NOT_AUTHENTICATED", None)
        found, missing = [
            await request(admin.client, method, where, b"x", **{"Upload-Offset": "10"})
            for where in (address, "/uploads/none")
        ]
        assert refused(found) == refused(missing) == (404, "NOT_FOUND", None)
        assert found.content == missing.content
    assert (await request(admin.client, "HEAD", address)).status_code == 404
    assert (await request(anonymous, "HEAD", address)).status_code == 401
    assert await offset_of(sender.client, address) == 10


async def test_a_cookie_needs_a_page_of_ours(site: Site, sender: Person, target: str) -> None:
    address = await begun(sender.client, target, 3)
    async with httpx.AsyncClient(base_url=site.url, verify=TLS) as http:
        await http.post("/session", json={"token": sender.client.token})
        for method in ("PUT", "DELETE"):
            assert refused(await http.request(method, address, content=b"abc", headers={"Upload-Offset": "0"})) == (
                403, "NOT_ALLOWED", None,
            )  # fmt: skip
    assert await offset_of(sender.client, address) == 0


async def test_the_right_is_asked_again_at_the_last_byte(site: Site, sender: Person, target: str) -> None:
    helper = await make_person(site, "helper")
    grant = {"target": target, "user": helper.id, "permissions": ["VIEW", "CHANGE"]}
    assert (await sender.client.query(GRANT, i=grant))["grantTargetAccess"] == {"errors": []}
    address = await begun(helper.client, target, SIZE)
    await send(helper.client, address, 0, CONTENT[:10])
    await sender.client.query(GRANT, i={**grant, "permissions": ["VIEW"]})
    assert refused(await send(helper.client, address, 10, CONTENT[10:])) == (403, "NOT_ALLOWED", None)
    assert await counts(site, target) == (0, 0, 0)
    await sender.client.query(GRANT, i=grant)
    assert await offset_of(helper.client, address) == SIZE
    assert (await send(helper.client, address, SIZE)).status_code == 200


async def test_a_revoked_token_ends_its_upload(
    site: Site, sender: Person, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "RECHECK_S", 0.0)
    other = await _another_token(site, sender)
    address = await begun(other, target, SIZE)
    async with slow_put(other, address, 0, SIZE) as put:
        await put.send(CONTENT[:1000])
        await until(10, lambda: _has(sender.client, address, 1000))
        number = await site.rt.reads.fetchval("select max(id) from tokens")
        await sender.client.query(REVOKE, id=f"k{number}")
        await put.send(CONTENT[1000:2000])
        assert await put.status() == 401
    assert (await request(sender.client, "HEAD", address)).status_code == 404
    assert await discard_ended_uploads(site.rt) == 1
    assert await counts(site, target) == (0, 0, 0)


async def _another_token(site: Site, person: Person) -> Client:
    create = "mutation ($i: CreateTokenInput!) { createToken(input: $i) { secret errors { code message } } }"
    payload = (await person.client.query(create, i={"name": "other"}))["createToken"]
    assert payload["errors"] == []
    return site.client(payload["secret"])


async def test_a_cancelled_upload_is_gone(site: Site, sender: Person, target: str) -> None:
    address = await begun(sender.client, target, SIZE)
    await send(sender.client, address, 0, CONTENT[:10])
    assert (await request(sender.client, "DELETE", address)).status_code == 204
    assert refused(await send(sender.client, address, 10, CONTENT[10:])) == (404, "NOT_FOUND", None)
    assert address.removeprefix("/uploads/") not in site.rt.files.partial_names()


async def test_an_expired_upload_is_gone(site: Site, sender: Person, target: str) -> None:
    address, kept = [await begun(sender.client, target, SIZE) for _ in range(2)]
    for each in (address, kept):
        await send(sender.client, each, 0, CONTENT[:10])
    await site.rt.writes.execute(
        "update file_uploads set expires = now() where address = $1", address.removeprefix("/uploads/")
    )
    assert refused(await send(sender.client, address, 10, CONTENT[10:])) == (404, "NOT_FOUND", None)
    assert await discard_ended_uploads(site.rt) == 1
    assert await discard_ended_uploads(site.rt) == 0
    names = site.rt.files.partial_names()
    assert [each.removeprefix("/uploads/") in names for each in (address, kept)] == [False, True]
    assert await offset_of(sender.client, kept) == 10


async def test_an_upload_follows_a_merged_target(site: Site, sender: Person, target: str) -> None:
    source = await sender.create_target("merged away")
    address = await begun(sender.client, source, SIZE)
    merge = "mutation ($a: ID!, $b: ID!) { mergeTargets(into: $a, from: $b) { errors { code } } }"
    assert (await sender.client.query(merge, a=target, b=source))["mergeTargets"] == {"errors": []}
    assert (await send(sender.client, address, 0, CONTENT)).status_code == 200
    assert (await counts(site, target))[0] == 1


async def test_limits_are_settings(settings: Settings, sender: Person, target: str) -> None:
    limits = {"max_file_bytes": 2_000_000, "max_body_bytes": 1_000, "max_open_uploads": 2, "upload_idle_s": 0.3}
    async with running_site(settings.model_copy(update=limits)) as site:
        busy = await make_person(site, "busy")
        own = await busy.create_target("limited")
        content = bytes(1_500_000)
        address = await begun(busy.client, own, len(content), dataProductType="fits_file", process=False)
        other = await begun(busy.client, own, 10)
        (error,) = (await begin(busy.client, own, 10))["errors"]
        assert error["code"] == "CONFLICT"
        assert error["message"] == ("You have 2 open uploads, as many as this server allows; finish or cancel one.")
        assert (await send(busy.client, address, 0, content)).status_code == 200
        await begun(busy.client, own, 10)
        too_large = await send(busy.client, other, 0, bytes(2_000_001))
        assert refused(too_large) == (413, "TOO_LARGE", None)
        async with slow_put(busy.client, other, 0, 10) as put:
            await put.send(b"12345")
            assert await put.status() == 408
        assert await offset_of(busy.client, other) == 5


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"extraData": "x" * 100_001}, "INVALID_INPUT", "extraData"),
        ({"productId": "x" * 256}, "INVALID_INPUT", "productId"),
        ({"idempotencyKey": ""}, "INVALID_INPUT", "idempotencyKey"),
        ({"groups": ["pg987654"]}, "NOT_FOUND", "groups"),
        ({"observation": "o987654"}, "NOT_FOUND", "observation"),
    ],
)
async def test_what_the_last_byte_would_be_refused_for_is_refused_before_the_first(
    site: Site, sender: Person, given: dict[str, Any], code: str, field: str
) -> None:
    target = await sender.create_target(f"refused early {field}")
    begin = "mutation ($i: BeginUploadInput!) { beginUpload(input: $i) { url errors { code path } } }"
    uploads = await site.rt.reads.fetchval("select count(*) from file_uploads")
    asked = {"target": target, "fileName": "f.csv", "sizeBytes": 10, **given}
    refusal = [{"code": code, "path": ["input", field]}]
    assert (await sender.client.query(begin, i=asked))["beginUpload"] == {"url": None, "errors": refusal}
    assert await site.rt.reads.fetchval("select count(*) from file_uploads") == uploads
    sent = await sender.client.upload(target, "f.csv", b"0123456789", process=False, **given)
    assert [(each["code"], each["path"]) for each in sent["errors"]] == [(code, ["input", field])]
    assert await counts(site, target) == (0, 0, 0)
