"""What JSON values are refused, and how others are cleaned."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest

from tomgql.domain.json_values import storable, why_refused


@pytest.mark.parametrize("value", [inf, -inf, nan, [nan], {"a": [1, {"b": inf}]}])
def test_what_json_cannot_say_is_refused(value: Any) -> None:
    assert why_refused(value) == ("NOT_FINITE", "holds a number beyond every double, or none; leave it out")


@pytest.mark.parametrize("value", [None, True, 2**80, 1.7976931348623157e308, "inf", [], {"a": [[{}]]}])
def test_all_else_is_taken(value: Any) -> None:
    assert why_refused(value) is None


def test_endless_nesting_is_refused_before_python_gives_up() -> None:
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    assert why_refused(value) == ("NESTED_TOO_DEEP", "is nested deeper than 200 levels")


def test_texts_are_cleaned_and_large_numbers_become_text() -> None:
    given = {"a\x00": ["\ud800", 2**64, 2**64 - 1, -(2**63) - 1, True, None, 1.5]}
    cleaned = ["\N{REPLACEMENT CHARACTER}", str(2**64), 2**64 - 1, str(-(2**63) - 1), True, None, 1.5]
    assert storable(given) == {"a": cleaned}
