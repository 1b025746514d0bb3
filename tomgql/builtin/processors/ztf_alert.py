"""ZTF alert packets: Avro files of one or more alerts, each with the history of its source.

Format (ZTF Avro schemas, https://zwickytransientfacility.github.io/ztf-avro-alert/): ``candidate`` and
``prv_candidates`` hold ``jd`` (UTC, start of the exposure), ``fid`` 1 g, 2 r, 3 i, ``magpsf`` (AB) of the difference
image, whose sign is ``isdiffpos``, and ``diffmaglim``, its 5-sigma limit; a candidate without ``magpsf`` is such a
limit. ``fp_hists``, where present, holds forced difference fluxes in counts of zero point ``magzpsci``, -99999 where
there is none.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any, ClassVar

import numpy as np

from tomgql.builtin.processors.readings import (
    choose_options,
    numbers,
    options_schema,
    read_columns,
    size_of,
)
from tomgql.builtin.processors.records import columns_of
from tomgql.builtin.processors.text_files import DAMAGED, head_content, read_content
from tomgql.domain.cells import Column
from tomgql.domain.measurements import Note, Reading, rows_text
from tomgql.domain.options import ColumnOptions, check_options
from tomgql.errors import UnreadableFile
from tomgql.plugins.contracts import SourceFile

AVRO_MAGIC = b"Obj\x01"
_MOST_ALERTS = 100_000
_EXPOSURE_S = 30.0
"""ZTF's standard exposure (Bellm et al. 2019, PASP 131, 018002); packets leave it out of the history."""

_FAULTS = (*DAMAGED, zlib.error, struct.error)
"""What the Avro reader raises on damaged files."""

_OPTIONS = choose_options("source_name", "exposure_s")
_MAPPING = {
    "time": "jd", "magnitude": "magpsf", "magnitude_error": "sigmapsf", "sign": "isdiffpos", "limit": "diffmaglim",
    "band": "fid", "external_id": "candid", "object": "objectId", "ra": "ra", "dec": "dec",
    "flux": "forcediffimflux", "flux_error": "forcediffimfluxunc", "zero_point": "magzpsci",
    "forced": "forced", "exposure": "exptime",
}  # fmt: skip


class ZtfAlertProcessor:
    """Reads ZTF's alert packets with the history they carry."""

    name: ClassVar[str] = "ztf_alert"
    title: ClassVar[str] = "ZTF alert packet"
    version: ClassVar[str] = "1"
    data_types: ClassVar[tuple[str, ...]] = ("photometry",)
    options_schema: ClassVar[Mapping[str, Any]] = options_schema(_OPTIONS)

    def confidence(self, file: SourceFile) -> int:
        """90 when an Avro file's schema speaks of candidates, 20 for any other Avro file."""
        head = head_content(file)
        if not head.startswith(AVRO_MAGIC):
            return 0
        return 90 if b"prv_candidates" in head and b"isdiffpos" in head else 20

    def read(self, file: SourceFile, options: Mapping[str, Any]) -> Reading:
        """Read all packets of the file. Raises `UnreadableFile` when it is damaged or of another schema."""
        check_options(_OPTIONS, {name: value for name, value in options.items() if value is not None})
        records = [record for alert in _alerts(file) for record in _records(alert, file.name)]
        columns = columns_of(records, file.name)
        mapping = {role: name if name in columns else "" for role, name in _MAPPING.items()}
        exposure_s = options.get("exposure_s") or _EXPOSURE_S
        facts = {
            "mapping": mapping, "time_format": "jd", "time_scale": "utc", "time_reference": "start",
            "exposure_s": exposure_s, "magnitude_system": "AB", "limit_nsigma": 5.0, "telescope": "P48",
            "instrument": "ZTF", "source_name": "ZTF", "difference": True,
        }  # fmt: skip
        reading = read_columns(file, columns, ColumnOptions.read_over(facts, options), self.title)
        _note_exposures(columns, options, reading)
        return reading


def _alerts(file: SourceFile) -> list[Mapping[str, Any]]:
    # Loaded here: few files need it.
    import fastavro
    from fastavro.schema import SchemaParseException

    content = read_content(file)
    if not content.startswith(AVRO_MAGIC):
        raise UnreadableFile(f"{file.name}: the file is no Avro file; a ZTF alert packet begins with Obj.")
    alerts: list[Mapping[str, Any]] = []
    try:
        for alert in fastavro.reader(BytesIO(content)):
            alerts.append(alert if isinstance(alert, Mapping) else {})
            if len(alerts) > _MOST_ALERTS:
                raise UnreadableFile(f"{file.name}: more than {_MOST_ALERTS} alerts in one file.")
    except (*_FAULTS, SchemaParseException) as fault:
        place = f"after {len(alerts)} alerts" if alerts else "before the first alert"
        raise UnreadableFile(f"{file.name}: the Avro file is damaged {place} ({type(fault).__name__}).") from fault
    if not alerts:
        raise UnreadableFile(f"{file.name}: the Avro file holds no alert.")
    return alerts


def _records(alert: Mapping[str, Any], file_name: str) -> Iterator[dict[str, Any]]:
    """The candidate first, then its history."""
    candidate = alert.get("candidate")
    if not isinstance(candidate, Mapping) or "jd" not in candidate or "fid" not in candidate:
        names = ", ".join(str(name) for name in list(alert)[:8]) or "none"
        raise UnreadableFile(f"{file_name}: the Avro file holds no ZTF alerts: no candidate. Fields found: {names}.")
    shared = {"objectId": alert.get("objectId")}
    yield shared | dict(candidate)
    for earlier in alert.get("prv_candidates") or ():
        yield shared | dict(earlier)
    for forced in alert.get("fp_hists") or ():
        yield shared | dict(forced) | {"forced": True}


def _note_exposures(columns: Mapping[str, Column], options: Mapping[str, Any], reading: Reading) -> None:
    unknown = np.isnan(numbers(columns, "exptime")) if size_of(columns) else np.zeros(0)
    count = int(np.count_nonzero(unknown))
    if count and options.get("exposure_s") is None:
        words = f"{rows_text(count)} without an exposure time; taken as {_EXPOSURE_S:g} s, ZTF's standard"
        reading.notes.append(Note("INFO", "EXPOSURE_ASSUMED", words, count=count))
