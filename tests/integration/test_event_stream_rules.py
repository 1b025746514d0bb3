"""graphql-sse rule by rule (https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md); `test_sse` has the rest.

=========================================================== ==========================================================
Rule                                                        Test
=========================================================== ==========================================================
distinct: the answer is ``text/event-stream``                test_sse
distinct: next, then complete                                test_sse
distinct: errors of validation are told in the stream        test_sse
distinct: a subscription ends when its client hangs up       test_sse, tests/journeys/test_leaks
distinct: a body that is no request is 400                   test_a_body_that_is_no_request_is_400
distinct: only GET and POST                                  test_other_methods_are_405
HTML: the id of an event resumes by ``Last-Event-ID``        test_sse, test_a_last_event_id_that_is_no_cursor
single: PUT reserves, 201 with a token as text               test_a_reservation_is_a_token
single: who may not is 401                                   test_wrong_credentials_are_401
single: the token by header or by ``?token=``                test_a_token_is_given_by_header_or_address
single: an unknown token is 404                              test_an_unknown_token_is_404
single: one stream a reservation, else 409                   test_sse
single: operations are accepted by 202                       test_sse, test_operations_may_come_before_the_stream
single: each has an id, which is its own: 400, 409           test_sse, test_an_id_that_is_none_is_400
single: DELETE stops an operation                            test_sse, test_a_stop_of_nothing
=========================================================== ==========================================================

Beyond the protocol: an operation's id holds at most 100 characters. What a document lacks is told in the stream here,
too, where the protocol would have the POST answer it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.integration.test_sse import EVENTS, TARGETS, stream
from tests.support.people import Person
from tests.support.site import Site, until

TOKEN = "x-graphql-event-stream-token"


@pytest_asyncio.fixture(loop_scope="session")
async def http(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=10, base_url=site.url) as client:
        yield client


def asked(operation_id: Any, query: str = "{__typename}") -> dict[str, Any]:
    return {"query": query, "extensions": {"operationId": operation_id}}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"5", b"{}", b'{"query": 5}', b'{"query": "{a}", "variables": 1}'])
async def test_a_body_that_is_no_request_is_400(http: httpx.AsyncClient, body: bytes) -> None:
    answer = await http.post("/graphql", content=body, headers={**EVENTS, "content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
async def test_other_methods_are_405(http: httpx.AsyncClient, method: str) -> None:
    answer = await http.request(method, "/graphql", json={"query": "{__typename}"}, headers=EVENTS)
    assert answer.status_code == 405


async def test_a_last_event_id_that_is_no_cursor(site: Site, admin: Person) -> None:
    given = {"last-event-id": "yesterday"}
    async with stream(site, admin.client.token, "GET", params={"query": TARGETS}, headers=given) as events:
        assert (await events.data())["errors"][0]["extensions"] == {"code": "INVALID_CURSOR", "path": ["after"]}
        assert (await events.next())["event"] == "complete"


async def test_a_reservation_is_a_token(http: httpx.AsyncClient) -> None:
    one, other = [await http.put("/graphql") for _ in range(2)]
    for answer in (one, other):
        assert (answer.status_code, answer.headers["content-type"]) == (201, "text/plain; charset=utf-8")
        assert answer.headers["cache-control"] == "no-store"
        assert len(answer.text) >= 43  # 256 bits
    assert one.text != other.text


async def test_wrong_credentials_are_401(http: httpx.AsyncClient) -> None:
    wrong = {"authorization": "Bearer wrong"}
    reserved = {TOKEN: (await http.put("/graphql")).text}
    assert (await http.put("/graphql", headers=wrong)).status_code == 401
    assert (await http.post("/graphql", json=asked("1"), headers={**wrong, **reserved})).status_code == 401
    assert (await http.post("/graphql", json=asked("1"), headers={**wrong, **EVENTS})).status_code == 401


@pytest.mark.parametrize("by_header", [True, False], ids=["header", "address"])
async def test_a_token_is_given_by_header_or_address(site: Site, http: httpx.AsyncClient, by_header: bool) -> None:
    token = (await http.put("/graphql")).text
    given: dict[str, Any] = {"headers": {TOKEN: token}} if by_header else {"params": {"token": token}}
    async with stream(site, None, "GET", **given) as events:
        assert events.response.headers["content-type"].startswith("text/event-stream")
        assert (await http.post("/graphql", json=asked("1"), **given)).status_code == 202
        assert await events.data() == {"id": "1", "payload": {"data": {"__typename": "Query"}}}
        assert (await events.next())["event"] == "complete"


@pytest.mark.parametrize(("method", "more"), [("GET", {}), ("POST", {"json": asked("1")}), ("DELETE", {})])
async def test_an_unknown_token_is_404(http: httpx.AsyncClient, method: str, more: dict[str, Any]) -> None:
    unknown = {**EVENTS, TOKEN: "unknown"}
    answer = await http.request(method, "/graphql", params={"operationId": "1"}, headers=unknown, **more)
    assert answer.status_code == 404


async def test_operations_may_come_before_the_stream(site: Site, http: httpx.AsyncClient) -> None:
    token = {TOKEN: (await http.put("/graphql")).text}
    assert (await http.post("/graphql", json=asked("early"), headers=token)).status_code == 202
    async with stream(site, None, "GET", headers=token) as events:
        assert (await events.data())["id"] == "early"


@pytest.mark.parametrize("extensions", [None, [1], "x", 5])
async def test_extensions_without_an_id_are_400(http: httpx.AsyncClient, extensions: Any) -> None:
    token = {TOKEN: (await http.put("/graphql")).text}
    body = {"query": "{__typename}", "extensions": extensions}
    assert (await http.post("/graphql", json=body, headers=token)).status_code == 400


@pytest.mark.parametrize("operation_id", [None, "", 5, ["x"], "x" * 101])
async def test_an_id_that_is_none_is_400(site: Site, http: httpx.AsyncClient, operation_id: Any) -> None:
    token = {TOKEN: (await http.put("/graphql")).text}
    assert (await http.post("/graphql", json=asked(operation_id, TARGETS), headers=token)).status_code == 400
    assert site.rt.hub.streams == 0


async def test_a_stop_of_nothing(site: Site, http: httpx.AsyncClient) -> None:
    """Naming no operation is a mistake; one that has ended, or never was, is stopped."""
    token = {TOKEN: (await http.put("/graphql")).text}
    async with stream(site, None, "GET", headers=token) as events:
        assert (await http.post("/graphql", json=asked("runs", TARGETS), headers=token)).status_code == 202
        await until(10, lambda: site.rt.hub.subscribers == 1)
        assert (await http.delete("/graphql", headers=token)).status_code == 400
        assert (await http.delete("/graphql", params={"operationId": "other"}, headers=token)).status_code == 200
        assert site.rt.hub.subscribers == 1
        assert (await http.delete("/graphql", params={"operationId": "runs"}, headers=token)).status_code == 200
        await until(10, lambda: site.rt.hub.streams == 0)
        assert (await http.post("/graphql", json=asked("runs"), headers=token)).status_code == 202
        assert await events.data() == {"id": "runs", "payload": {"data": {"__typename": "Query"}}}
