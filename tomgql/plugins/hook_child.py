"""One call of a hook, in a process of its own: the occasion as a frozen value in, the report as JSON out."""

from __future__ import annotations

import gc
import os
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from tomgql.domain.cells import clean_text
from tomgql.domain.measurements import Note
from tomgql.errors import HookFailed
from tomgql.plugins.contracts import Hook, HookProduct, HookReport, HookTarget, Occasion, RecordedData
from tomgql.plugins.registry import HOOK_GROUP, HookRegistry

LONGEST_MESSAGE = 500
"""Characters that are kept of a report's message, and of each of its notes'."""

MOST_NOTES = 100
"""Notes that are kept of a report."""


def call_hook(request: Mapping[str, Any], output: Path) -> dict[str, Any]:
    """Call the hook that the request names and return what it says. Raises HookFailed, and whatever the hook raises."""
    gc.enable()  # a hook may live long
    name, place = request["hook"]
    hook = _hook(name, place)
    os.chdir(output)
    report = hook.run(_occasion(request["occasion"]))
    if report is None:
        report = HookReport()
    if not isinstance(report, HookReport):
        raise HookFailed(f"it returned {type(report).__name__}; None or a HookReport would be right.")
    return {
        "version": hook.version,
        "message": _kept(report.message),
        "notes": [_note(note) for note in report.notes[:MOST_NOTES]],
    }


def _hook(name: str, place: str) -> Hook:
    registry = HookRegistry.load([EntryPoint(name, place, HOOK_GROUP)])
    if registry.faults:
        raise HookFailed(f"it {registry.faults[0].fault}.")
    return registry.locate(name).plugin


def _occasion(said: Mapping[str, Any]) -> Occasion:
    target = said["target"]
    product = said["product"]
    recorded = said["recorded"]
    return Occasion(
        id=said["id"],
        name=said["name"],
        attempt=said["attempt"],
        target=HookTarget(**{**target, "names": tuple(target["names"])}),
        product=HookProduct(**{**product, "path": Path(product["path"])}) if product else None,
        recorded=RecordedData(**recorded) if recorded else None,
    )


def _note(note: Note) -> dict[str, Any]:
    if note.level not in ("INFO", "WARNING", "ERROR"):
        raise HookFailed(f'a note has the level "{_kept(note.level)}"; INFO, WARNING or ERROR would be right.')
    return asdict(note) | {"code": _kept(note.code), "message": _kept(note.message)}


def _kept(text: str) -> str:
    return clean_text(str(text))[:LONGEST_MESSAGE]
