"""Words about rows that were not taken."""

from __future__ import annotations

from tomgql.domain.measurements import RejectedRow
from tomgql.services.file_readings import _rejections


def test_rows_are_named_once() -> None:
    own = RejectedRow(5, "UNREADABLE_TIME", 'row 5, column date: cannot read the time "x"')
    other = RejectedRow(7, "ODD", "is odd")
    assert [note.message for note in _rejections([own], 1)] == [
        '1 row was not taken: row 5, column date: cannot read the time "x"'
    ]
    assert _rejections([own, other], 2)[0].message.endswith('"x"; row 7: is odd')
    assert _rejections([own, other], 2)[0].message.startswith("2 rows were not taken")
