"""Packages with plug-ins, written as an installer would leave them: modules beside their metadata."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path


def write_package(place: Path, name: str, source: str, entry_points: Mapping[str, Mapping[str, str]]) -> None:
    """A package of one module; ``entry_points`` maps a group to names and the classes that they stand for."""
    (place / f"{name}.py").write_text(textwrap.dedent(source))
    project = name.replace("_", "-")
    metadata = place / f"{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project}\nVersion: 1.0\n")
    sections = [
        f"[{group}]\n" + "".join(f"{key} = {name}:{value}\n" for key, value in entries.items())
        for group, entries in entry_points.items()
    ]
    (metadata / "entry_points.txt").write_text("\n".join(sections))
