"""Distinct rows of columns: the same as if each row were looked at whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tomgql.domain.cells import factorise, factorise_rows

CELLS = st.sampled_from([None, "", "a", "b"])


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1))
def test_rows_are_told_apart_by_all_their_columns(rows: list[tuple[str | None, ...]]) -> None:
    distinct, codes = factorise_rows([list(column) for column in zip(*rows, strict=True)])
    whole, whole_codes = factorise(rows)
    assert distinct == whole
    assert codes.tolist() == whole_codes.tolist()


@pytest.mark.parametrize(
    ("columns", "distinct", "codes"),
    [
        pytest.param([["x"] * 3, [None] * 3], [("x", None)], [0, 0, 0], id="nothing varies"),
        pytest.param([["x"] * 3, ["g", "r", "g"]], [("x", "g"), ("x", "r")], [0, 1, 0], id="one varies"),
        pytest.param([[], []], [], [], id="no rows"),
    ],
)
def test_distinct_rows(columns: list[list[str]], distinct: list[tuple[str, ...]], codes: list[int]) -> None:
    found, places = factorise_rows(columns)
    assert (found, places.tolist()) == (distinct, codes)
