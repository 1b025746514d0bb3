"""Tables of web pages, for services that answer with nothing else; read in linear time, whatever the page holds."""

from __future__ import annotations

import html
import re

LONGEST_PAGE = 4_000_000
"""Characters of a page that are read."""

MOST_ROWS = 20_000
"""Rows of a page that are read."""

_MARK = re.compile(r"<(/?)([a-z][a-z0-9]*+)[^<>]*+>", re.IGNORECASE)
"""A mark of HTML; nothing that was matched is matched another way."""

_CELLS = ("td", "th")


class _Rows:
    """Cells of rows, whether their ends are marked or not."""

    def __init__(self) -> None:
        self.rows: list[list[str]] = []
        self.words: list[str] = []
        self._in_cell = False

    def read(self, page: str) -> None:
        """Take a page to its end."""
        at = 0
        for mark in _MARK.finditer(page):
            self._text(page[at : mark.start()])
            at = mark.end()
            if mark[1]:
                self._end(mark[2].lower())
            else:
                self._begin(mark[2].lower())
        self._text(page[at:])

    def _begin(self, tag: str) -> None:
        if tag == "tr" and len(self.rows) < MOST_ROWS:
            self.rows.append([])
        if tag in _CELLS and self.rows:
            self.rows[-1].append("")
        if tag in (*_CELLS, "tr"):
            self._in_cell = tag != "tr" and bool(self.rows)

    def _end(self, tag: str) -> None:
        if tag in (*_CELLS, "tr", "table"):
            self._in_cell = False

    def _text(self, text: str) -> None:
        said = html.unescape(text)
        self.words.append(said)
        if self._in_cell:
            self.rows[-1][-1] += said


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
    reader.read(_without_comments(page[:LONGEST_PAGE]))
    return reader


def _without_comments(page: str) -> str:
    first, *others = page.split("<!--")
    return first + "".join(part.partition("-->")[2] for part in others)
