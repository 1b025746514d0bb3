"""Downloads and sign-in: who gets a file by bearer token and by cookie, and how bad credentials are refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
import websockets

from tests.support.client import TLS, Client
from tests.support.scene import ACTOR_NAMES, BY_NAME, PRODUCTS, Scene, a_scene, make_token
from tests.support.site import Site

LABELS = [f"{access}/{name}" for access in ("PRIVATE", "PUBLIC", "OPEN") for name in PRODUCTS]
WHO = "{ viewer { isAnonymous user { username } } }"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(site: Site) -> AsyncIterator[Scene]:
    async with a_scene(site) as made:
        yield made


@pytest.mark.parametrize("name", ACTOR_NAMES)
async def test_downloads(name: str, scene: Scene) -> None:
    client, cells = scene.clients[name], 0
    missing = await client.get("/files/p987654")
    for label in LABELS:
        response = await client.get(f"/files/{scene.ids['products'][label]}")
        if scene.world.sees_product(BY_NAME[name], label):
            assert (response.status_code, response.text) == (200, f"secret of {label}")
            assert response.headers["content-disposition"].startswith("attachment;")
            assert response.headers["x-content-type-options"] == "nosniff"
            assert response.headers["content-security-policy"] == "default-src 'none'; sandbox"
        else:
            assert (response.status_code, response.content) == (404, missing.content)
            assert set(response.headers) == set(missing.headers)
        cells += 1
    assert (cells, missing.status_code) == (18, 404)


async def test_thumbnails(scene: Scene) -> None:
    """Who gets a thumbnail, and is told of it, is who may see the product."""
    await scene.sql("update data_products set thumbnail_sha256 = sha256")  # any stored bytes will do
    cells = 0
    for name in ACTOR_NAMES:
        client = scene.clients[name]
        missing = await client.get("/files/p987654/thumbnail")
        told = (await client.query("{ dataProducts { nodes { id thumbnailUrl } } }"))["dataProducts"]["nodes"]
        addresses = {each["id"]: each["thumbnailUrl"] for each in told}
        for label in LABELS:
            product = scene.ids["products"][label]
            response = await client.get(f"/files/{product}/thumbnail")
            if scene.world.sees_product(BY_NAME[name], label):
                assert (response.status_code, response.text) == (200, f"secret of {label}")
                assert addresses[product] == f"/files/{product}/thumbnail"
            else:
                assert (response.status_code, response.content) == (404, missing.content)
                assert set(response.headers) == set(missing.headers)
                assert product not in addresses
            cells += 1
        assert missing.status_code == 404
    assert cells == 15 * 18
    await scene.sql("update data_products set thumbnail_sha256 = null")
    product = scene.ids["products"]["OPEN/plain"]
    without = await scene.clients["admin"].get(f"/files/{product}/thumbnail")
    assert (without.status_code, without.content) == (404, missing.content)


@pytest.mark.parametrize("path", ["/files/x", "/files/t1", "/files/p", "/files/p1-1", "/files/p99999999999999999999"])
async def test_what_is_no_product_looks_like_a_missing_one(path: str, scene: Scene) -> None:
    found = await scene.clients["admin"].get(path)
    missing = await scene.clients["admin"].get("/files/p987654")
    assert (found.status_code, found.content) == (404, missing.content)


@pytest_asyncio.fixture
async def browser(scene: Scene) -> AsyncIterator[httpx.AsyncClient]:
    """A member of the circle, signed in by cookie."""
    token_id, client = await make_token(scene, "member")
    async with httpx.AsyncClient(base_url=scene.site.url, verify=TLS) as http:
        http.token_id = token_id  # type: ignore[attr-defined]
        opened = await http.post("/session", json={"token": client.token})
        assert opened.status_code == 204
        assert "httponly" in opened.headers["set-cookie"].lower()
        assert "samesite=lax" in opened.headers["set-cookie"].lower()
        yield http


async def who(http: httpx.AsyncClient) -> Any:
    response = await http.post("/graphql", json={"query": WHO})
    return response.json()["data"]["viewer"]["user"] if response.status_code == 200 else response.status_code


def refused(response: httpx.Response, code: str) -> bool:
    assert response.headers["content-type"] == "application/json"
    return bool(response.json()["errors"][0]["extensions"]["code"] == code)


class TestSession:
    async def test_a_cookie_is_worth_its_token(self, browser: httpx.AsyncClient, scene: Scene) -> None:
        assert await who(browser) == {"username": "member"}
        assert (await browser.get(f"/files/{scene.ids['products']['PRIVATE/ringed']}")).status_code == 200
        hidden = scene.ids["products"]["PRIVATE/ringed"].replace("p", "/files/p")
        assert (await scene.clients["anonymous"].get(hidden)).status_code == 404

    async def test_the_session_ends_when_it_is_closed(self, browser: httpx.AsyncClient) -> None:
        assert (await browser.delete("/session")).status_code == 200
        assert await who(browser) is None

    async def test_a_revoked_token_ends_session_and_bearer(self, browser: httpx.AsyncClient, scene: Scene) -> None:
        revoke = "mutation ($id: ID!) { revokeToken(id: $id) { deletedId errors { code } } }"
        id = f"k{browser.token_id}"  # type: ignore[attr-defined]
        done = (await browser.post("/graphql", json={"query": revoke, "variables": {"id": id}})).json()
        assert done["data"]["revokeToken"] == {"deletedId": id, "errors": []}
        assert await who(browser) == 401
        response = await browser.get(f"/files/{scene.ids['products']['OPEN/plain']}")
        assert response.status_code == 401
        assert refused(response, "NOT_AUTHENTICATED")

    async def test_a_form_of_another_site_is_refused(self, browser: httpx.AsyncClient, scene: Scene) -> None:
        mutation = 'mutation { createUserGroup(input: {name: "forged"}) { errors { code } } }'
        before = await scene.fingerprint()
        for body in (
            {"files": {"operations": (None, '{"query": "' + mutation.replace('"', '\\"') + '"}'), "map": (None, "{}")}},
            {"content": '{"query": "{ __typename }"}', "headers": {"content-type": "text/plain"}},
            {"data": {"query": "{ __typename }"}},
        ):
            response = await browser.post("/graphql", **body)  # type: ignore[arg-type]
            assert response.status_code == 403
            assert refused(response, "NOT_ALLOWED")
        await browser.get("/graphql", params={"query": mutation})
        assert await scene.fingerprint() == before
        files = {"operations": (None, '{"query": "{ viewer { isAdmin } }"}'), "map": (None, "{}")}
        ours = await browser.post("/graphql", files=files, headers={"X-Requested-With": "tomgql"})
        assert ours.json() == {"data": {"viewer": {"isAdmin": False}}}

    @pytest.mark.parametrize("change", ["last", "first", "empty", "other"])
    async def test_a_changed_cookie_is_refused(self, change: str, browser: httpx.AsyncClient, scene: Scene) -> None:
        cookie = browser.cookies["tomgql_session"]
        middle = len(cookie) - 8
        forged = {"last": cookie[:middle] + ("A" if cookie[middle] != "A" else "B") + cookie[middle + 1 :],
                  "first": "X" + cookie, "empty": "x", "other": "MQ.aWQ.c2ln"}[change]  # fmt: skip
        product = scene.ids["products"]["OPEN/plain"]
        for path in ("/graphql?query={__typename}", f"/files/{product}"):
            response = await scene.clients["anonymous"].get(path, Cookie=f"tomgql_session={forged}")
            assert response.status_code == 401
            assert refused(response, "NOT_AUTHENTICATED")

    @pytest.mark.parametrize("body", ["", "[]", '{"token": 1}', '{"token": "tomgql_no"}', "{}"])
    async def test_no_session_without_a_token(self, body: str, scene: Scene) -> None:
        async with httpx.AsyncClient(base_url=scene.site.url, verify=TLS) as http:
            response = await http.post("/session", content=body, headers={"content-type": "application/json"})
        assert response.status_code == (401 if "tomgql_no" in body else 400)
        assert "set-cookie" not in response.headers


async def _bad_client(scene: Scene, kind: str) -> Client:
    if kind == "unknown":
        return scene.site.client("tomgql_unknown")
    token_id, client = await make_token(
        scene, "curator", expires=datetime.now(UTC) - timedelta(seconds=1) if kind == "expired" else None
    )
    if kind == "revoked":
        await scene.sql("update tokens set revoked = now() where id = $1", token_id)
    return client


@pytest.mark.parametrize("kind", ["unknown", "expired", "revoked"])
class TestBadToken:
    async def test_http(self, kind: str, scene: Scene) -> None:
        client = await _bad_client(scene, kind)
        product = scene.ids["products"]["OPEN/plain"]
        for response in (
            await client.post(WHO),
            await client.get("/graphql?query={__typename}"),
            await client.get(f"/files/{product}"),
        ):
            assert response.status_code == 401
            assert response.headers["www-authenticate"] == "Bearer"
            assert refused(response, "NOT_AUTHENTICATED")

    async def test_websocket(self, kind: str, scene: Scene) -> None:
        client = await _bad_client(scene, kind)
        with pytest.raises(websockets.ConnectionClosed) as closed:
            async with client.subscribe("subscription { jobs { cursor } }"):
                pass
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4403


async def test_other_schemes_are_refused(scene: Scene) -> None:
    for header in ("Basic abc", "Bearer", "Bearertomgql_no", "bearer tomgql_no"):
        response = await scene.site.client().get("/files/p1", Authorization=header)
        assert response.status_code == 401
