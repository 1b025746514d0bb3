"""The command line: one command a chore."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import Any

import click
import orjson
from pydantic import ValidationError
from pydantic_settings import SettingsError

from tomgql import __version__
from tomgql.errors import TomError, Unavailable
from tomgql.settings import Settings


def _settings(**given: Any) -> Settings:
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        faults = "; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors())
        raise click.ClickException(f"Settings (options, or TOMGQL_... in the environment): {faults}") from error
    except SettingsError as error:
        raise click.ClickException(f"Settings (TOMGQL_... in the environment): {error}; JSON is expected.") from error


def _connected() -> Settings:
    """Settings with both addresses: from the environment, or of the site that runs in the data directory."""
    from tomgql.addresses import of_running_site

    try:
        return of_running_site(_settings())
    except Unavailable as error:
        raise click.ClickException(error.message) from error


def _log(settings: Settings) -> None:
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(level=settings.log_level.upper(), format=form, stream=sys.stderr)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tomgql")
def main() -> None:
    """tomgql: an async GraphQL server for the data of Target and Observation Managers."""


@main.command()
@click.option("--data", type=click.Path(path_type=Path), help="Directory that keeps everything.")
@click.option("--host", help="Address to listen on (127.0.0.1).")
@click.option("--port", type=int, help="Port to listen on (8000); 0 takes a free one.")
@click.option("--demo", is_flag=True, help="Fill in sample targets with real photometry.")
def up(data: Path | None, host: str | None, port: int | None, demo: bool) -> None:
    """Start everything on this machine: PostgreSQL, Valkey, web process and worker."""
    from tomgql.site import children, prepare
    from tomgql.up import run_up

    settings = _settings(data_dir=data.absolute() if data else None, host=host, port=port)
    _log(settings)
    code = asyncio.run(
        run_up(
            settings,
            demo=demo,
            report=lambda line: click.echo(line),
            prepare=lambda ready: prepare(ready, demo=demo),
            children=children,
        )
    )
    sys.exit(code)


@main.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on.")
def serve(host: str | None, port: int | None) -> None:
    """Run one web process."""
    from tomgql.app import build_app
    from tomgql.serving import serve as run
    from tomgql.supervision import exit_when_orphaned

    connected = _connected()
    settings = connected.model_copy(
        update={name: value for name, value in {"host": host, "port": port}.items() if value is not None}
    )
    _log(settings)
    exit_when_orphaned()
    run(build_app(settings), settings)


@main.command()
def worker() -> None:
    """Run one worker."""
    from tomgql.supervision import exit_when_orphaned
    from workers.settings import run_worker

    settings = _connected()
    _log(settings)
    exit_when_orphaned()
    _run(run_worker(settings))


@main.command()
def migrate() -> None:
    """Bring the database's schema up to date."""
    from tomgql.store.schema import migrate as apply

    settings = _connected()
    applied = _run(apply(_database(settings), click.echo))
    click.echo(f"Applied {len(applied)} migrations." if applied else "The schema is up to date.")


@main.command()
def schema() -> None:
    """Print the GraphQL schema."""
    from tomgql.graphql.schema import schema_text

    click.echo(schema_text(), nl=False)


@main.command()
@click.argument("username")
@click.option("--admin", is_flag=True, help="Make the user an administrator.")
def user(username: str, admin: bool) -> None:
    """Create a user."""
    from tomgql.site import create_user

    user_id = _run(create_user(_database(_connected()), username, is_admin=admin))
    click.echo(f'Created the user "{username}" with the id {user_id}. Give out a token with: tomgql token {username}')


@main.command()
@click.argument("username")
@click.option("--name", default="command line", help="What the token is for.")
@click.option("--scope", "scopes", multiple=True, help="read, write, admin; several times; all when not given.")
def token(username: str, name: str, scopes: tuple[str, ...]) -> None:
    """Create a token for a user and print its secret."""
    from tomgql.site import create_token

    click.echo(_run(create_token(_database(_connected()), username, name, scopes)))


@main.command()
@click.argument("stream", type=click.Choice(["reducedData", "dataProducts", "targets", "jobs"]))
@click.option("--url", default="http://127.0.0.1:8000", show_default=True, help="The site's address.")
@click.option("--token-file", type=click.Path(path_type=Path), help="File that holds the token; else TOMGQL_TOKEN.")
@click.option("--where", help="The stream's filter, as JSON.")
@click.option("--fields", help="What to select of each event, as GraphQL, beside `cursor`.")
@click.option("--after", help="Replay everything behind this cursor first.")
@click.option("--cursor-file", type=click.Path(path_type=Path), help="Keeps the last cursor, to go on from next time.")
def tail(stream: str, token_file: Path | None, url: str, **given: Any) -> None:
    """Print a subscription as JSON lines; reconnects and resumes by itself."""
    from tomgql.client import ClientError
    from tomgql.tailing import Tail, run_tail

    try:
        token = token_file.read_text().strip() if token_file else os.environ.get("TOMGQL_TOKEN")
        where = orjson.loads(given["where"]) if given["where"] is not None else None
        asyncio.run(run_tail(url, token, Tail(stream, **{**given, "where": where})))
    except orjson.JSONDecodeError as error:
        raise click.ClickException(f"--where is no JSON: {error}.") from error
    except (ClientError, OSError) as error:
        raise click.ClickException(str(error)) from error


@main.command()
def doctor() -> None:
    """Say what is reachable, which versions, what is missing."""
    from tomgql.doctor import examine

    findings = asyncio.run(examine(_connected_or_not()))
    for finding in findings:
        click.echo(f"{'ok     ' if finding.well else 'MISSING'} {finding.what}: {finding.detail}")
    sys.exit(0 if all(finding.well for finding in findings) else 1)


def _connected_or_not() -> Settings:
    from tomgql.addresses import of_running_site

    try:
        return of_running_site(_settings())
    except Unavailable:
        return _settings()


def _database(settings: Settings) -> str:
    if settings.database_url is None:
        raise click.ClickException("TOMGQL_DATABASE_URL must be set.")
    return settings.database_url


def _run(work: Any) -> Any:
    try:
        return asyncio.run(work)
    except TomError as error:
        raise click.ClickException(error.message) from error
    except OSError as error:
        raise click.ClickException(f"The database cannot be reached: {error}.") from error
