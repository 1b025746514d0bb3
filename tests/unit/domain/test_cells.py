"""Cells as numbers, text and JSON."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tomgql.domain.cells import Column, factorise
from tomgql.domain.reported import reported_texts

cells = st.lists(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.from_regex(r"-?\d{1,3}\.?\d*"))
)


@given(cells)
def test_reported_cells_are_always_json_without_nan(values: list[object]) -> None:
    for text in reported_texts([Column('a %s "b"', values), Column("", values)]):
        json.loads(text, parse_constant=lambda word: (_ for _ in ()).throw(AssertionError(word)))


@given(cells)
def test_numbers_are_finite_or_missing(values: list[object]) -> None:
    numbers = Column("a", values).numbers
    assert not np.isinf(numbers.values).any()
    assert np.isnan(numbers.values[numbers.unreadable]).all()


def test_all_ways_of_reading_agree() -> None:
    texts = ["1.5", "", "-7", "2e3"]
    expected = [1.5, None, -7.0, 2000.0]
    for values in (texts, [*texts[:3], 2e3], [1.5, None, -7, 2e3], [" 1.5 ", "--", "-7", "+2000."]):
        numbers = Column("a", values).numbers
        assert [None if np.isnan(value) else value for value in numbers.values] == expected
        assert not numbers.unreadable.any()


def test_limits_missing_words_and_garbage() -> None:
    numbers = Column("mag", ["<14.5", ">12", "NULL", "na", "abc", "1_0", "0x10", True]).numbers
    assert numbers.is_limit.tolist() == [True, True, False, False, False, False, False, False]
    assert numbers.unreadable.tolist() == [False, False, False, False, True, True, True, True]


def test_decimal_comma() -> None:
    assert Column("a", ["12,5", "<3,25"], decimal_comma=True).numbers.values.tolist() == [12.5, 3.25]


def test_zero_is_not_missing() -> None:
    assert Column("a", [0, 0.0]).json == ["0", "0.0"]
    assert Column("a", ["0", ""]).json == ["0", "null"]


def test_digits_are_kept_as_written() -> None:
    assert Column("a", ["17.640", "54357.75335648148148138415064"]).json == ["17.640", "54357.75335648148148138415064"]


def test_nul_and_lone_surrogates_are_removed() -> None:
    column = Column("a", ["x\x00y", "\ud800", "é"])
    assert column.texts == ["xy", "�", "é"]
    assert column.cleaned == 2


def test_factorise() -> None:
    values, codes = factorise(["b", "a", "b"])
    assert values == ["b", "a"]
    assert codes.tolist() == [0, 1, 0]
