"""Where the rows of a connection's parts come from."""

from __future__ import annotations

from dataclasses import dataclass

from tomgql.reading.paging import Keyset, Page
from tomgql.store.sql import conjunction


@dataclass(frozen=True)
class ConnectionScan:
    """Where the rows of a connection's parts come from: the table itself, or one page that several parts share."""

    row: str
    source: str
    base: list[str]
    beyond: str
    keyset: Keyset
    page: Page
    shared: bool

    def rows(self) -> str:
        """FROM to LIMIT of the wanted rows, in display order."""
        tail = f"from page {self.row} order by {self.keyset.order_by()}" if self.shared else self._table()
        limited = f"{tail} limit {self.page.size}"
        if not self.page.backward:
            return limited
        return f"from (select {self.row}.* {limited}) {self.row} order by {self.keyset.display_order()}"

    def _table(self) -> str:
        return f"from {self.source} {self.beyond}"

    def _more(self) -> str:
        tail = f"from page {self.row}" if self.shared else self._table()
        return f"exists (select {tail} offset {self.page.size} limit 1)"

    def _passed(self) -> str:
        # The cursor's own row need not be in this list any more: it may have changed, or be gone.
        return f"exists (select from {self.source} where {conjunction([*self.base, self.keyset.passed()])})"

    def has_next_page(self) -> str:
        """Whether rows follow the page."""
        return self._passed() if self.page.backward else self._more()

    def has_previous_page(self) -> str:
        """Whether rows precede the page."""
        return self._more() if self.page.backward else self._passed()

    def end_cursor(self, *, last: bool) -> str:
        """Cursor of the page's first or last row; null for an empty page."""
        order = self.keyset.display_order()
        numbered = f"select {self.keyset.cursor()} as c, row_number() over (order by {order}) as n"
        page = f"(select {self.row}.* {self.rows()}) {self.row}"
        return f"(select e.c from ({numbered} from {page}) e order by e.n {'desc' if last else 'asc'} limit 1)"
