"""Links that several object types of one interface select alike, compiled once for all of them.

Without this each type would hold its own copy of all that hangs below a link, and every level of interfaces below
interfaces (a datum's target's data, a revision's revisions) would multiply the statement by the number of types.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tomgql.reading.catalog.model import Resource
from tomgql.reading.selection import Selected

Key = tuple[str, tuple[int, ...]]
"""What makes two selections of a link the same: its name and the nodes of the document that select it."""


@dataclass
class SharedLinks:
    """The links in ``known`` as columns of one row with the alias ``row``: each is looked up once a row."""

    row: str
    known: set[Key]
    columns: dict[Key, str] = field(default_factory=dict)

    def value(self, selected: Selected, compile_link: Callable[[], str]) -> str:
        """SQL of a link: a column where it is shared."""
        key = _key(selected)
        if key not in self.known:
            return compile_link()
        if key not in self.columns:
            self.columns[key] = compile_link()
        return f"{self.row}.l{list(self.columns).index(key)}"

    def around(self, value: str) -> str:
        """``value`` with the columns that it speaks of."""
        if not self.columns:
            return value
        columns = ", ".join(f"{sql} as l{number}" for number, sql in enumerate(self.columns.values()))
        # OFFSET keeps PostgreSQL from copying each column to wherever it is used.
        return f"(select {value} from (select {columns} offset 0) {self.row})"


def shared_keys(selections: Iterable[list[Selected]], resource: Resource) -> set[Key]:
    """The links that more than one of the selections, one for each object type, hold."""
    counted = Counter(_key(each) for selection in selections for each in selection if each.name in resource.links)
    return {key for key, count in counted.items() if count > 1}


def _key(selected: Selected) -> Key:
    return selected.name, tuple(id(detail.node) for detail in selected.details)
