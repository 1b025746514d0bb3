"""Previews through the public door, and all that a site holds, to show that nothing of them stays."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tests.support.client import Client
from tests.support.site import Site

PREVIEW = """
mutation ($input: UploadDataProductInput!) {
  previewDataProduct(input: $input) {
    processor version format columns rows created revised unchanged rejected withdrawn
    notes { level code message row count } errors { code message path }
  }
}
"""

COUNTS = ("created", "revised", "unchanged", "rejected", "withdrawn")

REFUSED = {
    "processor": None, "version": None, "format": None, "columns": None, "rows": [], **dict.fromkeys(COUNTS, 0),
    "notes": [],
}  # fmt: skip
"""The payload of a refusal, but for its errors."""


async def preview(client: Client, target: str, name: str, content: bytes, **given: Any) -> dict[str, Any]:
    """`previewDataProduct`; its payload."""
    answer = await client.send_file(PREVIEW, name, content, target=target, **given)
    assert "errors" not in answer, answer["errors"]
    payload: dict[str, Any] = answer["data"]["previewDataProduct"]
    return payload


def counts_of(report: dict[str, Any]) -> dict[str, int]:
    """The counts of a preview or of a job's result."""
    return {name: report[name] for name in COUNTS}


async def holdings(site: Site) -> dict[str, Any]:
    """The rows of every table but the tokens', whose last use is written, all sequences, and all files."""
    tables = await site.rt.reads.fetch("select tablename from pg_tables where schemaname = 'public' order by 1")
    held: dict[str, Any] = {}
    for (name,) in tables:
        if name != "tokens":
            held[name] = await site.rt.reads.fetchval(f"select array_agg(t::text order by t::text) from {name} t")
    sequences = await site.rt.reads.fetch("select sequencename, last_value from pg_sequences order by 1")
    places = {"stored": site.settings.files_dir.rglob("*"), "temporary": Path(tempfile.gettempdir()).rglob("*")}
    files = {name: sorted(map(str, paths)) for name, paths in places.items()}
    return {**held, "sequences": [tuple(row) for row in sequences], **files}
