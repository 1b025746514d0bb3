"""Data products: store a file and ask for its processing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from tomgql.access import guard, predicates
from tomgql.access.guard import Hold
from tomgql.access.principal import Principal
from tomgql.errors import Conflict, InvalidInput, NotFound
from tomgql.events import log
from tomgql.files import StoredFile
from tomgql.jobs import ledger
from tomgql.jobs.specs import PreviewDataProduct, ProcessDataProduct
from tomgql.runtime import Runtime
from tomgql.services import hooks, idempotency
from tomgql.services.groups import add_to_groups
from tomgql.services.jobs import enqueue
from tomgql.services.observations import require_observation_of
from tomgql.services.orphans import hold_file
from tomgql.services.product_checks import require_place, require_short_texts
from tomgql.services.product_types import require_product_type
from tomgql.services.same_product import UNFINISHED, find_same, job_of_same
from tomgql.services.thumbnails import ask_thumbnail
from tomgql.store.sql import Parameters
from tomgql.store.transaction import Transaction, transaction

LONGEST_FILE_NAME = 255
"""Characters of a file name, the usual limit of file systems."""

_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\]")


@dataclass(frozen=True)
class NewProduct:
    """A file to be stored with its target; ``options`` go to the processor.

    ``origin`` and ``request_job_id`` say which service gave the file to which query.
    """

    target_id: int
    file_name: str
    data_product_type: str = "photometry"
    product_id: str | None = None
    observation_id: int | None = None
    groups: Sequence[int] = ()
    extra_data: str = ""
    processor: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    process: bool = True
    idempotency_key: str | None = None
    origin: Mapping[str, Any] | None = None
    request_job_id: int | None = None


@dataclass(frozen=True)
class Registered:
    """Keys of a stored product and of its job, if one was asked for; and whether the product was there before."""

    data_product_id: int
    job_id: int | None
    already_exists: bool = False


async def register_product(rt: Runtime, actor: Principal, new: NewProduct, content: AsyncIterator[bytes]) -> Registered:
    """Store a file and, in one transaction, its product row, its job and their events.

    Permission: CHANGE on the target. The file is hashed while it is stored, and is kept whatever becomes of its
    processing. Enqueues `ProcessDataProduct` when a processor reads this type of product, else `MakeThumbnail` for
    images; and a `RunHook` for each hook that wants to know. The same content for the same target is answered with the
    product that is there (`tomgql.services.same_product`), and with its job unless it is to be read otherwise.
    Raises NotFound, NotAllowed, InvalidInput, TooLarge, UnknownPlugin, Conflict.
    Idempotent by ``idempotency_key``.
    """
    guard.require_writer(actor)
    check_product(rt, new)
    async with transaction(rt.writes) as tx:  # before a stranger's bytes are stored
        await require_place(tx, actor, new.target_id, new.observation_id, new.groups)
    stored = await rt.files.put(content, rt.settings.max_upload_bytes)
    async with transaction(rt.writes) as tx:
        return await register_stored(tx, rt, actor, new, stored)


def check_product(rt: Runtime, new: NewProduct) -> None:
    """What can be said of a product before its file is there; raises InvalidInput, UnknownPlugin."""
    clean_file_name(new.file_name)
    require_short_texts(new.product_id, new.extra_data, new.idempotency_key)
    wants_job(rt, new)


async def register_stored(
    tx: Transaction, rt: Runtime, actor: Principal, new: NewProduct, stored: StoredFile
) -> Registered:
    """The product row of a file that is in the store, its job and their events: `register_product`'s second half.

    Raises Unavailable as well, when the file was discarded meanwhile.
    """
    user_id = guard.require_writer(actor)
    await hold_file(tx, rt, stored.sha256)
    request = _request(new, stored)
    answer = await idempotency.earlier_answer(tx, user_id, new.idempotency_key, "uploadDataProduct", request)
    if answer is not None:
        return Registered(**answer)
    await guard.require_target(tx, actor, new.target_id, predicates.CHANGE, ["input", "target"])
    same = await find_same(tx, actor, new, stored.sha256)
    if same is not None:
        return await _register_again(tx, rt, actor, new, same)
    product_id = await _insert(tx, new, stored, user_id)
    await add_to_groups(tx, actor, product_id, new.groups)
    job_id = await _ask(tx, rt, actor, new, product_id)
    hook_jobs = await hooks.ask_stored(tx, rt, actor, new.target_id, product_id)
    registered = Registered(product_id, job_id)
    await idempotency.remember(tx, user_id, new.idempotency_key, vars(registered))
    await log.append(tx, "data_products", "CREATED", target_id=new.target_id, data_product_id=product_id)
    await _announce_job(tx, job_id)
    await hooks.announce(tx, hook_jobs)
    return registered


async def _register_again(tx: Transaction, rt: Runtime, actor: Principal, new: NewProduct, same: int) -> Registered:
    """Answer an upload with the product that is there, which is read again when the call wants it read otherwise."""
    for group_id in sorted(set(new.groups)):  # asked as of a new product, so that the answer is no other
        await guard.require_product_group(tx, actor, group_id, ["input", "groups"])
    earlier = await job_of_same(tx, new, same) if new.process else None
    if earlier is not None and new.request_job_id is not None:
        # A service that goes back to what it said before means it: its file is read again.
        earlier = await tx.value("select id from jobs where id = $1 and state <> 'SUCCEEDED'", earlier)
    asked = None
    if new.process and earlier is None:
        await _require_idle(tx, same)
        asked = await _ask(tx, rt, actor, new, same)
    registered = Registered(same, earlier or asked, already_exists=True)
    await idempotency.remember(tx, guard.require_writer(actor), new.idempotency_key, vars(registered))
    await _announce_job(tx, asked)
    return registered


async def process_product(
    rt: Runtime,
    actor: Principal,
    data_product_id: int,
    processor: str | None,
    options: Mapping[str, Any],
    *,
    dry_run: bool = False,
) -> tuple[int]:
    """Ask for a product's file to be read, again or with another processor or options. Returns the job's key.

    ``dry_run``: the job only reports what would be recorded. Permission: CHANGE on the product's target.
    Raises NotFound, NotAllowed, UnknownPlugin, Conflict while it is being processed, or one dry run after another.
    """
    guard.require_writer(actor)
    if processor is not None:
        rt.processors.processor(processor)
    async with transaction(rt.writes) as tx:
        # Target before product, as all who lock both: a merge holds the target while it moves the product.
        await guard.hold_target_of(tx, "data_products", data_product_id)
        path = ["input", "dataProduct"]
        await guard.require_product(tx, actor, data_product_id, predicates.CHANGE, path, Hold.CHANGE)
        target_id = await tx.value("select target_id from data_products where id = $1", data_product_id)
        kinds = (ProcessDataProduct.kind, PreviewDataProduct.kind) if dry_run else (ProcessDataProduct.kind,)
        await _require_idle(tx, data_product_id, kinds)
        spec = (PreviewDataProduct if dry_run else ProcessDataProduct)(data_product_id, processor, dict(options))
        job_id = await enqueue(tx, rt, actor, spec, target_id=target_id, data_product_id=data_product_id)
        await ledger.announce(tx, job_id, "CREATED")
    return (job_id,)


@dataclass(frozen=True)
class Download:
    """A file that may be sent to whoever asked."""

    sha256: str
    file_name: str


async def find_download(rt: Runtime, actor: Principal, data_product_id: int) -> Download:
    """The file of a data product. Permission: to see the product. Raises NotFound."""
    parameters = Parameters()
    key = parameters.bind(data_product_id, "bigint")
    visible = predicates.product_visible_to(actor, "p", parameters.bind)
    row = await rt.reads.fetchrow(
        f"select p.sha256, p.file_name from data_products p where p.id = {key} and {visible}",
        *parameters.values,
    )
    if row is None:
        raise NotFound("There is no such data product.")
    return Download(row["sha256"], row["file_name"])


def clean_file_name(name: str) -> str:
    """The last part of a file name without control characters; raises InvalidInput when nothing is left."""
    last = unicodedata.normalize("NFC", name.replace("\\", "/").rsplit("/", 1)[-1])
    clean = _UNSAFE.sub("", last).encode("utf-8", "replace").decode().strip()[-LONGEST_FILE_NAME:]
    if clean in ("", ".", ".."):
        raise InvalidInput("The file needs a name.", path=["input", "file"])
    return clean


def wants_job(rt: Runtime, new: NewProduct) -> bool:
    """Whether the product is to be read by a processor; raises InvalidInput, UnknownPlugin."""
    readable = require_product_type(rt, new.data_product_type)
    if new.processor is not None:
        rt.processors.processor(new.processor)
    return new.process and (new.processor is not None or readable)


async def _insert(tx: Transaction, new: NewProduct, stored: StoredFile, user_id: int) -> int:
    await require_observation_of(tx, new.target_id, new.observation_id)
    try:
        product_id = await tx.value(
            "insert into data_products (target_id, observation_id, product_id, data_product_type, file_name,"
            " size_bytes, sha256, extra_data, uploaded_by_id, origin, request_job_id)"
            " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) returning id",
            new.target_id,
            new.observation_id,
            new.product_id,
            new.data_product_type,
            clean_file_name(new.file_name),
            stored.size_bytes,
            stored.sha256,
            new.extra_data,
            user_id,
            None if new.origin is None else dict(new.origin),
            new.request_job_id,
        )
    except asyncpg.UniqueViolationError as error:
        raise Conflict(
            f'A data product with the productId "{new.product_id}" exists already.', path=["input", "productId"]
        ) from error
    return int(product_id)


async def _ask(tx: Transaction, rt: Runtime, actor: Principal, new: NewProduct, product_id: int) -> int | None:
    """The job that reads the product, or else draws its thumbnail."""
    if not wants_job(rt, new):
        kind = new.data_product_type
        return await ask_thumbnail(tx, rt, actor, new.target_id, product_id, kind) if new.process else None
    spec = ProcessDataProduct(product_id, new.processor, dict(new.options))
    return await enqueue(tx, rt, actor, spec, target_id=new.target_id, data_product_id=product_id)


async def _require_idle(
    tx: Transaction, data_product_id: int, kinds: Sequence[str] = (ProcessDataProduct.kind,)
) -> None:
    """No job of these kinds reads the product, which the caller holds; else Conflict."""
    if await tx.value(
        "select true from jobs where data_product_id = $1 and kind = any($2) and state = any($3)",
        data_product_id,
        list(kinds),
        list(UNFINISHED),
    ):
        raise Conflict("This data product is being processed; wait for its job, or cancel it.")


async def _announce_job(tx: Transaction, job_id: int | None) -> None:
    if job_id is not None:
        await ledger.announce(tx, job_id, "CREATED")


def _request(new: NewProduct, stored: StoredFile) -> dict[str, Any]:
    given = {name: value for name, value in vars(new).items() if name != "idempotency_key"}
    return {**given, "groups": list(new.groups), "options": dict(new.options), "sha256": stored.sha256}
