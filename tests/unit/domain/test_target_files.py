"""Cells of target files: what is written reads back as it was."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tomgql.domain.target_files import is_extra, read_extra, read_words, write_extra, write_words

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT
    | st.from_regex(r"\A\s?-?[0-9]{1,25}(\.[0-9]{1,20})?([eE]-?[0-9]{1,3})?\s?\Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@given(VALUES)
def test_extras_come_back_as_they_were(value: Any) -> None:
    cell = write_extra(value)
    assert cell.strip()
    assert orjson.dumps(read_extra(cell)) == orjson.dumps(value)


@given(st.lists(TEXT.map(str.strip).filter(bool), max_size=5))
def test_names_of_lists_come_back_as_they_were(words: list[str]) -> None:
    assert read_words(write_words(words)) == words


CELLS = {
    "0.031": 0.031, "-2": -2, "1e3": 1000.0, " 7 ": 7, "007": "007", "+5": "+5", "1_0": "1_0", "NaN": "NaN",
    "1e999": "1e999", "18446744073709551615": 2**64 - 1, "18446744073709551616": "18446744073709551616",
    "-9223372036854775809": "-9223372036854775809", "0.12345678901234567": 0.12345678901234567,
    "0.123456789012345678": "0.123456789012345678", "True": True, "false": False, "null": None, "SN IIL": "SN IIL",
    "[1, {\"a\": null}]": [1, {"a": None}], "[1": "[1", '"7"': "7", "=1+1": "=1+1", " text": " text",
}  # fmt: skip


@pytest.mark.parametrize("cell", CELLS)
def test_cells(cell: str) -> None:
    value = read_extra(cell)
    assert (value, type(value)) == (CELLS[cell], type(CELLS[cell]))


def test_words() -> None:
    assert read_words(" a, b ,,c ") == ["a", "b", "c"]
    assert read_words('["a, b", "c"]') == ["a, b", "c"]
    assert read_words("[a") == ["[a"]
    assert write_words(["a", "b"]) == "a,b"
    assert write_words(["a, b"]) == '["a, b"]'


@pytest.mark.parametrize("heading", ["name", "RA", "name2", "Name_12", "groups", "extras", "created", "", " z"])
def test_headings_that_are_no_extras(heading: str) -> None:
    assert not is_extra(heading)


@pytest.mark.parametrize("heading", ["z", "Class", "name of host", "nickname2", "raw"])
def test_headings_of_extras(heading: str) -> None:
    assert is_extra(heading)
