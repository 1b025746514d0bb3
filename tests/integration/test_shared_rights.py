"""Rights that change while events flow through shared streams: the loser is told nothing later, others miss nothing.

Everybody asks the same, some over WebSocket and some by server-sent events, so each user's subscriptions share one
execution. A writer records all the while; what an administrator is told is the whole truth.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.support.client import Client
from tests.support.faults import latest_cursor
from tests.support.people import Person, make_person
from tests.support.site import Site, until

STREAM = "subscription { reducedData { cursor } }"
RECORD = "mutation ($i: CreateReducedDataInput!) { createReducedData(input: $i) { created errors { message } } }"
GROUP = "mutation ($i: CreateUserGroupInput!) { createUserGroup(input: $i) { userGroup { id } errors { message } } }"
UPDATE_GROUP = "mutation ($i: UpdateUserGroupInput!) { updateUserGroup(input: $i) { errors { message } } }"
GRANT = "mutation ($i: GrantTargetAccessInput!) { grantTargetAccess(input: $i) { errors { message } } }"
UPDATE_TARGET = "mutation ($i: UpdateTargetInput!) { updateTarget(input: $i) { errors { message } } }"
TOKEN = 'mutation { createToken(input: {name: "second"}) { token { id } secret errors { message } } }'
REVOKE = "mutation ($id: ID!) { revokeToken(id: $id) { errors { message } } }"

ENOUGH = 8
"""Events that everybody must have had between two changes."""

TIMES = count(50_000)
"""Times of data, each new."""


@dataclass
class Ear:
    """What one subscription was told: cursors, and the error that ended it."""

    cursors: list[str] = field(default_factory=list)
    end: dict[str, Any] | None = None

    def hear(self, result: dict[str, Any]) -> None:
        self.cursors.append(result["data"]["reducedData"]["cursor"])

    def behind(self, cursor: str) -> int:
        """How many events later than a cursor it was told of."""
        return sum(each > cursor for each in self.cursors)


async def by_socket(client: Client, ear: Ear) -> None:
    async with client.subscribe(STREAM) as events:
        while (message := await events.message())["type"] == "next":
            ear.hear(message["payload"])
        ear.end = message["payload"][0]["extensions"]


async def by_stream(client: Client, ear: Ear) -> None:
    headers = {"accept": "text/event-stream", **client.headers}
    async with (
        httpx.AsyncClient(timeout=30) as http,
        http.stream("POST", f"{client.url}/graphql", headers=headers, json={"query": STREAM}) as response,
    ):
        async for line in response.aiter_lines():
            result = json.loads(line[6:]) if line.startswith("data: {") else {}
            if "data" in result:
                ear.hear(result)
            elif "errors" in result:
                ear.end = result["errors"][0]["extensions"]


@asynccontextmanager
async def ears(site: Site, *clients: Client) -> AsyncIterator[list[list[Ear]]]:
    """Two sockets and a stream of each client, all of which listen."""
    heard = [[Ear(), Ear(), Ear()] for _ in clients]
    async with asyncio.TaskGroup() as tasks, AsyncExitStack() as stack:
        for client, (one, two, three) in zip(clients, heard, strict=True):
            for coroutine in (by_socket(client, one), by_socket(client, two), by_stream(client, three)):
                stack.callback(tasks.create_task(coroutine).cancel)
        await until(10, lambda: site.rt.hub.subscribers == 3 * len(clients))
        yield heard


@asynccontextmanager
async def writing(admin: Person, target: str) -> AsyncIterator[None]:
    """Record data of a target, one an event, until the block ends."""

    async def write() -> None:
        while not over.is_set():
            row = {"mjd": next(TIMES), "mag": 18, "magerr": 0.1, "filter": "ztfr"}
            await done(admin, RECORD, target=target, dataType="photometry", rows=[row])

    over = asyncio.Event()
    task = asyncio.create_task(write())
    try:
        yield
    finally:
        over.set()
        await task


async def done(person: Person, mutation: str, **given: Any) -> Any:
    """What a mutation answers that was not refused."""
    (answer,) = (await person.client.query(mutation, i=given)).values()
    assert answer["errors"] == []
    return answer


def shared_streams() -> int:
    """How many executions feed everybody."""
    return sum(task.get_name() == "shared stream" for task in asyncio.all_tasks())


@dataclass
class Cast:
    """Who takes part, and what it is about."""

    admin: Person
    loser: Person
    keeper: Person
    target: str
    group: str


@pytest_asyncio.fixture(loop_scope="session")
async def cast(site: Site, admin: Person) -> Cast:
    number = next(TIMES)
    loser, keeper = [await make_person(site, f"{name} {number}") for name in ("loser", "keeper")]
    target = await admin.create_target(f"Shared rights {number}", access="PRIVATE")
    group = (await done(admin, GROUP, name=f"Group {number}", members=[loser.id, keeper.id]))["userGroup"]["id"]
    return Cast(admin, loser, keeper, target, group)


async def grant_group(cast: Cast) -> None:
    await done(cast.admin, GRANT, target=cast.target, userGroup=cast.group, permissions=["VIEW"])


async def grant_keeper(cast: Cast) -> None:
    await done(cast.admin, GRANT, target=cast.target, user=cast.keeper.id, permissions=["VIEW"])


async def leave_group(cast: Cast) -> None:
    await done(cast.admin, UPDATE_GROUP, id=cast.group, removeMembers=[cast.loser.id])


async def enter_group(cast: Cast) -> None:
    await done(cast.admin, UPDATE_GROUP, id=cast.group, addMembers=[cast.loser.id])


async def withdraw_grant(cast: Cast) -> None:
    await done(cast.admin, GRANT, target=cast.target, userGroup=cast.group, permissions=[])


async def make_private(cast: Cast) -> None:
    await done(cast.admin, UPDATE_TARGET, id=cast.target, access="PRIVATE")


async def make_public(cast: Cast) -> None:
    await done(cast.admin, UPDATE_TARGET, id=cast.target, access="PUBLIC")


Change = Callable[[Cast], Awaitable[None]]
CHANGES: dict[str, tuple[list[Change], Change, Change]] = {
    "a member leaves the group": ([grant_group], leave_group, enter_group),
    "the group loses its grant": ([grant_group, grant_keeper], withdraw_grant, grant_group),
    "the target becomes private": ([make_public, grant_keeper], make_private, make_public),
}
"""What is so before, what takes the loser's right, and what gives it back."""


