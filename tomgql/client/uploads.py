"""Uploads: `send` takes the road that fits the content, a multipart request or, for a large file, pieces.

GraphQL multipart request specification: https://github.com/jaydenseric/graphql-multipart-request-spec. The server is
asked before the body is sent (``Expect: 100-continue``), so that a refusal by size arrives as one.
"""

from __future__ import annotations

from typing import Any

import aiohttp
from aiohttp.abc import AbstractStreamWriter

from tomgql.client.errors import PayloadErrors, ServerError
from tomgql.client.http import Http, encoded
from tomgql.client.pieces import send_in_pieces
from tomgql.client.transfer import Content

LARGE_BYTES = 16 * 1024 * 1024
"""Files beyond this go in pieces: a cut then costs no more than what was on the way."""

UPLOAD = """
mutation ($input: UploadDataProductInput!) {
  uploadDataProduct(input: $input) {
    dataProduct { id fileName sizeBytes sha256 url }
    job { id state }
    alreadyExists
    errors { code message path }
  }
}
"""


async def send(http: Http, content: Content, fields: dict[str, Any]) -> dict[str, Any]:
    """Upload a file as a data product; ``fields`` are those of UploadDataProductInput but the file.

    Returns ``dataProduct``, ``job`` and ``alreadyExists``. Raises PayloadErrors, Refused, Unreachable.
    """
    if content.size > LARGE_BYTES:
        return await send_in_pieces(http, content, fields)
    payload = await _multipart(http, content, fields)
    errors = [ServerError.read(each) for each in payload.pop("errors")]
    if errors:
        raise PayloadErrors(errors, payload)
    return payload


async def _multipart(http: Http, content: Content, fields: dict[str, Any]) -> dict[str, Any]:
    variables = {"input": {**fields, "file": None}}
    with aiohttp.MultipartWriter("form-data") as form:
        _add(form, aiohttp.BytesPayload(encoded({"query": UPLOAD, "variables": variables})), "operations")
        _add(form, aiohttp.BytesPayload(b'{"0": ["variables.input.file"]}'), "map")
        _add(form, _File(content), "0", filename=content.name)
    data = await http.post(form, {}, None, expect100=True)
    payload: dict[str, Any] = data["uploadDataProduct"]
    return payload


def _add(form: aiohttp.MultipartWriter, part: aiohttp.Payload, name: str, **more: str) -> None:
    part.set_content_disposition("form-data", name=name, quote_fields=False, **more)
    form.append_payload(part)


class _File(aiohttp.Payload):
    """The content as a part of a request, never whole in memory."""

    def __init__(self, content: Content) -> None:
        super().__init__(content, content_type="application/octet-stream")
        self._size = content.size

    async def write(self, writer: AbstractStreamWriter) -> None:
        async for chunk in self._value.chunks():
            await writer.write(chunk)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """See aiohttp, which asks it of small bodies alone."""
        raise TypeError("A file is sent in pieces.")
