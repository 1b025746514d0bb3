"""Calling a hook in isolation, as its caller sees it."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tomgql.errors import HookFailed, TomError, Upstream
from tomgql.plugins.contracts import Occasion
from tomgql.plugins.sandbox import Errand, Limits, Sandbox
from tomgql.plugins.sandbox_result import error_class, load_result, with_log


@dataclass(frozen=True)
class HookAnswer:
    """What a hook said: its version, a message for people, and notes as `tomgql.domain.measurements.Note` has them."""

    version: str
    message: str
    notes: list[dict[str, Any]]


async def call_hook(
    sandbox: Sandbox, hook: tuple[str, str], occasion: Occasion, output_dir: Path, limits: Limits
) -> HookAnswer:
    """Call a hook, given by name and place (``module:Class``), in a child process; cancelling the caller kills it.

    ``output_dir`` is an empty directory of the caller's, and the hook's working directory. Raises `HookFailed`, an
    `Upstream` that the hook raised, `ProcessingLimit` for a hook that crashed or used up what it was granted, and
    `Unavailable`.
    """
    name = f'Hook "{hook[0]}"'
    message = {"errand": "hook", "hook": hook, "occasion": _in_json(occasion)}
    await sandbox.run(Errand(name, "its run", message, output_dir), limits)
    return await asyncio.to_thread(_answer, name, output_dir)


def _in_json(occasion: Occasion) -> dict[str, Any]:
    said = asdict(occasion)
    if occasion.product is not None:
        said["product"]["path"] = str(occasion.product.path.absolute())
    return said


def _answer(name: str, output_dir: Path) -> HookAnswer:
    """The report that a hook's child left, read with distrust."""
    try:
        said = load_result(output_dir)
        if "broke_down" in said:
            words = f"{name} broke down ({said['broke_down']}); the server's log says where."
            raise with_log(HookFailed(words), str(said["log"]))
        if "error" in said:
            raise _error(name, str(said["error"]["code"]), str(said["error"]["message"]))
        return HookAnswer(str(said["version"]), str(said["message"]), [dict(note) for note in said["notes"]])
    except (ValueError, KeyError, TypeError) as fault:
        raise HookFailed(f"{name} left no usable report.") from fault


def _error(name: str, code: str, message: str) -> TomError:
    """Of our errors a hook may raise its own failure and those of other services, which may be worth another try."""
    kind = error_class(code)
    return (kind if kind is not None and issubclass(kind, Upstream) else HookFailed)(f"{name}: {message}")
