"""``python -m tests.peers [RELEASE...]``: TOM Toolkit 2.32.4 and 3.1.0 share with a site; what arrived is compared.

Each release is installed by pip into an environment of its own below ``--environments`` (else a temporary directory),
runs in a project made of its own templates on SQLite, and calls its own sharing code in a child process. The site is
the real application with its database, queue and worker. Not in the suite: to install both takes more than a minute.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.peers.arrival import compare
from tests.support.people import Person, make_person
from tests.support.site import Child, Site, running_site
from tomgql.embedded import EmbeddedPostgres, EmbeddedValkey
from tomgql.settings import Settings
from tomgql.store.schema import migrate

RELEASES = ("2.32.4", "3.1.0")
"""The releases that are served unchanged."""

SENDER = Path(__file__).with_name("sender.py")
"""What a peer runs."""

LONGEST_S = 300
"""Seconds that a peer may take to make its database and share."""


def installed(release: str, environments: Path) -> Path:
    """The Python of an environment that holds the release; made unless it is there."""
    place = environments / f"tomtoolkit-{release}"
    python = place / "bin" / "python"
    if not (place / "ready").exists():
        begun = time.monotonic()
        venv.create(place, with_pip=True)
        pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check", f"tomtoolkit=={release}"]
        subprocess.run(pip, check=True)
        (place / "ready").touch()
        print(f"{release}: installed in {time.monotonic() - begun:.0f} s")
    return python


def make_project(directory: Path, python: Path, site: Site, person: Person) -> Path:
    """A stock project of the release, as its ``tom_setup`` would write it, that shares with the site."""
    (templates,) = python.parent.parent.glob("lib/python3*/site-packages/tom_setup/templates/tom_setup")
    project = directory / "peer"
    project.mkdir(parents=True)
    words = {"SECRET_KEY": "k" * 50, "PROJECT_NAME": "peer", "TARGET_TYPE": "SIDEREAL", "HINTS_ENABLED": "False"}
    settings = (templates / "settings.tmpl").read_text().replace("'{{ CUSTOM_CODE_APP_NAME }}',", "")
    for name, word in words.items():
        settings = settings.replace(f"{{{{ {name} }}}}", word)
    (project / "settings.py").write_text(settings)
    (project / "urls.py").write_text((templates / "urls.tmpl").read_text())
    login = {"USERNAME": person.username, "PASSWORD": person.client.token}
    ours = {"DISPLAY_NAME": "tomgql", "BASE_URL": f"{site.url}/", **login}
    (directory / "local_settings.py").write_text(f"DATA_SHARING = {{'ours': {ours!r}}}\nTOM_NAME = 'Peer'\n")
    (directory / "data").mkdir()
    (directory / "static").mkdir()
    return directory


async def share(python: Path, project: Path) -> Mapping[str, Any]:
    """What the peer did, and what it would have told its user."""
    report = project / "report.json"
    printed = project / "printed.txt"
    with printed.open("wb") as output:
        child = await asyncio.create_subprocess_exec(
            str(python), str(SENDER), str(project), str(report),
            cwd=project, env={**os.environ, "TMPDIR": str(project)}, stdout=output, stderr=output,
        )  # fmt: skip
        try:
            code = await asyncio.wait_for(child.wait(), LONGEST_S)
        finally:
            if child.returncode is None:
                child.kill()
    assert code == 0, f"the peer ended with {code}:\n{printed.read_text()[-4000:]}"
    done: Mapping[str, Any] = json.loads(report.read_text())
    return done


@asynccontextmanager
async def a_site(directory: Path) -> AsyncIterator[Site]:
    """A site with servers of its own and a worker."""
    postgres = EmbeddedPostgres(directory / "postgres", for_tests=True)
    valkey = EmbeddedValkey(directory / "valkey")
    try:
        for server in (postgres, valkey):
            await asyncio.to_thread(server.start)
        await migrate(postgres.dsn("postgres"))
        settings = Settings(
            database_url=postgres.dsn("postgres"), redis_url=valkey.url(), data_dir=directory / "site", port=0
        )
        async with running_site(settings) as site:
            worker = Child(settings, "worker")
            try:
                yield site
            finally:
                worker.stop()
    finally:
        valkey.stop()
        postgres.stop()


async def run(releases: list[str], environments: Path, directory: Path) -> bool:
    """Whether all that every release shared arrived, row by row."""
    fine = True
    async with a_site(directory / "ours") as site:
        for release in releases:
            python = await asyncio.to_thread(installed, release, environments)
            begun = time.monotonic()
            person = await make_person(site, f"tom-{release}")
            project = await asyncio.to_thread(make_project, directory / release, python, site, person)
            faults = await compare(release, await share(python, project), person)
            print(f"{release}: {'as it was sent' if not faults else 'differs'} ({time.monotonic() - begun:.0f} s)")
            print(*(f"  {fault}" for fault in faults), sep="\n", end="\n" if faults else "")
            fine = fine and not faults
    return fine


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m tests.peers", description="Real TOM Toolkits share with us.")
    parser.add_argument("releases", nargs="*", default=RELEASES, help="Releases of tomtoolkit.")
    parser.add_argument("--environments", type=Path, help="Where the installed releases are kept for the next time.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tomgql-peers-") as scratch:
        directory = Path(scratch)
        directory.chmod(0o755)
        environments = (given.environments or directory / "environments").absolute()
        sys.exit(0 if asyncio.run(run(list(given.releases), environments, directory)) else 1)


main()
