"""What the endpoint answers to everything that is no proper request: refused by status and JSON, never a traceback."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.support.people import Person
from tests.support.site import Site

JSON = {"content-type": "application/json"}
MODERN = {"accept": "application/graphql-response+json"}


async def send(site: Site, method: str = "POST", path: str = "/graphql", **given: Any) -> httpx.Response:
    async with httpx.AsyncClient(timeout=30) as http:
        return await http.request(method, site.url + path, **given)


def code_of(response: httpx.Response) -> str:
    """The code of the first error, which every refusal carries as JSON."""
    return str(response.json()["errors"][0]["extensions"]["code"])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"1",
        b'"text"',
        b"{",
        b"[" * 100_000,
        b'{"query": "\xff"}',
        b'{"query": 1}',
        b"{}",
        b'{"query": "{__typename}", "variables": [1]}',
        b'{"query": "{__typename}", "variables": {"x": NaN}}',
        b'{"query": "query ($n: String) {target(name: $n) {id}}", "variables": {"n": "\\ud800"}}',
        b'[{"query": "{__typename}"}]',
    ],
    ids=lambda body: repr(body[:40]),
)
async def test_bodies_that_are_no_request(site: Site, body: bytes) -> None:
    response = await send(site, content=body, headers=JSON)
    assert (response.status_code, code_of(response)) == (400, "BAD_REQUEST")


async def test_other_content_types_and_methods(site: Site) -> None:
    assert (await send(site, data={"query": "{__typename}"})).status_code == 400
    put = await send(site, "PUT", json={"query": "{__typename}"})
    assert (put.status_code, code_of(put)) == (405, "BAD_REQUEST")
    assert (await send(site, "GET", "/nothing-here")).status_code == 404


async def test_get_reads_and_never_changes(site: Site) -> None:
    read = await send(site, "GET", params={"query": "{__typename}"})
    assert read.json() == {"data": {"__typename": "Query"}}
    change = await send(site, "GET", params={"query": 'mutation {cancelJob(id: "j1") {errors {code}}}'})
    assert (change.status_code, code_of(change)) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("query", ["{", "{nothing}", "query ($x: Int!) {targets(first: $x) {totalCount}}"])
async def test_documents_that_cannot_run_are_400_for_who_speaks_the_newer_type(site: Site, query: str) -> None:
    modern = await send(site, json={"query": query}, headers=MODERN)
    assert (modern.status_code, code_of(modern)) == (400, "GRAPHQL_VALIDATION_FAILED")
    assert modern.headers["content-type"].startswith(MODERN["accept"])
    assert "data" not in modern.json()
    older = await send(site, json={"query": query})
    assert older.status_code == 200
    assert older.headers["content-type"].startswith("application/json")


async def test_a_refused_field_is_200_with_data(site: Site) -> None:
    response = await send(site, json={"query": "{viewer {isAdmin} target {id}}"}, headers=MODERN)
    assert response.status_code == 200
    assert response.json()["data"] == {"viewer": {"isAdmin": False}, "target": None}
    assert code_of(response) == "INVALID_INPUT"


@pytest.mark.parametrize("header", ["Bearer wrong", "Basic dXNlcjpwYXNz", "Bearer", ""])
async def test_a_wrong_token_is_401_as_json(site: Site, header: str) -> None:
    response = await send(site, json={"query": "{__typename}"}, headers={"Authorization": header})
    assert (response.status_code, code_of(response)) == (401, "NOT_AUTHENTICATED")
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("{" + " ".join(f"a{n}: __typename" for n in range(3000)) + "}", id="tokens"),
        pytest.param("{" + " ".join(f"a{n}: __typename" for n in range(300)) + "}", id="aliases"),
        pytest.param("{targets" + "{nodes{reducedData{nodes{target" * 5 + "{id}" + "}}}}" * 5 + "}", id="depth"),
        pytest.param("query {" + "__typename @skip(if: false) " * 2000 + "}", id="directives"),
    ],
)
async def test_documents_over_a_limit_are_refused(site: Site, query: str) -> None:
    answer = (await send(site, json={"query": query})).json()
    assert answer["data"] is None
    assert answer["errors"]


@pytest.mark.parametrize("leaf", ["__typename", "a: __typename"])
async def test_fragments_that_double_at_every_level_cost_nothing(site: Site, leaf: str) -> None:
    levels = "".join(f"fragment f{n} on Query {{...f{n + 1} ...f{n + 1}}} " for n in range(40))
    query = f"{{...f0}} {levels} fragment f40 on Query {{{leaf}}}"
    async with asyncio.timeout(10):
        response = await send(site, json={"query": query})
    assert ("errors" in response.json()) == (leaf != "__typename")


async def test_bodies_over_the_limit_are_413(site: Site) -> None:
    async def endless() -> Any:
        for _ in range(70):
            yield b"x" * 1024 * 1024

    stranger = await send(site, content=b"x" * (2 * 1024 * 1024), headers={**JSON, "cookie": "other=1"})
    assert (stranger.status_code, code_of(stranger)) == (413, "TOO_LARGE")
    known = await send(site, content=b"x" * (2 * 1024 * 1024), headers={**JSON, "authorization": "Bearer wrong"})
    assert known.status_code == 401
    announced = await send(site, content=b"x" * (65 * 1024 * 1024), headers=JSON)
    assert (announced.status_code, code_of(announced)) == (413, "TOO_LARGE")
    streamed = await send(site, content=endless(), headers=JSON)
    assert (streamed.status_code, code_of(streamed)) == (413, "TOO_LARGE")


async def test_texts_that_postgresql_cannot_hold_are_the_senders_mistake(site: Site, admin: Person) -> None:
    read = await admin.client.ask('{targets(where: {name: {eq: "a\\u0000"}}) {totalCount}}')
    assert read["errors"][0]["extensions"]["code"] == "INVALID_INPUT"
    create = 'mutation ($e: JSON) {createTarget(input: {name: "n", raDeg: 1, decDeg: 1, extras: $e}) {errors {code}}}'
    written = await admin.client.query(create, e={"key": "\x00"})
    assert written["createTarget"]["errors"] == [{"code": "INVALID_INPUT"}]


async def test_unknown_ids_are_null(admin: Person) -> None:
    ids = ("t999", "p999", "d1-999", "j999", "u1x", "", "t" + "9" * 40)
    for public_id in ids:
        found = await admin.client.query(
            "query ($i: ID!) {target(id: $i) {id} dataProduct(id: $i) {id} reducedDatum(id: $i) {id} job(id: $i) {id}"
            " node(id: $i) {id}}",
            i=public_id,
        )
        assert set(found.values()) == {None}, public_id


async def test_health_tells_what_answers(site: Site) -> None:
    response = await send(site, "GET", "/health")
    assert response.status_code == 200
    assert (response.json()["database"], response.json()["queue"]) == ("ok", "ok")


async def test_an_upload_without_its_parts_is_refused(site: Site, admin: Person) -> None:
    for parts in ({"operations": (None, "{}")}, {"operations": (None, "["), "map": (None, "{}")}):
        response = await send(site, files=parts, headers=admin.client.headers)
        assert (response.status_code, code_of(response)) == (400, "BAD_REQUEST")
    payload = await admin.client.query(
        'mutation {uploadDataProduct(input: {target: "t1", file: "no file"}) {errors {code path}}}'
    )
    assert payload["uploadDataProduct"]["errors"] == [{"code": "INVALID_INPUT", "path": ["input", "file"]}]


async def test_a_session_asked_for_by_endless_nesting(site: Site) -> None:
    response = await send(site, path="/session", content=b'{"token":' + b"[" * 200_000, headers=JSON)
    assert (response.status_code, code_of(response)) == (400, "INVALID_INPUT")


async def test_an_upload_whose_map_counts_by_words(site: Site) -> None:
    parts = {
        "operations": (None, '{"query": "{__typename}", "variables": {"files": [null]}}'),
        "map": (None, '{"0": ["variables.files.x"]}'),
        "0": ("a.txt", b"a"),
    }
    response = await send(site, files=parts)
    assert (response.status_code, code_of(response)) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_times_beyond_the_calendar_of_utc(site: Site, moment: str) -> None:
    query = f'{{targets(where: {{created: {{gt: "{moment}"}}}}) {{totalCount}}}}'
    response = await send(site, json={"query": query})
    assert code_of(response) == "GRAPHQL_VALIDATION_FAILED"


async def test_numbers_that_cannot_be_stored_are_the_senders_mistake(admin: Person) -> None:
    huge = "9" * 30
    given = f'{{name: "huge", raDeg: 1, decDeg: 1, extras: {{n: {huge}}}}}'
    create = f"mutation {{createTarget(input: {given}) {{errors {{code}}}}}}"
    assert (await admin.client.query(create))["createTarget"]["errors"] == [{"code": "INVALID_INPUT"}]
    keyed = (
        'mutation {createReducedData(input: {target: "t1", dataType: "x", idempotencyKey: "k",'
        f" rows: [{{mjd: 59000, n: {huge}}}]}}) {{errors {{code}}}}}}"
    )
    assert (await admin.client.query(keyed))["createReducedData"]["errors"]
    await admin.create_target("finite")
    far = await admin.client.ask("{targets {nodes {coordinates {separationArcsec(raDeg: 1e999, decDeg: 0)}}}}")
    assert far["errors"][0]["extensions"]["code"] in ("INVALID_COORDINATES", "GRAPHQL_VALIDATION_FAILED")


async def test_a_lost_file_is_an_outage_and_no_bug(site: Site, admin: Person) -> None:
    target = await admin.create_target("lost file")
    product = (await admin.client.upload(target, "a.csv", b"soon gone", process=False))["dataProduct"]
    site.rt.files.local_path(product["sha256"]).unlink()
    response = await admin.client.get(f"/files/{product['id']}")
    assert (response.status_code, code_of(response)) == (503, "UNAVAILABLE")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_subscription_needs_a_websocket(site: Site, method: str) -> None:
    query = {"query": "subscription {jobs {cursor}}"}
    given = {"params": query} if method == "GET" else {"json": query}
    response = await send(site, method, **given)
    assert (response.status_code, code_of(response)) == (400, "BAD_REQUEST")


async def test_a_document_of_several_operations_runs_none_that_is_not_named(site: Site) -> None:
    document = "query a {a: __typename} query b {b: __typename}"
    answer = await site.client().ask(document)
    assert "data" not in answer or answer["data"] is None
    assert answer["errors"][0]["message"] == (
        "The document holds several operations; say which by `operationName`: a, b."
    )
    async with httpx.AsyncClient() as http:
        body = {"query": document, "operationName": "b"}
        assert (await http.post(f"{site.url}/graphql", json=body)).json()["data"] == {"b": "Query"}
