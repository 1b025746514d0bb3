"""The matrix of setReducedDataDisabled: every actor asks for every datum; a refusal stands in its row alone."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.integration.test_disabling import DISABLE
from tests.support.acts import NOT_ALLOWED, NOT_AUTHENTICATED, NOT_FOUND
from tests.support.rules import Actor, World
from tests.support.scene import ACTOR_NAMES, BY_NAME, Scene, a_scene
from tests.support.site import Site


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(site: Site) -> AsyncIterator[Scene]:
    async with a_scene(site) as made:
        yield made


def expected(world: World, who: Actor, label: str) -> str | None:
    if not world.sees_datum(who, label):
        return NOT_FOUND
    return None if world.holds(who, "CHANGE", world.data[label].target) else NOT_ALLOWED


def refused_whole(who: Actor) -> str | None:
    if who.user is None:
        return NOT_AUTHENTICATED
    return None if "write" in who.scopes else NOT_ALLOWED


@pytest.mark.parametrize("name", ACTOR_NAMES)
async def test_disabling(name: str, scene: Scene) -> None:
    who, labels = BY_NAME[name], list(scene.world.data)
    ids = [scene.ids["data"][label] for label in labels]
    await scene.sql("update reduced_data set disabled = false")
    before = await scene.fingerprint()
    answer = await scene.clients[name].ask(DISABLE, ids=[*ids, "d987654-1"], disabled=True, reason=f"by {name}")
    if refused_whole(who):
        codes = [error["extensions"]["code"] for error in answer.get("errors") or []]
        payload = (answer.get("data") or {}).get("setReducedDataDisabled") or {"errors": [], "rows": []}
        assert [*codes, *[error["code"] for error in payload["errors"]]] == [refused_whole(who)]
        assert payload["rows"] == []
        assert await scene.fingerprint() == before
        return
    rows = {row["row"]: row for row in answer["data"]["setReducedDataDisabled"]["rows"]}
    codes = {label: expected(scene.world, who, label) for label in labels}
    assert {label: rows[number]["code"] for number, label in enumerate(labels, 1)} == codes
    missing = rows[len(labels) + 1]
    for number, label in enumerate(labels, 1):
        if codes[label] == NOT_FOUND:  # exactly what is said of something that does not exist
            assert {**rows[number], "row": 0} == {**missing, "row": 0}
    done = {label for label in labels if codes[label] is None}
    stored = await scene.site.rt.reads.fetch("select target_id, id from reduced_data where disabled")
    assert {f"d{row['target_id']}-{row['id']}" for row in stored} == {scene.ids["data"][label] for label in done}
    if not done:
        assert await scene.fingerprint() == before


def test_every_cell_is_there(scene: Scene) -> None:
    writers = [who for who in BY_NAME.values() if not refused_whole(who)]
    cells = [expected(scene.world, who, label) for who in writers for label in scene.world.data]
    counts = {code: cells.count(code) for code in (None, NOT_FOUND, NOT_ALLOWED)}
    assert (len(writers), len(cells)) == (13, 273)
    assert counts == {None: 60, NOT_FOUND: 115, NOT_ALLOWED: 98}
