"""The proof that no update is missed or told twice: `python -m tests.bench.disconnects`.

Six subscribers hang up and resume a thousand times while three writers record and revise data, and web processes,
Valkey and PostgreSQL are killed by SIGKILL. Fails when a subscriber lacks an event, has one twice or out of order, or
holds another revision of a datum than the table.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import click

from tests.support.restless import run


@click.command()
@click.option("--disconnects", default=1_000, type=click.IntRange(1), help="Disconnects of subscribers.")
@click.option("--pause", "pause_s", default=4.0, help="Seconds between two kills, about.")
@click.option("--seed", default=1, help="Seed of all that is random.")
def main(disconnects: int, pause_s: float, seed: int) -> None:
    """Disconnect, kill, and compare."""
    with tempfile.TemporaryDirectory(prefix="tomgql-bench-") as directory:
        Path(directory).chmod(0o755)  # the database may run as another account
        click.echo(asyncio.run(run(Path(directory), disconnects, pause_s, seed)))


if __name__ == "__main__":
    main()
