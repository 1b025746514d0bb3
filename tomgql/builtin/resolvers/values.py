"""Values as name resolvers write them: numbers as texts, names with blanks that mean nothing, XML."""

from __future__ import annotations

from math import isfinite
from typing import Any
from xml.etree.ElementTree import Element

from tomgql.builtin.processors.xml_files import parse_xml
from tomgql.errors import UnreadableFile, UpstreamRefused
from tomgql.plugins.surveys import Answer


def number(value: Any) -> float | None:
    """A finite number, also of a text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if isfinite(found) else None


def text(value: Any) -> str | None:
    """A text without blanks that mean nothing; None when there is nothing in it."""
    return (" ".join(value.split()) or None) if isinstance(value, str) else None


def read_answer(answer: Answer, root: str, title: str) -> Element:
    """The root element of an XML answer. Raises UpstreamRefused for anything else."""
    try:
        return parse_xml(answer.text, root, title, title)
    except UnreadableFile as fault:
        raise UpstreamRefused(f"Its answer cannot be read: {fault.message}") from fault
