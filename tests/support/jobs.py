"""Jobs as clients wait for them."""

from __future__ import annotations

from typing import Any

from tests.support.client import Client
from tests.support.site import until

ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")


async def ended_job(client: Client, query: str, job: str) -> dict[str, Any]:
    """The job as ``query`` asks for it, with its state among the rest, once it has ended; waits 30 seconds at most."""

    async def look() -> Any:
        found = (await client.query(query, id=job))["job"]
        return found if found["state"] in ENDED else None

    found: dict[str, Any] = await until(30, look)
    return found
