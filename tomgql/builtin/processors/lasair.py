"""Light curves of Lasair, the alert broker.

Format (the service's own documentation, https://lasair.readthedocs.io, and its clients): one object, whose
``candidates`` are detections, with ``candid``, and limits, without one or without ``magpsf``; ``mjd`` and ``jd`` are
UTC at the start of the exposure. ``forcedphot`` holds forced fluxes of difference images in counts, with the zero point
``magzpsci`` and no ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from tomgql.builtin.processors.json_tables import load_json, mappings
from tomgql.builtin.processors.readings import choose_options, options_schema
from tomgql.builtin.processors.text_files import head_text, read_any_text, says_encoding
from tomgql.builtin.processors.ztf_broker_rows import Row, note_skipped, read_rows
from tomgql.domain.measurements import Reading
from tomgql.domain.options import check_options
from tomgql.errors import UnreadableFile
from tomgql.plugins.contracts import SourceFile

_NO_FLUX = -99_999.0
"""Stands for a flux that could not be measured (ZTF Avro schemas, ``fp_hist``)."""

_OPTIONS = choose_options("source_name", "exposure_s")


class LasairProcessor:
    """Reads detections, limits and forced fluxes of one object of Lasair."""

    name: ClassVar[str] = "lasair"
    title: ClassVar[str] = "Lasair light curve"
    version: ClassVar[str] = "1"
    data_types: ClassVar[tuple[str, ...]] = ("photometry",)
    options_schema: ClassVar[Mapping[str, Any]] = options_schema(_OPTIONS)

    def confidence(self, file: SourceFile) -> int:
        """95 when the object's own data and its candidates are there."""
        text = head_text(file) or ""
        marks = ('"objectId"', '"objectData"', '"candidates"')
        return 95 * (text.lstrip()[:1] == "{" and all(mark in text for mark in marks))

    @says_encoding
    def read(self, file: SourceFile, options: Mapping[str, Any]) -> Reading:
        """Read the document. Raises `UnreadableFile` when it is no object of Lasair."""
        given = {name: value for name, value in options.items() if value is not None}
        check_options(_OPTIONS, given)
        document = load_json(read_any_text(file), file.name)
        if not isinstance(document, Mapping) or not isinstance(document.get("candidates"), list):
            raise UnreadableFile(f"{file.name}: this is no light curve of Lasair, which has a list of candidates.")
        said = {"objectId": document.get("objectId")}
        forced = mappings(document.get("forcedphot"))
        measured = [row for row in forced if _is_flux(row.get("forcediffimflux"))]
        rows = [said | _alert(row) for row in mappings(document["candidates"])]
        rows += [said | {**row, "forced": True} for row in measured]
        reading = read_rows(file, rows, self.title, given)
        note_skipped(reading, "QUALITY_CUT", len(forced) - len(measured), "of forced photometry without a flux")
        return reading


def _alert(row: Row) -> dict[str, Any]:
    """A candidate; one without an id is a limit, whatever stands under its magnitude."""
    row = {**row, "dec": row.get("dec", row.get("decl"))}
    return row if row.get("candid") is not None else {**row, "magpsf": None}


def _is_flux(value: Any) -> bool:
    return isinstance(value, (int, float)) and value != _NO_FLUX
