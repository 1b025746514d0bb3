"""The photometry and ATLAS processors on real and broken files."""

from __future__ import annotations

import gzip
import io
import json
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from astropy.time import Time

from tomgql.builtin.processors import text_files
from tomgql.builtin.processors.atlas import AtlasProcessor
from tomgql.builtin.processors.photometry import PhotometryProcessor
from tomgql.domain import photometry
from tomgql.domain.measurements import Photometry, Reading
from tomgql.errors import TomError, TooLarge, UnknownPlugin, UnreadableFile
from tomgql.plugins.contracts import SourceFile, check
from tomgql.plugins.registry import PROCESSOR_GROUP, ProcessorRegistry

DATA = Path(__file__).parents[2] / "data"
ENTRIES = [
    EntryPoint("photometry", "tomgql.builtin.processors.photometry:PhotometryProcessor", PROCESSOR_GROUP),
    EntryPoint("atlas", "tomgql.builtin.processors.atlas:AtlasProcessor", PROCESSOR_GROUP),
]


def a_file(path: Path, name: str | None = None, kind: str = "photometry") -> SourceFile:
    content = path.read_bytes()
    return SourceFile(path, name or path.name, len(content), content[:65536], kind, (), 150.0, 20.0)


@pytest.fixture
def written(tmp_path: Path) -> Any:
    def write(content: bytes | str, name: str = "f.csv") -> SourceFile:
        path = tmp_path / "upload"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return a_file(path, name)

    return write


def read(file: SourceFile, **options: Any) -> tuple[Photometry, Reading]:
    reading = PhotometryProcessor().read(file, options)
    assert reading.photometry is not None
    return reading.photometry, reading


def test_built_in_processors_meet_the_contract() -> None:
    assert check(PhotometryProcessor()) == []
    assert check(AtlasProcessor()) == []


def test_flux_with_zero_point() -> None:
    found, reading = read(a_file(DATA / "phot_flux_zp_ZTF21aaqjmps.csv"))
    assert len(found) == 174
    assert not reading.rejected
    first = int(np.argmin(np.where(np.isnan(found.flux_ujy), 1e9, found.row)))
    assert found.flux_ujy[first] == pytest.approx(58.0979, abs=1e-4)
    assert photometry.magnitude_from_flux(found.flux_ujy[first]) == pytest.approx(19.4896, abs=1e-4)
    assert np.isnan(found.flux_ujy).sum() == 48
    assert (found.limit_nsigma == 3).sum() == 48
    assert sum(note.count for note in reading.notes if note.code == "REPEATED_TIME") == 78
    assert found.mjd_utc.min() == 59265.3730556001


def test_magnitudes_with_limits() -> None:
    found, _ = read(a_file(DATA / "phot_mag_limits_16fil.csv"))
    assert len(found) == 59
    assert np.isnan(found.limit_flux_ujy).sum() == 10
    assert not np.isnan(found.flux_ujy).any()
    assert {band: int((found.band == band).sum()) for band in ("ztfr", "ztfg", "ztfi")} == {
        "ztfr": 34,
        "ztfg": 22,
        "ztfi": 3,
    }


def test_prose_header_needs_column_names() -> None:
    file = a_file(DATA / "phot_commented_header_asassn15oz.csv")
    with pytest.raises(UnreadableFile, match="option columns"):
        read(file)
    found, _ = read(file, columns=["date", "JD", "phase", "mag", "error", "filter", "telescope"])
    assert len(found) == 718
    assert found.mjd_utc.min() == pytest.approx(57269.1823)
    assert {"uvot::uvw1", "uvot::v", "bessellv"} <= set(found.band)


def test_ecsv_with_photon_flux() -> None:
    found, reading = read(a_file(DATA / "lc_gammacat_tev14.ecsv"), band="TeV")
    assert len(found) == 45
    assert reading.format_name == "ECSV"
    assert np.isnan(found.flux_ujy).all()
    assert np.isnan(found.reported_magnitude).all(), "a photon flux is no magnitude"
    assert "UNCALIBRATED" in {note.code for note in reading.notes}
    assert json.loads(found.reported[0])["flux_ul"] == 10.1e-12
    assert json.loads(found.reported[0])["flux"] is None


