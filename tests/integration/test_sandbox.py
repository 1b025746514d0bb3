"""Files read in isolation, by good processors and by very bad ones."""

from __future__ import annotations

import asyncio
import os
import textwrap
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tomgql.domain.staging import read_staged
from tomgql.errors import ProcessingLimit, ProcessorFailed, UnknownPlugin, UnreadableFile
from tomgql.plugins.sandbox import Limits, Sandbox, SandboxRequest

DATA = Path(__file__).parents[1] / "data"
BUILT_IN = (
    ("atlas", "tomgql.builtin.processors.atlas:AtlasProcessor"),
    ("photometry", "tomgql.builtin.processors.photometry:PhotometryProcessor"),
)
BAD = """
    import os, signal, subprocess, time
    import numpy as np
    from tomgql.domain.measurements import GenericData, Reading, Note
    class Bad:
        name = "bad"; title = "Bad"; version = "1"; data_types = ("photometry",); options_schema = {"type": "object"}
        def confidence(self, file): return 1
        def read(self, file, options):
            return getattr(self, options["do"])(options)
        def hang(self, options):
            child = subprocess.Popen(["sleep", "1000"])
            open(options["at"], "w").write(f"{os.getpid()} {child.pid}")
            time.sleep(1000)
        def spin(self, options):
            while True: pass
        def eat(self, options): return bytearray(64 * 2**30)
        def flood(self, options):
            with open("big", "wb") as stream:
                while True: stream.write(bytes(2**20))
        def crash(self, options): os.kill(os.getpid(), signal.SIGSEGV)
        def leave(self, options): os._exit(3)
        def note(self, none, text):
            return GenericData("note", np.array([59000.0]), none, none, none, none, [text], np.array([1]))
        def lie(self, options):
            none = np.array([None], dtype=object)
            return Reading(generic=self.note(none, "{oops"))
        def tell(self, options):
            none = np.array([None], dtype=object)
            return Reading(generic=self.note(none, '{"a": 1}'))
        def stumble(self, options): raise RuntimeError("secret of the trade")
        def look(self, options):
            fds = sorted(int(fd) for fd in os.listdir("/proc/self/fd"))
            environment = open("/proc/self/environ").read() + repr(dict(os.environ))
            return Reading(notes=[Note("INFO", "LOOK", f"{len(fds)} {environment}")])
"""


@pytest.fixture(scope="module")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    place = tmp_path_factory.mktemp("plugins")
    (place / "bad_processors.py").write_text(textwrap.dedent(BAD))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(place))
        patch.setenv("TOMGQL_SECRET_KEY", "do-not-tell")
        async with Sandbox() as opened:
            yield opened


def a_request(output: Path, file: str = "phot_flux_zp_ZTF21aaqjmps.csv", **changes: Any) -> SandboxRequest:
    said = {
        "path": DATA / file,
        "name": file,
        "data_product_type": "photometry",
        "processors": BUILT_IN,
        "output_dir": output,
    }
    return SandboxRequest(**(said | changes))


def misbehave(output: Path, deed: str, **options: Any) -> SandboxRequest:
    return a_request(output, processors=(("bad", "bad_processors:Bad"),), options={"do": deed, **options})


async def test_a_light_curve(sandbox: Sandbox, tmp_path: Path) -> None:
    result = await sandbox.read(a_request(tmp_path, preview_rows=2, source_location="upload:1"))
    with result.rows_path.open("rb") as stream:
        rows = list(read_staged(stream))
    assert (result.rows, len(rows), result.processor, result.version) == (174, 174, "photometry", "1")
    assert [row["row"] for row in rows] == sorted(row["row"] for row in rows)
    assert "REPEATED_TIME" in {note.code for note in result.notes}
    assert result.preview[1]["flux_ujy"] == pytest.approx(58.0979, abs=1e-4)
    assert result.preview[0]["reported"]["magsys"] == "ab"
    assert result.preview[0]["source_location"] == "upload:1"


async def test_the_surest_processor_reads(sandbox: Sandbox, tmp_path: Path) -> None:
    assert (await sandbox.read(a_request(tmp_path, "atlas_synthetic.txt"))).processor == "atlas"


async def test_many_at_once_and_quickly(sandbox: Sandbox, tmp_path: Path) -> None:
    places = [tmp_path / str(number) for number in range(8)]
    for place in places:
        place.mkdir()
    started = time.perf_counter()
    results = await asyncio.gather(*(sandbox.read(a_request(place)) for place in places))
    assert [result.rows for result in results] == [174] * 8
    assert time.perf_counter() - started < 5.0


