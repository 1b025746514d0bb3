"""What one operation may ask the database for, known from its document and refused before anything is read."""

from __future__ import annotations

from dataclasses import dataclass

from tomgql.errors import QueryTooCostly

MOST_ROWS = 2_000_000
"""Most rows that the page sizes of one nested query may multiply to."""

MOST_SCANS = 50_000
"""Most counts, filters, summaries and light curves of one operation, each as often as rows hang above it.

Each looks at all that hangs on its row, however small a page is.
"""

MOST_SCANS_OF_STRANGERS = 10_000
"""The same of nobody signed in: on light curves of a thousand points they take a few seconds."""


@dataclass
class Budget:
    """Scans of one operation, counted over all its statements, and a limit on the rows of each list."""

    most_scans: int = MOST_SCANS
    scans: int = 0

    def renew(self) -> None:
        """Begin a new operation."""
        self.scans = 0

    @staticmethod
    def page(parents: int, size: int) -> int:
        """Rows of a page of a size below each of so many rows. Raises QueryTooCostly when they are too many."""
        rows = parents * max(size, 1)
        if rows > MOST_ROWS:
            raise QueryTooCostly(
                f"The page sizes of this query multiply to {rows} rows; at most {MOST_ROWS} may be asked for at once."
            )
        return rows

    def scan(self, times: int) -> None:
        """So many looks at all that hangs on a row. Raises QueryTooCostly when they are too many."""
        self.scans += times
        if self.scans > self.most_scans:
            raise QueryTooCostly(
                f"The counts, filters, summaries and light curves below the lists of this query come to {self.scans};"
                f" at most {self.most_scans} may be asked for at once. Ask in smaller pages, or for fewer of them."
            )