def test_ecsv_with_times_of_astropy(written: Any) -> None:
    times = Time([59000.25, 59001.25], format="mjd", scale="tdb")
    table = Table({"time": times, "mag": [20.0, 21.0], "band": ["ztfg", "ztfr"]})
    stream = io.StringIO()
    table.write(stream, format="ascii.ecsv")
    found, reading = read(written(stream.getvalue()))
    assert found.mjd_utc[0] == pytest.approx(59000.25 - 69.184 / 86400, abs=5e-8)
    assert "TIME_SCALE_ASSUMED" not in {note.code for note in reading.notes}


def test_atlas() -> None:
    file = a_file(DATA / "atlas_synthetic.txt")
    reading = AtlasProcessor().read(file, {})
    found = reading.photometry
    assert found is not None
    assert found.row.tolist() == [1, 2, 3, 5]
    assert found.band.tolist() == ["atlaso", "atlaso", "atlasc", "atlaso"]
    assert found.mjd_utc[0] == pytest.approx(59101.519211 + 15 / 86400, abs=1e-9)
    assert found.flux_ujy.tolist() == [-7.0, 912.0, 159.0, 165.0]
    assert found.flux_error_ujy.tolist() == [10.0, 10.0, 9.0, 10.0]
    assert found.limit_flux_ujy[0] == pytest.approx(photometry.flux_from_magnitude(19.59))
    assert set(found.limit_nsigma) == {5.0}
    assert found.forced.all()
    assert found.difference.all(), "the service measures on difference images unless asked for reduced ones"
    assert found.external_id[0] == "01a59101o0618o"
    assert set(found.time_quality) == {"converted"}
    assert {note.code: note.count for note in reading.notes} == {
        "NOT_POSITIVE": 1, "OTHER_FILTERS": 1, "FLAGGED": 1, "FAR_FROM_TARGET": 1, "DIFFERENCE_ASSUMED": 1,
    }  # fmt: skip


def test_a_real_atlas_result() -> None:
    reading = AtlasProcessor().read(a_file(DATA / "atlas_fp_job01088.txt"), {})
    found = reading.photometry
    assert found is not None
    assert len(found) == 147
    assert {band: int((found.band == band).sum()) for band in ("atlaso", "atlasc")} == {"atlaso": 120, "atlasc": 27}
    assert (found.mjd_utc.min(), found.mjd_utc.max()) == pytest.approx((59101.519385, 59185.447220), abs=1e-6)
    assert int((found.flux_ujy < 0).sum()) == 38
    significance = found.flux_ujy / found.flux_error_ujy
    assert (int((significance >= 3).sum()), int((significance >= 5).sum())) == (74, 64)
    assert photometry.limit_magnitude(found.flux_error_ujy[0]) == pytest.approx(20.207, abs=5e-4)
    assert photometry.magnitude_from_flux(found.flux_ujy[5]) == pytest.approx(16.500, abs=5e-4)
    assert np.isnan(found.reported_magnitude).all(), "m of a negative flux is no magnitude"
    kept = AtlasProcessor().read(a_file(DATA / "atlas_fp_job01088.txt"), {"max_chi_n": 10}).photometry
    assert kept is not None
    assert int((kept.flux_ujy / kept.flux_error_ujy >= 3).sum()) == 67


def test_atlas_cuts_are_counted() -> None:
    file = a_file(DATA / "atlas_synthetic.txt")
    reading = AtlasProcessor().read(file, {"good_fits_only": True, "max_chi_n": 1, "difference": False})
    assert reading.photometry is not None
    assert reading.photometry.row.tolist() == [5]
    assert not reading.photometry.difference.any()
    assert [(note.message, note.row, note.count) for note in reading.notes if note.code == "QUALITY_CUT"] == [
        ("1 row with a flagged fit (err not 0); left out", 3, 1), ("2 rows with chi/N above 1; left out", 1, 2),
    ]  # fmt: skip


