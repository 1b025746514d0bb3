"""Subscriptions that share their execution: nobody waits for anybody, and everybody is told why a stream ends."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
import websockets
from graphql.execution.collect_fields import FieldDetails

from tests.support.people import Person
from tests.support.site import Site, until
from tomgql.access.principal import ANONYMOUS
from tomgql.events import mailbox
from tomgql.events.mailbox import Frame, Mailbox
from tomgql.graphql import stream_results
from tomgql.graphql.shared_stream import SharedStream
from tomgql.reading.execute import reading_as

CREATE = """mutation ($name: String!, $extras: JSON) {
  createTarget(input: {name: $name, raDeg: 1, decDeg: 2, extras: $extras}) {errors {code}}
}"""
TOKEN = "mutation ($name: String!) {createToken(input: {name: $name}) {token {id} secret errors {code}}}"
REVOKE = "mutation ($id: ID!) {revokeToken(id: $id) {errors {code}}}"
TARGETS = "subscription ($after: Cursor) {targets(after: $after) {cursor target {name}}}"
LATEST = "{server {latestCursor}}"


@asynccontextmanager
async def socket_of(site: Site, token: str | None) -> AsyncIterator[Any]:
    url = site.url.replace("http", "ws", 1) + "/graphql"
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)  # else the kernel takes tens of megabytes unread
    narrow.connect(("127.0.0.1", urlsplit(site.url).port))
    protocols: Any = ["graphql-transport-ws"]
    async with websockets.connect(url, subprotocols=protocols, max_size=None, max_queue=1, sock=narrow) as opened:
        payload = {"authorization": f"Bearer {token}"} if token else {}
        await opened.send(json.dumps({"type": "connection_init", "payload": payload}))
        assert json.loads(await opened.recv())["type"] == "connection_ack"
        yield opened


async def ask(opened: Any, query: str, operation_id: str = "1", **variables: Any) -> None:
    payload = {"query": query, "variables": variables}
    await opened.send(json.dumps({"id": operation_id, "type": "subscribe", "payload": payload}))


async def told(opened: Any) -> dict[str, Any]:
    async with asyncio.timeout(10):
        message: dict[str, Any] = json.loads(await opened.recv())
        return message


def named(message: dict[str, Any]) -> str:
    name: str = message["payload"]["data"]["targets"]["target"]["name"]
    return name


async def create(person: Person, *names: str) -> None:
    for name in names:
        assert (await person.client.query(CREATE, name=name))["createTarget"]["errors"] == []


async def subscribers(site: Site, number: int) -> None:
    await until(10, lambda: site.rt.hub.subscribers == number)


async def test_the_same_question_is_executed_once_for_all_who_ask_it(
    site: Site, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    executed = []
    original = stream_results._frame
    monkeypatch.setattr(stream_results, "_frame", lambda result, feed: executed.append(feed) or original(result, feed))
    cursor = (await admin.client.query(LATEST))["server"]["latestCursor"]
    async with socket_of(site, admin.client.token) as one, socket_of(site, admin.client.token) as other:
        await ask(one, TARGETS)
        await ask(one, TARGETS, "2", after=cursor)
        await ask(other, TARGETS, "3", after=cursor)
        await subscribers(site, 3)
        await create(admin, "Shared 1", "Shared 2")
        got = [await told(one) for _ in range(4)] + [await told(other) for _ in range(2)]
    names = {(message["id"], message["payload"]["data"]["targets"]["target"]["name"]) for message in got}
    assert names == {(who, name) for who in "123" for name in ("Shared 1", "Shared 2")}
    assert len(executed) == 2
    await subscribers(site, 0)


async def test_a_subscriber_that_joins_others_reads_its_own_gap_first(site: Site, admin: Person) -> None:
    cursor = (await admin.client.query(LATEST))["server"]["latestCursor"]
    async with socket_of(site, admin.client.token) as one, socket_of(site, admin.client.token) as other:
        await ask(one, TARGETS)
        await subscribers(site, 1)
        await create(admin, "Gap 1", "Gap 2")
        assert [named(await told(one)) for _ in "12"] == ["Gap 1", "Gap 2"]
        await ask(other, TARGETS, after=cursor)
        await subscribers(site, 2)
        await create(admin, "Gap 3")
        got = [named(await told(other)) for _ in "123"]
        assert got == ["Gap 1", "Gap 2", "Gap 3"]
        assert named(await told(one)) == "Gap 3"


async def test_who_joins_others_that_lag_behind_hears_nothing_twice(
    site: Site, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on = asyncio.Event()
    look_after_tokens = SharedStream.look_after_tokens

    async def late(shared: SharedStream) -> None:
        await may_go_on.wait()
        await look_after_tokens(shared)

    monkeypatch.setattr(SharedStream, "look_after_tokens", late)
    async with socket_of(site, admin.client.token) as slow, socket_of(site, admin.client.token) as ahead:
        await ask(slow, TARGETS)
        await subscribers(site, 1)
        await create(admin, "Lag 1")  # executed for who is there, and not delivered yet
        await asyncio.sleep(0.3)
        await ask(ahead, TARGETS, after=(await admin.client.query(LATEST))["server"]["latestCursor"])
        await subscribers(site, 2)
        may_go_on.set()
        await create(admin, "Lag 2")
        assert [named(await told(slow)) for _ in "12"] == ["Lag 1", "Lag 2"]
        assert named(await told(ahead)) == "Lag 2"


async def test_a_stream_keeps_nothing_of_the_events_that_it_has_told(site: Site, admin: Person) -> None:
    def kept() -> int:
        gc.collect()
        return sum(isinstance(each, FieldDetails) for each in gc.get_objects())

    cursor = (await admin.client.query(LATEST))["server"]["latestCursor"]
    names = [f"Forgotten {number}" for number in range(40)]
    async with socket_of(site, admin.client.token) as live, socket_of(site, admin.client.token) as replayed:
        await ask(live, TARGETS)
        await subscribers(site, 1)
        await create(admin, *names)
        assert [named(await told(live)) for _ in names] == names
        before = kept()
        await ask(replayed, TARGETS, after=cursor)
        assert [named(await told(replayed)) for _ in names] == names
        await subscribers(site, 2)
        assert kept() <= before + len(names) // 2
        await create(admin, *(f"{name} again" for name in names))
        assert len([named(await told(live)) for _ in names]) == len(names)
        assert kept() <= before + len(names) // 2


async def test_a_revoked_token_ends_the_streams_that_were_opened_with_it(site: Site, admin: Person) -> None:
    made = (await admin.client.query(TOKEN, name="for a stream"))["createToken"]
    async with socket_of(site, made["secret"]) as doomed, socket_of(site, admin.client.token) as other:
        await ask(doomed, TARGETS)
        await ask(other, TARGETS)
        await subscribers(site, 2)
        await admin.client.query(REVOKE, id=made["token"]["id"])
        await create(admin, "After the end")
        end = await told(doomed)
        assert (end["type"], end["id"]) == ("error", "1")
        assert end["payload"][0]["extensions"]["code"] == "NOT_AUTHENTICATED"
        assert named(await told(other)) == "After the end"


async def test_a_revoked_token_ends_a_stream_to_which_nothing_comes(
    site: Site, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = (await admin.client.query(TOKEN, name="for a silent stream"))["createToken"]
    async with socket_of(site, made["secret"]) as doomed:
        await ask(doomed, TARGETS)
        await subscribers(site, 1)
        await admin.client.query(REVOKE, id=made["token"]["id"])
        assert (await told(doomed))["payload"][0]["extensions"]["code"] == "NOT_AUTHENTICATED"


async def test_a_bad_document_ends_its_own_operation_alone(site: Site, admin: Person) -> None:
    async with socket_of(site, admin.client.token) as opened:
        await ask(opened, TARGETS)
        await subscribers(site, 1)
        for bad in ("subscription {", "subscription {nothing}", "query a {__typename} query b {__typename}"):
            await ask(opened, bad, "bad")
            refused = await told(opened)
            assert (refused["type"], refused["id"]) == ("error", "bad"), refused
        await create(admin, "Still here")
        assert named(await told(opened)) == "Still here"


async def test_queries_and_mutations_are_answered_once_and_completed(site: Site, admin: Person) -> None:
    async with socket_of(site, admin.client.token) as opened:
        await ask(opened, CREATE, "m", name="By socket")
        assert (await told(opened))["payload"]["data"]["createTarget"]["errors"] == []
        assert await told(opened) == {"id": "m", "type": "complete"}


async def test_a_draining_server_tells_where_to_go_on(site: Site, admin: Person) -> None:
    server = site.streams
    async with socket_of(site, admin.client.token) as opened:
        await ask(opened, TARGETS)
        await subscribers(site, 1)
        await create(admin, "The last one")
        last = (await told(opened))["payload"]["data"]["targets"]["cursor"]
        try:
            await server.drain(5)
            end = await told(opened)
            assert end["payload"][0]["extensions"] == {"code": "GOING_AWAY", "cursor": last}
            await ask(opened, TARGETS, "late", after=last)
            assert (await told(opened))["payload"][0]["extensions"]["code"] == "GOING_AWAY"
        finally:
            server.is_draining = False


async def test_a_full_mailbox_delivers_what_it_holds_and_then_says_so() -> None:
    box = Mailbox()
    frames = [Frame(number, f"c{number}", "{}") for number in range(1, mailbox.MOST_FRAMES + 2)]
    assert [box.put(frame) for frame in frames] == [True] * mailbox.MOST_FRAMES + [False]
    assert [(await box.take()).event_id for _ in range(mailbox.MOST_FRAMES)] == list(range(1, mailbox.MOST_FRAMES + 1))
    with pytest.raises(mailbox.SlowConsumer):
        await box.take()


async def test_a_subscriber_that_does_not_read_is_ended_and_others_do_not_wait(
    site: Site, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "MOST_FRAMES", 5)
    wide = "extras ".join(f"a{number}: " for number in range(30)) + "extras"
    asked = f"subscription ($after: Cursor) {{targets(after: $after) {{cursor target {{name {wide}}}}}}}"
    names = [f"Many {number}" for number in range(20)]
    async with socket_of(site, admin.client.token) as idle, socket_of(site, admin.client.token) as reader:
        await ask(idle, asked)
        await ask(reader, TARGETS)
        await subscribers(site, 2)
        await create(admin, "Before many")
        assert [named(await told(each)) for each in (idle, reader)] == ["Before many"] * 2
        await asyncio.sleep(0.3)  # who has read its own gap joins the others; in its gap nobody waits for it
        for name in names:
            await admin.client.query(CREATE, name=name, extras={"text": "x" * 40_000})
        assert [named(await told(reader)) for _ in names] == names  # while the other one takes nothing
        got = []
        while (message := await told(idle))["type"] == "next":
            got.append(named(message))
        assert message["payload"][0]["extensions"]["code"] == "SLOW_CONSUMER"
        await ask(idle, asked, after=message["payload"][0]["extensions"]["cursor"])
        while len(got) < len(names):
            got.append(named(await told(idle)))
    assert got == names
    await subscribers(site, 0)


SNAPSHOT = """{
  first: targets(first: 1000) { nodes { name } }
  server { latestCursor }
  again: targets(first: 1000) { nodes { name } }
}"""


async def test_a_query_and_the_stream_behind_its_cursor_have_no_gap_and_no_repeat(site: Site, admin: Person) -> None:
    known = {node["name"] for node in (await admin.client.query(SNAPSHOT))["first"]["nodes"]}
    names = [f"Moment {number}" for number in range(60)]
    writers = [asyncio.create_task(create(admin, *names[part::3])) for part in range(3)]
    snapshots = []
    while not all(writer.done() for writer in writers):
        snapshots.append(await admin.client.query(SNAPSHOT))
    await asyncio.gather(*writers)
    assert len(snapshots) > 5
    for snapshot in snapshots:
        shown = [{node["name"] for node in snapshot[key]["nodes"]} - known for key in ("first", "again")]
        assert shown[0] == shown[1]
        async with socket_of(site, admin.client.token) as opened:
            await ask(opened, TARGETS, after=snapshot["server"]["latestCursor"])
            told_of = [named(await told(opened)) for _ in range(len(names) - len(shown[0]))]
        assert len(told_of) == len(set(told_of))
        assert shown[0] | set(told_of) == set(names)


async def test_a_statement_that_fails_takes_no_other_of_its_moment_with_it(site: Site) -> None:
    session = reading_as(site.rt, ANONYMOUS)
    async with session.as_of_one_moment():
        with pytest.raises(asyncpg.DivisionByZeroError):
            await session.text("select (1 / 0)::text", [])
        assert await session.text("select current_setting('transaction_isolation')", []) == "repeatable read"
    assert await session.text("select current_setting('transaction_isolation')", []) == "read committed"
