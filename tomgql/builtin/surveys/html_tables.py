"""Tables of web pages, for services that answer with nothing else."""

from __future__ import annotations

from html.parser import HTMLParser

MOST_ROWS = 20_000
"""Rows of a page that are read."""


class _Rows(HTMLParser):
    """Cells of rows, whether their ends are marked or not."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.words: list[str] = []
        self._in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr" and len(self.rows) < MOST_ROWS:
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")
        if tag in ("td", "th", "tr"):
            self._in_cell = tag != "tr" and bool(self.rows)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "tr", "table"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._in_cell:
            self.rows[-1][-1] += data


def table_rows(page: str) -> list[dict[str, str]]:
    """The rows below the first one, by the names in that; empty for pages without a table."""
    header, *rows = _read(page).rows or [[]]
    names = [name.strip() for name in header]
    return [dict(zip(names, map(str.strip, row), strict=False)) for row in rows if row]


def page_words(page: str) -> str:
    """What a page says, without its marks."""
    return " ".join(" ".join(_read(page).words).split())


def _read(page: str) -> _Rows:
    reader = _Rows()
    reader.feed(page)
    reader.close()
    return reader
