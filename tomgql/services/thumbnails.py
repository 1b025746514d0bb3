"""Thumbnails of data products: drawn by a worker, kept in the file store, shown to who may see the product.

Products of the types FITS file and image file get one: by the job that processes them, else by a job of its own.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tomgql.access import guard, predicates
from tomgql.access.principal import Principal
from tomgql.errors import FileStoreDown, NotFound, TomError
from tomgql.events import log
from tomgql.jobs.run import JobRun
from tomgql.jobs.specs import MakeThumbnail
from tomgql.plugins.sandbox import Limits, Sandbox
from tomgql.plugins.thumbnail_call import LARGEST_BYTES, draw_thumbnail
from tomgql.runtime import Runtime
from tomgql.services.jobs import enqueue
from tomgql.services.orphans import hold_file
from tomgql.store.sql import Parameters
from tomgql.store.transaction import Transaction, transaction

logger = logging.getLogger(__name__)

IMAGE_TYPES = ("fits_file", "image_file")
"""Types of data product that have a thumbnail."""


async def ask_thumbnail(
    tx: Transaction, rt: Runtime, actor: Principal, target_id: int, data_product_id: int, data_product_type: str
) -> int | None:
    """Enqueue the thumbnail of a product that nothing else is to read; None where its type has none.

    The caller appends the job's event.
    """
    if data_product_type not in IMAGE_TYPES:
        return None
    return await enqueue(tx, rt, actor, MakeThumbnail(), target_id=target_id, data_product_id=data_product_id)


async def make_thumbnail(rt: Runtime, sandbox: Sandbox, run: JobRun, _spec: MakeThumbnail) -> None:
    """Draw a product's thumbnail in a process of its own and keep it.

    A FITS file without an image has none, which is no fault. Idempotent. Emits a data product event when the thumbnail
    changed. Raises UnreadableFile, ProcessingLimit, Unavailable, NotFound.
    """
    product = await rt.writes.fetchrow(
        "select id, target_id, file_name, sha256, data_product_type from data_products where id = $1",
        run.claim.data_product_id,
    )
    if product is None:
        raise NotFound("The data product was deleted before its thumbnail was drawn.")
    await run.report(0.05, f"Drawing the thumbnail of {product['file_name']}.")
    async with rt.files.local(product["sha256"]) as path:
        thumbnail = await _draw(rt, sandbox, product, path)
    message = "The file holds no image to draw." if thumbnail is None else "Drew the thumbnail."
    async with transaction(rt.writes) as tx:
        await _keep(tx, rt, product, thumbnail)
        await run.succeed(tx, {"drawn": thumbnail is not None}, message)


async def try_thumbnail(rt: Runtime, sandbox: Sandbox, product: Any, path: Path) -> None:
    """Draw the thumbnail of a product that is being processed, if its type has one; a failure is only logged.

    ``path`` is the product's file. Raises FileStoreDown.
    """
    if product["data_product_type"] not in IMAGE_TYPES:
        return
    try:
        thumbnail = await _draw(rt, sandbox, product, path)
    except FileStoreDown:
        raise
    except TomError as error:
        logger.info("no thumbnail of data product %s: %s", product["id"], error.message)
        return
    async with transaction(rt.writes) as tx:
        await _keep(tx, rt, product, thumbnail)


async def _draw(rt: Runtime, sandbox: Sandbox, product: Any, path: Path) -> str | None:
    """The hash under which the thumbnail lies in the file store; None where the file holds no image."""
    settings = rt.settings
    limits = Limits(settings.processing_memory_bytes, settings.processing_cpu_s, settings.processing_timeout_s)
    with tempfile.TemporaryDirectory(prefix="tomgql-") as directory:
        drawn = await draw_thumbnail(sandbox, path, product["file_name"], Path(directory), limits)
        return None if drawn is None else (await rt.files.put(_content(drawn), LARGEST_BYTES)).sha256


async def _content(path: Path) -> AsyncIterator[bytes]:
    yield await asyncio.to_thread(path.read_bytes)


async def _keep(tx: Transaction, rt: Runtime, product: Any, thumbnail: str | None) -> None:
    """Name the thumbnail in the product's row, and announce it when it is another one."""
    if thumbnail is not None:
        await hold_file(tx, rt, thumbnail)
    # The target first, as all who lock both: a merge holds the target while it moves jobs and products.
    await guard.hold_target_of(tx, "data_products", product["id"])
    target_id = await tx.value(
        "update data_products set thumbnail_sha256 = $2, modified = now()"
        " where id = $1 and thumbnail_sha256 is distinct from $2 returning target_id",
        product["id"],
        thumbnail,
    )
    if target_id is not None:
        await log.append(tx, "data_products", "REVISED", target_id=target_id, data_product_id=product["id"])


async def find_thumbnail(rt: Runtime, actor: Principal, data_product_id: int) -> str:
    """The hash of a data product's thumbnail. Permission: to see the product. Raises NotFound."""
    parameters = Parameters()
    key = parameters.bind(data_product_id, "bigint")
    visible = predicates.product_visible_to(actor, "p", parameters.bind)
    found = await rt.reads.fetchval(
        f"select p.thumbnail_sha256 from data_products p where p.id = {key} and {visible}", *parameters.values
    )
    if found is None:
        raise NotFound("There is no such thumbnail.")
    return str(found)
