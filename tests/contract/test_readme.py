"""The README is true: its paths exist, its commands are the real ones, its examples run."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from graphql import parse, validate

from tests.support.people import Person
from tests.support.site import Site, environment, running_worker, until
from tomgql.cli import main
from tomgql.graphql.schema import build_schema
from tomgql.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language, in order."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_two_commands_are_one_line_each() -> None:
    run, test = blocks("sh")[:2]
    assert run == "pip install -e . && tomgql up --demo\n"
    assert test == "pip install -e '.[test]' && pytest\n"
    assert "grep -m 1 '&& pytest$' README.md" in (ROOT / ".ci" / "run").read_text()


def test_every_path_it_names_exists() -> None:
    named = set(re.findall(r"`((?:tomgql|workers|tests)/[\w/.]+|[\w]+\.(?:toml|graphql|md)|Dockerfile)`", README))
    assert len(named) > 10
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_every_command_it_names_exists() -> None:
    named = set(re.findall(r"`tomgql (\w+)", README))
    assert named == set(main.commands)
    for command in sorted(named):
        assert CliRunner().invoke(main, [command, "--help"]).exit_code == 0


def test_every_query_it_shows_may_be_asked() -> None:
    shown = blocks("graphql")
    assert shown
    schema = build_schema(Settings())._schema
    assert [validate(schema, parse(text)) for text in shown] == [[]] * len(shown)


def test_every_setting_it_names_exists() -> None:
    named = {name.lower() for name in re.findall(r"`TOMGQL_(\w+)`", README)}
    assert len(named) >= 5
    assert named <= set(Settings.model_fields)


def test_the_top_level_holds_the_agreed_entries_alone() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    top = {path.split("/")[0] for path in tracked}
    agreed = {"tomgql", "workers", "tests", "schema.graphql", "pyproject.toml", "Dockerfile", "README.md", "LICENSE"}
    assert {name for name in top if not name.startswith(".")} == agreed


async def run(text: str, program: list[str], site: Site, person: Person, folder: Path, **more: str) -> str:
    """Run an example against the site; what it printed."""
    host = site.url.removeprefix("http://")
    variables = {**environment(site.settings), "TOKEN": person.client.token or "", **more}
    process = await asyncio.create_subprocess_exec(
        *program,
        text.replace("127.0.0.1:8000", host),
        cwd=folder,
        env=variables,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, out.decode()
    return out.decode()


async def test_its_examples_run(site: Site, admin: Person, settings: Settings, tmp_path: Path) -> None:
    query, create, upload = blocks("sh")[3:6]
    upload_py, subscribe_py, client_py = blocks("python")
    for name in ("ASASSN-15oz", "Ceres"):
        await admin.create_target(name, access="OPEN")
    assert '"count" : 0' in await run(query, ["bash", "-ec"], site, admin, tmp_path)
    assert '"id":"t3"' in await run(create, ["bash", "-ec"], site, admin, tmp_path)
    with running_worker(settings):
        listening = asyncio.create_task(_first_event(subscribe_py, site, admin, tmp_path))
        await until(10, lambda: site.rt.hub.subscribers)
        assert '"errors":[]' in await run(upload, ["bash", "-ec"], site, admin, tmp_path)
        assert "'count': 3" in await asyncio.wait_for(listening, 30)
        printed = await run(upload_py, [sys.executable, "-c"], site, admin, tmp_path)
        assert "band        flux" in await _first_event(client_py, site, admin, tmp_path)
    assert printed.startswith("SUCCEEDED Recorded reduced data: 3 created.")  # by the upload before, of the same file


async def _first_event(text: str, site: Site, person: Person, folder: Path) -> str:
    variables = {**environment(site.settings), "TOKEN": person.client.token or ""}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        text.replace("127.0.0.1:8000", site.url.removeprefix("http://")),
        cwd=folder,
        env=variables,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    line: Any = await process.stdout.readline()
    process.kill()
    await process.wait()
    return str(line.decode())


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_its_python_is_python(number: int) -> None:
    compile(blocks("python")[number], "README.md", "exec")
