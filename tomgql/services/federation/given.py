"""What another tomgql server gives of one target, and who gives it.

Records are what `tomgql.reading.catalog.records` makes: rows as JSON, with global ids in the place of keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tomgql.access.principal import Principal
from tomgql.errors import InvalidInput
from tomgql.store.transaction import Transaction

Record = Mapping[str, Any]
"""A row as JSON, as another server keeps it."""

LONGEST_PATH = 50
"""Installations on the way of one record: longer ones go in circles."""

FEDERATING = "set local tomgql.federating = 'on'"
"""Says that a transaction writes what came from elsewhere, with the counts of changes that it came with."""


@dataclass(frozen=True)
class Giver:
    """Who gives: the installation, and the actor here in whose name things are written.

    ``access`` is that of targets that are made here, ``target_list_id`` a list that they are put into.
    """

    instance_id: str
    actor: Principal
    access: str = "PRIVATE"
    target_list_id: int | None = None


@dataclass(frozen=True)
class Given:
    """A target, and products and data of it. Files of products are in the file store already."""

    target: Record
    products: Sequence[Record] = ()
    data: Sequence[Record] = ()


@dataclass(frozen=True)
class Refusal:
    """Something that was not taken, and why. ``kind`` is target, data_product or reduced_datum."""

    kind: str
    global_id: str
    name: str
    message: str


@dataclass
class Taken:
    """What became of what was given: the target's key here, how much was written, and what was refused."""

    target_id: int | None = None
    changed: int = 0
    refusals: list[Refusal] = field(default_factory=list)


def global_id_of(record: Record) -> UUID:
    """The record's global id. Raises InvalidInput."""
    return as_uuid(record.get("global_id"), "global_id")


def as_uuid(value: Any, name: str) -> UUID:
    """A UUID given as text. Raises InvalidInput."""
    try:
        return UUID(str(value))
    except ValueError:
        raise InvalidInput(f"A record's `{name}` is no UUID.") from None


def path_of(record: Record, giver: Giver) -> list[UUID]:
    """The way of a record to here, the giver last. Raises InvalidInput."""
    passed = record.get("path") or []
    if not isinstance(passed, list) or len(passed) > LONGEST_PATH:
        raise InvalidInput(f"A record's `path` is no list of at most {LONGEST_PATH} installations.")
    return [*(as_uuid(each, "path") for each in passed), UUID(giver.instance_id)]


def origin_of(record: Record, giver: Giver, here: str) -> UUID | None:
    """The installation that the record's thing was made at; None where that is this one."""
    stated = record.get("origin_instance_id")
    origin = UUID(giver.instance_id) if stated is None else as_uuid(stated, "origin_instance_id")
    return None if str(origin) == here else origin


async def road_of(tx: Transaction, path: Sequence[UUID]) -> int:
    """The key of a way, which is written down when it is new."""
    await tx.execute("insert into roads (path) values ($1::uuid[]) on conflict (path) do nothing", list(path))
    road: int = await tx.value("select id from roads where path = $1::uuid[]", list(path))
    return road


def bag_of(record: Record, known: frozenset[str]) -> dict[str, Any] | None:
    """What the record says beyond what is known here."""
    return {name: value for name, value in record.items() if name not in known} or None
