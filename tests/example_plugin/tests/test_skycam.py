"""The plug-ins by themselves: no server is needed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from skycam.hook import NightLogHook
from skycam.processor import SkyCamProcessor

from tomgql.domain.measurements import Note, Reading
from tomgql.errors import HookFailed, InvalidInput, UnreadableFile
from tomgql.plugins.contracts import (
    DATA_RECORDED,
    PRODUCT_STORED,
    HookProduct,
    HookTarget,
    Occasion,
    RecordedData,
    SourceFile,
    check,
    check_hook,
)

NIGHT = b"""# SKYCAM 1
# object: AT 2026cam
# filter: V
# exposure_s: 60
2026-01-01T01:00:00 14.21 0.03 21.3
2026-01-01T02:00:00 14.35 0.30 -
"""
TARGET = HookTarget("t1", ("AT 2026cam",), "SIDEREAL", 150.0, 2.0)


def a_file(folder: Path, content: bytes) -> SourceFile:
    path = folder / "night.txt"
    path.write_bytes(content)
    return SourceFile(path, "night.txt", len(content), content[:65536], "photometry", ("AT 2026cam",), 150.0, 2.0)


def read(folder: Path, content: bytes = NIGHT, **options: Any) -> Reading:
    return SkyCamProcessor().read(a_file(folder, content), options)


def test_they_meet_the_contracts() -> None:
    assert check(SkyCamProcessor()) == []
    assert check_hook(NightLogHook()) == []


def test_it_knows_its_own_files(tmp_path: Path) -> None:
    assert SkyCamProcessor().confidence(a_file(tmp_path, NIGHT)) == 100
    assert SkyCamProcessor().confidence(a_file(tmp_path, b"mjd,mag\n")) == 0


def test_a_night_is_read(tmp_path: Path) -> None:
    reading = read(tmp_path)
    found, sky = reading.photometry, reading.generic
    assert found is not None
    assert sky is not None
    assert found.reported_magnitude.tolist() == [14.21, 14.35]
    assert found.mjd_utc.tolist() == pytest.approx([61041.0 + 3630 / 86400, 61041.0 + 7230 / 86400], abs=1e-9)
    assert (sky.data_type, [json.loads(text) for text in sky.reported]) == (
        "sky_brightness",
        [{"sky_mag_arcsec2": 21.3}],
    )


def test_options(tmp_path: Path) -> None:
    reading = read(tmp_path, max_error=0.1, sky=False)
    assert reading.photometry is not None
    assert reading.photometry.reported_magnitude.tolist() == [14.21]
    assert reading.generic is None
    assert reading.notes[-1] == Note("INFO", "LARGE_ERROR", "1 with an error above 0.1 mag", 2, 1)
    with pytest.raises(InvalidInput, match='There is no option "colour"'):
        read(tmp_path, colour="blue")


def test_a_damaged_row_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"night\.txt, row 3: 2 columns"):
        read(tmp_path, NIGHT + b"2026-01-01T03:00:00 14\n")


def test_the_hook_checks_files_and_counts_data(tmp_path: Path) -> None:
    path = a_file(tmp_path, NIGHT).path
    product = HookProduct("p1", "photometry", "night.txt", len(NIGHT), hashlib.sha256(NIGHT).hexdigest(), path)
    stored = Occasion("j1", PRODUCT_STORED, 1, TARGET, product)
    assert NightLogHook().run(stored).message == "night.txt arrived whole."
    recorded = Occasion("j2", DATA_RECORDED, 1, TARGET, product, RecordedData(3, 0, 1, 0))
    report = NightLogHook().run(recorded)
    assert report.message == "AT 2026cam: 3 new, 0 revised."
    assert report.notes == (Note("WARNING", "WITHDRAWN", "1 data of an earlier reading are out of use now"),)
    path.write_bytes(b"other")
    with pytest.raises(HookFailed, match="damaged after its upload"):
        NightLogHook().run(stored)
