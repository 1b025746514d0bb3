"""Light curves of ALeRCE, the alert broker.

Format (recorded, and the service's own OpenAPI description, https://api.alerce.online/ztf/v1): ``detections`` and
``non_detections`` side by side, or the list of one of them; ``mjd`` is UTC at the start of the exposure; ``candid`` and
other numbers may be texts. ``magpsf_corr`` is the total magnitude, where the reference image holds the source too; an
error of 100 is undefined, and ``sigmapsf_corr_ext`` stands for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from tomgql.builtin.processors.json_tables import load_json, mappings
from tomgql.builtin.processors.readings import choose_options, options_schema, split_options
from tomgql.builtin.processors.text_files import head_text, read_any_text, says_encoding
from tomgql.builtin.processors.ztf_broker_rows import Row, note_skipped, read_rows
from tomgql.domain.measurements import Reading
from tomgql.domain.options import check_options
from tomgql.errors import UnreadableFile
from tomgql.plugins.contracts import SourceFile

_UNDEFINED_ERROR = 100.0
_CORRECTED = ("magpsf_corr", "error of magpsf_corr")
_OPTIONS = choose_options(
    "source_name", "exposure_s",
    corrected={"type": "boolean",
               "description": "Read total magnitudes (magpsf_corr) instead of those of difference images; default"
               " false. Limits hold for difference images and are left out then."},
)  # fmt: skip


class AlerceProcessor:
    """Reads detections and limits of one object of ALeRCE."""

    name: ClassVar[str] = "alerce"
    title: ClassVar[str] = "ALeRCE light curve"
    version: ClassVar[str] = "1"
    data_types: ClassVar[tuple[str, ...]] = ("photometry",)
    options_schema: ClassVar[Mapping[str, Any]] = options_schema(_OPTIONS)

    def confidence(self, file: SourceFile) -> int:
        """95 when names are there that only ALeRCE uses."""
        text = head_text(file) or ""
        own = '"tid"' in text and ('"magpsf_corr"' in text or '"diffmaglim"' in text)
        return 95 * (text.lstrip()[:1] in ("{", "[") and own and '"fid"' in text)

    @says_encoding
    def read(self, file: SourceFile, options: Mapping[str, Any]) -> Reading:
        """Read the document. Raises `UnreadableFile` when it is no light curve of ALeRCE."""
        own, shared = split_options(_OPTIONS, options)
        check_options(_OPTIONS, {**own, **shared})
        document = load_json(read_any_text(file), file.name)
        detections, limits = _lists(document, file.name)
        if not own.get("corrected"):
            reading = read_rows(file, [*detections, *limits], self.title, shared)
            forced = document.get("forced_photometry") if isinstance(document, Mapping) else None
            note_skipped(reading, "OTHER_DATA_SKIPPED", len(mappings(forced)), "of forced photometry not read")
            return reading
        rows = [_corrected(row) for row in detections if row.get("corrected") is not False]
        reading = read_rows(file, rows, self.title, shared, _CORRECTED)
        note_skipped(reading, "NOT_CORRECTED", len(detections) - len(rows), "without a total magnitude; left out")
        note_skipped(reading, "LIMITS_SKIPPED", len(limits), "with limits of difference images; left out")
        return reading


def _lists(document: Any, file_name: str) -> tuple[list[Row], list[Row]]:
    """Detections and limits."""
    if isinstance(document, list):
        rows = mappings(document)
        return [row for row in rows if "candid" in row], [row for row in rows if "candid" not in row]
    if isinstance(document, Mapping) and isinstance(document.get("detections"), list):
        return mappings(document["detections"]), mappings(document.get("non_detections"))
    raise UnreadableFile(f"{file_name}: this is no light curve of ALeRCE, which has a list of detections.")


def _corrected(row: Row) -> Row:
    error = row.get("sigmapsf_corr")
    if not isinstance(error, (int, float)) or error >= _UNDEFINED_ERROR:
        error = row.get("sigmapsf_corr_ext")
    return {**row, _CORRECTED[1]: error}
