"""XML documents of strangers, read without entities, addresses or depths that a sane one does not have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from tomgql.builtin.processors.text_files import decode, head_text, read_content, xml_root
from tomgql.errors import UnreadableFile
from tomgql.plugins.contracts import SourceFile

_ENTITY = re.compile(r"<!ENTITY\b", re.IGNORECASE)
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")

DEEPEST = 50
"""Levels of elements; the formats read here have ten."""

MOST_ELEMENTS = 5_000_000
"""Elements of one document: 100,000 observations of 50 values each."""


def root_name(file: SourceFile) -> str:
    """The name of the root element without its prefix, for detection; empty where the file is no XML."""
    return xml_root(head_text(file) or "")


def read_xml(file: SourceFile, root: str, title: str) -> Element:
    """The root element of a file; see `parse_xml`."""
    return parse_xml(decode(read_content(file)), root, title, file.name)


def parse_xml(text: str, root: str, title: str, file_name: str) -> Element:
    """The root element of a text, whose name without prefix must be ``root``.

    Raises `UnreadableFile` for other documents, damaged ones, and those with entities or too many or too deep elements.
    """
    if xml_root(text) != root:
        raise UnreadableFile(f"{file_name}: the file is no {title}; its root element must be {root}.")
    if _ENTITY.search(text):
        raise UnreadableFile(f"{file_name}: the {title} has entities; write what they stand for.")
    parser = XMLParser(target=_Builder(file_name))  # noqa: S314 - entities are refused above, depth and number below
    try:
        parser.feed(_DECLARATION.sub("", text).encode("utf-8", "replace"))
        element: Element = parser.close()
    except (ParseError, ValueError) as fault:
        raise UnreadableFile(f"{file_name}: the {title} cannot be read: {str(fault)[:200]}.") from fault
    return element


def local_name(element: Element) -> str:
    """The element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def children(element: Element, *path: str) -> Iterator[Element]:
    """All elements that a path of names leads to, whatever their namespaces."""
    if not path:
        yield element
        return
    for child in element:
        if local_name(child) == path[0]:
            yield from children(child, *path[1:])


def text_of(element: Element, *path: str) -> str | None:
    """The stripped text of the first element that the path leads to; None where there is none."""
    found = next(children(element, *path), None)
    return ((found.text or "").strip() or None) if found is not None else None


class _Builder(TreeBuilder):
    """A tree that stops growing at the limits."""

    def __init__(self, file_name: str) -> None:
        super().__init__()
        self._file_name = file_name
        self._depth = self._count = 0

    def start(self, tag: Any, attrs: Any, /) -> Element:
        self._depth += 1
        self._count += 1
        if self._depth > DEEPEST or self._count > MOST_ELEMENTS:
            raise UnreadableFile(
                f"{self._file_name}: the XML has more than {DEEPEST} levels or {MOST_ELEMENTS} elements."
            )
        return super().start(tag, attrs)

    def end(self, tag: Any, /) -> Element:
        self._depth -= 1
        return super().end(tag)