def test_old_atlas_and_empty_results(written: Any) -> None:
    head = "###MJD m dm uJy duJy F err chi/N RA Dec x y maj min phi apfit Sky ZP Obs\n"
    old = head + "59101.5 -21 1.3 -7 10 o 0 1 150 20 1 1 2 2 1 -0.4 20 20 x1\n"
    reading = AtlasProcessor().read(written(old), {})
    assert reading.photometry is not None
    assert np.isnan(reading.photometry.limit_flux_ujy[0])
    assert reading.photometry.difference[0]
    assert AtlasProcessor().read(written(old.splitlines()[0] + "\n"), {}).photometry is None


def test_choice_is_by_content_never_by_name(written: Any) -> None:
    registry = ProcessorRegistry.load(ENTRIES)
    atlas = (DATA / "atlas_synthetic.txt").read_bytes()
    assert registry.choose_processor(written(atlas, "notes.csv")).name == "atlas"
    assert registry.choose_processor(written(gzip.compress(atlas, mtime=0), "x")).name == "atlas"
    assert registry.choose_processor(written("mjd,mag,filter\n59000,20,V\n", "x.fits")).name == "photometry"
    assert registry.choose_processor(written(atlas), "photometry").name == "photometry"
    with pytest.raises(UnknownPlugin, match=r'no processor named "nope"\. Known: atlas, photometry'):
        registry.processor("nope")
    with pytest.raises(TomError, match="no processor knows"):
        ProcessorRegistry.load(ENTRIES[1:]).choose_processor(written(b"SIMPLE  =" + b" " * 100))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty."),
        (b"<html><head><title>Log in</title></head>", 'the file is a web page ("Log in"), not data.'),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "the file is an image, not a text table."),
        (b"PK\x03\x04\x14\x00\x00\x00", "the file is a zip or spreadsheet file, not a text table."),
        (b"SIMPLE  =                    T", "the file is a FITS file, not a text table."),
        (b'<?xml version="1.0"?>\n<!-- x --><voe:VOEvent ivorn="x">', "the file is XML (voe:VOEvent), not"),
        (b'{"data": [1, 2]}', "the file is JSON without a table of photometry that is known here."),
        (bytes(range(32)) * 9 + b"\x00" * 99, "the file is binary, or UTF-16 text without a byte order mark; save it"),
        ("mjd,mag\n".encode("utf-16-le"), "the file is binary, or UTF-16 text without a byte order mark; save it"),
        ("\ufeff \n".encode("utf-16-le"), "the file is empty."),
    ],
)
def test_files_of_other_kinds_are_named(written: Any, content: bytes, words: str) -> None:
    file = written(content, "x.dat")
    processor = ProcessorRegistry.load(ENTRIES).choose_processor(file)
    assert processor.name == "photometry"
    with pytest.raises(UnreadableFile) as caught:
        processor.read(file, {})
    assert caught.value.message.startswith(f"x.dat: {words}")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf_16_with_a_mark(written: Any, encoding: str) -> None:
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    file = written((mark + "mjd,mag,filter\n59000.5,20.5,V\n").encode(encoding))
    assert PhotometryProcessor().confidence(file) == 50
    assert read(file)[0].mjd_utc[0] == 59000.5


def test_broken_plugins_take_nobody_with_them() -> None:
    broken = [
        EntryPoint("bad", "no_such_module_here:X", PROCESSOR_GROUP),
        EntryPoint("odd", "json:JSONDecoder", PROCESSOR_GROUP),
        EntryPoint("other", "tomgql.builtin.processors.atlas:AtlasProcessor", PROCESSOR_GROUP),
    ]
    registry = ProcessorRegistry.load([*broken, *ENTRIES])
    assert sorted(registry.installed) == ["atlas", "photometry"]
    assert [fault.name for fault in registry.faults] == ["bad", "odd", "other"]
    assert "No module named" in registry.faults[0].fault
    assert "name is missing" in registry.faults[1].fault


