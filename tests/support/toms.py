"""Several TOMs side by side, each with a database, a queue and files of its own, that follow each other."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
from pydantic import SecretStr

from tests.support.people import Person, make_person
from tests.support.site import Site, running_site, until
from tomgql.settings import Settings
from tomgql.store.schema import with_database
from workers.peers import follow_peers

FOLLOW = """mutation ($i: CreatePeerSubscriptionInput!) { createPeerSubscription(input: $i) {
  peerSubscription { id state } errors { code message path } } }"""

CHANGE = """mutation ($i: UpdatePeerSubscriptionInput!) { updatePeerSubscription(input: $i) {
  peerSubscription { state message } errors { code message path } } }"""

SUBSCRIPTIONS = """{ peerSubscriptions { nodes { id name address enabled state message cursor instanceId heard
  createdBy { username } refusals { kind globalId name message } } } }"""

SEEN = """{
  server { latestCursor }
  targets(first: 1000) { nodes { name aliases extras distancePc globalId revision
    coordinates { raDeg decDeg } orbit { scheme eccentricity }
    dataProducts(first: 1000) { nodes { globalId fileName sha256 dataProductType extraData featured revision } } } }
  reducedData(where: {disabled: null}, first: 100000) { nodes { globalId revision disabled dataType mjd sourceName
    target { globalId } dataProduct { globalId } ... on PhotometryDatum { band flux fluxError limit }
    ... on SpectroscopyDatum { wavelength spectrum: flux } ... on AstrometryDatum { raDeg decDeg } } } }"""


@asynccontextmanager
async def a_tom(
    addresses: dict[str, str], directory: Path, name: str, valkey: int, **given: Any
) -> AsyncIterator[Site]:
    """A site of its own; ``valkey`` is the number of a database there that nobody else uses."""
    admin = await asyncpg.connect(addresses["postgres"])
    database = f"tom_{name}"
    await admin.execute("select pg_advisory_lock(1)")
    await admin.execute(f"create database {database} template tomgql_template")
    await admin.execute("select pg_advisory_unlock(1)")
    settings = Settings(
        database_url=with_database(addresses["postgres"], database),
        redis_url=addresses["valkey"].rsplit("/", 1)[0] + f"/{valkey}",
        data_dir=directory / name,
        port=0,
        tom_name=name,
        private_peers=True,
        credentials_key=SecretStr("a key of sixteen or more"),
        job_lease_s=2.0,
        job_sweep_s=0.5,
        peer_lease_s=2.0,
        **given,
    )
    own = await asyncpg.connect(settings.database_url)  # the template's installation is everybody's
    await own.execute("update instance set instance_id = gen_random_uuid()")
    await own.close()
    try:
        async with running_site(settings) as site:
            yield site
    finally:
        await admin.execute(f"drop database {database} with (force)")
        await admin.close()


@asynccontextmanager
async def two_toms(addresses: dict[str, str], directory: Path, worker_id: str) -> AsyncIterator[tuple[Site, Site]]:
    """Two sites that know nothing of each other; ``worker_id`` is pytest-xdist's."""
    first = 4 + 4 * int(worker_id.removeprefix("gw") if worker_id != "master" else 0)
    async with (
        a_tom(addresses, directory, f"east_{worker_id}", first) as east,
        a_tom(addresses, directory, f"west_{worker_id}", first + 1) as west,
    ):
        yield east, west


@asynccontextmanager
async def followers(*sites: Site) -> AsyncIterator[None]:
    """What the workers of these sites do of their subscriptions, in this process."""
    tasks = [asyncio.create_task(follow_peers(site.rt)) for site in sites]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def follow(here: Person, there: Site, reader: Person, **given: Any) -> str:
    """Have a site follow another one as one of its users; the subscription's id."""
    asked = {"name": there.settings.tom_name, "address": there.url, "token": reader.client.token, **given}
    payload = (await here.client.query(FOLLOW, i=asked))["createPeerSubscription"]
    assert payload["errors"] == []
    subscription: str = payload["peerSubscription"]["id"]
    return subscription


async def change(here: Person, subscription: str, **given: Any) -> None:
    """Change a subscription."""
    payload = (await here.client.query(CHANGE, i={"id": subscription, **given}))["updatePeerSubscription"]
    assert payload["errors"] == []


async def stands(here: Person, state: str, words: str = "") -> bool:
    """Whether the site's one subscription is in a state, and says so."""
    (found,) = await subscriptions(here)
    return bool(found["state"] == state and words in found["message"])


async def subscriptions(here: Person) -> list[dict[str, Any]]:
    """What is told of the followed servers."""
    found: list[dict[str, Any]] = (await here.client.query(SUBSCRIPTIONS))["peerSubscriptions"]["nodes"]
    return found


# The cursor has all of the answer read at one moment.
async def seen(here: Person) -> dict[str, Any]:
    """All that a site has, in an order of its own: the same of two sites that have the same."""
    found = await here.client.query(SEEN)
    targets = {target["globalId"]: target for target in found["targets"]["nodes"]}
    for target in targets.values():
        target["aliases"].sort()
        target["dataProducts"] = sorted(target["dataProducts"]["nodes"], key=lambda each: str(each["globalId"]))
        target["data"] = []
    for datum in sorted(found["reducedData"]["nodes"], key=lambda each: str(each["globalId"])):
        targets[datum.pop("target")["globalId"]]["data"].append(datum)
    return targets


async def same(one: Person, other: Person) -> bool:
    """Whether two sites have the same."""
    return await seen(one) == await seen(other)


async def become_same(one: Person, other: Person, seconds: float = 20) -> None:
    """Return when two sites have the same; fails with what differs, and how their subscriptions stand."""
    try:
        await until(seconds, lambda: same(one, other))
    except AssertionError:
        here, there = await seen(one), await seen(other)
        words = [f"{here.get(key)}\n{there.get(key)}" for key in {*here, *there} if here.get(key) != there.get(key)]
        words += [str(await subscriptions(each)) for each in (one, other)]
        raise AssertionError("\n".join(words)) from None


async def an_admin(site: Site) -> Person:
    """An administrator of the site."""
    return await make_person(site, "root", is_admin=True)
