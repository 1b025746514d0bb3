"""Light curves of brokers: ALeRCE, Fink and ANTARES as recorded; limits of ALeRCE and Fink, and all of Lasair, as
documented."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.files import bands, notes, points, processor_of, read, write
from tests.support.recordings import recorded
from tomgql.domain import photometry
from tomgql.domain.identity import contents
from tomgql.errors import InvalidInput, UnreadableFile

HALF_EXPOSURE = 15 / 86400


def alerce_light_curve(**more: Any) -> str:
    limits = [{"tid": "ztf", "mjd": 58300.25, "fid": 2, "diffmaglim": 20.5}]
    return json.dumps({"detections": json.loads(recorded("alerce_ztf", 1)), "non_detections": limits} | more)


def test_alerce_detections_as_recorded(tmp_path: Path) -> None:
    file = write(tmp_path, recorded("alerce_ztf", 1), position=(279.90477, -4.87089))
    assert processor_of(file) == "alerce"
    found, reading = points(file)
    assert found.external_id.tolist() == ["534377870115010099", "593191350115010084"]
    assert found.mjd_utc[0] == pytest.approx(58288.37787039997 + HALF_EXPOSURE, abs=1e-9)
    assert found.reported_magnitude.tolist() == [18.770634, 18.30812]
    assert found.flux_ujy.tolist() == pytest.approx([-112.6539, -172.4853], rel=1e-5)
    assert found.flux_error_ujy[0] == pytest.approx(112.6539 * 0.19861613 * 0.4 * 2.302585, rel=1e-5)
    assert (bands(found), found.difference.all(), found.forced.any()) == ({"ztfg": 2}, True, False)
    assert (found.source_name[0], found.telescope[0], found.instrument[0]) == ("ZTF", "P48", "ZTF")
    assert {note.code for note in reading.notes} == {"NEGATIVE_DIFFERENCE", "EXPOSURE_ASSUMED"}


def test_alerce_limits_as_documented(tmp_path: Path) -> None:
    found, reading = points(write(tmp_path, alerce_light_curve(forced_photometry=[{"mjd": 1}])))
    assert notes(reading, "OTHER_DATA_SKIPPED") == ["1 row of forced photometry not read"]
    assert bands(found) == {"ztfg": 2, "ztfr": 1}
    assert found.limit_flux_ujy[2] == pytest.approx(photometry.flux_from_magnitude(20.5))
    assert (found.limit_nsigma[2], found.external_id[2]) == (5.0, None)


def test_alerce_total_magnitudes(tmp_path: Path) -> None:
    file = write(tmp_path, alerce_light_curve())
    found, reading = points(file, corrected=True)
    assert found.reported_magnitude.tolist() == [15.501175, 15.52994]
    assert found.reported_magnitude_error.tolist() == [0.009777568, 0.008600273]
    assert found.flux_ujy[0] == pytest.approx(photometry.flux_from_magnitude(15.501175))
    assert not found.difference.any()
    assert notes(reading, "LIMITS_SKIPPED") == ["1 row with limits of difference images; left out"]
    uncorrected = alerce_light_curve().replace('"corrected": true', '"corrected": false', 1)
    found, reading = points(write(tmp_path, uncorrected), corrected=True)
    assert found.external_id.tolist() == ["593191350115010084"]
    assert notes(reading, "NOT_CORRECTED") == ["1 row without a total magnitude; left out"]


def test_fink_as_recorded(tmp_path: Path) -> None:
    file = write(tmp_path, recorded("fink"), names=("ZTF19aaosfcb",))
    assert processor_of(file) == "fink"
    found, reading = points(file)
    assert found.external_id.tolist() == ["3072410265715010069", "2889095235715010034", "2123204965715010022"]
    assert found.mjd_utc[0] == pytest.approx(2460826.9102662001 - 2400000.5 + HALF_EXPOSURE, abs=1e-9)
    assert found.flux_ujy[0] == pytest.approx(-photometry.flux_from_magnitude(14.903686))
    assert not notes(reading, "OTHER_NAME")
    assert notes(read(write(tmp_path, recorded("fink"), names=("SN 2019x",))), "OTHER_NAME")


def test_fink_limits_and_bad_quality_as_documented(tmp_path: Path) -> None:
    alert = json.loads(recorded("fink"))[0]
    limit = {"i:objectId": "ZTF19aaosfcb", "i:jd": 2460827.5, "i:fid": 2, "i:diffmaglim": 19.5, "d:tag": "upperlim",
             "i:magpsf": float("nan"), "i:sigmapsf": float("nan"), "i:isdiffpos": None}  # fmt: skip
    bad = limit | {"d:tag": "badquality", "i:jd": 2460828.5, "i:magpsf": 18.0}
    content = json.dumps([alert | {"d:tag": "valid"}, limit, bad])
    assert "NaN" in content
    found, reading = points(write(tmp_path, content))
    assert bands(found) == {"ztfg": 1, "ztfr": 1}
    assert found.limit_flux_ujy[1] == pytest.approx(photometry.flux_from_magnitude(19.5))
    assert notes(reading, "QUALITY_CUT") == ["1 row with bad quality by Fink's tag; left out"]


def test_antares_as_recorded(tmp_path: Path) -> None:
    file = write(tmp_path, recorded("antares", 1), names=("ZTF26abeuijw",), position=(59.72572, 23.76194))
    assert processor_of(file) == "antares"
    found, _ = points(file)
    assert found.external_id.tolist() == [None, None, "3470490460915015042"]
    assert found.mjd_utc[2] == pytest.approx(61224.49046299979 + HALF_EXPOSURE, abs=1e-9)
    assert found.reported_magnitude[2] == 15.428149
    assert found.flux_ujy[2] == pytest.approx(photometry.flux_from_magnitude(15.428149))
    assert found.limit_flux_ujy[:2].tolist() == pytest.approx(
        [photometry.flux_from_magnitude(18.7413), photometry.flux_from_magnitude(18.5251)]
    )
    assert bands(found) == {"ztfr": 3}
    others = {"id": "lsst_dia_source:1", "attributes": {"properties": {"lsst_diaSource_psfFlux": 1.0}}}
    document = json.loads(recorded("antares", 1))
    mixed = read(write(tmp_path, json.dumps(document | {"data": [*document["data"], others]})))
    assert notes(mixed, "OTHER_SURVEY") == ["1 row of other surveys; left out"]


def lasair_object(**more: Any) -> dict[str, Any]:
    return {
        "objectId": "ZTF26aappdrm",
        "objectData": {"ramean": 148.9504, "decmean": 2.38953},
        "candidates": [
            {"candid": 3360406101315015003, "jd": 2461108.75, "mjd": 61108.25, "ra": 148.95044, "dec": 2.38953,
             "fid": 1, "magpsf": 19.5, "sigmapsf": 0.1, "isdiffpos": "t"},
            {"jd": 2461107.75, "mjd": 61107.25, "fid": 2, "diffmaglim": 20.25, "magpsf": 20.25},
        ],
        "forcedphot": [
            {"objectid": "ZTF26aappdrm", "jd": 2461107.7783218, "ranr": 148.9504493, "decnr": 2.3895383, "fid": 1,
             "forcediffimflux": -82.53524017333984, "forcediffimfluxunc": 51.35590362548828,
             "magzpsci": 26.327999114990234},
            {"objectid": "ZTF26aappdrm", "jd": 2461106.7783218, "fid": 1, "forcediffimflux": -99999.0,
             "forcediffimfluxunc": -99999.0, "magzpsci": 26.3},
        ],
    } | more  # fmt: skip


def test_lasair_as_documented(tmp_path: Path) -> None:
    file = write(tmp_path, json.dumps(lasair_object()), names=("ZTF26aappdrm",))
    assert processor_of(file) == "lasair"
    found, reading = points(file)
    assert found.external_id.tolist() == ["3360406101315015003", None, None]
    assert found.forced.tolist() == [False, False, True]
    assert found.flux_ujy[0] == pytest.approx(photometry.flux_from_magnitude(19.5))
    assert found.limit_flux_ujy[1] == pytest.approx(photometry.flux_from_magnitude(20.25))
    factor = photometry.flux_from_magnitude(26.327999114990234)
    assert found.flux_ujy[2] == pytest.approx(-82.53524017333984 * factor)
    assert found.flux_error_ujy[2] == pytest.approx(51.35590362548828 * factor)
    assert bands(found) == {"ztfg": 2, "ztfr": 1}
    assert notes(reading, "QUALITY_CUT") == ["1 row of forced photometry without a flux"]


def test_an_alert_is_the_same_from_every_broker(tmp_path: Path) -> None:
    detection = json.loads(recorded("alerce_ztf", 1))[0]
    said = {"jd": 2458288.8778704, "fid": 1, "magpsf": 18.770633697509766, "sigmapsf": 0.1986161321401596,
            "isdiffpos": "f", "candid": 534377870115010099, "ra": 279.904898, "dec": -4.8707597}  # fmt: skip
    others = [
        [{f"i:{name}": value for name, value in said.items()} | {"i:objectId": "ZTF18abcgqmz", "d:rf": 0.1}],
        lasair_object(objectId="ZTF18abcgqmz", candidates=[said | {"mjd": 58288.3778704}], forcedphot=[]),
        {"data": [{"id": "ztf_candidate:534377870115010099",
                   "attributes": {"properties": {f"ztf_{name}": value for name, value in said.items()}}}]},
    ]  # fmt: skip
    alone, beside = [detection], [detection, {"tid": "ztf", "mjd": 58300.25, "fid": 2, "diffmaglim": 20.5}]
    documents = [alone, beside, *others]
    readings = [points(write(tmp_path, json.dumps(document)))[0] for document in documents]
    assert len({contents(found)[0] for found in readings}) == 1
    assert len({found.reported[0] for found in readings}) == 1
    assert {(found.external_id[0], found.source_name[0]) for found in readings} == {("534377870115010099", "ZTF")}


@pytest.mark.parametrize("name", ["alerce", "fink", "lasair", "antares"])
def test_other_documents_are_refused_and_options_checked(tmp_path: Path, name: str) -> None:
    from tests.support.files import REGISTRY

    processor = REGISTRY.processor(name)
    with pytest.raises(UnreadableFile, match=r"f\.dat: this is no light curve of"):
        processor.read(write(tmp_path, '{"detail": "Not found."}'), {})
    with pytest.raises(UnreadableFile, match="the JSON is broken"):
        processor.read(write(tmp_path, '{"a": '), {})
    with pytest.raises(InvalidInput, match='There is no option "band"'):
        processor.read(write(tmp_path, "[]"), {"band": "g"})


@pytest.mark.parametrize(
    ("name", "content"),
    [("alerce", '{"detections": [], "non_detections": []}'), ("fink", "[]"),
     ("lasair", '{"objectId": "ZTF18a", "candidates": []}'), ("antares", '{"data": []}')],
)  # fmt: skip
def test_nothing_is_an_empty_light_curve(tmp_path: Path, name: str, content: str) -> None:
    from tests.support.files import REGISTRY

    reading = REGISTRY.processor(name).read(write(tmp_path, content), {})
    assert (reading.photometry, [note.code for note in reading.notes]) == (None, ["NO_ROWS"])
