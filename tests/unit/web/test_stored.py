"""The header `Range` (RFC 9110, section 14.1.2): what it may ask for, and what is ignored."""

from __future__ import annotations

import pytest

from tomgql.web.stored import MOST_RANGES, read_ranges

SIZE = 100


@pytest.mark.parametrize(
    ("asked", "ranges"),
    [
        ("bytes=0-0", [(0, 1)]), ("bytes=10-19", [(10, 20)]), ("bytes=90-", [(90, 100)]), ("bytes=-10", [(90, 100)]),
        ("bytes=99-500", [(99, 100)]), ("bytes=-500", [(0, 100)]), (" Bytes = 1 - 2 , 5-6", [(1, 3), (5, 7)]),
        ("bytes=50-59,0-9", [(0, 10), (50, 60)]), ("bytes=0-9,5-19,20-29,40-40", [(0, 30), (40, 41)]),
        ("bytes=0-99,-1,5-", [(0, 100)]), ("bytes=5-6,100-", [(5, 7)]),
    ],
)  # fmt: skip
def test_what_may_be_asked_for(asked: str, ranges: list[tuple[int, int]]) -> None:
    assert read_ranges(asked, SIZE) == ranges


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=100-200,500-", "bytes=-0"])
def test_what_lies_outside_of_the_file(asked: str) -> None:
    assert read_ranges(asked, SIZE) == []
    assert read_ranges("bytes=0-", 0) == read_ranges("bytes=-5", 0) == []


@pytest.mark.parametrize(
    "asked",
    ["", "bytes", "bytes=", "bytes=-", "bytes=5", "bytes=9-5", "bytes=a-b", "bytes=1-2,", "bytes=²-³", "bytes=+1-2",
     "bytes=1-2-3", "bytes=--5", "bytes=0x1-", "lines=0-5", f"bytes={'9' * 5000}-",
     "bytes=" + ",".join(["0-0"] * (MOST_RANGES + 1))],
)  # fmt: skip
def test_what_is_ignored(asked: str) -> None:
    assert read_ranges(asked, SIZE) is None
