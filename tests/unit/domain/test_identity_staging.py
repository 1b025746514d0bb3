"""Identities, contents and the rows for COPY."""

from __future__ import annotations

import io
from typing import Any
from uuid import UUID

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tomgql.domain.columns import interpret_photometry
from tomgql.domain.identity import contents, identities
from tomgql.domain.measurements import GenericData, Photometry, Reading
from tomgql.domain.options import ColumnOptions
from tomgql.domain.staging import read_staged, write_reading


def a_light_curve(**changes: Any) -> Photometry:
    columns = {"mjd": [59000.1, 59000.2, 59001.0], "filter": ["ztfg", "ztfr", "ztfg"], "flux": [10.0, -3.0, 5.0],
               "fluxerr": [1.0, 1.0, 1.0], "telescope": ["P48"] * 3}  # fmt: skip
    found = interpret_photometry(columns | changes, ColumnOptions(flux_unit="uJy"), file_name="f", default_source="me")
    assert found.photometry is not None
    return found.photometry


def staged(reading: Reading) -> list[dict[str, Any]]:
    stream = io.BytesIO()
    size = write_reading(reading, stream)
    stream.seek(0)
    rows = list(read_staged(stream))
    assert len(rows) == size
    return rows


def test_identities_never_change_over_versions() -> None:
    assert identities(a_light_curve()) == [
        "fc9ba850-8a2f-6bc0-4288-366ba6ae11c6",
        "af355867-bf4a-07ec-a934-4f95e77def7c",
        "7e6a3c93-e86c-7028-88f3-e982e2a513c9",
    ]
    assert contents(a_light_curve())[0] == "d56a408a-414c-b20c-8544-40cf3e35c687"


def test_identity_is_not_the_flux() -> None:
    revised = a_light_curve(flux=[11.0, -3.0, 5.0])
    assert identities(revised) == identities(a_light_curve())
    before, after = contents(a_light_curve()), contents(revised)
    assert after[0] != before[0]
    assert after[1:] == before[1:]


def test_identity_depends_on_what_it_should() -> None:
    first = identities(a_light_curve())
    for change in ({"filter": ["ztfi"] * 3}, {"mjd": [59000.11, 59000.21, 59001.01]}, {"telescope": ["other"] * 3},
                   {"source": ["x"] * 3}, {"forced": [True] * 3}, {"candid": ["1", "2", "3"]}):  # fmt: skip
        assert not set(identities(a_light_curve(**change))) & set(first)


def test_a_producers_id_outlives_a_shifted_time() -> None:
    ids = {"candid": ["1", "2", "3"]}
    moved = a_light_curve(mjd=[59000.3, 59000.4, 59001.2], **ids)
    assert identities(moved) == identities(a_light_curve(**ids))


def test_repeats_get_identities_of_their_own() -> None:
    found = a_light_curve(mjd=[59000.1] * 3, filter=["ztfg"] * 3, flux=[1.0, 2.0, 1.0])
    assert found.row.tolist() == [1, 2]
    assert len(set(identities(found))) == 2


def test_staged_rows() -> None:
    first, second, _ = staged(Reading(photometry=a_light_curve()))
    UUID(first["identity"])
    assert first["flux_ujy"] == 10.0
    assert first["band"] == "ztfg"
    assert first["limit_flux_ujy"] is None
    assert first["forced"] is False
    assert first["source_name"] == "me"
    assert second["row"] == 2
    assert first["reported"] == {
        "mjd": 59000.1,
        "filter": "ztfg",
        "flux": 10.0,
        "fluxerr": 1.0,
        "telescope": "P48",
    }


@given(st.lists(st.text(), min_size=3, max_size=3), st.lists(st.floats(-1e30, 1e30), min_size=3, max_size=3))
def test_any_text_and_number_is_staged_as_it_is(texts: list[str], numbers: list[float]) -> None:
    data = a_light_curve(note=texts)
    data.instrument = np.array([*texts, None], dtype=object)[:-1]
    data.flux_ujy = np.array(numbers)
    for row, text, number in zip(staged(Reading(photometry=data)), texts, numbers, strict=True):
        clean = text.replace("\x00", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        assert row["instrument"] == (clean or None)
        assert row["flux_ujy"] == number
        assert "\x00" not in repr(row["reported"])


def test_generic_data() -> None:
    none = np.array([None], dtype=object)
    data = GenericData("note", np.array([59000.0]), none, none, none, none, ['{"a": "x, y"}'], np.array([1]))
    (row,) = staged(Reading(generic=data))
    assert row["data_type"] == "note"
    assert row["reported"] == {"a": "x, y"}
