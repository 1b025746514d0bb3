"""Band and magnitude system of every row: what is stated, else what the band's survey publishes in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tomgql.domain.bands import Band, native_system, resolve_band
from tomgql.domain.cells import factorise
from tomgql.domain.measurements import FloatColumn, Note, TextColumn, rows_text

_SYSTEMS = {"ab": "AB", "abmag": "AB", "vega": "Vega", "vegamag": "Vega"}


@dataclass
class Systems:
    """``band`` names to be stored and ``system`` names, (n,); offsets m_AB - m_system, NaN where uncalibrated.

    ``magnitude_offset`` takes a band's native system where none is stated, ``zero_point_offset`` takes AB then.
    """

    band: TextColumn
    system: TextColumn
    magnitude_offset: FloatColumn
    zero_point_offset: FloatColumn
    notes: list[Note]


@dataclass(frozen=True)
class _Kind:
    """One combination of band, context and stated system, as it occurs in a file."""

    text: str | None
    band: Band | None
    stated: str | None

    @property
    def system(self) -> str | None:
        if self.stated is not None:
            return _SYSTEMS.get(self.stated.lower(), self.stated)
        return native_system(self.text, self.band) if self.text else None

    def offset(self, system: str | None) -> float:
        if system == "AB":
            return 0.0
        known = self.band.ab_minus_vega if self.band and system == "Vega" else None
        return math.nan if known is None else known


def read_systems(
    bands: Sequence[str | None], telescopes: Sequence[str | None], instruments: Sequence[str | None],
    sources: Sequence[str | None], stated: Sequence[str | None],
) -> Systems:  # fmt: skip
    """Bands and systems of ``n`` rows, from what stands in their columns; every argument has ``n`` cells."""
    keys, codes = factorise(zip(bands, telescopes, instruments, sources, stated, strict=True))
    kinds = [_kind(*key) for key in keys]
    counts = np.bincount(codes, minlength=len(kinds)).tolist()
    names = [kind.band.name if kind.band else kind.text for kind in kinds]
    return Systems(
        band=np.array([*names, None], dtype=object)[codes],
        system=np.array([*(kind.system for kind in kinds), None], dtype=object)[codes],
        magnitude_offset=np.array([*(kind.offset(kind.system) for kind in kinds), 0.0])[codes],
        zero_point_offset=np.array([*(kind.offset(kind.system if kind.stated else "AB") for kind in kinds), 0.0])[
            codes
        ],
        notes=_notes(kinds, counts),
    )


def _kind(
    text: str | None, telescope: str | None, instrument: str | None, source: str | None, stated: str | None
) -> _Kind:
    band = resolve_band(text, telescope=telescope, instrument=instrument, source=source) if text else None
    return _Kind(text, band, stated)


def _notes(kinds: Sequence[_Kind], counts: Sequence[int]) -> list[Note]:
    merged: dict[tuple[str, str], int] = {}
    for kind, count in zip(kinds, counts, strict=True):
        found = _note_of(kind)
        if found is not None:
            merged[found] = merged.get(found, 0) + count
    return [
        Note(
            "INFO" if code == "SYSTEM_ASSUMED" else "WARNING", code, message.format(rows=rows_text(count)), count=count
        )
        for (code, message), count in merged.items()
    ]


def _note_of(kind: _Kind) -> tuple[str, str] | None:
    """Code and message of what is worth telling about one kind of row."""
    text = (kind.text or "").replace("{", "{{").replace("}", "}}")
    if kind.text and kind.band is None:
        tail = "; magnitudes taken as AB" if kind.system == "AB" and kind.stated is None else ""
        known = "is not tied to a survey" if tail else "is not known"
        return "UNKNOWN_BAND", f'band "{text}" ({{rows}}) {known}; stored as written{tail}'
    if kind.stated is not None and math.isnan(kind.offset(kind.system)):
        stated = kind.stated.replace("{", "{{").replace("}", "}}")
        return "UNCALIBRATED", f'system "{stated}" of band "{text}" ({{rows}}) has no zero point here; kept as reported'
    if kind.band is not None and kind.stated is None:
        return "SYSTEM_ASSUMED", f'band "{text}" ({{rows}}) without a stated system: {kind.band.native_system}'
    return None