async def test_errors_keep_their_class_and_words(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="has no header") as caught:
        await sandbox.read(a_request(tmp_path, "phot_commented_header_asassn15oz.csv"))
    assert type(caught.value) is UnreadableFile


async def test_hanging_is_ended_with_all_descendants(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(ProcessingLimit, match="longer than 1 seconds"):
        await sandbox.read(misbehave(tmp_path, "hang", at=str(tmp_path / "pids")), Limits(wall_s=1.0))
    await assert_gone(tmp_path / "pids")


async def test_cancelling_kills_the_child(sandbox: Sandbox, tmp_path: Path) -> None:
    task = asyncio.create_task(sandbox.read(misbehave(tmp_path, "hang", at=str(tmp_path / "pids"))))
    await asyncio.to_thread(wait_for_text, tmp_path / "pids")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await assert_gone(tmp_path / "pids")


def has_result(output: Path) -> bool:
    return (output / "result.json").exists()


def wait_for_text(note: Path) -> None:
    deadline = time.monotonic() + 10
    while not (note.is_file() and len(note.read_text().split()) == 2):
        assert time.monotonic() < deadline
        time.sleep(0.02)


async def assert_gone(note: Path) -> None:
    await asyncio.to_thread(_assert_gone, note)


def _assert_gone(note: Path) -> None:
    for pid in map(int, note.read_text().split()):
        deadline = time.monotonic() + 2
        while _runs(pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not _runs(pid)


def _runs(pid: int) -> bool:
    """Whether a process is there and no mere zombie that waits for init."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize(
    ("deed", "limits", "words"),
    [
        ("eat", Limits(), "more memory"),
        ("spin", Limits(cpu_s=1), "processor time"),
        ("flood", Limits(output_bytes=4 * 2**20), "wrote more"),
        ("crash", Limits(), "crashed .signal 11, SIGSEGV."),
        ("leave", Limits(), "crashed .exit code 3."),
    ],
)
async def test_misdeeds(sandbox: Sandbox, tmp_path: Path, deed: str, limits: Limits, words: str) -> None:
    with pytest.raises(ProcessingLimit, match=words):
        await sandbox.read(misbehave(tmp_path, deed), limits)
    assert not (tmp_path / "result.json").exists()


async def test_an_unforeseen_error_shows_no_traceback(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(ProcessorFailed, match="RuntimeError: secret of the trade") as caught:
        await sandbox.read(misbehave(tmp_path, "stumble"))
    assert "Traceback" not in caught.value.message
    assert "Traceback" in caught.value.__notes__[0]
    assert caught.value.code == "PROCESSOR_FAILED"


async def test_data_of_other_kinds(sandbox: Sandbox, tmp_path: Path) -> None:
    result = await sandbox.read(replace(misbehave(tmp_path, "tell"), preview_rows=1))
    assert (result.preview[0]["data_type"], result.preview[0]["reported"]) == ("note", {"a": 1})
    with pytest.raises(ProcessorFailed):
        await sandbox.read(misbehave(tmp_path, "lie"))


async def test_a_processor_that_is_not_there(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises((UnreadableFile, UnknownPlugin), match="no processor can be loaded"):
        await sandbox.read(a_request(tmp_path, processors=(("gone", "no_such_module:X"),)))


async def test_children_inherit_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    try:
        result = await sandbox.read(misbehave(tmp_path, "look"))
    finally:
        os.close(read_end)
        os.close(write_end)
    seen = result.notes[0].message
    assert "do-not-tell" not in seen
    assert "TOMGQL_" not in seen
    assert int(seen.split()[0]) <= 4


async def test_a_dead_or_silent_nursery_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import signal

    from tomgql.errors import Unavailable
    from tomgql.plugins import sandbox as module

    monkeypatch.setattr(module, "_ANSWER_S", 0.5)
    async with Sandbox() as own:
        await own.read(a_request(tmp_path))
        assert own._nursery is not None
        os.kill(own._nursery._process.pid, signal.SIGSTOP)
        with pytest.raises(Unavailable, match="does not answer"):
            await own.read(a_request(tmp_path))
        monkeypatch.setattr(module, "_ANSWER_S", 10.0)
        assert (await own.read(a_request(tmp_path))).rows == 174
