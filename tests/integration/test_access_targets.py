"""The matrix of changes of targets: every actor asks for every change; a refusal has its code and changes nothing.

Acts that would end a target of the scene are asked for only by those whom the rules refuse; `test_merge` does the rest.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.support.acts import NOT_ALLOWED, NOT_AUTHENTICATED, NOT_FOUND
from tests.support.client import TLS, Client
from tests.support.rules import Actor
from tests.support.scene import ACTOR_NAMES, BY_NAME, Scene, a_scene
from tests.support.site import Site

LABELS = ("PRIVATE", "PUBLIC", "OPEN")
MISSING = "t987654"
ERRORS = "errors { code message path }"
UPDATE = f"mutation ($i: UpdateTargetInput!) {{ updateTarget(input: $i) {{ {ERRORS} }} }}"
MERGE = f"mutation ($into: ID!, $from: ID!) {{ mergeTargets(into: $into, from: $from) {{ {ERRORS} }} }}"
CREATE = f"mutation ($i: CreateTargetsInput!) {{ createTargets(input: $i) {{ rows {{ code id }} {ERRORS} }} }}"
IMPORT = f"mutation ($file: Upload!) {{ importTargets(file: $file) {{ rows {{ code id }} {ERRORS} }} }}"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(site: Site) -> AsyncIterator[Scene]:
    async with a_scene(site) as made:
        yield made


def at_once(who: Actor) -> str | None:
    """The refusal of who may not write at all."""
    if who.user is None:
        return NOT_AUTHENTICATED
    return None if "write" in who.scopes else NOT_ALLOWED


def rights(scene: Scene, who: Actor, label: str, *needed: str) -> str | None:
    """The refusal of who lacks a right on a target."""
    if not scene.world.sees_target(who, label):
        return NOT_FOUND
    return None if all(scene.world.holds(who, right, label) for right in needed) else NOT_ALLOWED


def refusal(answer: dict[str, Any]) -> tuple[str, Any] | None:
    """Code and path of a refusal, by payload or at the top."""
    if "errors" in answer:
        assert answer["data"] is None
        return answer["errors"][0]["extensions"]["code"], None
    (payload,) = answer["data"].values()
    return (payload["errors"][0]["code"], payload["errors"][0]["path"]) if payload["errors"] else None


async def unchanged(scene: Scene, answer: Any) -> Any:
    """The answer of a request after which everything is as before."""
    before = scene.last or await scene.fingerprint()
    given = await answer
    scene.last = await scene.fingerprint()
    assert scene.last == before
    return given


@pytest.mark.parametrize("name", ACTOR_NAMES)
async def test_updates(name: str, scene: Scene) -> None:
    who, client = BY_NAME[name], scene.clients[name]
    for label in LABELS:
        target = scene.ids["targets"][label]
        other = "PUBLIC" if label == "PRIVATE" else "PRIVATE"
        for given, needed, path in (
            ({"extras": {"by": name}}, ("CHANGE",), ["input", "id"]),
            ({"access": other}, ("CHANGE", "SHARE"), ["input", "access"]),
        ):
            code = at_once(who) or rights(scene, who, label, *needed)
            request = client.ask(UPDATE, i={"id": target, **given})
            if code is None:
                scene.last = None
                assert refusal(await request) is None
                await scene.sql("update targets set access = $2 where id = $1", int(target[1:]), label)
                continue
            refused = refusal(await unchanged(scene, request))
            place = None if at_once(who) else path if scene.world.holds(who, "CHANGE", label) else ["input", "id"]
            assert refused == (code, place), (name, label, given)
            if code == NOT_FOUND:
                missing = client.ask(UPDATE, i={"id": MISSING, **given})
                assert refusal(await unchanged(scene, missing)) == refused


@pytest.mark.parametrize("name", ACTOR_NAMES)
async def test_merges_that_are_refused(name: str, scene: Scene) -> None:
    who, client, refused = BY_NAME[name], scene.clients[name], 0
    for into in LABELS:
        for source in LABELS:
            code = at_once(who)
            place = None if code else ["into"]
            if code is None and (code := rights(scene, who, into, "CHANGE")) is None:
                code, place = rights(scene, who, source, "CHANGE", "DELETE", "SHARE"), ["from"]
            if code is None or into == source:
                continue
            ids = {"into": scene.ids["targets"][into], "from": scene.ids["targets"][source]}
            assert refusal(await unchanged(scene, client.ask(MERGE, **ids))) == (code, place), (name, into, source)
            if code == NOT_FOUND and place is not None:
                missing = client.ask(MERGE, **{**ids, place[0]: MISSING})
                assert refusal(await unchanged(scene, missing)) == (code, place)
            refused += 1
    assert refused == (0 if name in ("admin", "creator") else 6)


@pytest.mark.parametrize("name", ACTOR_NAMES)
async def test_rows_about_targets_that_are_there(name: str, scene: Scene) -> None:
    who, client = BY_NAME[name], scene.clients[name]
    for label in LABELS:
        row = {"name": f"sn {label}", "raDeg": 150.0, "decDeg": 2.0, "extras": {"row of": name}}
        request = client.ask(CREATE, i={"targets": [row], "onDuplicate": "REVISE"})
        code = at_once(who)
        if code is not None:
            assert refusal(await unchanged(scene, request)) == (code, None)
            continue
        code = rights(scene, who, label, "CHANGE")
        code = "DUPLICATE_NAME" if code == NOT_FOUND else code
        if code is None:
            scene.last = None
            answer = await request
        else:
            answer = await unchanged(scene, request)
        target = scene.ids["targets"][label]
        assert answer["data"]["createTargets"]["rows"] == [{"code": code, "id": None if code else target}]


async def send(client: Client, content: bytes) -> dict[str, Any]:
    parts = {
        "operations": (None, json.dumps({"query": IMPORT, "variables": {"file": None}})),
        "map": (None, json.dumps({"0": ["variables.file"]})),
        "0": ("targets.csv", content),
    }
    async with httpx.AsyncClient(verify=TLS) as http:
        answer: dict[str, Any] = (await http.post(f"{client.url}/graphql", files=parts, headers=client.headers)).json()
    return answer


@pytest.mark.parametrize("name", ACTOR_NAMES)
async def test_files_about_targets_that_are_there(name: str, scene: Scene) -> None:
    who = BY_NAME[name]
    content = "name,ra,dec\n" + "".join(f"sn-{label},1,2\n" for label in LABELS)
    answer = await unchanged(scene, send(scene.clients[name], content.encode()))
    code = at_once(who)
    assert refusal(answer) == (None if code is None else (code, None))
    if code is None:
        assert answer["data"]["importTargets"]["rows"] == [{"code": "DUPLICATE_NAME", "id": None}] * 3
