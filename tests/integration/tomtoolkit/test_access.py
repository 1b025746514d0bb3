"""The matrix of TOM Toolkit's roads: every actor, to every thing, to read it and to change it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.support.rules import Actor
from tests.support.scene import ACTOR_NAMES, BY_NAME, Scene, a_scene
from tests.support.site import Site
from tests.support.toolkit import Sender, datum_body

LISTS = {
    "targets": ("targets", lambda row: f"t{row['id']}"),
    "reduceddatums": ("data", lambda row: f"d{row['target']}-{row['id']}"),
    "dataproducts": ("products", lambda row: f"p{row['id']}"),
    "groups": ("user_groups", lambda row: f"ug{row['id']}"),
}
"""Lists by their names in addresses: the kind of thing, and how a row gives its public id."""

PEOPLE = [name for name in ACTOR_NAMES if BY_NAME[name].user is not None]
"""Actors who hold a token; nobody else is let in."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(site: Site) -> AsyncIterator[Scene]:
    async with a_scene(site) as made:
        yield made


async def sender(scene: Scene, name: str) -> Sender:
    client = scene.clients[name]
    viewer = (await client.query("{ viewer { user { username } } }"))["viewer"]
    return Sender.of(client, viewer["user"]["username"])


def refused(response: httpx.Response, field: str) -> bool:
    return response.status_code == 400 and list(response.json()) == [field]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("name", PEOPLE)
async def test_lists(name: str, path: str, scene: Scene) -> None:
    kind, public_id = LISTS[path]
    who, labels = BY_NAME[name], scene.world.everything(kind)
    expected = sorted(label for label in labels if scene.world.sees(who, kind, label))
    found = await (await sender(scene, name)).get(f"api/{path}/?limit=1000")
    assert sorted(scene.labels(kind, [public_id(row) for row in found["results"]])) == expected
    assert found["count"] == len(expected)


@pytest.mark.parametrize("name", PEOPLE)
async def test_one_target(name: str, scene: Scene) -> None:
    who, asking = BY_NAME[name], await sender(scene, name)
    for label in scene.world.access:
        response = await asking.send("GET", f"api/targets/{scene.key('targets', label)}/")
        sees = scene.world.sees_target(who, label)
        assert response.status_code == (200 if sees else 404), label
        found = await asking.find(f"sn {label}")
        assert found == ([scene.key("targets", label)] if sees else []), label


def may_write(who: Actor) -> bool:
    return "write" in who.scopes


@pytest.mark.parametrize("name", PEOPLE)
async def test_changes(name: str, scene: Scene) -> None:
    who, asking = BY_NAME[name], await sender(scene, name)
    for label in scene.world.access:
        key, changes = scene.key("targets", label), scene.world.holds(who, "CHANGE", label)
        before = await picture(scene, key)
        answers = await attempts(asking, key)
        if not may_write(who):
            sees = scene.world.sees_target(who, label)
            assert [each.status_code for each in answers] == [403, 403, 403 if sees else 404], label
        elif changes:
            assert [each.status_code for each in answers] == [201, 201, 200], label
        else:
            assert refused(answers[0], "target") and refused(answers[1], "target"), label
            assert answers[2].status_code == 404, label
        assert (await picture(scene, key) != before) == (changes and may_write(who)), label


async def attempts(asking: Sender, key: int) -> list[httpx.Response]:
    """A datum, a product and another distance, none of which is there yet."""
    said = f"{asking.login[1]} {key}"
    datum = datum_body(key, {"magnitude": 15.0, "filter": "r"}, source_name=said[-90:])
    parts: Any = {
        "target": (None, str(key)),
        "data_product_type": (None, "image_file"),
        "file": ("a.png", said.encode()),
    }
    return [
        await asking.post("api/reduceddatums/", datum),
        await asking.send("POST", "api/dataproducts/", files=parts),
        await asking.patch(f"api/targets/{key}/", {"distance": float(abs(hash(said)) % 10**6)}),
    ]


async def picture(scene: Scene, key: int) -> Any:
    """What there is of a target, as the database has it."""
    return await scene.site.rt.writes.fetchrow(
        "select t.distance_pc, (select count(*) from reduced_data d where d.target_id = t.id) as data,"
        " (select count(*) from data_products p where p.target_id = t.id) as products,"
        " (select count(*) from target_list_members m where m.target_id = t.id) as lists"
        " from targets t where t.id = $1",
        key,
    )
