"""Rows in the binary format of COPY: what is written is read back, whatever the lengths and wherever nulls stand."""

from __future__ import annotations

import io
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tomgql.domain.copy_format import (
    HEADER,
    TRAILER,
    Field,
    array_fields,
    boolean_fields,
    float_fields,
    integer_fields,
    json_fields,
    read_rows,
    text_fields,
    uuid_fields,
    write_rows,
)

IDENTITY = "0d41a956-c229-32e1-6626-5e7af1f6f68d"


def written(columns: list[Field], size: int) -> bytes:
    stream = io.BytesIO()
    write_rows(columns, size, stream)
    return stream.getvalue()


def back(content: bytes, kinds: list[str]) -> list[list[Any]]:
    return list(read_rows(io.BytesIO(HEADER + content + TRAILER), kinds))


def test_the_bytes_are_those_of_the_documentation() -> None:
    columns = [integer_fields([7]), text_fields("AB"), None, float_fields([1.5])]
    assert written(columns, 1) == (
        b"\x00\x04" b"\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x07" b"\x00\x00\x00\x02AB" b"\xff\xff\xff\xff"
        b"\x00\x00\x00\x08\x3f\xf8\x00\x00\x00\x00\x00\x00"
    )  # fmt: skip


def test_every_type_is_read_back() -> None:
    columns = [
        text_fields(["a", None, ""]), boolean_fields([True, False, True]), uuid_fields([IDENTITY, "", IDENTITY]),
        json_fields(['{"a": 1}', "[]", '"\u00e9"']), array_fields([[1.0, math.nan], None, []]), text_fields(["x"] * 3),
    ]  # fmt: skip
    assert back(written(columns, 3), ["text", "boolean", "uuid", "jsonb", "float8[]", "text"]) == [
        ["a", True, IDENTITY, {"a": 1}, [1.0, None], "x"],
        [None, False, None, [], None, "x"],
        [None, True, IDENTITY, "\u00e9", [], "x"],
    ]


@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.none() | st.text(), st.floats()), min_size=1))
def test_any_rows_are_read_back(rows: list[tuple[int, str | None, float]]) -> None:
    numbers, texts, values = ([row[at] for row in rows] for at in range(3))
    columns = [integer_fields(numbers), text_fields(texts), float_fields(values)]
    found = back(written(columns, len(rows)), ["bigint", "text", "float8"])
    clean = [(text or "").replace("\x00", "") or None for text in texts]
    finite = [value if math.isfinite(value) else None for value in values]
    assert found == [list(row) for row in zip(numbers, clean, finite, strict=True)]


def test_many_rows_are_written_in_parts() -> None:
    size = 10_001
    columns = [integer_fields(range(size)), text_fields([str(row) if row % 3 else None for row in range(size)])]
    found = back(written(columns, size), ["bigint", "text"])
    assert found == [[row, str(row) if row % 3 else None] for row in range(size)]


def test_no_rows() -> None:
    columns = [
        integer_fields([]), text_fields([]), float_fields([]), uuid_fields(b""), boolean_fields([]), json_fields([]),
    ]  # fmt: skip
    assert written(columns, 0) == b""


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="different lengths: 1 and 2"):
        written([integer_fields([1, 2]), text_fields([None, "b"]), float_fields([1.0])], 2)


def test_what_is_no_row_is_refused() -> None:
    with pytest.raises(ValueError, match="not the binary format"):
        list(read_rows(io.BytesIO(b"mjd,magnitude\n"), ["text"]))
    with pytest.raises(ValueError, match="other fields than 2"):
        back(written([text_fields("a")], 1), ["text", "text"])
