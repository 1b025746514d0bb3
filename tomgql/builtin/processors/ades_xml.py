"""ADES's XML form as observations: blocks of a context and data, or data alone."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from tomgql.builtin.processors.ades_psv import with_header
from tomgql.builtin.processors.xml_files import children, local_name

_KINDS = ("optical", "offset", "occultation", "radar")


def parse_xml(root: Element) -> Iterator[dict[str, str] | str]:
    """Each observation by name, with its ``kind`` and what its block's context says."""
    for block in root:
        if local_name(block) == "obsBlock":
            context = _context(block)
            for data in children(block, "obsData"):
                yield from (_observation(each, context) for each in data)
        elif local_name(block) in _KINDS:
            yield _observation(block, {})


def _context(block: Element) -> dict[str, str]:
    """What the context says, under ``group name``; a name that comes again is joined."""
    found: dict[str, str] = {}
    for group in children(block, "obsContext"):
        for element in group:
            for child in element:
                name, text = f"{local_name(element)} {local_name(child)}", (child.text or "").strip()
                if text:
                    found[name] = f"{found[name]}; {text}" if name in found else text
    return found


def _observation(element: Element, context: dict[str, str]) -> dict[str, str]:
    """What stands directly in an observation; in groups, such as localUse, the same names mean other things."""
    said = {"kind": local_name(element)}
    for child in element:
        text = (child.text or "").strip()
        if text and not len(child):
            said.setdefault(local_name(child), text)
    return with_header(said, context)
