"""A stored file as an HTTP response: whole, in ranges, or refused (RFC 9110, section 14)."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from tomgql.files import FileStore
from tomgql.web.errors import error_response

MOST_RANGES = 100
"""Ranges of one request; who asks for more gets the whole file."""

Range = tuple[int, int]
"""First byte, and the one behind the last."""


async def stored_response(
    request: Request, files: FileStore, sha256: str, media_type: str, headers: Mapping[str, str]
) -> Response:
    """Answer with a file of the store; its ETag is its hash.

    Ranges that overlap are merged, and come in the order of the file. What cannot be read as ranges of bytes is
    ignored, as the standard has it. Raises Unavailable when the file is lost or the store is away.
    """
    size = await files.size_of(sha256)
    headers = {**headers, "ETag": f'"{sha256}"', "Accept-Ranges": "bytes", "Content-Type": media_type}
    ranges = _asked(request, headers["ETag"], size)
    if ranges is None:
        return _answer(request, 200, files.read(sha256, 0, size), {**headers, "Content-Length": str(size)})
    if not ranges:
        return _unsatisfiable(request, size, headers)
    if len(ranges) == 1:
        ((start, stop),) = ranges
        about = {"Content-Length": str(stop - start), "Content-Range": f"bytes {start}-{stop - 1}/{size}"}
        return _answer(request, 206, files.read(sha256, start, stop), {**headers, **about})
    parts = _Parts(files, sha256, ranges, size, media_type)
    return _answer(request, 206, parts.read(), {**headers, **parts.headers()})


def _asked(request: Request, etag: str, size: int) -> Sequence[Range] | None:
    """The ranges that a request asks for; None for all of the file, also when it is another one than the client has."""
    asked = request.headers.get("range")
    if asked is None or request.headers.get("if-range", etag) != etag:
        return None
    return read_ranges(asked, size)


def read_ranges(asked: str, size: int) -> Sequence[Range] | None:
    """The ranges that a header asks for: merged and in order; none that lies in the file; or None to ignore it."""
    unit, _, said = asked.partition("=")
    specs = said.split(",")
    if unit.strip().lower() != "bytes" or len(specs) > MOST_RANGES:
        return None
    found = []
    for spec in specs:
        first, dash, last = (part.strip() for part in spec.partition("-"))
        digits = all(part == "" or (part.isascii() and part.isdigit() and len(part) < 20) for part in (first, last))
        if not dash or not digits or first == last == "" or (first and last and int(last) < int(first)):
            return None
        start = int(first) if first else max(0, size - int(last))
        stop = min(size, int(last) + 1) if first and last else size
        if start < stop:
            found.append((start, stop))
    return _merged(sorted(found))


def _unsatisfiable(request: Request, size: int, headers: Mapping[str, str]) -> Response:
    """416, in words as all errors are."""
    words = f"The file has {size} bytes; none of them lies in the ranges that were asked for."
    refused = error_response("RANGE_NOT_SATISFIABLE", words, 416)
    kept = {name: value for name, value in headers.items() if name != "Content-Type"}
    refused.headers.update({**kept, "Content-Range": f"bytes */{size}"})
    return Response(status_code=416, headers=refused.headers) if request.method == "HEAD" else refused


def _merged(ranges: Sequence[Range]) -> Sequence[Range]:
    merged: list[Range] = []
    for start, stop in ranges:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged


def _answer(request: Request, status: int, content: AsyncIterator[bytes], headers: Mapping[str, str]) -> Response:
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    return StreamingResponse(content, status, headers)


class _Parts:
    """Several ranges as one body (RFC 9110, section 14.6)."""

    def __init__(self, files: FileStore, sha256: str, ranges: Sequence[Range], size: int, media_type: str) -> None:
        self._files = files
        self._sha256 = sha256
        self._boundary = secrets.token_hex(16)
        self._parts = [(self._head(each, size, media_type), *each) for each in ranges]
        self._end = f"--{self._boundary}--".encode()

    def headers(self) -> dict[str, str]:
        """What to say of the body."""
        length = sum(len(head) + stop - start + 2 for head, start, stop in self._parts) + len(self._end)
        return {
            "Content-Type": f"multipart/byteranges; boundary={self._boundary}",
            "Content-Length": str(length),
        }

    async def read(self) -> AsyncIterator[bytes]:
        """The body."""
        for head, start, stop in self._parts:
            yield head
            async for chunk in self._files.read(self._sha256, start, stop):
                yield chunk
            yield b"\r\n"
        yield self._end

    def _head(self, part: Range, size: int, media_type: str) -> bytes:
        start, stop = part
        lines = f"--{self._boundary}", f"Content-Type: {media_type}", f"Content-Range: bytes {start}-{stop - 1}/{size}"
        return "\r\n".join((*lines, "", "")).encode()
