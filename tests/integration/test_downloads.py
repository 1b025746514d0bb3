"""GET /files/{id}: ranges, validators and signed addresses, always as an attachment that no browser renders."""

from __future__ import annotations

import hashlib
import re

import httpx
import pytest
import pytest_asyncio

from tests.support.client import TLS
from tests.support.object_store import IN_BOTH_STORES
from tests.support.people import Person, make_person
from tests.support.pieces import request
from tests.support.site import Site, until
from tomgql.services import signed_addresses

pytestmark = IN_BOTH_STORES

CONTENT = bytes(range(256)) * 1000
ETAG = f'"{hashlib.sha256(CONTENT).hexdigest()}"'
SIGNED = "query ($id: ID!, $s: Int! = 3600) { dataProduct(id: $id) { signedUrl(expiresInSeconds: $s) } }"
ACCESS = "mutation ($i: GrantTargetAccessInput!) { grantTargetAccess(input: $i) { errors { code } } }"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def owner(site: Site) -> Person:
    return await make_person(site, "owner")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def target(owner: Person) -> str:
    return await owner.create_target("downloaded", access="PRIVATE")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def product(owner: Person, target: str) -> str:
    payload = await owner.client.upload(target, "page.html", CONTENT, dataProductType="spectroscopy", process=False)
    id: str = payload["dataProduct"]["id"]
    return id


async def signed(person: Person, product: str, seconds: int = 3600) -> str:
    address: str = (await person.client.query(SIGNED, id=product, s=seconds))["dataProduct"]["signedUrl"]
    return address


def assert_never_rendered(response: httpx.Response) -> None:
    assert response.headers["content-disposition"] == 'attachment; filename="page.html"'
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert response.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("bytes=0-0", 0, 1), ("bytes=100-299", 100, 300), ("bytes=255990-", 255990, 256000), ("bytes=-5", 255995, 256000),
     ("bytes=255999-999999", 255999, 256000), ("bytes=-999999", 0, 256000)],
)  # fmt: skip
async def test_one_range(asked: str, start: int, stop: int, owner: Person, product: str) -> None:
    for conditions in ({}, {"If-Range": ETAG}):
        found = await owner.client.get(f"/files/{product}", Range=asked, **conditions)
        assert (found.status_code, found.content) == (206, CONTENT[start:stop])
        assert found.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(CONTENT)}"
        assert (found.headers["etag"], found.headers["content-type"]) == (ETAG, "application/octet-stream")
        assert_never_rendered(found)


async def test_several_ranges(owner: Person, product: str) -> None:
    found = await owner.client.get(f"/files/{product}", Range="bytes=0-9,1000-1004,-2")
    assert found.status_code == 206
    (boundary,) = re.fullmatch(r"multipart/byteranges; boundary=(\w+)", found.headers["content-type"]).groups()  # type: ignore[union-attr]
    parts = found.content.split(f"--{boundary}".encode())
    assert (parts[0], parts[-1], len(parts)) == (b"", b"--", 5)
    for part, (start, stop) in zip(parts[1:-1], ((0, 10), (1000, 1005), (255998, 256000)), strict=True):
        head, body = part.removeprefix(b"\r\n").split(b"\r\n\r\n", 1)
        assert f"Content-Range: bytes {start}-{stop - 1}/256000".encode() in head
        assert b"Content-Type: application/octet-stream" in head
        assert body == CONTENT[start:stop] + b"\r\n"
    assert_never_rendered(found)


async def test_what_no_range_can_answer(owner: Person, product: str) -> None:
    beyond = await owner.client.get(f"/files/{product}", Range="bytes=256000-")
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */256000")
    message = "The file has 256000 bytes; none of them lies in the ranges that were asked for."
    assert beyond.json() == {"errors": [{"message": message, "extensions": {"code": "RANGE_NOT_SATISFIABLE"}}]}
    assert (beyond.headers["content-type"], beyond.headers["etag"]) == ("application/json", ETAG)
    head = await request(owner.client, "HEAD", f"/files/{product}", Range="bytes=256000-")
    assert (head.status_code, head.content) == (416, b"")
    for nonsense in ("bytes=a", "bytes=", "bytes", "bytes=5-1", "lines=1-2", "bytes=1-2,x"):
        whole = await owner.client.get(f"/files/{product}", Range=nonsense)
        assert (whole.status_code, whole.content) == (200, CONTENT), nonsense
    other = await owner.client.get(f"/files/{product}", Range="bytes=0-9", **{"If-Range": '"another"'})
    assert (other.status_code, other.content) == (200, CONTENT)
    many = await owner.client.get(f"/files/{product}", Range="bytes=" + ",".join(f"{n}-{n}" for n in range(0, 400, 2)))
    assert (many.status_code, many.content) == (200, CONTENT)


async def test_head_and_what_the_client_has(owner: Person, product: str) -> None:
    head = await request(owner.client, "HEAD", f"/files/{product}")
    assert (head.status_code, head.content) == (200, b"")
    assert {name: head.headers[name] for name in ("content-length", "accept-ranges", "etag")} == {
        "content-length": "256000", "accept-ranges": "bytes", "etag": ETAG
    }  # fmt: skip
    assert_never_rendered(head)
    for known in (ETAG, f'"x", W/{ETAG}', "*"):
        had = await owner.client.get(f"/files/{product}", **{"If-None-Match": known})
        assert (had.status_code, had.content, had.headers["etag"]) == (304, b"", ETAG)
    assert (await owner.client.get(f"/files/{product}", **{"If-None-Match": '"x"'})).status_code == 200
    stranger = await owner.client.get("/files/p987654", **{"If-None-Match": ETAG})
    assert stranger.status_code == 404


