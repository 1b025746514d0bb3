"""The proof that TOMs which follow each other end equal: `python -m tests.bench.ring`.

Three TOMs follow each other both ways and are written to at once: data, revisions, flags, files, aliases, deletions;
a hundred times a web process, a worker, Valkey or PostgreSQL is killed by SIGKILL. Fails when the three do not come to
rest with the same targets, products and data, each datum once.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import click

from tests.support.ring import run


@click.command()
@click.option("--kills", default=100, type=click.IntRange(0), help="Kills.")
@click.option("--pause", "pause_s", default=2.0, help="Seconds between two kills, about.")
@click.option("--seed", default=1, help="Seed of all that is random.")
def main(kills: int, pause_s: float, seed: int) -> None:
    """Write, kill, and compare."""
    with tempfile.TemporaryDirectory(prefix="tomgql-bench-") as directory:
        Path(directory).chmod(0o755)  # the database may run as another account
        click.echo(asyncio.run(run(Path(directory), kills, pause_s, seed)))


if __name__ == "__main__":
    main()
