"""Damaged, cut and mangled files of every format: the outcome is data that can be stored, or an error of our tree."""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.files import DATA, REGISTRY, processor_of, write
from tests.unit.processors.test_ades import PSV
from tests.unit.processors.test_asassn import OLD, V2
from tests.unit.processors.test_fits_tables import KEPLER, TESS, a_light_curve
from tests.unit.processors.test_light_curves_documented import ALERT, BY_BAND, BY_TRANSIT, RELEASE
from tests.unit.processors.test_mpc import SECOND, a_record
from tests.unit.processors.test_panstarrs import DETECTIONS, MEAN
from tests.unit.processors.test_spectra_fits import FLUX, START, a_table, an_image
from tests.unit.processors.test_votable import GAIA, VIZIER
from tests.unit.processors.test_ztf import an_alert, packed
from tomgql.domain.measurements import Reading
from tomgql.domain.staging import write_reading
from tomgql.errors import TomError

EXAMPLES = int(os.environ.get("TOMGQL_FUZZ_EXAMPLES", "60"))
"""Mangled variants of each file; a long run takes thousands."""

LARGEST = 40_000
"""Longer files are cut before they are mangled: what breaks a reader stands at their beginning."""


def _cut(name: str) -> bytes:
    content = (DATA / name).read_bytes()
    content = gzip.decompress(content) if name.endswith(".gz") else content
    return content if name.endswith(".avro") else content[: content.rfind(b"\n", 0, LARGEST) + 1]


SEEDS: dict[str, bytes] = {
    name: _cut(name)
    for name in (
        "atlas_fp_job01088.txt", "ztf_fps_lc_req69627_first14.txt", "ztf_alert_472263571115115000.avro",
        "aavso_extended_report_20170504.txt", "aavso_download_u_sco.csv",
        "aavso_download_header_j1816_first301.txt.gz", "asassn_skypatrol_14ko_first600.csv.gz",
        "mast_panstarrs_catalog.json", "vizier_kang2010.vot.xml", "snana_ascii_example.dat",
        "osc_photometry_SN2011kl.csv", "swift_xrt_qdp_GRB070809.txt", "hermes_message_GRB230409B.json",
        "lc_gammacat_tev14.ecsv", "phot_flux_zp_ZTF21aaqjmps.csv", "phot_truncated_jd_t_cas.tsv",
        "phot_commented_header_asassn15oz.csv", "spec_lt_fitsheader_ZTF20abucjsa.ascii", "spec_gaia_xp_sampled.ecsv",
        "spec_snifs_3col_2021zac.dat.gz", "mpc80_K20Q04A.obs", "mpc80_header_00085.obs", "ades_2023MQ5.psv",
        "ades_319.xml", "voevent_Gaia16aac.xml",
    )
} | {
    "asassn_v2": V2.encode(), "asassn_old": OLD.encode(), "ps1_mean": MEAN.encode(),
    "ps1_detections": DETECTIONS.encode(), "votable_gaia": GAIA.format(unit="d", first=1705.5).encode(),
    "votable_vizier": VIZIER.encode(),
    "mpc_two_lines": f"{a_record(note='S', code='C51')}\n{SECOND}\n{a_record()}".encode(), "ades_psv": PSV.encode(),
    "tess": a_light_curve(TESS), "kepler": a_light_curve(KEPLER), "alert": packed(an_alert(isdiffpos="f")),
    "spectrum": an_image(FLUX, CTYPE1="LINEAR", CRVAL1=5000.0, CD1_1=1.0, BANDID1="spectrum", APNUM1="1 1"),
    "spectra": a_table([("wave", "4D", "Angstrom", [[5000.0, 5001.0, 5002.0, 5003.0]]), ("flux", "4D", "Jy", [FLUX])],
                       START),
    "ztf_public": RELEASE.encode(), "gaia_alert": ALERT.encode(), "gaia_bands": BY_BAND.encode(),
    "gaia_transits": BY_TRANSIT.encode(),
    "json": b'{"data": [{"mjd": 59000.25, "mag": 20.0, "filter": "ztfg"}, {"mjd": 59001.5, "mag": null}]}',
}  # fmt: skip

Mangle = Callable[[bytes], bytes]
NASTY = (b"", b"nan", b"-999", b"1e400", b"\x00", b"\xff\xfe", b"9" * 400, b"<13.1", b"null", b",", b"\n", b"\t;|",
         b"\xed\xa0\x80", b"{", b"[", b"#", b"!", b"=", b"inf", b"\r", b'"', b"<", b"2458000.5", b"99.99")  # fmt: skip


@st.composite
def mangled(draw: st.DrawFn, seed: bytes) -> bytes:
    """A few cuts, flips, swaps of lines and insertions."""
    content = bytearray(seed)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(content) - 1, 0)))
        kind = draw(st.sampled_from(("cut", "drop", "flip", "insert", "cell", "lines")))
        if kind == "cut":
            content = content[:at]
        elif kind == "drop":
            del content[at : at + draw(st.integers(1, 200))]
        elif kind == "flip" and content:
            content[at] = draw(st.integers(0, 255))
        elif kind == "insert":
            content[at:at] = draw(st.sampled_from(NASTY))
        elif kind == "cell":
            end = min((found for mark in b", \t\n" if (found := content.find(mark, at)) > 0), default=at)
            content[at:end] = draw(st.sampled_from(NASTY))
        else:
            lines = bytes(content).split(b"\n")
            content = bytearray(b"\n".join(draw(st.permutations(lines[:12])) + lines[12:]))
    return bytes(content)


def _store(reading: Reading) -> None:
    """As the child process does: COPY's text and the rows' JSON."""
    size = len(reading.spectra)
    for data in (reading.photometry, reading.astrometry, reading.generic):
        if data is not None:
            orjson.loads("[" + ",".join(data.reported) + "]")
            size += len(data)
    assert all(isinstance(orjson.loads(each.reported), dict) for each in reading.spectra)
    assert write_reading(reading, io.BytesIO()) == size


def _read(folder: Path, content: bytes, processor: str | None) -> None:
    file = write(folder, content, names=("X",), position=(150.0, 20.0))
    try:
        reading = REGISTRY.choose_processor(file, processor).read(file, {})
    except TomError as error:
        assert error.message
        return
    assert reading.format_name
    _store(reading)


@pytest.mark.parametrize("name", SEEDS)
@settings(
    max_examples=EXAMPLES, deadline=None, database=None, derandomize=EXAMPLES <= 60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(data=st.data())
def test_mangled_files(tmp_path: Path, name: str, data: st.DataObject) -> None:
    own = processor_of(write(tmp_path, SEEDS[name]))
    _read(tmp_path, data.draw(mangled(SEEDS[name])), data.draw(st.sampled_from((None, own))))


@pytest.mark.parametrize("processor", sorted(REGISTRY.installed))
@pytest.mark.parametrize("name", SEEDS)
def test_files_in_the_hands_of_other_processors(tmp_path: Path, processor: str, name: str) -> None:
    _read(tmp_path, SEEDS[name], processor)


@pytest.mark.parametrize("name", SEEDS)
def test_files_cut_anywhere(tmp_path: Path, name: str) -> None:
    content = SEEDS[name]
    for at in range(0, len(content), max(1, len(content) // 25)):
        _read(tmp_path, content[:at], None)


def test_every_processor_has_loaded() -> None:
    assert REGISTRY.faults == []
    assert len(REGISTRY.installed) >= 14
