"""A small observatory for the tests of access: everybody, everything, and every way of being allowed or not.

Made through the public door where there is one; grants, and jobs about no product, are written by SQL. What is there
is noted in a `World` at the same time, which computes the answers that are expected.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support.client import TLS, Client
from tests.support.people import Person, make_person
from tests.support.rules import ALL, GRANTED, Actor, Datum, Job, Product, World
from tests.support.site import Site
from tomgql.jobs import ledger
from tomgql.services import accounts
from tomgql.store.transaction import transaction

USERS = (
    "stranger", "viewer", "watcher", "changer", "creator", "curator", "member", "ring_member", "blind_member",
    "outsider", "uploader", "root",
)  # fmt: skip
VIEW, CHANGE = frozenset({"VIEW"}), frozenset({"VIEW", "CHANGE"})
SEEING = {"viewer": VIEW, "member": VIEW, "ring_member": VIEW, "outsider": VIEW, "uploader": VIEW,
          "changer": CHANGE, "curator": CHANGE, "creator": GRANTED}  # fmt: skip
USER_GROUPS = {
    "circle": ("curator", "member", "blind_member"),
    "ring": ("curator", "ring_member"),
    "watchers": ("curator", "watcher"),
    "elsewhere": ("curator", "outsider"),
}
PRODUCT_GROUPS = {"shelf": (), "one": ("circle",), "two": ("ring",)}
PRODUCTS = {
    "plain": (), "shelved": ("shelf",), "ringed": ("one",), "twice": ("one", "two"), "half": ("one", "shelf"),
    "foreign": ("one",),
}  # fmt: skip
ACTORS = [Actor("anonymous", None, frozenset({"read"}))] + [
    Actor("admin" if name == "root" else name, name, user_is_admin=name == "root") for name in USERS
]
ACTORS += [
    Actor("admin_token_without_admin", "root", frozenset({"read", "write"}), user_is_admin=True),
    Actor("read_only_token", "curator", frozenset({"read"})),
]
BY_NAME = {actor.name: actor for actor in ACTORS}
ACTOR_NAMES = [actor.name for actor in ACTORS]

_RECORDED_BY = {"bare": "*/target", "plain": "*/ringed"}
"""Jobs that data came by, where it is not the one about their product: not all who see the datum see them."""

CREATE_DATA = """
mutation ($input: CreateReducedDataInput!) {
  createReducedData(input: $input) { created revised unchanged rejected ids rows { outcome code message id }
    errors { code message path } }
}
"""
CREATE_USER_GROUP = "mutation ($i: CreateUserGroupInput!) { createUserGroup(input: $i) { userGroup { id } } }"
CREATE_OBSERVATION = (
    "mutation ($i: CreateObservationInput!) { createObservation(input: $i) { observation { id } errors { code } } }"
)
CREATE_GROUP = (
    "mutation ($i: CreateDataProductGroupInput!) { createDataProductGroup(input: $i) { dataProductGroup { id } } }"
)
UPDATE_GROUP = (
    "mutation ($i: UpdateDataProductGroupInput!) { updateDataProductGroup(input: $i)"
    " { dataProductGroup { id } errors { code message path } } }"
)


KINDS = ("targets", "data", "jobs", "tokens", "products", "observations")
"""Kinds of things whose ids are noted while they are made."""


class KeptClient(Client):
    """A client whose GraphQL requests share open connections, since the matrix sends thousands."""

    def __init__(self, client: Client, http: httpx.AsyncClient) -> None:
        super().__init__(client.url, client.token)
        self._http = http

    async def post(self, query: str, variables: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
        body = {"query": query, "variables": variables or {}}
        return await self._http.post(f"{self.url}/graphql", json=body, headers={**self.headers, **headers})


@dataclass
class Scene:
    """What was made: clients by actor, public ids by label, and the model that knows who may see it."""

    site: Site
    http: httpx.AsyncClient
    world: World = field(default_factory=World)
    people: dict[str, Person] = field(default_factory=dict)
    clients: dict[str, Client] = field(default_factory=dict)
    ids: dict[str, dict[str, str]] = field(default_factory=dict)
    start: str = ""
    days: float = 59000.5
    last: dict[str, Any] | None = None

    async def sql(self, sql: str, *values: Any) -> Any:
        """Run a statement behind everybody's back."""
        self.last = None
        return await self.site.rt.writes.execute(sql, *values)

    def key(self, kind: str, label: str) -> int:
        """The database key behind a public id."""
        return int(self.ids[kind][label].rpartition("-")[2].lstrip("tpgdjuk"))

    def labels(self, kind: str, public_ids: list[str]) -> list[str]:
        """The labels of public ids; an unknown id stays itself."""
        names = {public_id: label for label, public_id in self.ids[kind].items()}
        return [names.get(each, each) for each in public_ids]

    async def grant(self, target: str, user: str, rights: frozenset[str]) -> None:
        """Give a user rights on a target."""
        await self.sql(
            "insert into target_grants (target_id, user_id, permissions) values ($1, $2, $3)"
            " on conflict (target_id, user_id) do update set permissions = excluded.permissions",
            self.key("targets", target), self.key("users", user), sorted(rights),
        )  # fmt: skip
        self.world.grants[target, user] = rights

    async def record(self, target: str, product: str | None, actor: str = "curator", **given: Any) -> dict[str, Any]:
        """One photometric point at a time of its own, as ``actor``; the payload."""
        self.days += 1
        row = {"mjd": self.days, "mag": 20.0, "magerr": 0.1, "filter": "ztfr"}
        place = {"target": self.ids["targets"][target]}
        if product is not None:
            place["dataProduct"] = self.ids["products"][product]
        given = {**place, "dataType": "photometry", "rows": [row], **given}
        payload: dict[str, Any] = (await self.clients[actor].query(CREATE_DATA, input=given))["createReducedData"]
        return payload

    async def relink(self) -> None:
        """Put product groups back as the model has them."""
        world = self.world
        await self.sql("delete from data_product_group_products")
        await self.sql("delete from data_product_group_user_groups")
        for product in world.products.values():
            for group in product.groups:
                await self.sql(
                    "insert into data_product_group_products (group_id, data_product_id) values ($1, $2)",
                    self.key("product_groups", group), self.key("products", product.label),
                )  # fmt: skip
        for group, named in world.named.items():
            for each in named:
                await self.sql(
                    "insert into data_product_group_user_groups (group_id, user_group_id) values ($1, $2)",
                    self.key("product_groups", group), self.key("user_groups", each),
                )  # fmt: skip

    async def announce_jobs(self) -> None:
        """Append an event for every job; that of a job which everybody sees comes last."""
        fence = "OPEN/plain"
        async with transaction(self.site.rt.writes) as tx:
            for label in [*[each for each in self.world.jobs if each != fence], fence]:
                await ledger.announce(tx, self.key("jobs", label))

    async def fingerprint(self) -> dict[str, Any]:
        """Number and content of the rows of every table, and the stored files; when a token was used aside."""
        fetch = self.site.rt.writes.fetch
        tables = [row[0] for row in await fetch("select tablename from pg_tables where schemaname = 'public'")]
        parts = [
            f"select '{table}' as name, count(*) as n, md5(string_agg(line, '' order by line)) as content from"
            f" (select (to_jsonb(x) - 'last_used')::text as line from \"{table}\" x) q"
            for table in sorted(tables)
        ]
        rows = await fetch(" union all ".join(parts))
        files = sorted(str(path) for path in self.site.settings.data_dir.rglob("*") if path.is_file())
        return {**{row["name"]: (row["n"], row["content"]) for row in rows}, "files": files}


