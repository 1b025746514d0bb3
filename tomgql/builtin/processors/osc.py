"""Photometry of the Open Supernova Catalog and its sisters for tidal disruptions and kilonovae, as CSV or JSON.

Format (https://github.com/astrocatalogs/schema): ``time`` is MJD, perhaps a range; ``upperlimit`` is ``T`` or true;
``system`` is often empty; ``source`` numbers references within the event, so it names nobody. In JSON the events are
objects by name, and all values are texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tomgql.builtin.processors.delimited import header_names, read_delimited
from tomgql.builtin.processors.json_tables import load_json
from tomgql.builtin.processors.readings import choose_options, options_schema, read_columns
from tomgql.builtin.processors.records import columns_of
from tomgql.builtin.processors.text_files import decode, head_content, read_any_text, says_encoding
from tomgql.domain.cells import Column
from tomgql.domain.measurements import Reading
from tomgql.domain.options import ColumnOptions, check_options
from tomgql.errors import UnreadableFile
from tomgql.plugins.contracts import SourceFile

_SIGNATURES = ({"event", "time", "magnitude", "band"}, {"time", "magnitude", "e_magnitude", "band"})
_MAPPING = {
    "time": "time", "magnitude": "magnitude", "magnitude_error": "e_magnitude", "band": "band", "object": "event",
    "magnitude_system": "system", "is_limit": "upperlimit", "telescope": "telescope", "instrument": "instrument",
    "source": "", "flux": "", "flux_error": "", "zero_point": "",
}  # fmt: skip
_OPTIONS = choose_options("object", "source_name", "telescope", "instrument", "magnitude_system", "band", "mapping")


class OscProcessor:
    """Reads photometry of the Open Astronomy Catalogs."""

    name: ClassVar[str] = "osc"
    title: ClassVar[str] = "Open Supernova Catalog"
    version: ClassVar[str] = "1"
    data_types: ClassVar[tuple[str, ...]] = ("photometry",)
    options_schema: ClassVar[Mapping[str, Any]] = options_schema(_OPTIONS)

    def confidence(self, file: SourceFile) -> int:
        """90 when the catalogue's names of columns are there."""
        text = decode(head_content(file), strict=False)
        if text.lstrip()[:1] == "{":
            return 90 * ('"photometry"' in text and '"magnitude"' in text and '"u_time"' in text)
        return 90 * any(signature <= set(header_names(text)) for signature in _SIGNATURES)

    @says_encoding
    def read(self, file: SourceFile, options: Mapping[str, Any]) -> Reading:
        """Read the whole file. Raises `UnreadableFile` when there is no photometry or of other events only."""
        given = {name: value for name, value in options.items() if value is not None}
        check_options(_OPTIONS, given)
        text = read_any_text(file)
        if text.lstrip()[:1] == "{":
            columns = columns_of(list(_entries(load_json(text, file.name), file.name)), file.name)
            return read_columns(file, columns, _facts(columns, given), self.title)
        table = read_delimited(text, ColumnOptions(), file.name)
        return table.amend(read_columns(file, table.columns, _facts(table.columns, given), self.title))


def _facts(columns: Mapping[str, Column], given: Mapping[str, Any]) -> ColumnOptions:
    mapping = {role: name if name in columns else "" for role, name in _MAPPING.items()}
    facts = {"mapping": mapping, "time_format": "mjd", "source_name": "Open Supernova Catalog"}
    return ColumnOptions.read_over(facts, given)


def _entries(document: Any, file_name: str) -> Iterator[dict[str, Any]]:
    events = document if isinstance(document, Mapping) else {}
    if isinstance(events.get("photometry"), list):
        events = {str(events.get("name", "")): events}
    lists = {name: event.get("photometry") for name, event in events.items() if isinstance(event, Mapping)}
    if not any(isinstance(entries, list) for entries in lists.values()):
        raise UnreadableFile(f"{file_name}: no event of the catalogue in it has photometry.")
    for name, entries in lists.items():
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, Mapping):
                yield {"event": name, **entry, "time": _middle(entry.get("time"))}


def _middle(time: Any) -> Any:
    """A range of times as its middle."""
    if not isinstance(time, list) or not time:
        return time
    try:
        return sum(float(each) for each in time) / len(time)
    except (TypeError, ValueError):
        return str(time)
