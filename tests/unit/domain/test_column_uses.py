"""How columns are taken, as a preview tells it."""

from __future__ import annotations

from tomgql.domain.cells import Column
from tomgql.domain.column_uses import LONGEST_TEXT, MOST_COLUMNS, column_uses, named_uses
from tomgql.domain.measurements import ColumnUse


def test_a_column_of_two_meanings_tells_both() -> None:
    uses = named_uses(["radius", "note"], {"ra_error": 0, "dec_error": 0}, {"dec_error": "deg"})
    assert uses == [ColumnUse("radius", "ra_error, dec_error", "deg"), ColumnUse("note", None, None)]


def test_stated_units_stand_in_where_nothing_else_is_known() -> None:
    columns = [Column("flux [mJy]", []), Column("exptime", [], unit="s"), Column("mag", [], unit="mag")]
    uses = column_uses(columns, {"flux": 0, "magnitude": 2}, {"magnitude": "mag (AB)"})
    assert [(use.meaning, use.unit) for use in uses] == [("flux", "mJy"), (None, "s"), ("magnitude", "mag (AB)")]


def test_derived_columns_are_told_of_where_they_mean_something() -> None:
    columns = [Column("spare", [], derived=True), Column("time of the row", [], derived=True)]
    assert column_uses(columns, {"time": 1}, {"time": "MJD UTC"}) == [
        ColumnUse("time of the row", "time", "MJD UTC", derived=True)
    ]


def test_wide_tables_and_long_names_are_cut() -> None:
    columns = [Column("n" * 1_000, []) for _ in range(MOST_COLUMNS + 1)]
    uses = column_uses(columns, {}, {})
    assert (len(uses), {len(use.name) for use in uses}) == (MOST_COLUMNS, {LONGEST_TEXT})