@asynccontextmanager
async def a_scene(site: Site) -> AsyncIterator[Scene]:
    """Everybody and everything."""
    async with httpx.AsyncClient(timeout=60, verify=TLS) as http:
        scene = Scene(site, http, ids={kind: {} for kind in KINDS})
        await _people(scene)
        await _things(scene)
        yield scene


async def _things(scene: Scene) -> None:
    scene.start = (await scene.clients["admin"].query("{ server { latestCursor } }"))["server"]["latestCursor"]
    await _groups(scene)
    for access in ("PRIVATE", "PUBLIC", "OPEN"):
        await _target(scene, access)
    for label, product in scene.world.products.items():
        for group in product.groups:
            change = {"id": scene.ids["product_groups"][group], "addDataProducts": [scene.ids["products"][label]]}
            done = await scene.clients["curator"].query(UPDATE_GROUP, i=change)
            assert done["updateDataProductGroup"]["errors"] == []
    for access in ("PRIVATE", "PUBLIC", "OPEN"):
        for name in PRODUCTS:
            await _datum(scene, access, f"{access}/{name}")
        await _datum(scene, access, None)  # that of OPEN is the last event: everybody gets it
        await scene.grant(access, "uploader", VIEW)


async def _people(scene: Scene) -> None:
    scene.world.users = USERS
    for name in USERS:
        scene.people[name] = await make_person(scene.site, name, is_admin=name == "root")
    scene.ids["users"] = {name: person.id for name, person in scene.people.items()}
    for actor in ACTORS:
        if actor.user is None:
            client = scene.site.client()
        elif actor.scopes == ALL:
            client = scene.people[actor.user].client
        else:
            _, client = await make_token(scene, actor.user, actor.scopes)
        scene.clients[actor.name] = KeptClient(client, scene.http)
    for name in USERS:
        token_id, _ = await make_token(scene, name, ALL)
        scene.ids["tokens"][f"spare of {name}"] = f"k{token_id}"
        scene.world.tokens[f"spare of {name}"] = name


