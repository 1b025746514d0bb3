"""What another tomgql server gives of one target, and who gives it.

Records are what `tomgql.reading.catalog.records` makes: rows as JSON, with global ids in the place of keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson

from tomgql.access.principal import Principal
from tomgql.errors import InvalidInput
from tomgql.store.transaction import Transaction

Record = Mapping[str, Any]
"""A row as JSON, as another server keeps it."""

LONGEST_PATH = 50
"""Installations on the way of one record: longer ones go in circles."""

LARGEST_REVISION = 1_000_000_000
"""Far below the end of the column, so that a state that somebody made up can still be changed."""

LARGEST_BAG_BYTES = 65_536
"""Bytes of what is not understood of one record, as JSON."""

FEDERATING = "set local tomgql.federating = 'on'"
"""Says that a transaction writes what came from elsewhere, with the counts of changes that it came with."""


@dataclass(frozen=True)
class Giver:
    """Who gives: the installation, and the actor here in whose name things are written.

    ``access`` is that of targets that are made here, ``target_list_id`` a list that they are put into.
    ``guards_names``: a target that is known by a name alone is not taken for the same where more people see it than
    ``access`` says.
    """

    instance_id: str
    actor: Principal
    access: str = "PRIVATE"
    target_list_id: int | None = None
    guards_names: bool = False


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


def revision_of(record: Record, name: str = "revision", least: int = 1) -> int:
    """A count of changes of the record. Raises InvalidInput, also for what leaves no room for changes here."""
    revision = record.get(name, least)
    if not isinstance(revision, int) or isinstance(revision, bool) or not least <= revision <= LARGEST_REVISION:
        raise InvalidInput(f"A record's `{name}` is no whole number from {least} to {LARGEST_REVISION}.")
    return revision


def bag_of(record: Record, known: frozenset[str]) -> dict[str, Any] | None:
    """What the record says beyond what is known here. Raises InvalidInput when that is too much."""
    bag = {name: value for name, value in record.items() if name not in known}
    if len(orjson.dumps(bag)) > LARGEST_BAG_BYTES:
        raise InvalidInput(f"What a record says beyond what is known here may have {LARGEST_BAG_BYTES} bytes.")
    return bag or None
