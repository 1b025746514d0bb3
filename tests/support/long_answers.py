"""Long answers of survey services: thousands of rows with a column that is new, some of a filter that nobody knows.

Their forms are those of the doubles; none of them was recorded.
"""

from __future__ import annotations

import json
from typing import Any

from tests.support.broker_doubles import ALERCE, LOCUS
from tests.support.files import DATA
from tests.support.gaia_double import packed
from tests.support.recordings import recorded
from tests.support.ztf_double import LIGHT_CURVE
from tests.unit.processors.test_light_curves_documented import BY_BAND, HEADER, ROWS, SOURCE

STRANGE = 25
"""Every such row is of an unknown filter, where the service has filters."""

NEW = "novelty"
"""Name of the new column; its cells hold the number of the row."""


def is_strange(row: int) -> bool:
    """Whether a row is of a filter that nobody knows."""
    return row % STRANGE == 0


def _atlas(count: int) -> dict[str, Any]:
    header = f"###MJD m dm uJy duJy F err chi/N RA Dec x y maj min phi apfit mag5sig Sky Obs {NEW}"
    lines = (
        f"{58000 + row / 10:.6f} 18.123 0.050 {200 + row % 50} 10 {'z' if is_strange(row) else 'co'[row % 2]} 0 1.01"
        f" 29.86137 30.72672 {row:.2f} 3841.8 2.04 2.02 26.5 -0.421 19.59 20.43 01a{58000 + row // 10}o{row:04d}o {row}"
        for row in range(count)
    )
    return {"result": "\n".join([header, *lines, ""]).encode()}


def _ztf_forced(count: int) -> dict[str, Any]:
    lines = (DATA / LIGHT_CURVE).read_text().splitlines()
    (header,) = [number for number, line in enumerate(lines) if line.startswith(" index, field")]
    names = lines[header].replace(" ", "").split(",")
    cells = next(line.split() for line in lines[header + 1 :] if line.strip() and not line.startswith("#"))
    at = {name: names.index(name) for name in ("index", "filter", "pid", "jd")}
    rows = []
    for row in range(count):
        cells[at["index"]], cells[at["filter"]] = str(row), "ZTF_q" if is_strange(row) else "ZTF_g"
        cells[at["pid"]], cells[at["jd"]] = str(448272360815 + row * 1000), f"{2458202.7 + row / 10:.7f}"
        rows.append(" ".join([*cells, str(row)]))
    return {"result": "\n".join([*lines[:header], f"{lines[header]}, {NEW}", "#", *rows, ""]).encode()}


def _panstarrs(count: int) -> dict[str, Any]:
    rows = (
        {"detectID": str(1000 + row), "filterID": 9 if is_strange(row) else row % 5 + 1, "obsTime": 55000.25 + row / 10,
         "psfFlux": 0.00526, "psfFluxErr": 0.00001, "psfQfPerfect": 0.99, NEW: row}
        for row in range(count)
    )  # fmt: skip
    return {"detections": tuple(rows), "more": (NEW,)}


def _detections(count: int, prefix: str = "") -> list[dict[str, Any]]:
    return [
        {f"{prefix}{name}": value for name, value in {
            "candid": 534377870115010099 + row, "mjd": 58288.5 + row / 10, "jd": 2458289.0 + row / 10,
            "fid": 9 if is_strange(row) else row % 3 + 1, "magpsf": 18.5, "sigmapsf": 0.1, "diffmaglim": 20.5,
            "isdiffpos": "t", "ra": 279.9, "dec": -4.87, NEW: row,
        }.items()}
        for row in range(count)
    ]  # fmt: skip


def _alerce(count: int) -> dict[str, Any]:
    answer = {"detections": _detections(count), "non_detections": []}
    return {"answers": {f"/alerce/objects/{ALERCE}/lightcurve": answer}}


def _fink(count: int) -> dict[str, Any]:
    return {"answers": {"/fink/api/v1/objects": _detections(count, "i:")}}


def _lasair(count: int) -> dict[str, Any]:
    return {"answers": {"/lasair/api/object/": {"objectId": "x", "candidates": _detections(count), "forcedphot": []}}}


def _antares(count: int) -> dict[str, Any]:
    document = json.loads(recorded("antares", 1))
    alert = json.dumps(next(each for each in document["data"] if each["id"].startswith("ztf_candidate:")))
    document["data"], document["links"] = [], {}
    for row, detection in enumerate(_detections(count, "ztf_")):
        one = json.loads(alert)
        one["id"] = f"ztf_candidate:{row}"
        one["attributes"]["mjd"] = detection["ztf_mjd"]
        passband = "Q" if is_strange(row) else "R"
        one["attributes"]["properties"] |= detection | {"ant_mjd": detection["ztf_mjd"], "ant_passband": passband}
        document["data"].append(one)
    return {"answers": {f"/antares/v1/loci/{LOCUS}/alerts": document}}


def _ztf_public(count: int) -> dict[str, Any]:
    cells = ROWS[0].split(",")
    at = {name: number for number, name in enumerate(HEADER.split(","))}
    rows = []
    for row in range(count):
        cells[at["expid"]], cells[at["mjd"]] = str(45847395 + row), f"{58203.5 + row / 10:.4f}"
        cells[at["filtercode"]] = "zq" if is_strange(row) else "zg"
        rows.append(",".join([*cells, str(row)]))
    return {"header": f"{HEADER},{NEW}", "rows": tuple(rows)}


def _gaia_alerts(count: int) -> dict[str, Any]:
    rows = (f"2014-10-26 13:53:21.{row:04d},{2456957.07871 + row / 10:.5f},18.23,{row}" for row in range(count))
    return {"alert": "\n".join(["Gaia14adi", f"#Date,JD(TCB),averagemag,{NEW}", *rows, ""])}


def _gaia_epochs(count: int) -> dict[str, Any]:
    rows = (
        f"{SOURCE},{row},{'XX' if is_strange(row) else 'G'},{1731.5 + row / 10:.4f},18.1,1000.0,2.0,500.0,false,false,"
        f"1,1,{row}"
        for row in range(count)
    )
    header = BY_BAND.partition("\n")[0]
    return {"content": packed(long="\n".join([f"{header},{NEW}", *rows, ""]))}


LONG = {
    "atlas": (_atlas, 2_500), "ztf_forced": (_ztf_forced, 2_500), "panstarrs": (_panstarrs, 5_000),
    "alerce": (_alerce, 2_500), "fink": (_fink, 2_500), "lasair": (_lasair, 2_500), "antares": (_antares, 500),
    "ztf_public": (_ztf_public, 2_500), "gaia_alerts": (_gaia_alerts, 7_500), "gaia_epochs": (_gaia_epochs, 5_000),
}  # fmt: skip
"""Service -> what makes the facts of its double of a number of rows, and a number with which its answer is long."""

LEAST_BYTES = 300_000
"""What is long."""

SKIPPING = ("atlas",)
"""Services whose rows of unknown filters are left out; of others they are stored as written."""

ALIKE = ("alerce", "fink", "lasair", "antares")
"""Services whose rows are one datum with another's, so that what is their own stays in the file."""

WITHOUT_FILTERS = ("gaia_alerts",)
"""Services all of whose rows are of one filter."""
