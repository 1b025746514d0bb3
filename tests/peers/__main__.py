"""``python -m tests.peers [RELEASE...]``: TOM Toolkit 2.32.4 and 3.1.0 share with a site, and the site with them.

Each release is installed by pip into an environment of its own below ``--environments`` (else a temporary directory),
and runs in projects made of its own templates on SQLite: one that calls its own sharing code in a child process, and
one that is shared with. What arrived is read through the receiver's own API and compared row by row. The site is the
real application with its database, queue and worker. ``--points`` also measures how fast so many points arrive. Not in
the suite: to install both takes more than a minute.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.peers.arrival import compare
from tests.peers.departure import depart
from tests.peers.projects import installed, make_project, receiving
from tests.peers.rate import measure
from tests.support.people import make_person
from tests.support.site import Child, Site, running_site
from tomgql.embedded import EmbeddedPostgres, EmbeddedValkey
from tomgql.settings import Settings
from tomgql.store.schema import migrate

RELEASES = ("2.32.4", "3.1.0")
"""The releases that are served, and shared with, unchanged."""

SENDER = Path(__file__).with_name("sender.py")
"""What a peer runs that shares."""

LONGEST_S = 300
"""Seconds that a peer may take to make its database and share."""

KINDS = ("targets", "photometry", "spectroscopy", "astrometry", "weather", "products", "data of products")
"""Columns of the matrix."""

Result = tuple[Sequence[str], Counter[str]]
"""What differs, and what is there by kind."""


@dataclass
class Peers:
    """A site, the releases, and what arrived so far: by release and direction."""

    site: Site
    environments: Path
    directory: Path
    results: dict[tuple[str, str], Result] = field(default_factory=dict)

    async def python(self, release: str) -> Path:
        """The release's Python."""
        return await asyncio.to_thread(installed, release, self.environments)

    async def arrive(self, release: str) -> Result:
        """The release shares with the site."""
        python = await self.python(release)
        person = await make_person(self.site, f"tom-{release}")
        login = {"USERNAME": person.username, "PASSWORD": person.client.token}
        ours = {"DISPLAY_NAME": "tomgql", "BASE_URL": f"{self.site.url}/", **login}
        place = self.directory / f"{release}-sends"
        project = make_project(place, python, DATA_SHARING={"ours": ours}, TOM_NAME="Peer")
        return await compare(release, await share(python, project), person)

    async def depart(self, release: str) -> Result:
        """The site shares with the release."""
        person = await make_person(self.site, f"sharer-{release}", is_admin=True)
        async with receiving(await self.python(release), self.directory / f"{release}-receives") as there:
            done = await depart(self.site, person, there, release)
            return done.faults, done.counts

    async def measure(self, release: str, points: int) -> None:
        """How fast so many points arrive."""
        person = await make_person(self.site, f"measurer-{release}", is_admin=True)
        async with receiving(await self.python(release), self.directory / f"{release}-measured") as there:
            await measure(self.site, person, there, release, points)


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
        settings = Settings.model_validate(
            {"database_url": postgres.dsn("postgres"), "redis_url": valkey.url(), "data_dir": directory / "site",
             "port": 0, "credentials_key": "a key of sixteen letters", "private_peers": True, "tom_name": "North TOM"}
        )  # fmt: skip
        async with running_site(settings) as site:
            worker = Child(settings, "worker")
            try:
                yield site
            finally:
                worker.stop()
    finally:
        valkey.stop()
        postgres.stop()


async def run(releases: Sequence[str], environments: Path, directory: Path, points: int) -> bool:
    """Whether all that was shared arrived, row by row, in both directions."""
    async with a_site(directory / "ours") as site:
        peers = Peers(site, environments, directory)
        for release in releases:
            for direction, act in (("shares with us", peers.arrive), ("is shared with", peers.depart)):
                begun = time.monotonic()
                faults, counts = await act(release)
                peers.results[release, direction] = faults, counts
                words = f"{release} {direction}: {'as it was sent' if not faults else 'differs'}"
                print(f"{words} ({time.monotonic() - begun:.0f} s)", *faults, sep="\n  ")
        show(peers.results)
        for release in releases if points else ():
            await peers.measure(release, points)
        return not any(faults for faults, _ in peers.results.values())


def show(results: Mapping[tuple[str, str], Result]) -> None:
    """The matrix of peers and directions by kinds: what is at the receiver in the end, each once."""
    print(f"\n{'':24}" + "".join(f"{kind:>18}" for kind in KINDS))
    for (release, direction), (_, counts) in results.items():
        print(f"{f'{release} {direction}':24}" + "".join(f"{counts[kind]:18}" for kind in KINDS))


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m tests.peers", description="Real TOM Toolkits and a site share.")
    parser.add_argument("releases", nargs="*", default=RELEASES, help="Releases of tomtoolkit.")
    parser.add_argument("--environments", type=Path, help="Where the installed releases are kept for the next time.")
    parser.add_argument("--points", type=int, default=0, help="How many points are shared to measure the rate.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tomgql-peers-") as scratch:
        directory = Path(scratch)
        directory.chmod(0o755)
        environments = (given.environments or directory / "environments").absolute()
        sys.exit(0 if asyncio.run(run(given.releases, environments, directory, given.points)) else 1)


main()
