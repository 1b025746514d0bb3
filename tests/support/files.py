"""Files as processors get them, and readings of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from tomgql.domain.astrometry import Astrometry
from tomgql.domain.measurements import Photometry, Reading
from tomgql.plugins.contracts import SourceFile
from tomgql.plugins.registry import ProcessorRegistry

DATA = Path(__file__).parents[1] / "data"
REGISTRY = ProcessorRegistry.load()


def a_file(
    path: Path, *, name: str = "", names: tuple[str, ...] = (), position: tuple[float, float] | None = None,
    kind: str = "photometry",
) -> SourceFile:  # fmt: skip
    """A file on disk as a processor gets it."""
    content = path.read_bytes()
    ra, dec = position or (None, None)
    return SourceFile(path, name or path.name, len(content), content[:65536], kind, names, ra, dec)


def write(folder: Path, content: bytes | str, **about: Any) -> SourceFile:
    """The content as a file whose name says nothing."""
    path = folder / "upload"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return a_file(path, name=about.pop("name", "f.dat"), **about)


def processor_of(file: SourceFile) -> str:
    """The name of the processor that is surest of the file."""
    return REGISTRY.choose_processor(file).name


def read(file: SourceFile, **options: Any) -> Reading:
    """The reading of the surest processor."""
    return REGISTRY.choose_processor(file).read(file, options)


def points(file: SourceFile, **options: Any) -> tuple[Photometry, Reading]:
    """The photometry of the surest processor, and the whole reading."""
    reading = read(file, **options)
    assert reading.photometry is not None
    return reading.photometry, reading


def positions(file: SourceFile, **options: Any) -> tuple[Astrometry, Reading]:
    """The astrometry of the surest processor, and the whole reading."""
    reading = read(file, **options)
    assert reading.astrometry is not None
    return reading.astrometry, reading


def bands(found: Photometry) -> dict[str, int]:
    """How many points each band has."""
    return dict(Counter(found.band.tolist()))


def notes(reading: Reading, code: str) -> list[str]:
    """The messages of the notes of one code."""
    return [note.message for note in reading.notes if note.code == code]
