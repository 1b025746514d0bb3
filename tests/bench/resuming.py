"""The proof that long absence costs nothing but time: `python -m tests.bench.resuming`.

A subscriber comes back after 100,000 events, leaves unread for a while what it is sent, and then reads on, while more
is recorded. Fails when it lacks an event, has one twice or out of order, or when the web process grows too much.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import click

from tests.support.resuming import run


@click.command()
@click.option("--events", default=100_000, type=click.IntRange(1), help="Events that are missed.")
@click.option("--data", "data_per_event", default=10, type=click.IntRange(1, 500), help="Reduced data of an event.")
@click.option("--most-growth", "most_mib", default=32.0, help="MiB that the web process may grow by at most.")
def main(events: int, data_per_event: int, most_mib: float) -> None:
    """Miss events, come back, and compare."""
    with tempfile.TemporaryDirectory(prefix="tomgql-bench-") as directory:
        Path(directory).chmod(0o755)  # the database may run as another account
        resumed = asyncio.run(run(Path(directory), events, data_per_event))
    click.echo(resumed)
    if resumed.growth > most_mib * 2**20:
        raise click.ClickException(f"The web process grew by more than {most_mib:g} MiB.")


if __name__ == "__main__":
    main()
