"""Where targets are when surveys look, and the tables of web pages."""

from __future__ import annotations

import pytest

from tomgql.builtin.surveys.html_tables import page_words, table_rows
from tomgql.builtin.surveys.places import nearest, place_at, place_refusal
from tomgql.errors import InvalidInput
from tomgql.plugins.surveys import SurveyTarget

STAR = SurveyTarget("t1", ("a star",), "SIDEREAL", 10.0, 60.0, 2000.0, 3600.0, -1800.0)


def test_proper_motion_moves_the_place() -> None:
    ra, dec = place_at(STAR, 2010.0)
    assert (ra, dec) == pytest.approx((10.0 + 0.01 / 0.5, 60.0 - 0.005), abs=1e-12)
    assert place_at(SurveyTarget("t2", ("b",), "SIDEREAL", 359.0, -90.0), 2020.0) == (359.0, -90.0)
    with pytest.raises(InvalidInput, match="The target has no position any more"):
        place_at(SurveyTarget("t3", ("c",), "SIDEREAL"), 2020.0)


def test_moving_and_southern_targets_are_refused() -> None:
    assert place_refusal(STAR) is None
    assert place_refusal(SurveyTarget("t4", ("d",), "NON_SIDEREAL")) == "it is asked by position, and the target moves."
    assert place_refusal(SurveyTarget("t5", ("e",), "SIDEREAL")) == "the target has no position."
    assert place_refusal(STAR, 70.0) == "its sky ends at declination 70; the target lies at 60.00."


def test_the_nearest_is_taken_within_the_radius() -> None:
    places = [(10.0, 60.001), (10.0, 60.0005), (359.9999, 0.0)]
    found = nearest(places, lambda place: place, (10.0, 60.0), 5.0)
    assert found is not None
    assert (found[0], found[1]) == ((10.0, 60.0005), pytest.approx(1.8, abs=1e-6))
    assert nearest(places, lambda place: place, (10.0, 60.0), 1.0) is None
    across = nearest(places, lambda place: place, (0.0001, 0.0), 1.0)
    assert across is not None
    assert across[1] == pytest.approx(0.72, abs=1e-6)


@pytest.mark.parametrize(
    "page",
    [
        "<table><tr><th>a</th><th> b </th></tr><tr><td>1</td><td>x &amp; y</td></tr></table>",
        "<TABLE border=1>\n<TR><TH>a<TH>b\n<TR><TD>1<TD>x &amp; y\n</TABLE>after",
    ],
)
def test_rows_of_pages(page: str) -> None:
    assert table_rows(page) == [{"a": "1", "b": "x & y"}]


def test_pages_without_tables() -> None:
    assert table_rows("<p>Not <b>today</b></p>") == []
    assert table_rows("<td>alone</td>") == []
    assert page_words("<p>Not <b>today</b>,\n sorry</p>") == "Not today , sorry"
