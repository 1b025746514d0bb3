"""Files sent in pieces: begun, taken piece by piece, and made data products at their last byte.

An upload belongs to the user who began it, and ends with the token that it was begun with. What came of it is the
size of its partial file, so a piece writes no row; the row is written when it is begun and when it is whole.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from tomgql import partial_files
from tomgql.access import guard
from tomgql.access.principal import Principal
from tomgql.errors import Conflict, InvalidInput, NotFound, TooLarge
from tomgql.files import StoredFile, telling_of_room
from tomgql.partial_files import PartialFile
from tomgql.runtime import Runtime
from tomgql.services import accounts
from tomgql.services.open_uploads import Upload, find_upload, insert_upload, require_room
from tomgql.services.product_checks import require_place
from tomgql.services.products import NewProduct, Registered, check_product, register_stored
from tomgql.store.transaction import transaction

ADDRESS_BYTES = 24
"""Random bytes of an upload's address: nobody finds one by trying, although it alone opens nothing."""

RECHECK_S = 5.0
"""Seconds between two looks whether a piece that is still coming may go on: a revoked token ends it within these."""


@dataclass(frozen=True)
class Piece:
    """Bytes from a place of the file on (``offset``, from 0); ``last`` says whether they end it, None that they may.

    ``length`` is how many there are, when that is known before they come.
    """

    offset: int
    content: AsyncIterator[bytes]
    length: int | None = None
    last: bool | None = None


@dataclass(frozen=True)
class Progress:
    """How much of a file is there, and what it became once it is whole."""

    offset: int
    size_bytes: int
    expires: datetime
    registered: Registered | None = None


async def begin_upload(
    rt: Runtime, actor: Principal, new: NewProduct, size_bytes: int, sha256: str | None
) -> tuple[str, datetime]:
    """Let a file come in pieces; returns the upload's address and when it expires (UTC).

    Permission: CHANGE on the target, and to change the product groups; asked again when the file is whole, as the
    observation is. ``idempotency_key`` and a taken ``product_id`` count then alone.
    Raises NotFound, NotAllowed, InvalidInput, TooLarge, UnknownPlugin, Conflict for too many open uploads.
    """
    user_id = guard.require_writer(actor)
    check_product(rt, new)
    if size_bytes > rt.settings.max_file_bytes:
        raise TooLarge(
            f"The file is larger than {rt.settings.max_file_bytes} bytes, the limit of this server.",
            path=["input", "sizeBytes"],
        )
    address = secrets.token_urlsafe(ADDRESS_BYTES)
    expires = datetime.now(UTC) + timedelta(seconds=rt.settings.upload_expiry_s)
    async with transaction(rt.writes) as tx:
        await require_place(tx, actor, new.target_id, new.observation_id, new.groups)
        await require_room(tx, user_id, rt.settings.max_open_uploads)
        product = {name: value for name, value in asdict(new).items() if name != "target_id"}
        await insert_upload(tx, actor, Upload(address, new.target_id, product, size_bytes, sha256, expires))
    return address, expires


async def find_progress(rt: Runtime, actor: Principal, address: str) -> Progress:
    """How far an upload is. Permission: who began it. Raises NotFound."""
    guard.require_writer(actor)
    upload = await find_upload(rt.writes, actor, address)
    if upload.answer is not None:
        return _finished(upload)
    offset = await asyncio.to_thread(partial_files.size_of, rt.files.partial_path(address))
    return Progress(offset, upload.size_bytes, upload.expires)


async def take_piece(rt: Runtime, actor: Principal, address: str, piece: Piece) -> Progress:
    """Write a piece; with the file's last byte, make it a data product as `register_product` does.

    Permission: who began the upload, and CHANGE on its target at the last byte. Raises NotFound, NotAllowed,
    NotAuthenticated for a token that ends meanwhile, TooLarge, InvalidInput for another hash than was given (the file
    begins anew), Conflict for a wrong offset and while another piece comes. ``details["offset"]`` of an error says
    where to go on. Idempotent once the file is whole: a piece without bytes at its end is answered the same again.
    """
    guard.require_writer(actor)
    await find_upload(rt.writes, actor, address)  # before a stranger makes a file
    path = rt.files.partial_path(address)
    with telling_of_room():
        async with partial_files.opened(path) as part:
            upload = await find_upload(rt.writes, actor, address)  # another request may have made it whole meanwhile
            if upload.answer is not None:
                await asyncio.to_thread(rt.files.discard_partial, address)
                return _answered(upload, piece)
            offset = await _append(rt, actor, upload, part, piece)
            if offset < upload.size_bytes or piece.last is False:
                return Progress(offset, upload.size_bytes, upload.expires)
            return await _complete(rt, actor, upload, part)


