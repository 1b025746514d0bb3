"""The matrix of changes: every actor asks for every change; a refusal has the right code and changes nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.support.acts import ACTS, MISSING, NOT_AUTHENTICATED, NOT_FOUND, Act, expected
from tests.support.client import TLS, Client
from tests.support.scene import ACTOR_NAMES, BY_NAME, Scene, a_scene
from tests.support.site import Site
from tomgql.settings import Settings

FILES = {"uploadDataProduct": b"by ", "previewDataProduct": b"mjd,mag,magerr,filter\n59000.5,18.1,0.1,ztfr\n# by "}
"""Changes that a file belongs to, with the beginning of its content; a preview reads it."""


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Settings:
    given = {"survey_credentials": {"atlas": {"token": "never sent: no worker runs"}}}
    return Settings.model_validate(settings.model_dump() | given)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(site: Site) -> AsyncIterator[Scene]:
    async with a_scene(site) as made:
        yield made


MAY_CHANGE_NOTHING = ("revokeToken", "updateDataProductGroup", "previewDataProduct")


def document(act: Act) -> str:
    if act.field in ("cancelJob", "retryJob", "revokeToken"):
        return f"mutation ($given: ID!) {{ {act.field}(id: $given) {{ errors {{ code message path }} }} }}"
    name = "uploadDataProduct" if act.field in FILES else act.field
    kind = name[0].upper() + name[1:] + "Input"
    return f"mutation ($given: {kind}!) {{ {act.field}(input: $given) {{ errors {{ code message path }} }} }}"


async def ask(client: Client, act: Act, given: Any) -> dict[str, Any]:
    if act.field not in FILES:
        return await client.ask(document(act), given=given)
    operations = {"query": document(act), "variables": {"given": {**given, "file": None}}}
    parts = {
        "operations": (None, json.dumps(operations)),
        "map": (None, json.dumps({"0": ["variables.given.file"]})),
        "0": ("lc.csv", FILES[act.field] + (client.token or "").encode()),
    }
    async with httpx.AsyncClient(verify=TLS) as http:
        answer: dict[str, Any] = (await http.post(f"{client.url}/graphql", files=parts, headers=client.headers)).json()
    return answer


def refusal(answer: dict[str, Any], act: Act) -> dict[str, Any] | None:
    if "errors" in answer:
        assert answer["data"] is None
        return {"code": answer["errors"][0]["extensions"]["code"], "message": answer["errors"][0]["message"]}
    errors: list[dict[str, Any]] = answer["data"][act.field]["errors"]
    return errors[0] if errors else None


@pytest.mark.parametrize("field", sorted({act.field for act in ACTS}))
@pytest.mark.parametrize("name", ACTOR_NAMES)
async def test_changes(name: str, field: str, scene: Scene) -> None:
    for act in ACTS:
        if act.field == field:
            await check(name, act, scene)


async def check(name: str, act: Act, scene: Scene) -> None:
    client, code = scene.clients[name], expected(scene.world, BY_NAME[name], act)
    if act.before:
        await scene.sql(act.before)
    before = scene.last or await scene.fingerprint()
    subject = "" if act.about is None else scene.ids[act.about[0]][act.about[1]]
    refused = refusal(await ask(client, act, act.given(scene, subject)), act)
    assert (refused and refused["code"]) == code, act.name
    after = await scene.fingerprint()
    if code is None:
        assert after != before or "dry-run" in act.name or act.field in MAY_CHANGE_NOTHING
        assert after == before or act.field != "previewDataProduct"
        await scene.relink()
        return
    assert after == before, act.name
    scene.last = after
    if code == NOT_FOUND and act.about is not None:  # exactly what is said of something that does not exist
        missing = act.given(scene, MISSING[act.about[0]])
        if refused["path"] != ["input", "target"] or act.about[0] == "targets":
            assert refusal(await ask(client, act, missing), act) == refused, act.name
    if code == NOT_AUTHENTICATED:
        assert "Authorization" in refused["message"]


def test_every_cell_is_there(scene: Scene) -> None:
    cells = [expected(scene.world, BY_NAME[name], act) for name in ACTOR_NAMES for act in ACTS]
    counts = {code: cells.count(code) for code in (None, "NOT_FOUND", "NOT_ALLOWED", "NOT_AUTHENTICATED")}
    assert (len(ACTS), len(cells)) == (115, 1725)
    assert counts == {None: 367, "NOT_FOUND": 617, "NOT_ALLOWED": 626, NOT_AUTHENTICATED: 115}
