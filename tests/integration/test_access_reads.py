"""The matrix of reads: every actor, on every road, to every thing; compiled and on the slow path."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.roads import ROADS, Road, pluck
from tests.support.scene import ACTOR_NAMES, BY_NAME, Scene, a_scene
from tests.support.site import Site
from tomgql.graphql import view

SLOW = ("anonymous", "stranger", "creator", "ring_member", "uploader", "blind_member", "admin_token_without_admin")
CASES = [("compiled", name) for name in ACTOR_NAMES] + [("slow", name) for name in SLOW]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(site: Site) -> AsyncIterator[Scene]:
    async with a_scene(site) as made:
        yield made


@pytest.fixture
def sessions(path: str, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The read sessions that the requests open, sent down one of the two paths."""
    opened: list[Any] = []
    original = view.reading_as

    def reading_as(*given: Any) -> Any:
        session = original(*given)
        session.slow_only = path == "slow"
        opened.append(session)
        return session

    monkeypatch.setattr(view, "reading_as", reading_as)
    return opened


def question(road: Road, scene: Scene, labels: list[str]) -> str:
    known = scene.ids[road.kind]
    if road.query:
        return road.query.replace("IDS", json.dumps([known[label] for label in labels]))
    fields = [road.each.replace("ID", known[label]).replace("LABEL", label) for label in labels]
    return "{ " + " ".join(f"a{number}: {field}" for number, field in enumerate(fields)) + " }"


@pytest.mark.parametrize("kind", sorted({road.kind for road in ROADS}))
@pytest.mark.parametrize(("path", "name"), CASES)
async def test_reads(path: str, name: str, kind: str, scene: Scene, sessions: list[Any]) -> None:
    for road in ROADS:
        if road.kind == kind:
            sessions.clear()
            await check(path, name, road, scene, sessions)


async def check(path: str, name: str, road: Road, scene: Scene, sessions: list[Any]) -> None:
    who, world = BY_NAME[name], scene.world
    labels = world.everything(road.kind)
    expected = {label for label in labels if world.sees(who, road.kind, label) and road.reach(world, who, label)}
    seen: list[str] = []
    answers = [question(road, scene, labels[start : start + 40]) for start in range(0, len(labels), 40)]
    for query in answers if road.each else [question(road, scene, labels)]:
        data = await scene.clients[name].query(query)
        seen += scene.labels(road.kind, pluck(data, road.found)) if road.found else []
        if road.counts:
            assert sum(pluck(data, road.counts)) == len(expected), road.name
    if road.found:
        cells = {label: label in seen for label in labels}
        assert cells == {label: label in expected for label in labels}, road.name
        assert set(seen) <= set(labels), road.name
        assert not road.once or len(seen) == len(expected), road.name
    if path == "compiled" and road.query and "viewer" not in road.query:
        assert [session.statements for session in sessions] == [len(labels) if road.name.startswith("nodes-") else 1]


def test_every_cell_is_there(scene: Scene) -> None:
    """Actors, roads and things; a number that changes when somebody or something drops out."""
    cells = sum(len(scene.world.everything(road.kind)) for road in ROADS) * len(CASES)
    assert (len(ACTOR_NAMES), len(ROADS), cells) == (15, 78, 20_636)


def test_the_scene_tells_actors_apart(scene: Scene) -> None:
    """Every actor sees something that another does not, or the matrix would prove little."""
    world = scene.world
    counts = {
        name: sum(world.sees(BY_NAME[name], kind, label) for kind in ("products", "data", "jobs")
                  for label in world.everything(kind))
        for name in ACTOR_NAMES
    }  # fmt: skip
    assert counts["anonymous"] < counts["stranger"] < counts["viewer"] < counts["uploader"] < counts["member"]
    assert counts["creator"] < counts["member"] < counts["admin"]
    assert world.sees_product(BY_NAME["uploader"], "PRIVATE/foreign")
    assert not world.sees_product(BY_NAME["creator"], "PRIVATE/foreign")
    assert not world.sees_target(BY_NAME["blind_member"], "PRIVATE")
    assert not world.sees_target(BY_NAME["admin_token_without_admin"], "PRIVATE")
