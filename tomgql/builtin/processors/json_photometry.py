"""Light curves in JSON of any form that `json_tables` knows: brokers, TNS, SkyPortal, TAP, MAST, pandas.

What services are known to mean is added: ALeRCE, Lasair and Fink hand on ZTF's alerts (``fid``, ``isdiffpos``,
difference magnitudes; Fink with a prefix ``i:``), Fink and others Rubin's in nJy and TAI, TNS writes magnitudes into
``flux`` and their system into ``flux_unit``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from tomgql.builtin.processors.json_tables import Found, find_tables, load_json
from tomgql.builtin.processors.readings import Cut, apply_cuts, options_schema, read_columns
from tomgql.builtin.processors.records import columns_of
from tomgql.builtin.processors.text_files import decode, head_content, read_any_text, says_encoding
from tomgql.domain.cells import Column
from tomgql.domain.measurements import Note, Reading
from tomgql.domain.options import OPTIONS_PROPERTIES, ColumnOptions, check_options
from tomgql.domain.synonyms import assign_roles
from tomgql.errors import UnreadableFile
from tomgql.plugins.contracts import SourceFile

_ALERT_PREFIXES = ("i:", "r:")
_ZTF_EXPOSURE_S = 30.0
"""ZTF's standard exposure (Bellm et al. 2019, PASP 131, 018002); its alerts tell when exposures start."""

_LARGEST_NAMES = 12
_OPTIONS = OPTIONS_PROPERTIES | {
    "table": {"type": "string", "description": "Where in the document the table is, such as data.photometry."},
}  # fmt: skip


class JsonProcessor:
    """Reads tables of photometry in JSON documents."""

    name: ClassVar[str] = "json"
    title: ClassVar[str] = "JSON table of photometry"
    version: ClassVar[str] = "1"
    data_types: ClassVar[tuple[str, ...]] = ("photometry",)
    options_schema: ClassVar[Mapping[str, Any]] = options_schema(_OPTIONS)

    def confidence(self, file: SourceFile) -> int:
        """40 for a text that begins as JSON."""
        text = decode(head_content(file), strict=False)
        return 40 if text.lstrip().startswith(("{", "[")) else 0

    @says_encoding
    def read(self, file: SourceFile, options: Mapping[str, Any]) -> Reading:
        """Read the document. Raises `UnreadableFile` for broken JSON and where no table is photometry."""
        given = {name: value for name, value in options.items() if value is not None}
        check_options(_OPTIONS, given)
        wanted = given.pop("table", None)
        tables = find_tables(load_json(read_any_text(file), file.name))
        places, columns = _choose(tables, wanted, ColumnOptions.read(given), file.name)
        facts, mapping = _facts(columns)
        facts["mapping"] = mapping
        reading = read_columns(file, columns, ColumnOptions.read_over(facts, given), self.title)
        if len(tables) > 1:
            words = f"of {len(tables)} tables in the document these were read: {', '.join(places) or 'the outermost'}"
            reading.notes.insert(0, Note("INFO", "TABLE_CHOSEN", words))
        if "d:tag" in columns:
            bad = np.array([text == "badquality" for text in columns["d:tag"].texts], dtype=np.bool_)
            apply_cuts(reading, [Cut("bad quality by Fink's tag", bad)])
        return reading


def _choose(
    tables: list[Found], wanted: str | None, said: ColumnOptions, file_name: str
) -> tuple[list[str], dict[str, Column]]:
    """The tables that have times and a brightness; several, such as detections and limits, are joined."""
    if wanted is not None:
        tables = [table for table in tables if table[0] == wanted]
    good: list[tuple[str, tuple[str, str | None], list[dict[str, Any]]]] = []
    for place, records in tables:
        plain = [_without_prefix(record) for record in records]
        names = list(dict.fromkeys(name for record in plain for name in record))
        roles = {role: names[at] for role, at in assign_roles(names, said.mapping if wanted else {}).items()}
        mapped = all(name in names for name in said.mapping.values() if name) and bool(said.mapping.get("time"))
        if mapped or ("time" in roles and {"magnitude", "flux", "limit"} & roles.keys()):
            good.append((place, (roles.get("time", ""), roles.get("band")), plain))
    if not good:
        raise _nothing_found(tables, wanted, file_name)
    joined = [item for item in good if item[1] == good[0][1]]
    return [place for place, _, _ in joined], columns_of([record for each in joined for record in each[2]], file_name)


def _nothing_found(tables: list[Found], wanted: str | None, file_name: str) -> UnreadableFile:
    if wanted is not None and not tables:
        return UnreadableFile(f'{file_name}: there is no table at "{wanted}" in the document.')
    listed = "; ".join(
        f"{place or 'outermost'}: {', '.join(str(name) for name in list(records[0])[:_LARGEST_NAMES])}"
        for place, records in tables[:3]
    )
    return UnreadableFile(
        f"{file_name}: the file is JSON without a table of photometry, which has a time and a brightness. Tables "
        f"found: {listed or 'none'}. Name the columns with the column mapping, and the table with option table."
    )


def _without_prefix(record: Mapping[str, Any]) -> dict[str, Any]:
    """Names as ZTF and Rubin have them, where Fink put a prefix before."""
    named = {str(name): cell for name, cell in record.items()}
    return {name[2:] if name.startswith(_ALERT_PREFIXES) else name: cell for name, cell in named.items()}


def _facts(columns: Mapping[str, Column]) -> tuple[dict[str, Any], dict[str, str]]:
    """What is known of the services that write such names."""
    names = columns.keys()
    if {"obsdate", "flux", "flux_unit", "filters"} <= names:
        mapping = {"time": "obsdate", "magnitude": "flux", "flux": "", "magnitude_system": "flux_unit",
                   "band": "filters", "limit": "limflux", "magnitude_error": "fluxerr", "flux_error": ""}  # fmt: skip
        return {"time_scale": "utc"}, {role: name if name in columns else "" for role, name in mapping.items()}
    if "midpointMjdTai" in names:
        return {"flux_unit": "nJy", "instrument": "LSSTCam", "telescope": "Rubin", "difference": True}, {}
    if "fid" in names and names & {"isdiffpos", "magpsf", "diffmaglim"}:
        facts = {"telescope": "P48", "instrument": "ZTF", "source_name": "ZTF", "time_scale": "utc",
                 "magnitude_system": "AB", "limit_nsigma": 5.0, "difference": True, "time_reference": "start",
                 "exposure_s": _ZTF_EXPOSURE_S}  # fmt: skip
        return facts, {}
    return {}, {}
