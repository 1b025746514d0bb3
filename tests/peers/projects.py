"""Releases of TOM Toolkit in environments of their own, and stock projects of them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
import venv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.site import free_port, listens, until

RECEIVER = Path(__file__).with_name("receiver.py")
"""What a peer runs that is shared with."""

USERNAME, PASSWORD = "tomgql", "a secret of theirs"
"""Our account there."""

START_S = 120
"""Longest start of a peer: it makes its database."""


def installed(release: str, environments: Path) -> Path:
    """The Python of an environment that holds the release; made unless it is there."""
    place = environments / f"tomtoolkit-{release}"
    python = place / "bin" / "python"
    if not (place / "ready").exists():
        begun = time.monotonic()
        venv.create(place, with_pip=True)
        pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check", f"tomtoolkit=={release}"]
        subprocess.run(pip, check=True)
        (place / "ready").touch()
        print(f"{release}: installed in {time.monotonic() - begun:.0f} s")
    return python


def make_project(directory: Path, python: Path, **local_settings: Any) -> Path:
    """A stock project of the release, as its ``tom_setup`` would write it, with settings of this place."""
    (templates,) = python.parent.parent.glob("lib/python3*/site-packages/tom_setup/templates/tom_setup")
    project = directory / "peer"
    project.mkdir(parents=True)
    words = {"SECRET_KEY": "k" * 50, "PROJECT_NAME": "peer", "TARGET_TYPE": "SIDEREAL", "HINTS_ENABLED": "False"}
    settings = (templates / "settings.tmpl").read_text().replace("'{{ CUSTOM_CODE_APP_NAME }}',", "")
    for name, word in words.items():
        settings = settings.replace(f"{{{{ {name} }}}}", word)
    (project / "settings.py").write_text(settings)
    (project / "urls.py").write_text((templates / "urls.tmpl").read_text())
    lines = [f"{name} = {value!r}\n" for name, value in local_settings.items()]
    (directory / "local_settings.py").write_text("".join(lines))
    (directory / "data").mkdir()
    (directory / "static").mkdir()
    return directory


@dataclass
class Receiver:
    """A running TOM Toolkit."""

    url: str
    project: Path
    process: asyncio.subprocess.Process

    @property
    def cpu_s(self) -> float:
        """Seconds of processor time that it took so far (proc(5), fields utime and stime)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def receiving(python: Path, directory: Path) -> AsyncIterator[Receiver]:
    """A stock project that is shared with, as a site runs it: with DEBUG off."""
    project = make_project(directory, python, DEBUG=False, ALLOWED_HOSTS=["127.0.0.1"], TOM_NAME="Peer")
    port = free_port()
    printed = project / "printed.txt"
    with printed.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            str(python), str(RECEIVER), str(project), str(port), USERNAME, PASSWORD,
            cwd=project, env={**os.environ, "TMPDIR": str(project)}, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        await until(START_S, lambda: process.returncode is not None or listens(port))
        assert process.returncode is None, f"the peer ended:\n{printed.read_text()[-4000:]}"
        yield Receiver(f"http://127.0.0.1:{port}", project, process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
