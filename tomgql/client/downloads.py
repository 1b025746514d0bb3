"""Downloads: a data product's file, resumed by ranges, kept under its name only when its checksum is right.

What has come so far lies beside the wanted path, named by the checksum, so that another content never continues it.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from yarl import URL

from tomgql.client.errors import DamagedDownload, InvalidCall, Refused, ServerError, Unreachable
from tomgql.client.http import WORDS, Http, refusal_of
from tomgql.client.pauses import Pauses
from tomgql.client.transfer import CHUNK_BYTES, Progress

logger = logging.getLogger(__name__)

PRODUCT = "query ($id: ID!) { dataProduct(id: $id) { id fileName exactSizeBytes sha256 url } }"

VAIN_ATTEMPTS = 5
"""Attempts in a row that bring no byte before a download is given up."""


@dataclass(frozen=True)
class _Wanted:
    url: URL
    path: Path
    part: Path
    size: int
    sha256: str


async def fetch(http: Http, data_product: str, path: str | os.PathLike[str], progress: Progress | None) -> Path:
    """Download a data product to a path, or into a directory under its own name; returns where it lies.

    Goes on where an earlier call or a lost connection ended. What lies there is replaced, in one step. Raises Refused
    (NOT_FOUND), DamagedDownload, Unreachable, InvalidCall for a path that cannot be written.
    """
    found = (await http.ask(PRODUCT, {"id": data_product}))["dataProduct"]
    if found is None:
        raise Refused([ServerError("NOT_FOUND", f'There is no data product "{data_product}" to be seen.')])
    wanted = _wanted(http, found, Path(path))
    try:
        with _part(wanted) as file:
            await _complete(http, wanted, file, progress)
        await asyncio.to_thread(_keep, wanted)
    except OSError as error:
        raise InvalidCall(f"{wanted.path} cannot be written: {error.strerror}.") from error
    return wanted.path


def _wanted(http: Http, found: dict[str, Any], path: Path) -> _Wanted:
    sha256 = found["sha256"]
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise DamagedDownload("The server names no SHA-256 of this file.")
    if path.is_dir():
        name = Path(found["fileName"].replace("\\", "/")).name  # a name from elsewhere leads nowhere else
        path /= name if name not in ("", "..") else sha256
    url = http.endpoint.join(URL(found["url"]))
    if url.scheme not in ("http", "https"):
        raise InvalidCall(f"The file lies at an address of the kind {url.scheme}, which is not fetched.")
    part = path.with_name(f".{path.name[:100]}.{sha256[:16]}.part")
    return _Wanted(url, path, part, int(found["exactSizeBytes"]), sha256)


def _part(wanted: _Wanted) -> BinaryIO:
    # Unbuffered, so that what is told of has been written; positioned behind what an earlier attempt left.
    file = os.fdopen(os.open(wanted.part, os.O_RDWR | os.O_CREAT, 0o666), "r+b", buffering=0)
    file.seek(0, os.SEEK_END)
    return file


async def _complete(http: Http, wanted: _Wanted, file: BinaryIO, progress: Progress | None) -> None:
    pauses = Pauses()
    while (before := file.tell()) < wanted.size:
        try:
            await _one_attempt(http, wanted, file, progress)
        except Unreachable as error:
            if file.tell() > before:
                pauses.reset()
            if pauses.failures + 1 >= VAIN_ATTEMPTS:
                raise
            pause_s = pauses.next()
            logger.warning("download interrupted: %s Trying again in %.1f s.", error, pause_s)
            await asyncio.sleep(pause_s)


async def _one_attempt(http: Http, wanted: _Wanted, file: BinaryIO, progress: Progress | None) -> None:
    start = file.tell()
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={start}-"} if start else {})}
    async with http.request("GET", wanted.url, headers, None) as response:
        if response.status not in (200, 206):
            raise refusal_of(response.status, await response.content.read(4 * WORDS))
        if response.status == 200:
            _empty(file)  # the server sends all of it
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            await asyncio.to_thread(_write, file, chunk)
            if file.tell() > wanted.size:
                _empty(file)
                raise DamagedDownload(f"More than the {wanted.size} bytes came that the server told of.")
            if progress is not None:
                progress(file.tell(), wanted.size)
        if file.tell() < wanted.size:
            raise Unreachable(f"The file ended after {file.tell()} of {wanted.size} bytes.")


def _write(file: BinaryIO, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[file.write(rest) :]


def _empty(file: BinaryIO) -> None:
    file.truncate(0)
    file.seek(0)


def _keep(wanted: _Wanted) -> None:
    """Give the part its name when it is what the server keeps, else remove it."""
    with wanted.part.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    if found != wanted.sha256:
        wanted.part.unlink()
        raise DamagedDownload(f"The file has the checksum {found}; the server names {wanted.sha256}. Nothing was kept.")
    wanted.part.replace(wanted.path)
