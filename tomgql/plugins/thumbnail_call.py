"""Drawing a thumbnail in isolation, as its caller sees it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tomgql.errors import UnreadableFile
from tomgql.plugins.sandbox import Errand, Limits, Sandbox
from tomgql.plugins.sandbox_result import load_result, with_log

LARGEST_BYTES = 1024 * 1024
"""Beyond any PNG of a thumbnail's size."""


async def draw_thumbnail(sandbox: Sandbox, path: Path, name: str, output_dir: Path, limits: Limits) -> Path | None:
    """Draw a file's thumbnail in a child process: the path of a PNG in ``output_dir``; None for a file without image.

    ``path`` is absolute; ``name`` is what the file is called in errors. Raises `UnreadableFile`, `ProcessingLimit` and
    `Unavailable`.
    """
    message = {"errand": "thumbnail", "path": str(path), "name": name}
    await sandbox.run(Errand(name, "drawing its thumbnail", message, output_dir), limits)
    return await asyncio.to_thread(_drawn, name, output_dir)


def _drawn(name: str, output_dir: Path) -> Path | None:
    try:
        said = load_result(output_dir)
        if "broke_down" in said:
            words = f"{name}: the image cannot be drawn ({said['broke_down']}); the server's log says where."
            raise with_log(UnreadableFile(words), str(said["log"]))
        if "error" in said:
            raise UnreadableFile(str(said["error"]["message"]))
    except (ValueError, KeyError, TypeError) as fault:
        raise UnreadableFile(f"{name}: no usable thumbnail was drawn.") from fault
    path = output_dir / "thumbnail.png"
    if not said.get("drawn"):
        return None
    if not path.is_file() or path.stat().st_size > LARGEST_BYTES:
        raise UnreadableFile(f"{name}: no usable thumbnail was drawn.")
    return path
