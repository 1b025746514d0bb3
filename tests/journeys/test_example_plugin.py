"""Somebody's own package: installed by pip beside a broken one, it is listed, reads an upload, and its hook runs."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.client import Client
from tests.support.faults import ended
from tests.support.people import Person, make_person
from tests.support.plugins import write_package
from tests.support.site import Child, Site, environment, free_port, running_worker, until, web_child
from tomgql.settings import Settings

EXAMPLE = Path(__file__).parents[1] / "example_plugin"
NIGHT = b"""# SKYCAM 1
# object: AT 2026cam
# filter: V
# exposure_s: 60
2026-01-01T01:00:00 14.21 0.03 21.3
2026-01-01T02:00:00 14.35 0.30 -
2026-01-01T03:00:00 14.11 0.02 21.1
"""
BROKEN = """
    import sys
    class Clash:
        name = "night_log"; title = "Another"; version = "1"; occasions = ("data_recorded",)
        def run(self, occasion): raise AssertionError
    class Faulty:
        name = "faulty"; title = "Faulty"; version = "1"; data_types = (); options_schema = {"type": "object"}
        def confidence(self, file): return 100
        def read(self, file, options): raise AssertionError
"""
FAULTS = (
    'The processor "faulty" of zz-broken is left out: data_types is empty.',
    'The processor "unimportable" of zz-unimportable is left out: cannot be loaded: ModuleNotFoundError: No module'
    " named 'no_such_module_anywhere'.",
    'The hook "night_log" of zz-broken is left out: tomgql-skycam has a hook of this name already.',
)
HOOK_JOBS = """query ($target: ID!) { jobs(where: {target: $target, kind: {eq: "run_hook"}}) { nodes {
  state message result } } }"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where pip installed the example, with two broken packages beside it."""
    place, source = tmp_path_factory.mktemp("installed"), tmp_path_factory.mktemp("source") / "package"
    shutil.copytree(EXAMPLE, source)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps",
           "--no-build-isolation", "--target", str(place), str(source)]  # fmt: skip
    subprocess.run(pip, check=True, capture_output=True)
    write_package(place, "zz_broken", BROKEN, {
        "tomgql.processors": {"faulty": "Faulty"}, "tomgql.hooks": {"night_log": "Clash"},
    })  # fmt: skip
    write_package(place, "zz_unimportable", "import no_such_module_anywhere", {
        "tomgql.processors": {"unimportable": "Nobody"},
    })  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(place))
        yield place


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"port": free_port()})


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server(site: Site, settings: Settings, installed: Path) -> AsyncIterator[Child]:
    assert installed.is_dir()
    async with web_child(settings) as child:
        yield child


@pytest.fixture(scope="module")
def worker(settings: Settings, server: Child) -> Iterator[Child]:
    assert server.process.poll() is None
    with running_worker(settings) as child:
        yield child


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def observer(site: Site, server: Child) -> Person:
    assert server.process.poll() is None
    person = await make_person(site, "observer")
    return Person(person.id, person.username, Client(f"http://127.0.0.1:{site.settings.port}", person.client.token))


async def test_it_is_listed_with_its_options(observer: Person) -> None:
    asked = "{ processors { name title dataTypes optionsSchema } dataProductTypes { name title isProcessed } }"
    found = await observer.client.query(asked)
    (skycam,) = [each for each in found["processors"] if each["name"] == "skycam"]
    assert (skycam["title"], skycam["dataTypes"]) == ("SKYCAM all-sky camera", ["photometry", "sky_brightness"])
    properties = skycam["optionsSchema"]["properties"]
    assert {name: option["type"] for name, option in properties.items()} == {"max_error": "number", "sky": "boolean"}
    assert {"name": "sky_brightness", "title": "Sky brightness", "isProcessed": True} in found["dataProductTypes"]
    assert "faulty" not in {each["name"] for each in found["processors"]}


@pytest.mark.usefixtures("worker")
async def test_an_upload_is_read_by_it_and_its_hook_runs(observer: Person) -> None:
    target = await observer.create_target("AT 2026cam")
    upload = await observer.client.upload(
        target, "night.txt", NIGHT, dataProductType="sky_brightness", options={"max_error": 0.1}
    )
    job = await ended(observer.client, upload["job"]["id"])
    assert job["state"] == "SUCCEEDED"
    assert {name: job["result"][name] for name in ("processor", "version", "format", "created")} == {
        "processor": "skycam", "version": "1.0", "format": "SKYCAM all-sky camera", "created": 4,
    }  # fmt: skip
    asked = """query ($id: ID!) { dataProduct(id: $id) { notes { code } reducedData { nodes {
      dataType value telescope ... on PhotometryDatum { magnitude(system: VEGA) } } } } }"""
    product = (await observer.client.query(asked, id=upload["dataProduct"]["id"]))["dataProduct"]
    assert "LARGE_ERROR" in {note["code"] for note in product["notes"]}
    data = product["reducedData"]["nodes"]
    magnitudes = [each["magnitude"] for each in data if each["dataType"] == "photometry"]
    assert magnitudes == pytest.approx([14.21, 14.11], abs=1e-6)
    skies = [each["value"] for each in data if each["dataType"] == "sky_brightness"]
    assert skies == [{"sky_mag_arcsec2": 21.3}, {"sky_mag_arcsec2": 21.1}]

    async def told() -> Any:
        jobs = (await observer.client.query(HOOK_JOBS, target=target))["jobs"]["nodes"]
        return jobs if [job["state"] for job in jobs] == ["SUCCEEDED"] * 2 else None

    jobs = sorted(await until(30, told), key=lambda job: job["message"])
    assert [job["message"] for job in jobs] == ["AT 2026cam: 4 new, 0 revised.", "night.txt arrived whole."]
    assert jobs[0]["result"] == {"hook": "night_log", "version": "1.0", "occasion": "data_recorded", "notes": []}


async def test_broken_packages_are_named_and_stop_nothing(settings: Settings, server: Child, worker: Child) -> None:
    for child in (server, worker):
        printed = await until(10, lambda child=child: child.printed() if "zz-unimportable" in child.printed() else "")
        assert [fault for fault in FAULTS if fault not in printed] == []
        assert child.process.poll() is None
    doctor = [sys.executable, "-m", "tomgql", "doctor"]
    done = await asyncio.to_thread(
        subprocess.run, doctor, env=environment(settings), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "ok      hooks: night_log 1.0\n" in done.stdout
    assert "skycam 1.0" in done.stdout
    assert "MISSING processor faulty: zz-broken: data_types is empty\n" in done.stdout
    assert "MISSING hook night_log: zz-broken: tomgql-skycam has a hook of this name already\n" in done.stdout
    assert done.stdout.count("MISSING") == 3


async def test_its_own_tests_pass(installed: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", "-c",
               str(EXAMPLE / "pyproject.toml"), "--rootdir", str(EXAMPLE), str(EXAMPLE / "tests")]  # fmt: skip
    done = await asyncio.to_thread(
        subprocess.run, command, env={**os.environ, "PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "6 passed" in done.stdout
