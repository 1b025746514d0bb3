"""HTTP exchanges that were recorded: what services really answered."""

from __future__ import annotations

import gzip
import json

from tests.support.files import DATA


def recorded(name: str, number: int = 0) -> bytes:
    """The body of the answer of this number in ``http_<name>.json``."""
    path = DATA / f"http_{name}.json"
    content = path.read_bytes() if path.exists() else gzip.decompress(path.with_suffix(".json.gz").read_bytes())
    body: str = json.loads(content)["recorded_exchanges"][number]["body"]
    return body.encode()