async def made(cast: Cast, change: Change) -> tuple[str, str]:
    """Make a change; ends of the log before it was asked for, and after it was committed."""
    before = await latest_cursor(cast.admin.client)
    await change(cast)
    return before, await latest_cursor(cast.admin.client)


@pytest.mark.parametrize("name", CHANGES)
async def test_rights_withdrawn_and_given_back_while_events_flow(name: str, site: Site, cast: Cast) -> None:
    first, withdraw, give_back = CHANGES[name]
    for change in first:
        await change(cast)
    clients = [person.client for person in (cast.admin, cast.keeper, cast.loser)]
    async with ears(site, *clients) as (witnesses, keepers, losers):
        assert shared_streams() == 3
        async with writing(cast.admin, cast.target):
            await until(20, lambda: all(len(ear.cursors) >= ENOUGH for ear in losers))
            lost = await made(cast, withdraw)
            await until(20, lambda: all(ear.behind(lost[1]) >= ENOUGH for ear in keepers))
            regained = await made(cast, give_back)
            await until(20, lambda: all(ear.behind(regained[1]) >= ENOUGH for ear in losers))
        end = await latest_cursor(cast.admin.client)
        await until(20, lambda: all(ear.cursors[-1] == end for ear in witnesses + keepers + losers))
    truth = witnesses[0].cursors
    assert truth == sorted(set(truth))
    for ear in witnesses + keepers:
        assert ear.cursors == truth
    for ear in losers:
        untold = [cursor for cursor in truth if cursor not in ear.cursors]
        assert ear.cursors == [cursor for cursor in truth if cursor not in untold]
        place = truth.index(untold[0])
        assert untold == truth[place : place + len(untold)]
        assert lost[0] < untold[0], "an event was kept back before the right was lost"
        assert {cursor for cursor in truth if lost[1] < cursor <= regained[0]} <= set(untold)
        assert untold[-1] <= regained[1], "an event was kept back after the right was given"


async def test_one_of_two_tokens_is_revoked_while_events_flow(site: Site, cast: Cast) -> None:
    second = await cast.keeper.client.query(TOKEN)
    secret, token_id = second["createToken"]["secret"], second["createToken"]["token"]["id"]
    await grant_group(cast)
    async with ears(site, cast.keeper.client, site.client(secret)) as (keepers, losers):
        assert shared_streams() == 1
        async with writing(cast.admin, cast.target):
            await until(20, lambda: all(len(ear.cursors) >= ENOUGH for ear in losers))
            await cast.keeper.client.query(REVOKE, id=token_id)
            revoked = await latest_cursor(cast.admin.client)
            await until(20, lambda: all(ear.end for ear in losers))
            await until(20, lambda: all(ear.behind(revoked) >= ENOUGH for ear in keepers))
        end = await latest_cursor(cast.admin.client)
        await until(20, lambda: all(ear.cursors[-1] == end for ear in keepers))
    truth = keepers[0].cursors
    assert truth == sorted(set(truth))
    for ear in keepers:
        assert ear.cursors == truth
    for ear in losers:
        assert ear.cursors == truth[: len(ear.cursors)]
        assert ear.cursors[-1] <= revoked
        assert ear.end == {"code": "NOT_AUTHENTICATED", "cursor": ear.cursors[-1]}
