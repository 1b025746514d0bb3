"""Light curves of ANTARES, the alert broker.

Format (recorded, https://api.antares.noirlab.edu): JSON:API, one ``alert`` a row, whose id begins with
``ztf_candidate:`` for detections and with ``ztf_upper_limit:`` for limits; ZTF's names stand behind ``ztf_`` in
``attributes.properties``. Alerts of other surveys in the same place are left out.
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

_PREFIX = "ztf_"
_KINDS = ("ztf_candidate:", "ztf_upper_limit:")
_OPTIONS = choose_options("source_name", "exposure_s")


class AntaresProcessor:
    """Reads the alerts of one locus of ANTARES."""

    name: ClassVar[str] = "antares"
    title: ClassVar[str] = "ANTARES light curve"
    version: ClassVar[str] = "1"
    data_types: ClassVar[tuple[str, ...]] = ("photometry",)
    options_schema: ClassVar[Mapping[str, Any]] = options_schema(_OPTIONS)

    def confidence(self, file: SourceFile) -> int:
        """95 when alerts with ids of ANTARES are there."""
        text = head_text(file) or ""
        return 95 * (text.lstrip()[:1] == "{" and any(f'"{kind}' in text for kind in _KINDS))

    @says_encoding
    def read(self, file: SourceFile, options: Mapping[str, Any]) -> Reading:
        """Read the document. Raises `UnreadableFile` when it is no list of ANTARES' alerts."""
        given = {name: value for name, value in options.items() if value is not None}
        check_options(_OPTIONS, given)
        document = load_json(read_any_text(file), file.name)
        if not isinstance(document, Mapping) or not isinstance(document.get("data"), list):
            raise UnreadableFile(f"{file.name}: this is no light curve of ANTARES, which has a list of alerts (data).")
        alerts = mappings(document["data"])
        ours = [alert for alert in alerts if str(alert.get("id")).startswith(_KINDS)]
        reading = read_rows(file, [_row(alert) for alert in ours], self.title, given)
        note_skipped(reading, "OTHER_SURVEY", len(alerts) - len(ours), "of other surveys; left out")
        return reading


def _row(alert: Row) -> dict[str, Any]:
    attributes = alert.get("attributes")
    properties = attributes.get("properties") if isinstance(attributes, Mapping) else None
    said = properties if isinstance(properties, Mapping) else {}
    row = {name.removeprefix(_PREFIX): cell for name, cell in said.items() if name.startswith(_PREFIX)}
    is_limit = str(alert["id"]).startswith(_KINDS[1])
    return row | {"objectId": row.get("object_id")} | ({"magpsf": None} if is_limit else {})
