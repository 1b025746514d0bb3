"""What an extension must offer, and a `check` that its author can run in a test.

A processor turns one file into measured facts; a hook is told what was stored or recorded. Each runs in a process of
its own with limits on time and memory, and never sees a database, a queue, a user or a secret of ours. Register them::

    [project.entry-points."tomgql.processors"]
    mycamera = "mypackage.processor:MyCameraProcessor"

    [project.entry-points."tomgql.hooks"]
    mylog = "mypackage.hook:MyLogHook"

Hooks stand for TOM Toolkit's ``data_product_post_upload`` and ``data_product_post_save``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from tomgql.domain.measurements import Note, Reading

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


PRODUCT_STORED = "product_stored"
"""The occasion of a hook: a data product's file lies in the store; nothing has been read from it yet."""

DATA_RECORDED = "data_recorded"
"""The occasion of a hook: reduced data were created, revised, disabled or enabled by a file or by a client's rows."""

OCCASIONS = (PRODUCT_STORED, DATA_RECORDED)


@dataclass(frozen=True)
class HookTarget:
    """The target. ``id`` as it stands in queries; names, the main one first; ICRS, degrees, None for moving ones."""

    id: str
    names: tuple[str, ...]
    type: str
    ra_deg: float | None
    dec_deg: float | None


@dataclass(frozen=True)
class HookProduct:
    """The data product. ``path`` is a local copy of its file, readable, not to be changed."""

    id: str
    data_product_type: str
    file_name: str
    size_bytes: int
    sha256: str
    path: Path


@dataclass(frozen=True)
class RecordedData:
    """How many reduced data came, changed and went, and by what.

    ``job_id``, ``processor``, ``version`` and ``format_name`` are None where a client sent rows.
    """

    created: int
    revised: int
    disabled: int
    enabled: int
    job_id: str | None = None
    processor: str | None = None
    version: str | None = None
    format_name: str | None = None


@dataclass(frozen=True)
class Occasion:
    """What has happened, once it is committed.

    ``id`` is that of the hook's own job: the same at every attempt, so that a hook can tell a repetition. ``product``
    is None where a client sent rows that belong to none; ``recorded`` is None of a product that was only stored.
    """

    id: str
    name: str
    attempt: int
    target: HookTarget
    product: HookProduct | None = None
    recorded: RecordedData | None = None


@dataclass(frozen=True)
class HookReport:
    """What a hook says of its work: its job's message (500 characters are kept) and notes (the first 100)."""

    message: str = ""
    notes: tuple[Note, ...] = ()


@runtime_checkable
class Hook(Protocol):
    """Is told of what happened; can change nothing here, so hooks never call hooks.

    ``name``, ``title`` and ``version`` as for processors; ``occasions`` are those it wants to be told of.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    version: ClassVar[str]
    occasions: ClassVar[tuple[str, ...]]

    def run(self, occasion: Occasion) -> HookReport | None:
        """Do what is to be done. At least once for each occasion: again when a worker died meanwhile.

        Raises `tomgql.errors.HookFailed` with words for people to fail its job, and `tomgql.errors.UpstreamDown` or
        `UpstreamBusy` to be called again after a growing pause. Of any other error only the kind is shown.
        """
        ...


def check(processor: Any) -> list[str]:
    """What keeps a processor from meeting the contract: one sentence a fault, an empty list when it is sound."""
    faults = common_faults(processor, ("data_types", "options_schema"), ("confidence", "read"))
    if faults:
        return faults
    if not isinstance(processor.options_schema, Mapping) or processor.options_schema.get("type") != "object":
        faults.append('options_schema is not a JSON Schema of "type": "object"')
    return faults + _word_faults(processor, "data_types", lambda kind: NAME_PATTERN.fullmatch(kind) is not None)


def check_hook(hook: Any) -> list[str]:
    """What keeps a hook from meeting the contract: one sentence a fault, an empty list when it is sound."""
    faults = common_faults(hook, ("occasions",), ("run",))
    return faults or _word_faults(hook, "occasions", OCCASIONS.__contains__)


def common_faults(plugin: Any, attributes: tuple[str, ...], methods: tuple[str, ...]) -> list[str]:
    """What is wrong with the names, texts and methods that every kind of plug-in has; one sentence a fault."""
    needed = ("name", "title", "version", *attributes, *methods)
    missing = [f"{attribute} is missing" for attribute in needed if not hasattr(plugin, attribute)]
    if missing:
        return missing
    faults = [f"{method} is no method" for method in methods if not callable(getattr(plugin, method))]
    faults += [f"{text} is no text" for text in ("title", "version") if not _is_text(getattr(plugin, text))]
    if not NAME_PATTERN.fullmatch(str(plugin.name)):
        faults.append(f'name "{plugin.name}" is not a lower-case word of 2 to 50 characters')
    return faults


def _word_faults(plugin: Any, attribute: str, known: Callable[[str], bool]) -> list[str]:
    words = getattr(plugin, attribute)
    if not isinstance(words, (tuple, list)):
        return [f"{attribute} is no tuple of words"]
    wrong = [word for word in words if not isinstance(word, str) or not known(word)]
    return [f'{attribute} holds "{word}"' for word in wrong] if words else [f"{attribute} is empty"]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != ""