@pytest.mark.parametrize(
    "content",
    [
        "mjd,mag,filter\n59000.5,20.5,V\n",
        "mjd\tmag\tfilter\n59000.5\t20.5\tV\n",
        "mjd;mag;filter\n59000,5;20,5;V\n",
        "mjd;mag;filter\n59000.5;20.5;V\n",
        "mjd|mag|filter\n59000.5|20.5|V\n",
        "mjd   mag  filter\n59000.5  20.5  V\n",
        "# mjd mag filter\n59000.5 20.5 V\n",
        "# made by me\n# mjd,mag,filter\n59000.5,20.5,V\n",
        "\ufeffmjd,mag,filter\r\n59000.5,20.5,V\r\n\r\n",
        'mjd,"mag","filter"\n59000.5," 20.5","V"\n',
    ],
)
def test_forms_of_one_table(written: Any, content: str) -> None:
    for form in (content.encode(), gzip.compress(content.encode(), mtime=0)):
        found, _ = read(written(form))
        assert (found.mjd_utc[0], found.reported_magnitude[0], found.band[0]) == (59000.5, 20.5, "bessellv")


def test_latin_1(written: Any) -> None:
    found, reading = read(written("mjd,mag,filter,observer\n59000.5,20.5,V,Müller\n".encode("latin-1")))
    assert json.loads(found.reported[0])["observer"] == "Müller"
    (note,) = [note for note in reading.notes if note.code == "ENCODING_ASSUMED"]
    assert '"Müller" in line 2' in note.message


def test_ragged_rows(written: Any) -> None:
    found, reading = read(written("mjd,mag,filter\n59000,20,V\n59001,20,V,x,y\n59002,20\n59003,21,V\n"), band="B")
    assert found.row.tolist() == [1, 3, 4]
    assert found.band.tolist() == ["bessellv", "bessellb", "bessellv"]
    assert [(row.row, row.code, row.message) for row in reading.rejected] == [
        (2, "RAGGED_ROW", "row 2 has 5 cells, the header has 3")
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"  \n\n", "the file is empty"),
        (b"mjd,mag\n", "no rows below the header"),
        (b"# only\n# comments\n", "no rows"),
        (b"<!DOCTYPE html><head><title>Service</title>", r'the file is a web page \("Service"\), not data'),
        (b"PK\x03\x04xxxx", "a zip or spreadsheet file"),
        (b"SIMPLE  =                    T", "a FITS file"),
        (b"a,b,c\n1,2,3\n", "no time column. Columns found: a, b, c. Expected one of mjd, jd, hjd, bjd, date"),
        (b"mjd,colour\n59000,3\n", "no brightness column"),
        (b"mjd,mag\n59000,20\n", "no band column. Columns found: mjd, mag; name the band with option band"),
        (b"mjd,flux\n59000,3\n", "flux column flux has no unit"),
        (b"47003.5684\t11.7000\n50357.0029\t11.6875\n", r"JD minus 2400000 \(47003.57 to 50357.00, in column 1"),
        (b"<13.1 12\n47003.57 12\n", "has no header. Name its 2 columns with option columns"),
        (b"2451230.1465,<12.8,,,Visual\n", "has no header. Name its 5 columns with option columns"),
        (b"mjd,mag,filter\n118203.93,20,V\n", "row 1: time 118203.93 is year 2182"),
        (gzip.compress(b"mjd,mag\n59000,20\n", mtime=0)[:-9], "end too early"),
        (b"\x1f\x8b" + b"garbage" * 9, "gzip data are damaged"),
    ],
)  # fmt: skip
def test_bad_files(written: Any, content: bytes, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        read(written(content))


def test_gzip_bomb(written: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_files, "LARGEST_BYTES", 1_000_000)
    with pytest.raises(TooLarge, match="unfolds"):
        read(written(gzip.compress(b"0" * 2_000_000, mtime=0)))