async def cancel_upload(rt: Runtime, actor: Principal, address: str) -> None:
    """End an upload and forget its bytes. Permission: who began it. Raises NotFound, Conflict when it is whole."""
    guard.require_writer(actor)
    upload = await find_upload(rt.writes, actor, address)
    ended = await rt.writes.fetchval(
        "delete from file_uploads where address = $1 and answer is null returning true", address
    )
    if not ended or upload.answer is not None:
        raise Conflict("The file is whole and is a data product; `deleteDataProduct` deletes it.")
    await asyncio.to_thread(rt.files.discard_partial, address)


async def _append(rt: Runtime, actor: Principal, upload: Upload, part: PartialFile, piece: Piece) -> int:
    """Write the piece; returns where the next one goes."""
    offset, size = await part.size(), upload.size_bytes
    if piece.offset != offset:
        raise Conflict(f"The next byte is that at offset {offset}, not {piece.offset}.", offset=offset)
    if piece.length is not None and offset + piece.length > size:
        raise _beyond(size, offset)
    try:
        async for chunk in _watched(rt, actor, upload.address, piece.content):
            if offset + len(chunk) > size:
                raise _beyond(size, offset)
            await part.append(chunk)
            offset += len(chunk)
    finally:
        await part.settle()
    if piece.last and offset < size:
        raise InvalidInput(f"The file was to have {size} bytes; {size - offset} are missing.", offset=offset)
    return offset


def _beyond(size: int, offset: int) -> TooLarge:
    return TooLarge(f"The file was to have {size} bytes, and this goes beyond them.", offset=offset)


async def _watched(rt: Runtime, actor: Principal, address: str, content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The bytes, as long as token and upload live."""
    now = asyncio.get_running_loop().time
    due = now() + RECHECK_S
    async for chunk in content:
        if now() > due:
            await find_upload(rt.writes, await accounts.principal_now(rt, actor), address)
            due = now() + RECHECK_S
        yield chunk


async def _complete(rt: Runtime, actor: Principal, upload: Upload, part: PartialFile) -> Progress:
    sha256 = await part.sha256()
    if upload.sha256 not in (None, sha256):
        await part.empty()
        raise InvalidInput(
            f"The file that came has the sha256 {sha256}, not {upload.sha256} as was given. Send it again from its"
            " beginning, or begin another upload.",
            path=["input", "sha256"],
            offset=0,
        )
    await rt.files.adopt(upload.address, sha256)
    actor = await accounts.principal_now(rt, actor)
    async with transaction(rt.writes) as tx:
        target_id = await tx.value("select target_id from file_uploads where address = $1", upload.address)
        new = NewProduct(target_id=target_id or upload.target_id, **upload.product)
        registered = await register_stored(tx, rt, actor, new, StoredFile(sha256, upload.size_bytes))
        if not await tx.value(
            "update file_uploads set answer = $2 where address = $1 and expires > now() returning true",
            upload.address,
            vars(registered),
        ):
            raise NotFound("There is no such upload.")
    await asyncio.to_thread(rt.files.discard_partial, upload.address)
    return Progress(upload.size_bytes, upload.size_bytes, upload.expires, registered)


def _answered(upload: Upload, piece: Piece) -> Progress:
    if piece.offset != upload.size_bytes:
        raise Conflict("The file is whole and takes no more bytes.", offset=upload.size_bytes)
    return _finished(upload)


def _finished(upload: Upload) -> Progress:
    return Progress(upload.size_bytes, upload.size_bytes, upload.expires, Registered(**(upload.answer or {})))
