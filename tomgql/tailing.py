"""`tomgql tail`: a subscription as lines of JSON, with a cursor in a file to go on from."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tomgql.client import Client

FIELDS = {
    "reducedData": (
        "change at count target { id name } dataProduct { id fileName } data { id globalId revision dataType mjd"
        " ... on PhotometryDatum { band magnitude magnitudeError limit } }"
    ),
    "dataProducts": "change at dataProduct { id fileName dataProductType sha256 target { id name } }",
    "targets": "change at target { id name coordinates { raDeg decDeg } }",
    "jobs": "at job { id kind state message progress target { id name } }",
}
"""What is asked of each stream where nobody says otherwise; `cursor` is always asked."""

WHERES = {
    "reducedData": "ReducedDatumWhere",
    "dataProducts": "DataProductWhere",
    "targets": "TargetWhere",
    "jobs": "JobWhere",
}
"""Types of the streams' filters."""


@dataclass(frozen=True)
class Tail:
    """One stream of one server: what is asked, and where it begins."""

    stream: str
    where: Mapping[str, Any] | None = None
    fields: str | None = None
    after: str | None = None
    cursor_file: Path | None = None

    def document(self) -> str:
        """The subscription that is sent."""
        fields = self.fields if self.fields is not None else FIELDS[self.stream]
        return (
            f"subscription ($where: {WHERES[self.stream]}, $after: Cursor) {{"
            f" {self.stream}(where: $where, after: $after) {{ cursor {fields} }} }}"
        )

    def begin(self) -> str | None:
        """The cursor to begin behind: the one that was given, else the one in the file."""
        if self.after is not None or self.cursor_file is None:
            return self.after
        with suppress(FileNotFoundError):
            return self.cursor_file.read_text().strip() or None
        return None


async def follow(client: Client, tail: Tail, write: Callable[[bytes], None]) -> None:
    """Write each event as a line, then keep its cursor; goes on for ever.

    The cursor is kept after its line was written: who is killed in between sees that line once more, and misses none.
    Raises ClientError for what no retry mends.
    """
    variables = {"where": tail.where} if tail.where is not None else {}
    async with aclosing(client.subscribe(tail.document(), variables, after=tail.begin())) as events:
        async for data in events:
            event = data[tail.stream]
            await asyncio.to_thread(write, orjson.dumps(event) + b"\n")
            if tail.cursor_file is not None:
                await asyncio.to_thread(keep_cursor, tail.cursor_file, event["cursor"])


def keep_cursor(path: Path, cursor: str) -> None:
    """Replace the file's content in one step, so that a crash leaves the old or the new one."""
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("w") as stream:
        stream.write(f"{cursor}\n")
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(path)


def write_line(line: bytes) -> None:
    """To standard output, at once."""
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


async def run_tail(url: str, token: str | None, tail: Tail) -> None:
    """Follow until SIGINT, SIGTERM, or until nobody reads standard output; raises ClientError, OSError."""
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel if task else lambda: None)
    try:
        async with Client(url, token=token) as client:
            await follow(client, tail, write_line)
    except asyncio.CancelledError:
        return
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains when it flushes at exit
