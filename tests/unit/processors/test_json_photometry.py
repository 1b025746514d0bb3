"""JSON tables of many forms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.files import notes, points, processor_of, read, write
from tomgql.errors import UnreadableFile

ROWS = [{"mjd": 59000.25, "mag": 20.0, "filter": "ztfg"}, {"mjd": 59001.25, "mag": 21.0, "filter": "ztfr"}]
NAMES = list(ROWS[0])
CELLS = [list(row.values()) for row in ROWS]


@pytest.mark.parametrize(
    "document",
    [
        ROWS,
        {"status": "success", "data": ROWS},
        {"data": {"target": {"photometry": ROWS}}},
        {"columns": NAMES, "index": [0, 1], "data": CELLS},
        {"info": [{"name": name, "type": "x"} for name in NAMES], "data": CELLS},
        {"metadata": [{"name": name} for name in NAMES], "data": CELLS},
        {name: [row[name] for row in ROWS] for name in NAMES},
        {name: {str(at): row[name] for at, row in enumerate(ROWS)} for name in NAMES},
        {"phot": ROWS, "meta": [{"a": 1}]},
    ],
)
def test_forms_of_one_table(tmp_path: Path, document: Any) -> None:
    file = write(tmp_path, json.dumps(document))
    assert processor_of(file) == "json"
    found, _ = points(file)
    assert found.mjd_utc.tolist() == [59000.25, 59001.25]
    assert found.reported_magnitude.tolist() == [20.0, 21.0]
    assert found.band.tolist() == ["ztfg", "ztfr"]


def test_lines_and_bare_nan(tmp_path: Path) -> None:
    text = "\n".join(json.dumps(row) for row in ROWS).replace("21.0", "NaN")
    found, reading = points(write(tmp_path, text))
    assert (len(found), [row.code for row in reading.rejected]) == (1, ["NO_MEASUREMENT"])


def test_alerce_detections_and_limits_are_joined(tmp_path: Path) -> None:
    document = {
        "detections": [{"mjd": 59000.5, "fid": 1, "magpsf": 20.0, "sigmapsf": 0.1, "isdiffpos": -1, "candid": "7"}],
        "non_detections": [{"mjd": 59001.5, "fid": 2, "diffmaglim": 20.5}],
    }
    found, reading = points(write(tmp_path, json.dumps(document)))
    assert found.band.tolist() == ["ztfg", "ztfr"]
    assert found.flux_ujy[0] == pytest.approx(-36.3078, rel=1e-5)
    assert found.limit_nsigma.tolist() == pytest.approx([float("nan"), 5.0], nan_ok=True)
    assert found.mjd_utc[0] == pytest.approx(59000.5 + 15 / 86400)
    assert found.difference.all()
    assert notes(reading, "TABLE_CHOSEN") == [
        "of 2 tables in the document these were read: detections, non_detections"
    ]


def test_fink(tmp_path: Path) -> None:
    rows = [{"i:jd": 2459000.5, "i:fid": 1, "i:magpsf": 20.0, "i:isdiffpos": "t", "i:candid": 1, "d:tag": "valid"},
            {"i:jd": 2459001.5, "i:fid": 1, "i:magpsf": 20.1, "i:isdiffpos": "t", "i:candid": 2, "d:tag": "badquality"},
            {"i:jd": 2459002.5, "i:fid": 1, "i:magpsf": None, "i:diffmaglim": 20.5, "d:tag": "upperlim"}]  # fmt: skip
    found, reading = points(write(tmp_path, json.dumps(rows)))
    assert found.external_id.tolist() == ["1", None]
    assert notes(reading, "QUALITY_CUT") == ["1 row with bad quality by Fink's tag; left out"]


def test_rubin(tmp_path: Path) -> None:
    rows = [{"r:midpointMjdTai": 61000.0, "r:psfFlux": 1000.0, "r:psfFluxErr": 100.0, "r:band": "g"}]
    found, _ = points(write(tmp_path, json.dumps(rows)))
    assert found.mjd_utc[0] == pytest.approx(61000 - 37 / 86400, abs=1e-9)
    assert (found.band[0], found.flux_ujy[0]) == ("lsstg", pytest.approx(1.0))


def test_tns(tmp_path: Path) -> None:
    entry = {"obsdate": "2020-05-31 06:00:00", "flux": "20.0", "fluxerr": "0.1", "limflux": "",
             "flux_unit": {"id": 1, "name": "ABMag"}, "filters": {"id": 110, "name": "g-ZTF"},
             "telescope": {"id": 1, "name": "P48"}, "instrument": {"id": 196, "name": "ZTF-Cam"}}  # fmt: skip
    found, _ = points(write(tmp_path, json.dumps({"data": {"reply": {"photometry": [entry]}}})))
    assert (found.mjd_utc[0], found.flux_ujy[0]) == pytest.approx((59000.25, 36.3078), rel=1e-5)
    assert (found.reported_system[0], found.telescope[0], found.instrument[0]) == ("AB", "P48", "ZTF-Cam")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"data": [1, 2]}', r"without a table of photometry, .* Tables found: none"),
        ('[{"a": 1, "b": 2}]', r"Tables found: outermost: a, b\. Name the columns"),
        ('[{"mjd": 59000, "mag": 20, "filter": "V"},\n{"mjd": 5', r"the JSON is broken at line 2, column 10"),
        ("[" * 100_000, "nested too deeply"),
        ('[{"mjd": ' + "9" * 5000 + ', "mag": 20, "filter": "V"}]', "absurd number"),
    ],
)
def test_bad_documents(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        read(write(tmp_path, content))


def test_mapping_and_place(tmp_path: Path) -> None:
    rows = [{"t": 59000.25, "m": 20.0}]
    document = json.dumps({"a": rows, "b": [{"t": 59001.25, "m": 21.0}]})
    options = {"mapping": {"time": "t", "magnitude": "m"}, "band": "ztfg", "time_format": "mjd"}
    found, _ = points(write(tmp_path, document), table="b", **options)
    assert found.mjd_utc.tolist() == [59001.25]
    with pytest.raises(UnreadableFile, match='there is no table at "c" in the document'):
        read(write(tmp_path, document), table="c", **options)
