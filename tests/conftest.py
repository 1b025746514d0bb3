"""Real PostgreSQL and real Valkey for the whole run, started by the suite itself.

One cluster a run; a migrated template database; every test module gets a clone of it, and a Valkey database of its
own, so modules never see each other. With xdist the controller starts the servers and hands their addresses down.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from tests.support.object_store import ObjectStore
from tests.support.people import Person, make_person
from tests.support.site import Site, running_site
from tomgql.embedded import EmbeddedPostgres, EmbeddedValkey
from tomgql.settings import Settings
from tomgql.store.schema import migrate, with_database

collect_ignore = ["example_plugin"]
"""Has tests of its own, which a journey runs with the package installed."""

TEMPLATE = "tomgql_template"
_servers: list[Any] = []


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        config.addresses = config.workerinput["addresses"]  # type: ignore[attr-defined]
        return
    directory = Path(tempfile.mkdtemp(prefix="tomgql-tests-"))
    directory.chmod(0o755)
    config.scratch = directory  # type: ignore[attr-defined]
    config.addresses = None  # type: ignore[attr-defined]
    if not config.option.collectonly:
        config.addresses = _start(directory)  # type: ignore[attr-defined]


def _start(directory: Path) -> dict[str, str]:
    postgres = EmbeddedPostgres(directory / "postgres", for_tests=True)
    valkey = EmbeddedValkey(directory / "valkey")
    for server in (postgres, valkey):
        server.start()
        _servers.append(server)
    asyncio.run(_make_template(postgres.dsn("postgres")))
    return {"postgres": postgres.dsn("postgres"), "valkey": valkey.url(), "scratch": str(directory)}


async def _make_template(address: str) -> None:
    connection = await asyncpg.connect(address)
    try:
        await connection.execute(f"create database {TEMPLATE}")
    finally:
        await connection.close()
    await migrate(with_database(address, TEMPLATE))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["addresses"] = node.config.addresses


def pytest_unconfigure(config: pytest.Config) -> None:
    for server in reversed(_servers):
        server.stop()
    if hasattr(config, "scratch"):
        shutil.rmtree(config.scratch, ignore_errors=True)


@pytest.fixture(scope="session")
def addresses(pytestconfig: pytest.Config) -> dict[str, str]:
    """Addresses of the run's servers."""
    return pytestconfig.addresses  # type: ignore[attr-defined,no-any-return]


@pytest.fixture(scope="session")
def object_store(addresses: dict[str, str]) -> Iterator[ObjectStore]:
    """An S3 server of this worker process of the run; a test that kills it starts it again."""
    store = ObjectStore(Path(tempfile.mkdtemp(prefix="s3-", dir=addresses["scratch"])))
    store.start()
    yield store
    store.stop()


@pytest.fixture(scope="module")
def file_store(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Settings of where the module's site has its files: a directory, unless `IN_BOTH_STORES` asks for a bucket."""
    if getattr(request, "param", "directory") == "directory":
        return {}
    settings: dict[str, Any] = request.getfixturevalue("object_store").settings()
    return settings


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def database_url(
    addresses: dict[str, str], file_store: dict[str, Any], request: pytest.FixtureRequest
) -> AsyncIterator[str]:
    """A fresh database of the test module; another one for each file store."""
    name = f"t_{os.getpid()}_{abs(hash(request.node.nodeid)) % 10**9}"
    admin = await asyncpg.connect(addresses["postgres"])
    # Two modules must not copy the template at once: a copy wants it undisturbed.
    await admin.execute("select pg_advisory_lock(1)")
    await admin.execute(f"create database {name} template {TEMPLATE}")
    await admin.execute("select pg_advisory_unlock(1)")
    yield with_database(addresses["postgres"], name)
    await admin.execute(f"drop database {name} with (force)")
    await admin.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def redis_url(addresses: dict[str, str], worker_id: str) -> AsyncIterator[str]:
    """A Valkey database that no other worker process of the run uses, emptied for the module."""
    number = 0 if worker_id == "master" else int(worker_id.removeprefix("gw")) + 1
    address = addresses["valkey"].rsplit("/", 1)[0] + f"/{number}"
    redis = Redis.from_url(address)
    await redis.flushdb()
    await redis.aclose()
    yield address


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def settings(
    database_url: str, redis_url: str, file_store: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """Settings of a site of the module's own, impatient so that recovery is seen soon."""
    return Settings(
        database_url=database_url,
        redis_url=redis_url,
        data_dir=tmp_path_factory.mktemp("site"),
        port=0,
        job_lease_s=2.0,
        job_sweep_s=0.5,
        **file_store,
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(settings: Settings) -> AsyncIterator[Site]:
    """A web process' application behind a real socket, in this process; no worker."""
    async with running_site(settings) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def admin(site: Site) -> Person:
    """An administrator."""
    return await make_person(site, "root", is_admin=True)