async def test_a_signed_address_serves_without_credentials(site: Site, owner: Person, product: str) -> None:
    address = await signed(owner, product)
    found = await site.client().get(address)
    assert (found.status_code, found.content) == (200, CONTENT)
    assert_never_rendered(found)
    part = await site.client().get(address, Range="bytes=1-3")
    assert (part.status_code, part.content) == (206, b"\x01\x02\x03")
    assert (await request(site.client(), "HEAD", address)).status_code == 200
    assert (await site.client().get(f"/files/{product}")).status_code == 404


async def test_a_signed_address_is_of_one_product_and_ends(
    site: Site, owner: Person, target: str, product: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = (await owner.client.upload(target, "other", b"other", process=False))["dataProduct"]["id"]
    address = await signed(owner, product, 60)
    signature = address.split("=", 1)[1]
    payload, mac = signature.rsplit(".", 1)
    spoilt = f"{payload}.{'B' if mac[0] == 'A' else 'A'}{mac[1:]}"
    for wrong in (f"/files/{other}?signature={signature}", f"/files/{product}?signature={spoilt}",
                  f"/files/{product}?signature=", f"/files/x?signature={signature}"):  # fmt: skip
        refused = await owner.client.get(wrong)
        assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (401, "NOT_AUTHENTICATED")
    assert (await site.client().get(address)).status_code == 200
    now = signed_addresses.time.time()
    monkeypatch.setattr(signed_addresses.time, "time", lambda: now + 61)
    assert (await site.client().get(address)).status_code == 401


async def test_a_signed_address_has_the_rights_of_its_holder_of_that_moment(
    site: Site, owner: Person, target: str, product: str
) -> None:
    guest = await make_person(site, "guest")
    grant = {"target": target, "user": guest.id, "permissions": ["VIEW"]}
    assert (await owner.client.query(ACCESS, i=grant))["grantTargetAccess"] == {"errors": []}
    address = await signed(guest, product)
    assert (await site.client().get(address)).content == CONTENT
    await owner.client.query(ACCESS, i={**grant, "permissions": []})
    assert (await owner.client.get(address)).status_code == 404  # whoever else presents it
    await owner.client.query(ACCESS, i=grant)
    assert (await site.client().get(address)).status_code == 200
    token = await site.rt.reads.fetchval("select id from tokens where user_id = $1", int(guest.id[1:]))
    await guest.client.query("mutation ($id: ID!) { revokeToken(id: $id) { errors { code } } }", id=f"k{token}")
    assert (await site.client().get(address)).status_code == 401


async def test_what_is_open_is_signed_for_anybody(site: Site, owner: Person) -> None:
    target = await owner.create_target("open to all", access="OPEN")
    product = (await owner.client.upload(target, "a", b"open", process=False))["dataProduct"]["id"]
    address = (await site.client().query(SIGNED, id=product))["dataProduct"]["signedUrl"]
    assert (await site.client().get(address)).content == b"open"
    await site.rt.writes.execute("update targets set access = 'PRIVATE' where id = $1", int(target[1:]))
    assert (await site.client().get(address)).status_code == 404


@pytest.mark.parametrize("seconds", [0, -1, 7 * 86400 + 1])
async def test_how_long_an_address_may_be_good(seconds: int, owner: Person, product: str) -> None:
    answer = await owner.client.ask(SIGNED, id=product, s=seconds)
    (error,) = answer["errors"]
    assert (error["extensions"]["code"], answer["data"]) == ("INVALID_INPUT", {"dataProduct": None})


async def test_signed_addresses_of_a_list(owner: Person, target: str, product: str) -> None:
    query = "query ($t: ID!) { target(id: $t) { name dataProducts { nodes { id signedUrl } } } }"
    found = (await owner.client.query(query, t=target))["target"]
    assert found["name"] == "downloaded"
    async with httpx.AsyncClient(verify=TLS) as http:
        for node in found["dataProducts"]["nodes"]:
            assert (await http.get(owner.client.url + node["signedUrl"])).status_code == 200
    assert product in {node["id"] for node in found["dataProducts"]["nodes"]}


async def test_an_address_in_a_live_stream_is_signed_for_who_listens(site: Site) -> None:
    """Two tokens of one user, which would share an execution: each gets an address of its own."""
    owner = await make_person(site, "listens")
    target = await owner.create_target("heard", access="PRIVATE")
    create = "mutation { createToken(input: {name: \"second\"}) { secret } }"
    second = site.client((await owner.client.query(create))["createToken"]["secret"])
    listen = "subscription { dataProducts { dataProduct { fileName signedUrl } } }"
    async with owner.client.subscribe(listen) as mine, second.subscribe(listen) as others:
        await until(10, lambda: site.rt.hub.subscribers == 2)
        await owner.client.upload(target, "heard.csv", b"heard", process=False)
        told = [(await each.next())["dataProducts"]["dataProduct"] for each in (mine, others)]
    assert [each["fileName"] for each in told] == ["heard.csv"] * 2
    addresses = [each["signedUrl"] for each in told]
    assert len(set(addresses)) == 2
    for address in addresses:
        answer = await site.client().get(address)
        assert (answer.status_code, answer.content) == (200, b"heard")