async def make_token(scene: Scene, user: str, scopes: frozenset[str] = ALL, expires: Any = None) -> tuple[int, Client]:
    """One more token of a user: its key and a client that uses it."""
    async with transaction(scene.site.rt.writes) as tx:
        user_id = scene.key("users", user)
        token_id, secret = await accounts.insert_token(tx, user_id, "another", sorted(scopes), expires)
    return token_id, scene.site.client(secret)


async def _groups(scene: Scene) -> None:
    curator, world = scene.clients["curator"], scene.world
    scene.ids |= {"user_groups": {}, "product_groups": {}}
    for name, members in USER_GROUPS.items():
        given = {"name": name, "members": [scene.ids["users"][each] for each in members]}
        made = await curator.query(CREATE_USER_GROUP, i=given)
        scene.ids["user_groups"][name] = made["createUserGroup"]["userGroup"]["id"]
        world.members[name] = members
    for name, named in PRODUCT_GROUPS.items():
        given = {"name": name, "userGroups": [scene.ids["user_groups"][each] for each in named]}
        made = await curator.query(CREATE_GROUP, i=given)
        scene.ids["product_groups"][name] = made["createDataProductGroup"]["dataProductGroup"]["id"]
        world.named[name], world.maker[name] = named, "curator"


async def _target(scene: Scene, access: str) -> None:
    creator = scene.people["creator"]
    scene.ids["targets"][access] = await creator.create_target(f"SN {access}", access=access)
    scene.world.access[access] = access
    for user, rights in SEEING.items():
        await scene.grant(access, user, rights)
    await scene.sql(
        "insert into target_grants (target_id, user_group_id, permissions) values ($1, $2, '{VIEW}')",
        scene.key("targets", access), scene.key("user_groups", "watchers"),
    )  # fmt: skip
    scene.world.group_grants[access, "watchers"] = VIEW
    await scene.grant(access, "uploader", CHANGE)  # until the file is there
    await _observation(scene, access)
    for name, groups in PRODUCTS.items():
        await _product(scene, access, name, groups)
    key = await scene.site.rt.writes.fetchval(
        "insert into jobs (kind, target_id, created_by_id) values ('process_data_product', $1, $2) returning id",
        scene.key("targets", access), scene.key("users", "stranger"),
    )  # fmt: skip
    scene.ids["jobs"][f"{access}/target"] = f"j{key}"
    scene.world.jobs[f"{access}/target"] = Job(f"{access}/target", access, None, "stranger")


async def _observation(scene: Scene, access: str) -> None:
    given = {"target": scene.ids["targets"][access], "facility": "LCO", "observationId": f"request {access}"}
    made = (await scene.clients["curator"].query(CREATE_OBSERVATION, i=given))["createObservation"]
    assert made["errors"] == []
    scene.ids["observations"][access] = made["observation"]["id"]
    scene.world.observations[access] = access


async def _product(scene: Scene, access: str, name: str, groups: tuple[str, ...]) -> None:
    label, who = f"{access}/{name}", "uploader" if name == "foreign" else "curator"
    target = scene.ids["targets"][access]
    observation = scene.ids["observations"][access] if name == "plain" else None
    content = f"secret of {label}".encode()
    payload = await scene.clients[who].upload(target, f"{name}.csv", content, observation=observation)
    assert payload["errors"] == []
    scene.ids["products"][label] = payload["dataProduct"]["id"]
    scene.ids["jobs"][label] = payload["job"]["id"]
    scene.world.products[label] = Product(label, access, who, groups)
    scene.world.jobs[label] = Job(label, access, label, who)


async def _datum(scene: Scene, access: str, product: str | None) -> None:
    label = product or f"{access}/bare"
    payload = await scene.record(access, product)
    assert (payload["errors"], payload["created"]) == ([], 1)
    scene.ids["data"][label] = payload["ids"][0]
    job = _RECORDED_BY.get(label.partition("/")[2], label).replace("*", access)
    await scene.sql(
        "update reduced_data set job_id = $2 where id = $1", scene.key("data", label), scene.key("jobs", job)
    )
    scene.world.data[label] = Datum(label, access, product, job)
