"""Three TOMs in a ring that follow each other both ways, written to all at once while their processes are killed.

Real processes: every TOM has a web process and a worker, over one PostgreSQL and one Valkey with a database each; any
of the eight is killed by SIGKILL and started again. At the end all three must hold the same, each datum once, and be
quiet.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
from pydantic import SecretStr

from tests.support.client import Client
from tests.support.disconnects import LOST, kill_and_start
from tests.support.people import Person
from tests.support.site import Child, free_port, until
from tests.support.toms import FOLLOW, seen, subscriptions
from tomgql.embedded import EmbeddedPostgres, EmbeddedValkey
from tomgql.settings import Settings
from tomgql.site import create_token, create_user
from tomgql.store.schema import migrate, with_database

TOMS = 3
PATIENCE_S = 120.0
"""Longest wait for what was killed to answer, and for the ring to come to rest."""

QUIET_S = 3.0
"""Without an event for so long the ring is at rest."""

CREATE = "mutation ($i: CreateReducedDataInput!) { createReducedData(input: $i) { ids errors { code } } }"
TARGET = "mutation ($i: CreateTargetInput!) { createTarget(input: $i) { target { id } errors { code } } }"
FLAG = """mutation ($ids: [ID!]!, $off: Boolean!) {
  setReducedDataDisabled(ids: $ids, disabled: $off, reason: "dice") { errors { code } } }"""
ALIAS = "mutation ($i: UpdateTargetInput!) { updateTarget(input: $i) { errors { code } } }"
DELETE_TARGET = "mutation ($id: ID!) { deleteTarget(id: $id) { errors { code } } }"
DELETE_PRODUCT = "mutation ($id: ID!) { deleteDataProduct(id: $id) { errors { code } } }"
FIND = "query ($name: String!) { target(name: $name) { id } }"
SOME = """query ($name: String!) { target(name: $name) { id reducedData(where: {disabled: null}, first: 40) {
  nodes { id disabled } } } }"""
END = "{ server { latestCursor } }"


@dataclass
class Ring:
    """The processes of three TOMs."""

    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    settings: list[Settings]
    people: list[Person]
    children: dict[str, Child] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)

    def start(self, name: str, number: int) -> None:
        """Start the web process or the worker of a TOM."""
        command = ["serve", "--port", str(self.settings[number].port)] if name == "web" else ["worker"]
        self.children[f"{name} {number}"] = Child(self.settings[number], *command)

    def complaints(self) -> str:
        """The last errors that the processes logged."""
        return "\n".join(
            f"{name}: {line[:3000]}"
            for name, child in self.children.items()
            for line in [each for each in child.printed().splitlines() if "ERROR" in each or "Error" in each][-3:]
        )

    async def kill_one(self, dice: random.Random) -> None:
        """Kill a process and start it again; a server of all three more seldom than one of theirs."""
        what = dice.choice([*self.children] * 3 + ["postgres", "valkey"])
        self.kills[what.split()[0]] += 1
        if what in self.children:
            await asyncio.to_thread(self.children[what].kill)
            self.start(what.split()[0], int(what.split()[1]))
            return
        await asyncio.to_thread(kill_and_start, self.postgres if what == "postgres" else self.valkey)


@asynccontextmanager
async def a_ring(place: Path) -> AsyncIterator[Ring]:
    """Three TOMs, each of which follows the two others."""
    postgres, valkey = EmbeddedPostgres(place / "postgres", for_tests=True), EmbeddedValkey(place / "valkey")
    for server in (postgres, valkey):
        await asyncio.to_thread(server.start)
    settings = [await _prepared(place, postgres, valkey, number) for number in range(TOMS)]
    people = [await _administrator(each) for each in settings]
    ring = Ring(postgres, valkey, settings, people)
    try:
        for number in range(TOMS):
            for name in ("web", "worker"):
                ring.start(name, number)
        for person in people:
            await until(PATIENCE_S, lambda person=person: _answers(person))
        for number, person in enumerate(people):
            for other in {0, 1, 2} - {number}:
                client = people[other].client
                asked = {"name": f"tom{other}", "address": client.url, "token": client.token}
                assert (await person.client.query(FOLLOW, i=asked))["createPeerSubscription"]["errors"] == []
        yield ring
    except AssertionError as error:
        raise AssertionError(f"{error}\n{ring.complaints()}") from error
    finally:
        for child in ring.children.values():
            child.kill()
        valkey.stop()
        postgres.stop()


async def _prepared(place: Path, postgres: EmbeddedPostgres, valkey: EmbeddedValkey, number: int) -> Settings:
    admin = await asyncpg.connect(postgres.dsn("postgres"))
    await admin.execute(f"create database tom{number}")
    await admin.close()
    database = with_database(postgres.dsn("postgres"), f"tom{number}")
    await migrate(database)
    return Settings(
        database_url=database, redis_url=valkey.url().rsplit("/", 1)[0] + f"/{number}", data_dir=place / f"tom{number}",
        port=free_port(), tom_name=f"tom{number}", private_peers=True, job_lease_s=3.0, job_sweep_s=0.5,
        peer_lease_s=3.0, credentials_key=SecretStr("a key of sixteen or more"),
    )  # fmt: skip


async def _administrator(settings: Settings) -> Person:
    database = settings.database_url or ""
    await create_user(database, "root", is_admin=True)
    token = await create_token(database, "root", "ring", ())
    return Person("", "root", Client(f"http://127.0.0.1:{settings.port}", token))


async def _answers(person: Person) -> bool:
    with contextlib.suppress(*LOST):
        return bool(await person.client.query(END))
    return False


async def _tried(person: Person, document: str, **variables: Any) -> Any:
    """The data of an answer, asked for until there is one."""
    begun = time.monotonic()
    while True:
        try:
            return await person.client.query(document, **variables)
        except LOST:
            assert time.monotonic() - begun < PATIENCE_S, "no answer any more"
            await asyncio.sleep(0.1)


async def write_on(ring: Ring, number: int, dice: random.Random, over: asyncio.Event) -> None:
    """Write to one TOM: to the target that all know and to its own; the same times as the others now and then."""
    person, step = ring.people[number], 0
    own = (await _tried(person, TARGET, i=_target(f"own {number}")))["createTarget"]["target"]["id"]
    while not over.is_set():
        step += 1
        shared = (await _tried(person, FIND, name="shared"))["target"]
        where = shared["id"] if shared and dice.random() < 0.6 else own
        rows = [
            {"mjd": 60000 + dice.randrange(300), "mag": round(15 + 5 * dice.random(), 3), "error": 0.05, "filter": "r"}
            for _ in range(3)
        ]
        asked = {"target": where, "dataType": "photometry", "sourceName": "dice", "rows": rows}
        await _tried(person, CREATE, i=asked)
        act = dice.random()
        if act < 0.2:
            await _flag(person, dice)
        elif act < 0.3:
            await _brief_target(person, f"brief {number} {step}")
        elif act < 0.45:
            await _upload(person, own, step, dice)
        elif act < 0.55:
            alias = f"alias {number} {step}"
            await _tried(person, ALIAS, i={"id": where, "addAliases": [alias]})
        await asyncio.sleep(0.05)


def _target(name: str) -> dict[str, Any]:
    return {"name": name, "raDeg": 10.0, "decDeg": 20.0}


async def _flag(person: Person, dice: random.Random) -> None:
    found = (await _tried(person, SOME, name="shared"))["target"]
    if found and found["reducedData"]["nodes"]:
        datum = dice.choice(found["reducedData"]["nodes"])
        await _tried(person, FLAG, ids=[datum["id"]], off=not datum["disabled"])


async def _brief_target(person: Person, name: str) -> None:
    made = (await _tried(person, TARGET, i=_target(name)))["createTarget"]
    if made["target"]:
        rows = [{"mjd": 60000, "mag": 17, "filter": "g"}]
        await _tried(person, CREATE, i={"target": made["target"]["id"], "dataType": "photometry", "rows": rows})
        await _tried(person, DELETE_TARGET, id=made["target"]["id"])


async def _upload(person: Person, target: str, step: int, dice: random.Random) -> None:
    content = f"mjd,mag,magerr,filter\n{61000 + step}.5,{15 + dice.random():.3f},0.1,g\n".encode()
    with contextlib.suppress(*LOST):
        made = await person.client.upload(target, f"{step}.csv", content)
        if dice.random() < 0.3:
            await person.client.query(DELETE_PRODUCT, id=made["dataProduct"]["id"])


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    kills: dict[str, int]
    targets: int
    products: int
    data: int
    revised: int
    rest_s: float

    def __str__(self) -> str:
        killed = ", ".join(f"{name} {number}" for name, number in sorted(self.kills.items()))
        return (
            f"killed: {killed}; {self.targets} targets, {self.products} data products and {self.data} data,"
            f" {self.revised} of them revised, are the same in all three TOMs, each once; at rest"
            f" {self.rest_s:.0f} s after the last was written"
        )


async def run(place: Path, kills: int, pause_s: float, seed: int) -> Outcome:
    """Write and kill until there were so many kills; fails when the three do not end equal, or do not end."""
    dice, over = random.Random(seed), asyncio.Event()
    async with a_ring(place) as ring:
        await _tried(ring.people[0], TARGET, i=_target("shared"))
        writers = [
            asyncio.create_task(write_on(ring, number, random.Random(seed * 10 + number), over))
            for number in range(TOMS)
        ]
        while sum(ring.kills.values()) < kills:
            await asyncio.sleep(pause_s * (0.5 + dice.random()))
            await ring.kill_one(dice)
        over.set()
        await asyncio.gather(*writers)
        begun = time.monotonic()
        try:
            await until(PATIENCE_S, lambda: _at_rest(ring))
        except AssertionError:
            raise AssertionError(await _difference(ring)) from None
        held = await seen(ring.people[0])
        data = [datum for target in held.values() for datum in target["data"]]
        assert len({datum["globalId"] for datum in data}) == len(data)
        return Outcome(
            dict(ring.kills), len(held), sum(len(target["dataProducts"]) for target in held.values()), len(data),
            sum(datum["revision"] > 1 for datum in data), time.monotonic() - begun - QUIET_S,
        )  # fmt: skip


async def _at_rest(ring: Ring) -> bool:
    """All three hold the same, and nothing happens any more."""
    with contextlib.suppress(*LOST):
        before = [await person.client.query(END) for person in ring.people]
        first, *others = [await seen(person) for person in ring.people]
        if any(other != first for other in others):
            await asyncio.sleep(0.5)
            return False
        await asyncio.sleep(QUIET_S)
        return [await person.client.query(END) for person in ring.people] == before
    return False


async def _difference(ring: Ring) -> str:
    """In words, what the three hold otherwise than each other, and how their subscriptions stand."""
    held = [await seen(person) for person in ring.people]
    words = []
    for number in (1, 2):
        for key in {*held[0], *held[number]}:
            one, other = held[0].get(key), held[number].get(key)
            if one != other:
                words.append(f"tom0 and tom{number}: {_unequal(one, other)}")
    for number, person in enumerate(ring.people):
        for each in await subscriptions(person):
            words.append(f"tom{number} {each['name']} {each['state']} {each['message']} {each['refusals'][:3]}")
    return "\n".join(words[:40])


def _unequal(one: Any, other: Any) -> str:
    if one is None or other is None:
        return f"one lacks {(one or other)['name']}"
    names = [name for name in one if one[name] != other[name]]
    shown = []
    for name in names:
        if isinstance(one[name], list):
            left = [each for each in one[name] if each not in other[name]]
            right = [each for each in other[name] if each not in one[name]]
            shown.append(f"{name}: {left[:2]} / {right[:2]} ({len(left)}/{len(right)})")
        else:
            shown.append(f"{name}: {one[name]!r} / {other[name]!r}")
    return f"{one['name']}: {'; '.join(shown)}"
