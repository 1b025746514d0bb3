"""Positions: which is which, and how they are staged, alone and beside data of other kinds."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from tomgql.domain.astrometry import Astrometry
from tomgql.domain.identity import astrometry_contents, astrometry_identities
from tomgql.domain.measurements import GenericData, Reading
from tomgql.domain.repeats import settle_positions
from tomgql.domain.spectra import Spectrum
from tomgql.domain.staging import read_staged, write_reading


def texts(*cells: str | None) -> Any:
    return np.array([*cells, None], dtype=object)[:-1]


def positions(**changes: Any) -> Astrometry:
    values: dict[str, Any] = {
        "mjd_utc": np.array([59000.25, 59000.5]), "ra_deg": np.array([10.5, 10.6]), "dec_deg": np.array([-5.0, -5.1]),
        "ra_error_arcsec": np.array([0.1, np.nan]), "dec_error_arcsec": np.array([0.2, np.nan]),
        "observatory_code": texts("F51", "H21"), "telescope": texts(None, None), "instrument": texts(None, None),
        "source_name": texts("MPC", "MPC"), "external_id": texts(None, None),
        "time_quality": texts("exact", "exact"), "reported": ['{"a": 1}', '{"a": 2}'], "row": np.array([1, 2]),
    }  # fmt: skip
    return Astrometry(**(values | changes))


def rows_of(stream: io.BytesIO) -> list[dict[str, Any]]:
    stream.seek(0)
    return list(read_staged(stream))


def test_identities_and_contents_never_change_over_versions() -> None:
    assert astrometry_identities(positions())[0] == "1a2a1ebc-2568-d065-7d7c-59391af3dde6"
    assert astrometry_contents(positions())[0] == "ae266b2c-808b-0563-94c4-ff5b72242b68"


def test_identity_is_never_the_position() -> None:
    first = positions()
    moved = positions(ra_deg=np.array([10.7, 10.8]), ra_error_arcsec=np.array([1.0, 1.0]))
    assert astrometry_identities(moved) == astrometry_identities(first)
    assert not set(astrometry_contents(moved)) & set(astrometry_contents(first))


def test_identity_depends_on_source_observatory_time_and_id() -> None:
    first = set(astrometry_identities(positions()))
    for change in ({"source_name": texts("me", "me")}, {"observatory_code": texts("568", "568")},
                   {"mjd_utc": np.array([59001.0, 59002.0])}, {"external_id": texts("a", "b")},
                   {"instrument": texts("GPC1", "GPC1")}):  # fmt: skip
        assert not set(astrometry_identities(positions(**change))) & first


def test_repeats_are_skipped_and_other_positions_of_one_time_kept() -> None:
    same = {"mjd_utc": np.array([59000.25] * 2), "observatory_code": texts("F51", "F51")}
    kept, notes = settle_positions(positions(**same))
    assert len(set(astrometry_identities(kept))) == 2
    assert [note.message for note in notes] == ["an earlier time with another value: 1 row kept"]
    kept, notes = settle_positions(positions(**same, ra_deg=np.array([1.0, 1.0]), dec_deg=np.array([2.0, 2.0]),
                                             ra_error_arcsec=np.array([0.1, 0.1]),
                                             dec_error_arcsec=np.array([0.1, 0.1])))  # fmt: skip
    assert (len(kept), kept.reported) == (1, ['{"a": 1}'])
    assert [note.code for note in notes] == ["REPEATED_ROW"]


def test_staged_positions() -> None:
    stream = io.BytesIO()
    assert write_reading(Reading(astrometry=positions()), stream, source_location="there") == 2
    first, second = rows_of(stream)
    assert {name: first[name] for name in ("data_type", "mjd", "ra_deg", "dec_deg", "ra_error_arcsec")} == {
        "data_type": "astrometry", "mjd": 59000.25, "ra_deg": 10.5, "dec_deg": -5.0, "ra_error_arcsec": 0.1,
    }  # fmt: skip
    assert (second["dec_error_arcsec"], second["observatory_code"], second["reported"]) == (None, "H21", {"a": 2})
    assert (first["source_location"], first["time_quality"], first["forced"]) == ("there", "exact", None)


def test_a_reading_may_hold_several_kinds() -> None:
    spectrum = Spectrum(wavelength_angstrom=[4000.0, 4001.0], flux_values=[1.0, 2.0], mjd_utc=59000.0)  # type: ignore[arg-type]
    note = GenericData("note", np.array([59000.0]), texts(None), texts(None), texts(None), texts(None), ["{}"],
                       np.array([1]))  # fmt: skip
    stream = io.BytesIO()
    assert write_reading(Reading(spectra=[spectrum], astrometry=positions(), generic=note), stream) == 4
    rows = rows_of(stream)
    assert [row["data_type"] for row in rows] == ["spectroscopy", "astrometry", "astrometry", "note"]
    assert len({row["identity"] for row in rows}) == 4
