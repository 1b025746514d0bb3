"""GraphQL over server-sent events, in both modes of graphql-sse."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.support.people import Person
from tests.support.site import Site, until

EVENTS = {"accept": "text/event-stream"}
CREATE = "mutation ($name: String!) {createTarget(input: {name: $name, raDeg: 1, decDeg: 2}) {errors {code}}}"
TARGETS = "subscription {targets {cursor target {name}}}"
LATEST = "{server {latestCursor}}"


class Events:
    """The events of one open stream."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def next(self) -> dict[str, str]:
        """The next event: its fields by name; comments are passed over."""
        event: dict[str, str] = {}
        async with asyncio.timeout(10):
            async for line in self._lines:
                if not line and event:
                    return event
                if line and not line.startswith(":"):
                    name, _, value = line.partition(": ")
                    event[name] = value
        raise AssertionError("the stream ended")

    async def data(self) -> Any:
        """The data of the next event."""
        return json.loads((await self.next())["data"])


@asynccontextmanager
async def stream(site: Site, token: str | None, method: str = "POST", **given: Any) -> AsyncIterator[Events]:
    headers = {**EVENTS, **({"authorization": f"Bearer {token}"} if token else {}), **given.pop("headers", {})}
    async with (
        httpx.AsyncClient(timeout=10) as http,
        http.stream(method, f"{site.url}/graphql", headers=headers, **given) as response,
    ):
        yield Events(response)


async def create(person: Person, *names: str) -> None:
    for name in names:
        assert (await person.client.query(CREATE, name=name))["createTarget"]["errors"] == []


async def test_a_subscription_has_a_stream_of_its_own_and_is_resumed_by_the_last_event_id(
    site: Site, admin: Person
) -> None:
    async with stream(site, admin.client.token, json={"query": TARGETS}) as events:
        assert events.response.headers["content-type"].startswith("text/event-stream")
        await until(10, lambda: site.rt.hub.subscribers == 1)
        await create(admin, "Event 1", "Event 2")
        first = await events.next()
        assert first["event"] == "next"
        payload = json.loads(first["data"])["data"]["targets"]
        assert payload == {"cursor": first["id"], "target": {"name": "Event 1"}}
    await until(10, lambda: site.rt.hub.subscribers == 0)
    resumed = {"last-event-id": first["id"]}
    async with stream(site, admin.client.token, "GET", params={"query": TARGETS}, headers=resumed) as events:
        assert (await events.data())["data"]["targets"]["target"]["name"] == "Event 2"


async def test_a_query_is_one_event_and_the_end(site: Site) -> None:
    async with stream(site, None, json={"query": "{__typename}"}) as events:
        assert await events.next() == {"event": "next", "data": '{"data":{"__typename":"Query"}}'}
        assert (await events.next())["event"] == "complete"


@pytest.mark.parametrize("document", ["subscription {", "{nothing}", 'subscription {targets(after: "x") {cursor}}'])
async def test_what_cannot_run_is_said_in_the_stream(site: Site, document: str) -> None:
    async with stream(site, None, json={"query": document}) as events:
        assert events.response.status_code == 200
        payload = await events.data()
        assert payload["errors"][0]["message"]
        assert (await events.next())["event"] == "complete"


async def test_get_never_changes_anything(site: Site, admin: Person) -> None:
    given = {"query": 'mutation {createTarget(input: {name: "By GET", raDeg: 1, decDeg: 1}) {errors {code}}}'}
    async with stream(site, admin.client.token, "GET", params=given) as events:
        assert "errors" in await events.data()
    assert (await admin.client.query('{target(name: "By GET") {id}}'))["target"] is None


async def test_many_operations_share_one_connection(site: Site, admin: Person) -> None:
    signed = admin.client.headers
    async with httpx.AsyncClient(timeout=10, base_url=site.url) as http:
        reserved = await http.put("/graphql", headers=signed)
        assert reserved.status_code == 201
        token = {"x-graphql-event-stream-token": reserved.text}

        async def run(query: str, operation_id: str | None) -> int:
            body: dict[str, Any] = {"query": query, "extensions": {"operationId": operation_id}}
            return (await http.post("/graphql", json=body, headers={**signed, **token})).status_code

        async with stream(site, None, "GET", params={"token": reserved.text}) as events:
            assert (await http.get("/graphql", headers={**EVENTS, **token})).status_code == 409
            assert await run(TARGETS, "targets") == 202
            assert await run(TARGETS, "targets") == 409
            assert await run(TARGETS, None) == 400
            assert await run("{__typename}", "query") == 202
            assert await events.data() == {"id": "query", "payload": {"data": {"__typename": "Query"}}}
            done = await events.next()
            assert (done["event"], json.loads(done["data"])) == ("complete", {"id": "query"})
            await create(admin, "On one connection")
            told = await events.data()
            assert (told["id"], told["payload"]["data"]["targets"]["target"]["name"]) == (
                "targets",
                "On one connection",
            )
            stopped = await http.delete("/graphql", params={"operationId": "targets"}, headers=token)
            assert stopped.status_code == 200
            await until(10, lambda: site.rt.hub.subscribers == 0)
            assert await run(TARGETS, "again") == 202
            await until(10, lambda: site.rt.hub.subscribers == 1)
        await until(10, lambda: site.rt.hub.subscribers == 0)
        assert await run("{__typename}", "late") == 404


async def test_an_operation_on_a_stream_is_run_as_who_asked_for_it(site: Site, admin: Person) -> None:
    async with httpx.AsyncClient(timeout=10, base_url=site.url) as http:
        token = {"x-graphql-event-stream-token": (await http.put("/graphql", headers=admin.client.headers)).text}
        async with stream(site, None, "GET", headers=token) as events:
            body = {"query": "{viewer {isAnonymous}}", "extensions": {"operationId": "who"}}
            assert (await http.post("/graphql", json=body, headers=token)).status_code == 202
            assert (await events.data())["payload"] == {"data": {"viewer": {"isAnonymous": True}}}


async def test_a_draining_server_ends_both_kinds_of_stream(site: Site, admin: Person) -> None:
    async with httpx.AsyncClient(timeout=10, base_url=site.url) as http:
        token = {"x-graphql-event-stream-token": (await http.put("/graphql", headers=admin.client.headers)).text}
        async with (
            stream(site, None, "GET", headers=token) as shared,
            stream(site, admin.client.token, json={"query": TARGETS}) as own,
        ):
            body = {"query": TARGETS, "extensions": {"operationId": "targets"}}
            signed = {**token, **admin.client.headers}
            assert (await http.post("/graphql", json=body, headers=signed)).status_code == 202
            await until(10, lambda: site.rt.hub.subscribers == 2)
            try:
                await site.streams.drain(5)
                for events, code_of in ((own, lambda data: data), (shared, lambda data: data["payload"])):
                    extensions = code_of(await events.data())["errors"][0]["extensions"]
                    assert extensions["code"] == "GOING_AWAY"
                    assert extensions["cursor"]
                    assert (await events.next())["event"] == "complete"
                    with pytest.raises(AssertionError, match="the stream ended"):
                        await events.next()
            finally:
                site.streams.is_draining = False
