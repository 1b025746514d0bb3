"""Waiting for a job: told by the `jobs` stream, never by asking again and again."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

from tomgql.client import documents
from tomgql.client.errors import JobFailed, Refused, ServerError, Unreachable
from tomgql.client.http import Http
from tomgql.client.streams import LATEST, Following

JOB = "id kind state progress message attempts result error { code message retryable }"
"""What is told of a job."""

LOOK = f"query ($id: ID!) {{ job(id: $id) {{ {JOB} }} }}"
"""How a job is looked at once."""

EVENTS = f"subscription ($id: ID!) {{ jobs(where: {{id: {{eq: $id}}}}) {{ cursor job {{ {JOB} }} }} }}"
"""How a job is watched."""

ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")
"""States that a job does not leave by itself."""


async def ended(http: Http, job_id: str, timeout_s: float | None) -> dict[str, Any]:
    """The job once it has succeeded. Raises JobFailed, Refused (NOT_FOUND), Unreachable after ``timeout_s``."""
    try:
        async with asyncio.timeout(timeout_s):
            job = await _watched(http, job_id)
    except TimeoutError as error:
        text = f"The job {job_id} has not ended within {timeout_s:g} s; it goes on."
        raise Unreachable(text, code="TIMEOUT") from error
    if job["state"] != "SUCCEEDED":
        raise JobFailed(job)
    return job


async def _watched(http: Http, job_id: str) -> dict[str, Any]:
    # The place in the log is asked before the state, so that whatever happens after the look is in the stream.
    after = (await http.ask(LATEST))["server"]["latestCursor"]
    job: dict[str, Any] | None = (await http.ask(LOOK, {"id": job_id}))["job"]
    if job is None:
        raise Refused([ServerError("NOT_FOUND", f'There is no job "{job_id}" to be seen.')])
    if job["state"] in ENDED:
        return job
    async with aclosing(Following(http, documents.stream(EVENTS), {"id": job_id}, after).events()) as events:
        async for event in events:
            job = event["jobs"]["job"]
            if job["state"] in ENDED:
                break
    return job
