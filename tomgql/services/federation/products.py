"""Data products that another server gives: rows for files that are in the store already; read by nobody here.

What the file holds comes as data, each with its own version, so that nothing is read twice.
"""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

import orjson

from tomgql.access import predicates
from tomgql.errors import Conflict, InvalidInput
from tomgql.events import log
from tomgql.jobs import ledger
from tomgql.runtime import Runtime
from tomgql.services.federation.given import (
    Giver,
    Record,
    Refusal,
    Taken,
    bag_of,
    global_id_of,
    origin_of,
    path_of,
    revision_of,
    road_of,
)
from tomgql.services.orphans import hold_file
from tomgql.services.product_checks import require_short_texts
from tomgql.services.products import clean_file_name
from tomgql.services.thumbnails import ask_thumbnail
from tomgql.store.sql import Parameters
from tomgql.store.transaction import Transaction

CONTENT = ("product_id", "data_product_type", "file_name", "extra_data", "featured")
"""Columns that may change of a product."""

KNOWN = frozenset(
    {*CONTENT, "sha256", "size_bytes", "notes", "origin", "global_id", "revision", "path", "origin_instance_id"}
)
"""Fields of a record that are understood here."""

LONGEST_TYPE = 50
"""Characters of a product's type, as in TOM Toolkit."""


async def take_product(
    tx: Transaction, rt: Runtime, giver: Giver, target_id: int, record: Record, taken: Taken
) -> int | None:
    """The key of the product here, brought up to date; None of one that was deleted here. Raises InvalidInput."""
    global_id = global_id_of(record)
    stored = await tx.row(
        "select id, target_id, revision, product_id, data_product_type, file_name, extra_data, featured"
        " from data_products where global_id = $1 for no key update",
        global_id,
    )
    if stored is not None:
        if stored["target_id"] != target_id or not await _is_seen(tx, giver, stored["id"]):
            raise Conflict("It is here already, out of reach of who takes it over: with another target, or hidden.")
        await _update(tx, rt, giver, stored, record, taken)
        return int(stored["id"])
    if await tx.value("select true from tombstones where global_id = $1", global_id):
        return None
    return await _create(tx, rt, giver, target_id, record, taken)


async def _is_seen(tx: Transaction, giver: Giver, key: int) -> bool:
    parameters = Parameters()
    visible = predicates.product_visible_to(giver.actor, "p", parameters.bind)
    found = f"select true from data_products p where p.id = {parameters.bind(key, 'bigint')} and {visible}"
    return bool(await tx.value(found, *parameters.values))


async def _create(
    tx: Transaction, rt: Runtime, giver: Giver, target_id: int, record: Record, taken: Taken
) -> int:
    await hold_file(tx, rt, str(record["sha256"]))
    content = await _content(tx, target_id, record, None)
    if content["product_id"] != record.get("product_id"):
        words = f'Another product here has the id "{record["product_id"]}"; it was taken without one.'
        taken.refusals.append(Refusal("data_product", str(global_id_of(record)), content["file_name"], words))
    key: int = await tx.value(
        "insert into data_products (target_id, product_id, data_product_type, file_name, extra_data, featured,"
        " size_bytes, sha256, notes, origin, uploaded_by_id, global_id, revision, origin_instance_id, road_id,"
        " peer_bag)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) returning id",
        target_id,
        *(content[name] for name in CONTENT),
        await rt.files.size_of(str(record["sha256"])),
        record["sha256"],
        _notes(record.get("notes")),
        record.get("origin"),
        giver.actor.user_id,
        global_id_of(record),
        revision_of(record),
        origin_of(record, giver, rt.instance_id),
        await road_of(tx, path_of(record, giver)),
        bag_of(record, KNOWN),
    )
    job_id = await ask_thumbnail(tx, rt, giver.actor, target_id, key, content["data_product_type"])
    await log.append(tx, "data_products", "CREATED", target_id=target_id, data_product_id=key)
    if job_id is not None:
        await ledger.announce(tx, job_id, "CREATED")
    taken.changed += 1
    return key


async def _update(
    tx: Transaction, rt: Runtime, giver: Giver, stored: Record, record: Record, taken: Taken
) -> None:
    here = (stored["revision"], _digest(stored))
    if (revision_of(record), _digest(record)) <= here or UUID(rt.instance_id) in path_of(record, giver):
        return
    content = await _content(tx, stored["target_id"], record, stored["id"])
    if revision_of(record) == stored["revision"] and all(content[name] == stored[name] for name in CONTENT):
        return  # what differs cannot stand here
    await tx.execute(
        "update data_products set product_id = $2, data_product_type = $3, file_name = $4, extra_data = $5,"
        " featured = $6, revision = $7, road_id = $8, peer_bag = $9, modified = now() where id = $1",
        stored["id"],
        *(content[name] for name in CONTENT),
        revision_of(record),
        await road_of(tx, path_of(record, giver)),
        bag_of(record, KNOWN),
    )
    await log.append(
        tx, "data_products", "REVISED", target_id=stored["target_id"], data_product_id=stored["id"]
    )
    taken.changed += 1


async def _content(tx: Transaction, target_id: int, record: Record, key: int | None) -> dict[str, Any]:
    """The record's content as it can stand here: an id that another product has is left to that one."""
    require_short_texts(record.get("product_id"), record.get("extra_data") or "", None)
    kind = record.get("data_product_type")
    if not isinstance(kind, str) or not 0 < len(kind) <= LONGEST_TYPE:
        raise InvalidInput(f"A product's `data_product_type` has 1 to {LONGEST_TYPE} characters.")
    named = record.get("product_id")
    taken = await tx.value(
        "select true from data_products where product_id = $1 and id is distinct from $2", named, key
    )
    featured = record.get("featured") is True and not await tx.value(
        "select true from data_products where target_id = $1 and data_product_type = $2 and featured"
        " and id is distinct from $3",
        target_id,
        kind,
        key,
    )
    return {
        "product_id": None if taken else named,
        "data_product_type": kind,
        "file_name": clean_file_name(str(record.get("file_name"))),
        "extra_data": record.get("extra_data") or "",
        "featured": featured,
    }


def _digest(record: Record) -> bytes:
    return hashlib.sha256(orjson.dumps([record.get(name) for name in CONTENT])).digest()


def _notes(given: Any) -> list[Any]:
    """The notes of a reading, if they are such."""
    notes = given if isinstance(given, list) else []
    return [note for note in notes if isinstance(note, dict) and note.get("level") in ("INFO", "WARNING", "ERROR")]
