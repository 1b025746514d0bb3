"""Light curves of Fink, the alert broker.

Format (recorded, and the service's own documentation, https://doc.ztf.fink-broker.org): a list of flat objects, one an
alert; names of what the alert said begin with ``i:``, of what Fink added with ``d:`` and ``v:``. Asked for upper
limits, it adds rows without magnitude, and says in ``d:tag`` which rows are valid, upper limits, or of bad quality.
NaN stands bare, and within texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from tomgql.builtin.processors.json_tables import load_json, mappings
from tomgql.builtin.processors.readings import choose_options, options_schema
from tomgql.builtin.processors.text_files import head_text, read_any_text, says_encoding
from tomgql.builtin.processors.ztf_broker_rows import note_skipped, read_rows
from tomgql.domain.measurements import Reading
from tomgql.domain.options import check_options
from tomgql.errors import UnreadableFile
from tomgql.plugins.contracts import SourceFile

_PREFIX = "i:"
_BAD = "badquality"
_OPTIONS = choose_options("source_name", "exposure_s")


class FinkProcessor:
    """Reads the alerts of one object of Fink."""

    name: ClassVar[str] = "fink"
    title: ClassVar[str] = "Fink light curve"
    version: ClassVar[str] = "1"
    data_types: ClassVar[tuple[str, ...]] = ("photometry",)
    options_schema: ClassVar[Mapping[str, Any]] = options_schema(_OPTIONS)

    def confidence(self, file: SourceFile) -> int:
        """95 when ZTF's names are there behind Fink's prefix."""
        text = head_text(file) or ""
        return 95 * (text.lstrip()[:1] == "[" and all(mark in text for mark in ('"i:objectId"', '"i:jd"', '"i:fid"')))

    @says_encoding
    def read(self, file: SourceFile, options: Mapping[str, Any]) -> Reading:
        """Read the document. Raises `UnreadableFile` when it is no list of Fink's alerts."""
        given = {name: value for name, value in options.items() if value is not None}
        check_options(_OPTIONS, given)
        document = load_json(read_any_text(file), file.name)
        if not isinstance(document, list):
            raise UnreadableFile(f"{file.name}: this is no light curve of Fink, which is a list of alerts.")
        alerts = mappings(document)
        good = [alert for alert in alerts if alert.get("d:tag") != _BAD]
        rows = [{name.removeprefix(_PREFIX): cell for name, cell in alert.items()} for alert in good]
        reading = read_rows(file, rows, self.title, given)
        note_skipped(reading, "QUALITY_CUT", len(alerts) - len(good), "with bad quality by Fink's tag; left out")
        return reading
