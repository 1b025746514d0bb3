"""Rows and columns of a call, within their limits; what HTTP's JSON cannot say is tried here."""

from __future__ import annotations

from typing import Any

import pytest

from tomgql.errors import InvalidInput, QueryTooCostly
from tomgql.services.given_columns import MOST_VALUES, given_columns
from tomgql.services.given_rows import read_given
from tomgql.services.reduction import NewData

AXIS = [4000.0, 4001.0, 4002.0]


def a_call(data_type: str = "spectroscopy", **given: Any) -> NewData:
    return NewData(1, data_type, **given)


def test_arrays_of_numbers_are_one_spectrum() -> None:
    given = {"mjd": 59000.0, "wavelength": AXIS, "flux": [1, None, 2]}
    assert given_columns(a_call(columns=given)) == {"mjd": [59000.0], "wavelength": [AXIS], "flux": [[1, None, 2]]}


def test_arrays_of_numbers_beside_lists_of_arrays_are_for_all() -> None:
    given = {"mjd": [1, 2], "wavelength": AXIS, "flux": [[1, 2, 3], [4, 5, 6]], "err": [None, None]}
    columns = given_columns(a_call(columns=given))
    assert columns == {"mjd": [1, 2], "wavelength": [AXIS, AXIS], "flux": [[1, 2, 3], [4, 5, 6]], "err": [None, None]}


def test_only_spectra_have_arrays_in_their_columns() -> None:
    given = {"mjd": [1, 2, 3], "flux": [1, 2, 3]}
    assert given_columns(a_call("photometry", columns=given)) == given


def test_values_are_counted_with_what_is_said_for_all() -> None:
    half = [1.0] * (MOST_VALUES // 2)
    assert len(given_columns(a_call(columns={"mjd": 1, "wavelength": half, "flux": half}))["flux"][0]) == len(half)
    with pytest.raises(QueryTooCostly, match="5000000 values in arrays, not 5000001"):
        given_columns(a_call(columns={"mjd": 1, "wavelength": half, "flux": [*half, 1.0]}))


def test_values_for_all_are_counted_as_often_as_they_stand() -> None:
    for rows, taken in ((671, True), (673, False)):
        call = a_call("photometry", columns={"mjd": [1.0] * rows, "note": "x" * 100_000})
        if taken:
            assert len(given_columns(call)["note"]) == rows
        else:
            with pytest.raises(QueryTooCostly, match="Values for all rows come to"):
                given_columns(call)


@pytest.mark.parametrize("name", ["mag\x00", "mag(\ud800)", "m" * 201])
def test_names_that_cannot_be_sent_back_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="at most 200 characters"):
        given_columns(a_call("photometry", rows=[{"mjd": 1, name: 2}]))


def test_endless_nesting_for_all_is_refused() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = {"a": deep}
    with pytest.raises(InvalidInput, match="nested too deep"):
        given_columns(a_call("photometry", columns={"mjd": [1.0, 2.0], "note": deep}))


def test_numbers_beyond_doubles_reject_their_row() -> None:
    rows = [{"mjd": 59000.0, "wavelength": AXIS, "flux": [1, 10**400, 2]}]
    (rejected,) = read_given(a_call(rows=rows), None).rejected
    assert (rejected.code, rejected.field) == ("NOT_FINITE", "flux")
    rows = [{"mjd": 59000.0, "wavelength": [1e307, 1e308, 2e308], "wavelengthUnit": "m", "flux": [1, 2, 3]}]
    assert [each.code for each in read_given(a_call(rows=rows), None).rejected] == ["NOT_FINITE"]
    (rejected,) = read_given(a_call("astrometry", rows=[{"mjd": 59000.0, "ra": 10**400, "dec": 1}]), None).rejected
    assert (rejected.code, rejected.field) == ("INVALID_COORDINATES", "ra")
