"""Pan-STARRS detections and mean objects; the detections are written from the documentation, not recorded."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.support.files import DATA, a_file, bands, notes, points, processor_of, read, write
from tomgql.errors import UnreadableFile

MEAN = (
    "objID,raMean,decMean,nDetections,gMeanPSFMag,rMeanPSFMag,iMeanPSFMag,zMeanPSFMag,yMeanPSFMag\r\n"
    "149812299620603702,229.9620946449489,34.84424324589214,72,14.595100402832031,14.433699607849121,-999.0,"
    "14.457300186157227,14.293000221252441\r\n"
)
DETECTIONS = """objID,detectID,filterID,obsTime,ra,dec,psfFlux,psfFluxErr,psfQfPerfect
1,11,1,56000.5,150.0,20.0,0.003631,0.00001,0.99
1,12,2,56001.5,150.0,20.0,0.003631,0.00001,0.5
1,13,5,56002.5,150.0,20.0,-999,-999,0.99
2,21,3,56003.5,150.01,20.0,0.001,0.00001,0.99
"""


def test_mean_objects_are_facts_not_points(tmp_path: Path) -> None:
    file = write(tmp_path, MEAN)
    assert processor_of(file) == "panstarrs"
    reading = read(file)
    found = reading.generic
    assert reading.photometry is None
    assert found is not None
    assert (found.data_type, len(found), found.external_id[0]) == ("catalogue", 1, "149812299620603702")
    value = json.loads(found.reported[0])
    assert (value["nDetections"], value["gMeanPSFMag"], value["iMeanPSFMag"]) == (72, 14.595100402832031, None)
    assert notes(reading, "TIME_ASSUMED") == ["no epochMean; filed under the middle of the survey, MJD 55866"]


@pytest.mark.filterwarnings("error")
def test_objects_without_readable_positions_are_not_the_nearest(tmp_path: Path) -> None:
    damaged = DETECTIONS.replace("150.01,20.0", "x,y")
    found, reading = points(write(tmp_path, damaged, position=(150.0, 20.0)))
    assert (len(found), notes(reading, "OTHER_OBJECTS")) == (1, ["1 row of other objects skipped"])
    without = damaged.replace("150.0,20.0", "x,y")
    with pytest.raises(UnreadableFile, match=r"2 objects in column objID; .* lies within 2 arcsec of it: 1, 2"):
        read(write(tmp_path, without, position=(150.0, 20.0)))


def test_mean_objects_as_json_of_mast() -> None:
    path = DATA / "mast_panstarrs_catalog.json"
    assert processor_of(a_file(path)) == "panstarrs"
    with pytest.raises(UnreadableFile, match="35 objects in column objID; none is a name or alias of this target or"):
        read(a_file(path))
    reading = read(a_file(path, names=("PSO J002353.230-323148.612",)))
    assert reading.generic is not None
    assert json.loads(reading.generic.reported[0])["iMeanApMag"] == 20.271799087524414
    assert notes(reading, "OTHER_OBJECTS") == ["34 rows of other objects skipped"]


def test_detections(tmp_path: Path) -> None:
    found, reading = points(write(tmp_path, DETECTIONS, position=(150.0, 20.0)))
    assert bands(found) == {"ps1::g": 1}
    assert found.mjd_utc[0] == pytest.approx(56000.5 - 34 / 86400, abs=1e-9), "obsTime is TAI"
    assert (found.flux_ujy[0], found.flux_error_ujy[0]) == pytest.approx((3631.0, 10.0))
    assert (found.time_quality[0], found.external_id[0]) == ("converted", "11")
    assert notes(reading, "QUALITY_CUT") == ["1 row with psfQfPerfect not above 0.9; left out"]
    assert notes(reading, "OTHER_OBJECTS") == ["1 row of other objects skipped"]
    assert len(points(write(tmp_path, DETECTIONS, names=("1",)), min_psf_qf=0.1)[0]) == 2
    with pytest.raises(UnreadableFile, match=r"2 objects in column objID; .* lies within 2 arcsec of it: 1, 2"):
        read(write(tmp_path, DETECTIONS))


def test_detections_as_json(tmp_path: Path) -> None:
    rows = [line.split(",") for line in DETECTIONS.splitlines()]
    body = {"info": [{"name": name} for name in rows[0]], "data": [[float(cell) for cell in rows[1]]]}
    found, _ = points(write(tmp_path, json.dumps(body)))
    assert np.allclose(found.flux_ujy, 3631.0)


def test_no_rows_means_nothing_is_there(tmp_path: Path) -> None:
    reading = read(write(tmp_path, MEAN.splitlines()[0] + "\r\n"))
    assert (reading.photometry, reading.generic) == (None, None)
    assert notes(reading, "NO_ROWS") == ["the light curve is empty"]
