"""`tomgql up`: everything on one machine, from an empty directory to a running site.

Puts together what others provide: the embedded servers, the preparation of the database (migrations, the
administrator, demonstration data) and the children (web, worker). Knows none of their business.

::

    DIR/postgres, DIR/valkey   the embedded servers
    DIR/files                  data products
    DIR/logs                   one log for each process
    DIR/admin-token            the administrator's token, written by the preparation
    DIR/credentials-key        encrypts stored secrets of survey services, unless a setting gives a key
    DIR/lock                   held while `tomgql up` runs
"""

from __future__ import annotations

import asyncio
import secrets
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from pydantic import SecretStr

from tomgql.embedded import DirectoryLock, EmbeddedPostgres, EmbeddedServerError, EmbeddedValkey
from tomgql.embedded.directory import make_directory, passable_mode
from tomgql.embedded.server import EmbeddedServer
from tomgql.errors import TomError
from tomgql.settings import Settings
from tomgql.supervision import ChildSpec, Supervisor

Report = Callable[[str], None]
Prepare = Callable[[Settings], Awaitable[list[str]]]
Children = Callable[[Settings], list[ChildSpec]]

CREDENTIALS_KEY_FILE = "credentials-key"

LISTEN_LIMIT_S = 60.0
"""Seconds after which a web process that does not listen yet is worth a word."""

LISTEN_LOOK_S = 0.1
"""Seconds between two looks whether the web process listens."""


async def run_up(settings: Settings, *, demo: bool, report: Report, prepare: Prepare, children: Children) -> int:
    """Run a whole site until SIGINT or SIGTERM; return the exit code: 0 after a clean stop, 1 if it cannot start.

    `prepare` and `children` get settings with both addresses and the port filled in. `prepare` may run for long
    and returns lines to print; `demo` is only announced here, the preparation knows it from its maker. Children
    without a log file of their own get one in the data directory. `report` gets each line for the operator.
    """
    try:
        async with AsyncExitStack() as stack:
            stop_event = stack.enter_context(_stop_on_signals())
            starting = asyncio.create_task(_start(settings, demo, report, prepare, stack))
            if not await _finished_before(starting, stop_event):
                report("Stopping.")
                return 0
            ready, servers = starting.result()
            specs = [_with_log(spec, ready) for spec in children(ready)]
            announcing = asyncio.create_task(_announce(ready, report))
            stack.callback(announcing.cancel)
            await Supervisor(specs, servers, report=report).run(stop_event)
            report("Stopping.")
        report("Stopped.")
    except (EmbeddedServerError, TomError) as error:
        report(str(error))
        return 1
    return 0


async def _start(
    settings: Settings, demo: bool, report: Report, prepare: Prepare, stack: AsyncExitStack
) -> tuple[Settings, list[EmbeddedServer]]:
    """Everything up to the children. What has to be undone at the end is left on the stack."""
    make_directory(settings.data_dir, passable_mode())
    stack.enter_context(DirectoryLock(settings.data_dir))
    settings = _with_free_port(settings)
    for folder in (settings.files_dir, settings.data_dir / "logs"):
        make_directory(folder)
    servers = _servers(settings)
    await _start_servers(servers, report, stack)
    settings = _with_key(_with_addresses(settings, servers))
    report("Preparing the database" + (" and the demonstration data." if demo else "."))
    for line in await prepare(settings):
        report(line)
    return settings, servers


def _servers(settings: Settings) -> list[EmbeddedServer]:
    """The servers that no address was given for, in the order in which they are to be stopped."""
    directory = settings.data_dir
    logs = directory / "logs"
    servers: list[EmbeddedServer] = []
    if settings.redis_url is None:
        servers.append(EmbeddedValkey(directory / "valkey", log_file=logs / "valkey.log"))
    if settings.database_url is None:
        servers.append(EmbeddedPostgres(directory / "postgres", log_file=logs / "postgres.log"))
    return servers


async def _start_servers(servers: Sequence[EmbeddedServer], report: Report, stack: AsyncExitStack) -> None:
    """Start the servers side by side. Raises: the first `EmbeddedServerError`, when all have had their try."""
    if servers:
        report(f"Starting {' and '.join(server.name for server in servers)}.")
    for server in reversed(servers):
        stack.push_async_callback(asyncio.to_thread, server.stop)
    outcomes = await asyncio.gather(*(asyncio.to_thread(s.start) for s in servers), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome


def _with_key(settings: Settings) -> Settings:
    """The settings with a key for stored secrets: that of the data directory, drawn at the first start."""
    if settings.credentials_key is not None:
        return settings
    path = settings.data_dir / CREDENTIALS_KEY_FILE
    with suppress(FileExistsError):
        path.touch(0o600, exist_ok=False)
        path.write_text(secrets.token_urlsafe(32))
    return settings.model_copy(update={"credentials_key": SecretStr(path.read_text().strip())})


def _with_addresses(settings: Settings, servers: Sequence[EmbeddedServer]) -> Settings:
    update: dict[str, str] = {}
    for server in servers:
        if isinstance(server, EmbeddedPostgres):
            update["database_url"] = server.dsn()
        elif isinstance(server, EmbeddedValkey):
            update["redis_url"] = server.url()
    return settings.model_copy(update=update)


def _with_free_port(settings: Settings) -> Settings:
    """Settings with the port that the web process will have; port 0 becomes a free one.

    Raises: `EmbeddedServerError` when the address cannot be listened on: said before anything is started.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return settings.model_copy(update={"port": probe.getsockname()[1]})
    except OSError as error:
        raise EmbeddedServerError(
            f"Cannot listen on {settings.host} port {settings.port}: {error.strerror}. "
            "Choose another with TOMGQL_PORT (0 for any free port) or TOMGQL_HOST, or stop what listens there."
        ) from error


def _with_log(spec: ChildSpec, settings: Settings) -> ChildSpec:
    return replace(spec, log_file=spec.log_file or settings.data_dir / "logs" / f"{spec.name}.log")


async def _announce(settings: Settings, report: Report) -> None:
    """Tell where everything is, as soon as the web process listens."""
    try:
        await asyncio.wait_for(_listening(settings), LISTEN_LIMIT_S)
        report(f"tomgql listens on http://{_host_in_url(settings.host)}:{settings.port}")
    except TimeoutError:
        report(f"The web process does not listen yet; see {settings.data_dir / 'logs'}.")
    for line in _whereabouts(settings.data_dir):
        report(line)


def _whereabouts(data_dir: Path) -> list[str]:
    token = data_dir / "admin-token"
    lines = [f"Data are kept in {data_dir}, logs in {data_dir / 'logs'}."]
    return [*lines, f"The administrator's token is in {token}."] if token.exists() else lines


async def _listening(settings: Settings) -> None:
    """Return when the web process accepts connections."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (translated, not bound)
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection(everywhere.get(settings.host, settings.host), settings.port)
            writer.close()
            return
        await asyncio.sleep(LISTEN_LOOK_S)


def _host_in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@contextmanager
def _stop_on_signals() -> Iterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set, instead of what they do otherwise."""
    event = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, event.set)
    try:
        yield event
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _finished_before(task: asyncio.Task[tuple[Settings, list[EmbeddedServer]]], event: asyncio.Event) -> bool:
    """Wait for the task or the event, whichever comes first; a task that comes second is cancelled."""
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if task.done():
        return True
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return False
