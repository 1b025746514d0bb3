"""Uploads of large files: begun by a mutation, sent by PUT, gone on with behind what the server has after any cut.

The protocol is the IETF's "Resumable Uploads for HTTP" (draft-ietf-httpbis-resumable-upload).
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from typing import Any

import orjson
from aiohttp import ClientResponse
from yarl import URL

from tomgql.client.errors import PayloadErrors, Refused, ServerError, Unreachable
from tomgql.client.http import WORDS, Http, refusal_of
from tomgql.client.pauses import Pauses
from tomgql.client.transfer import Content

logger = logging.getLogger(__name__)

BEGIN = """
mutation ($input: BeginUploadInput!) {
  beginUpload(input: $input) { url errors { code message path } }
}
"""

SENT = """
query ($product: ID!, $job: ID!, $hasJob: Boolean!) {
  dataProduct(id: $product) { id fileName sizeBytes sha256 url }
  job(id: $job) @include(if: $hasJob) { id state }
}
"""

VAIN_ATTEMPTS = 8
"""Attempts in a row that bring the server no byte before an upload is given up."""

ANSWER_BYTES = 64 * 1024
"""Most bytes of an answer that are read: it holds two ids."""


async def send_in_pieces(http: Http, content: Content, fields: dict[str, Any]) -> dict[str, Any]:
    """Upload a file as a data product, whatever cuts come; returns ``dataProduct`` and ``job``.

    The server checks the file's SHA-256. Raises PayloadErrors, Refused, Unreachable when it stays away.
    """
    sha256 = await asyncio.to_thread(_hash, content)
    given = {**fields, "fileName": content.name, "sizeBytes": content.size, "sha256": sha256}
    begun = (await http.ask(BEGIN, {"input": given}))["beginUpload"]
    if begun["errors"]:
        raise PayloadErrors([ServerError.read(each) for each in begun["errors"]], begun)
    answer = await _sent(http, http.endpoint.join(URL(begun["url"])), content)
    product, job = answer["dataProduct"]["id"], answer["job"]
    variables = {"product": product, "job": job["id"] if job else product, "hasJob": job is not None}
    return {"job": None, **await http.ask(SENT, variables), "alreadyExists": answer["alreadyExists"]}


async def _sent(http: Http, url: URL, content: Content) -> dict[str, Any]:
    """Send until the server has all; its last answer."""
    pauses, offset, reached = Pauses(), 0, 0
    while True:
        try:
            return await _put(http, url, content, offset)
        except Unreachable as error:
            pause_s = pauses.next()
            logger.warning("upload interrupted: %s Going on in %.1f s.", error, pause_s)
        await asyncio.sleep(pause_s)
        try:
            offset = await _offset(http, url)
        except Unreachable:
            if pauses.failures >= VAIN_ATTEMPTS:
                raise
        if offset > reached:
            pauses.reset()
            reached = offset
        elif pauses.failures >= VAIN_ATTEMPTS:
            raise Unreachable(f"The server takes no more than {offset} of {content.size} bytes.")


async def _put(http: Http, url: URL, content: Content, offset: int) -> dict[str, Any]:
    headers = {
        "Upload-Offset": str(offset),
        "Upload-Complete": "?1",
        "Content-Length": str(content.size - offset),
        "Content-Type": "application/partial-upload",
    }
    chunks = content.chunks(offset)
    async with http.request("PUT", url, headers, None, data=chunks, expect100=True) as response:
        body = await response.content.read(ANSWER_BYTES)
        if response.status == 409 and "Upload-Offset" in response.headers:
            raise Unreachable("The server still takes, or has taken, other bytes of this file.")
        if response.status != 200:
            raise refusal_of(response.status, body)
        answer: dict[str, Any] = orjson.loads(body)
        return answer


async def _offset(http: Http, url: URL) -> int:
    """Where to go on, as the server says."""
    async with http.request("HEAD", url, {}, None) as response:
        _require_there(response)
        return int(response.headers["Upload-Offset"])


def _require_there(response: ClientResponse) -> None:
    if response.status == 404:
        raise Refused([ServerError("NOT_FOUND", "The server knows nothing of this upload any more; begin it anew.")])
    if response.status != 204 or not response.headers.get("Upload-Offset", "").isdigit():
        raise refusal_of(response.status, b"no Upload-Offset"[:WORDS])


def _hash(content: Content) -> str:
    content.file.seek(0)
    return hashlib.file_digest(content.file, "sha256").hexdigest()  # type: ignore[arg-type]
