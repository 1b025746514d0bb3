"""Where the site that runs in a data directory has its database and queue, so that commands find it."""

from __future__ import annotations

import os
from pathlib import Path

import orjson

from tomgql.errors import Unavailable
from tomgql.settings import Settings

FILE_NAME = "addresses.json"
"""Written by `tomgql up`, readable by its owner alone: it holds passwords."""


def write(settings: Settings) -> None:
    """Leave the addresses of a starting site in its data directory."""
    write_private(
        settings.data_dir / FILE_NAME,
        orjson.dumps({"database_url": settings.database_url, "redis_url": settings.redis_url}),
    )


def of_running_site(settings: Settings) -> Settings:
    """Settings with both addresses; raises Unavailable when neither environment nor data directory has them."""
    if settings.database_url is not None and settings.redis_url is not None:
        return settings
    path = settings.data_dir / FILE_NAME
    try:
        known = orjson.loads(path.read_bytes())
    except (OSError, ValueError):
        raise Unavailable(
            f"No site runs in {settings.data_dir}. Start one with `tomgql up`, or set TOMGQL_DATABASE_URL and"
            " TOMGQL_REDIS_URL, or name its directory by TOMGQL_DATA_DIR."
        ) from None
    missing = {name: value for name, value in known.items() if getattr(settings, name, None) is None}
    return settings.model_copy(update=missing)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
    temporary.replace(path)
