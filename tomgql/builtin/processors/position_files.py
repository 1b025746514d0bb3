"""What the readers of astrometry share: records of one file to positions of its target.

Every record is a row, counted from 1, so that whoever sent the file finds it again; a record that holds no position
is rejected in its reader's words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tomgql.builtin.processors.readings import choose_options, position
from tomgql.builtin.processors.records import columns_of
from tomgql.domain.cells import Column, clean_text
from tomgql.domain.designations import name_keys
from tomgql.domain.measurements import Note, Reading, RejectedRow, rows_text
from tomgql.domain.options import ColumnOptions, check_options
from tomgql.domain.position_rows import POSITION_SYNONYMS, interpret_astrometry
from tomgql.domain.row_checks import nothing_taken
from tomgql.errors import UnreadableFile
from tomgql.plugins.contracts import SourceFile

POSITION_OPTIONS = choose_options("object", "source_name")
"""Options of every reader of astrometry."""

_SHOWN = 5
"""How many names a message lists."""


@dataclass
class Records:
    """What a file holds, record by record, in the words of its format.

    ``said`` is kept with each datum; ``units`` of its keys, where they are not arcsec. ``times`` are MJD or ISO texts;
    ``ra`` and ``dec`` degrees, or text that people write; all three None where there is none. ``names``: all
    designations of a record's object, the best first.
    """

    said: list[dict[str, Any]] = field(default_factory=list)
    times: list[float | str | None] = field(default_factory=list)
    ra: list[float | str | None] = field(default_factory=list)
    dec: list[float | str | None] = field(default_factory=list)
    names: list[tuple[str, ...]] = field(default_factory=list)
    rejected: list[RejectedRow] = field(default_factory=list)
    units: dict[str, str] = field(default_factory=dict)

    def reject(self, code: str, words: str) -> None:
        """Refuse the record that comes next, and leave its row empty."""
        row = len(self.said) + 1
        self.rejected.append(RejectedRow(row, code, f"row {row}: {clean_text(words)}"))
        self.add({}, None, None, None, ())

    def add(
        self, said: dict[str, Any], time: float | str | None, ra: float | str | None, dec: float | str | None,
        names: tuple[str, ...],
    ) -> None:  # fmt: skip
        """One more record."""
        self.said.append(said)
        self.times.append(time)
        self.ra.append(ra)
        self.dec.append(dec)
        self.names.append(names)


def read_positions(
    file: SourceFile, records: Records, roles: Mapping[str, str], facts: Mapping[str, Any], options: Mapping[str, Any],
    title: str,
) -> Reading:  # fmt: skip
    """The positions of the file's target; ``roles`` say which of the records' keys hold errors, observatory and id.

    Raises `UnreadableFile` where several objects are named and none is the target, and where no row can be taken;
    `InvalidInput` for options that do not fit.
    """
    given = {name: value for name, value in options.items() if value is not None}
    check_options(POSITION_OPTIONS, given)
    reading = Reading(format_name=title)
    ours = _ours(records, [*file.target_names, *filter(None, [given.get("object")])], file.name, reading)
    columns = columns_of(records.said, file.name) | _derived(records, ours)
    for name in columns.keys() & records.units.keys():
        columns[name].unit = records.units[name]
    known = {role: name for role, name in roles.items() if name in columns}
    mapping = dict.fromkeys(POSITION_SYNONYMS, "") | known
    mapping |= {"time": "time of the observation", "ra": "right ascension", "dec": "declination"}
    said = ColumnOptions.read_over({**facts, "mapping": mapping}, given)
    found = interpret_astrometry(columns, said, file_name=file.name, target_position=position(file))
    _join(reading, found, records.rejected, ours)
    if reading.astrometry is None:
        raise nothing_taken(file.name, len(records.said), reading)
    return reading


def taken(records: Records, reading: Reading) -> list[dict[str, Any]]:
    """What the records said that became data."""
    return [] if reading.astrometry is None else [records.said[row - 1] for row in reading.astrometry.row.tolist()]


def note_magnitudes(records: Records, reading: Reading) -> None:
    """Say that magnitudes beside positions stay there."""
    count = sum(bool(said.get("mag")) for said in taken(records, reading))
    if count:
        words = f"{rows_text(count)} with a magnitude; kept with the position, not as photometry"
        reading.notes.append(Note("INFO", "MAGNITUDES_KEPT", words, count=count))


def _derived(records: Records, ours: NDArray[np.bool_]) -> dict[str, Column]:
    """Times and places, without those of other objects: nothing is to be said of them."""
    columns = {"time of the observation": records.times, "right ascension": records.ra, "declination": records.dec}
    keep = ours.tolist()
    return {
        name: Column(name, [cell if kept else None for cell, kept in zip(cells, keep, strict=True)], derived=True)
        for name, cells in columns.items()
    }


def _join(reading: Reading, found: Reading, refused: Sequence[RejectedRow], ours: NDArray[np.bool_]) -> None:
    """The reader's own refusals before those of empty cells, and nothing of other objects."""
    own = {row.row: row for row in refused}
    others = [row for row in found.rejected if row.row not in own and ours[row.row - 1]]
    reading.rejected = sorted([*own.values(), *others], key=lambda row: row.row)
    reading.notes.extend(found.notes)
    reading.columns = found.columns
    if found.astrometry is not None and len(found.astrometry):
        reading.astrometry = found.astrometry


def _ours(records: Records, target: Sequence[str], file_name: str, reading: Reading) -> NDArray[np.bool_]:
    """Which records, (n,), are of the target; refused ones, which name nobody, are.

    Names that one record gives together belong to one object, so that a file that once says 319 and its provisional
    designation is understood where it says either.
    """
    parents: dict[str, str] = {}
    first = {names: _join_names(names, parents) for names in set(records.names) if names}
    objects = {_root(key, parents) for key in first.values()}
    wanted = frozenset().union(*map(name_keys, target))
    meant = {_root(key, parents) for key in wanted if key in parents}
    if len(objects) < 2:
        if objects and wanted and not meant:
            message = f"the file's object ({_listed(records)}) has no name or alias of this target"
            reading.notes.append(Note("WARNING", "OTHER_NAME", message))
        return np.ones(len(records.names), dtype=np.bool_)
    if not meant:
        raise UnreadableFile(
            f"{file_name}: {len(objects)} objects; none is a name or alias of this target: {_listed(records)}"
        )
    known = {names: _root(key, parents) in meant for names, key in first.items()}
    ours = np.array([known.get(names, True) for names in records.names], dtype=np.bool_)
    others = int(np.count_nonzero(~ours))
    reading.notes.append(Note("INFO", "OTHER_OBJECTS", f"{rows_text(others)} of other objects skipped", count=others))
    return ours


def _join_names(names: tuple[str, ...], parents: dict[str, str]) -> str:
    """Make all keys of a record's names one tree; one of the keys."""
    first, *others = sorted(frozenset().union(*map(name_keys, names)))
    parents.setdefault(first, first)
    for key in others:
        parents[_root(parents.setdefault(key, key), parents)] = _root(first, parents)
    return first


def _root(key: str, parents: dict[str, str]) -> str:
    """The key that stands for an object; the way to it is halved, so that long chains stay cheap."""
    while parents[key] != key:
        parents[key] = parents[parents[key]]
        key = parents[key]
    return key


def _listed(records: Records) -> str:
    names = sorted({clean_text(names[0][:50]) for names in records.names if names})
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
