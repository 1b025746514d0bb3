"""What ties a cursor to one list: a digest of where the list hangs and of its filters.

The digest stands in the cursor, below its keyed checksum (`tomgql.reading.paging`). The list of a pinned relation is
known before anything is read; that of a link's row is known to the statement alone, which then compares. Both digest
the same text, so the compiled and the slow path take each other's cursors.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tomgql.reading.catalog.model import Link
from tomgql.reading.relation import Relation
from tomgql.store.sql import Bind, literal

LIST_DIGITS = 16
"""Hexadecimal digits of a list's digest: lists are not mistaken for each other; the checksum keeps strangers' off."""

FOREIGN = "This cursor belongs to another list, filter or order; use one of this list."
"""What is said of a cursor of another list."""


@dataclass(frozen=True)
class Seal:
    """The key of this installation's cursors, and the list's digest as SQL; ``digest`` where it is known already."""

    key: str
    sql: str
    digest: str | None = None


UNSEALED = Seal("", "''", "")
"""For orders of which no cursor is asked."""


@dataclass(frozen=True)
class Listing:
    """Where a list stands: a relation of its own, or ``link`` of each row of the alias ``parent``."""

    relation: Relation
    link: Link | None = None
    parent: str | None = None

    def seal(self, key: str, where: Any, bind: Bind) -> Seal:
        """The seal of the list under the filter ``where``; below a link that of its row's pinned relation."""
        if self.link is not None and self.parent is not None:
            return _below(key, self.link, self.parent, where, bind)
        pins = self.relation.pins
        fixed = _fixed(self.relation.resource, [pin.sql for pin in pins], [self.relation.where, where])
        values = [str(value) for pin in pins for value, _ in pin.values]
        digest = hashlib.sha256(" ".join([fixed, *values]).encode()).hexdigest()[:LIST_DIGITS]
        return Seal(key, bind(digest, "text"), digest)


def _below(key: str, link: Link, parent: str, where: Any, bind: Bind) -> Seal:
    fixed = _fixed(link.resource, [link.pinned()], [{}, where])
    values = ", ".join([bind(fixed, "text"), *(f"{parent}.{name}" for name in link.parent_columns())])
    hashed = f"sha256(convert_to(concat_ws(' ', {values}), 'UTF8'))"
    return Seal(key, f"left(encode({hashed}, 'hex'), {LIST_DIGITS})")


def _fixed(resource: str, pins: Sequence[str], filters: Sequence[Any]) -> str:
    """What does not depend on the row that a list hangs on."""
    text = json.dumps([resource, pins, filters], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def checked(query: str, asked: Sequence[tuple[str, str]], seal_sql: str, bind: Bind) -> str:
    """SQL of a list's JSON that refuses cursors of another list; ``asked`` are digests and their arguments.

    It is asked once a list, not of its rows: a list without rows refuses as well.
    """
    for digest, argument in asked:
        refused = f"tomgql_refuse_cursor({literal(argument)})::json"
        query = f"case when {seal_sql} = {bind(digest, 'text')} then {query} else {refused} end"
    return query
