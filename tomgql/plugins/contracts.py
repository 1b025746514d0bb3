"""What an extension must offer, and a `check` that its author can run in a test.

A processor turns one file into measured facts. It runs in a process of its own with limits on time and memory,
sees one local file and the target's names and position, and never a database, a queue or a user. Register it::

    [project.entry-points."tomgql.processors"]
    mycamera = "mypackage.processor:MyCameraProcessor"
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from tomgql.domain.measurements import Reading

NAME_PATTERN = re.compile(r"[a-z][a-z0-9_]{1,49}")
"""Names of plug-ins: lower-case words, as they stand in queries and stored rows."""


@dataclass(frozen=True)
class SourceFile:
    """One file to be read, with what may be known about its target.

    ``path`` is a local copy, readable, not to be changed; ``name`` is the name it was uploaded under, which may lie.
    ``head`` holds the first 64 KiB of the content. Position: ICRS, degrees; None for moving targets.
    """

    path: Path
    name: str
    size_bytes: int
    head: bytes
    data_product_type: str
    target_names: tuple[str, ...] = ()
    target_ra_deg: float | None = None
    target_dec_deg: float | None = None


@runtime_checkable
class Processor(Protocol):
    """Reads the files of one family.

    ``name`` as it stands in queries; ``title`` for people; ``version`` is kept with every job; ``data_types`` are
    the kinds of data it yields (``"photometry"``...); ``options_schema`` is the JSON Schema of its options.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    version: ClassVar[str]
    data_types: ClassVar[tuple[str, ...]]
    options_schema: ClassVar[Mapping[str, Any]]

    def confidence(self, file: SourceFile) -> int:
        """How surely this processor can read the file: 0 (no) to 100 (its own signature is there)."""
        ...

    def read(self, file: SourceFile, options: Mapping[str, Any]) -> Reading:
        """Read the file.

        Raises `tomgql.errors.UnreadableFile` when nothing can be read from it: the message names file, row, column,
        the offending text and what would fix it. Single bad rows go to `Reading.rejected` instead.
        """
        ...


def check(processor: Any) -> list[str]:
    """What keeps a processor from meeting the contract: one sentence a fault, an empty list when it is sound."""
    faults = [
        f"{attribute} is missing"
        for attribute in ("name", "title", "version", "data_types", "options_schema", "confidence", "read")
        if not hasattr(processor, attribute)
    ]
    if faults:
        return faults
    if not NAME_PATTERN.fullmatch(str(processor.name)):
        faults.append(f'name "{processor.name}" is not a lower-case word of 2 to 50 characters')
    if not isinstance(processor.options_schema, Mapping) or processor.options_schema.get("type") != "object":
        faults.append('options_schema is not a JSON Schema of "type": "object"')
    if not processor.data_types:
        faults.append("data_types is empty")
    return faults
