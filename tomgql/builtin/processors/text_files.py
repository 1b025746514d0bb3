"""From a file's bytes to its content and its text: gzip, encodings, and kind words for what is no table at all.

Content decides, never a file's name. A compressed file may not unfold beyond `LARGEST_BYTES`.
"""

from __future__ import annotations

import functools
import html
import re
import zlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tomgql.domain.measurements import Note, Reading
from tomgql.errors import TooLarge, UnreadableFile
from tomgql.plugins.contracts import SourceFile

DAMAGED = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, EOFError, OSError, RuntimeError)
"""What libraries raise on damaged files; recursion too deep and what is not implemented are RuntimeErrors."""

LARGEST_BYTES = 512 * 1024 * 1024
"""Unfolded size from which a file is refused: ten times the largest survey light curve known."""

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 31
"""zlib's number for "a gzip header follows"."""

_BINARY = (
    (b"SIMPLE  =", "a FITS file"), (b"Obj\x01", "an Avro file"),
    (b"PK\x03\x04", "a zip or spreadsheet file"),
    (b"%PDF", "a PDF document"), (b"\x89PNG", "an image"), (b"\xff\xd8\xff", "an image"), (b"\x89HDF", "an HDF5 file"),
    (b"GIF8", "an image"), (b"BZh", "a bzip2 file"), (b"\xfd7zXZ", "an xz file"),
    (b"\xd0\xcf\x11\xe0", "an Office file"),
)  # fmt: skip
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_MOST_NULS = 0.1
"""Share of NUL bytes of a text with broken cells; UTF-16 of Latin letters has half."""

_JSON = re.compile(r"\s*(?:\{\s*[\"}]|\[\s*[\[{\"\]])")
_XML_ROOT = re.compile(
    r"\s*(?:(?><\?.*?\?>)\s*|(?><!--.*?-->)\s*|<!DOCTYPE[^>\[]*>\s*)*+<((?:[\w.-]+:)?([A-Za-z][\w.-]*))[\s/>]",
    re.DOTALL,
)
"""Nothing that was matched is matched another way: thousands of ``<?a?>`` would take for ever."""

_NEAR = 20
"""Bytes before and behind a letter that are shown with it."""

_WORD = re.compile(rb"[^\s,;|<>\"\x00-\x1f\x7f]+")

Processor = TypeVar("Processor")

_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_HTML = re.compile(r"\s*(?:<!--.*?-->\s*)?<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)


def head_content(file: SourceFile) -> bytes:
    """The first 64 KiB of a file's content, for detection; empty where its gzip data are damaged."""
    if not file.head.startswith(_GZIP_MAGIC):
        return file.head
    try:
        return zlib.decompressobj(_GZIP_WINDOW).decompress(file.head, 65536)
    except zlib.error:
        return b""


def read_content(file: SourceFile) -> bytes:
    """The whole content of a file, decompressed.

    Raises `UnreadableFile` for damaged gzip data, `TooLarge` for what unfolds too far.
    """
    content = file.path.read_bytes()
    return _unfold(content, file.name) if content.startswith(_GZIP_MAGIC) else content


def head_text(file: SourceFile) -> str | None:
    """The beginning of a file as text, for detection; None when it is binary or a web page."""
    head = head_content(file)
    if not head.strip() or any(head.startswith(magic) for magic, _ in _BINARY):
        return None
    if b"\x00" in head[:1024] and not head.startswith(_UTF_16_MARKS):
        return None
    text = decode(head, strict=False)
    return None if _HTML.match(text) else text


def read_text(file: SourceFile) -> str:
    """The whole file as text.

    Raises `UnreadableFile` for empty and binary files and web pages, `TooLarge` for what unfolds too far.
    """
    text = read_any_text(file)
    root = _XML_ROOT.match(text)
    if root is not None:
        raise UnreadableFile(f"{file.name}: the file is XML ({root[1]}), not a text table.")
    if _JSON.match(text):
        raise UnreadableFile(f"{file.name}: the file is JSON without a table of photometry that is known here.")
    return text


def xml_root(text: str) -> str:
    """The name of an XML text's root element without its prefix; empty where the text is no XML."""
    root = _XML_ROOT.match(text)
    return root[2] if root is not None else ""


def read_any_text(file: SourceFile) -> str:
    """As `read_text`, also of JSON."""
    content = read_content(file)
    for magic, kind in _BINARY:
        if content.startswith(magic):
            raise UnreadableFile(f"{file.name}: the file is {kind}, not a text table.")
    start = content[:1024]
    if start.count(0) > len(start) * _MOST_NULS and not start.startswith(_UTF_16_MARKS):
        raise UnreadableFile(
            f"{file.name}: the file is binary, or UTF-16 text without a byte order mark; save it as text in UTF-8."
        )
    text = decode(content)
    if not text.strip():
        raise UnreadableFile(f"{file.name}: the file is empty.")
    if _HTML.match(text):
        title = _TITLE.search(text[:65536])
        words = f' ("{html.unescape(title[1]).strip()}")' if title else ""
        raise UnreadableFile(f"{file.name}: the file is a web page{words}, not data.")
    return text


def _unfold(content: bytes, name: str) -> bytes:
    """Decompressed gzip members, one after the other, up to the limit."""
    parts: list[bytes] = []
    size = 0
    while content.startswith(_GZIP_MAGIC):
        reader = zlib.decompressobj(_GZIP_WINDOW)
        try:
            parts.append(reader.decompress(content, LARGEST_BYTES - size + 1))
        except zlib.error as fault:
            raise UnreadableFile(f"{name}: the gzip data are damaged ({fault}).") from fault
        size += len(parts[-1])
        if size > LARGEST_BYTES:
            raise TooLarge(f"{name}: the compressed file unfolds to more than {LARGEST_BYTES // 2**20} MiB.")
        if not reader.eof:
            raise UnreadableFile(f"{name}: the gzip data end too early; the upload was cut off.")
        content = reader.unused_data
    return b"".join(parts)


def decode(content: bytes, *, strict: bool = True) -> str:
    """UTF-8 with or without byte order mark, UTF-16 with one, else Latin-1, which reads anything."""
    if content.startswith(_UTF_16_MARKS):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig", errors="strict" if strict else "ignore")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def says_encoding(
    read: Callable[[Processor, SourceFile, Mapping[str, Any]], Reading],
) -> Callable[[Processor, SourceFile, Mapping[str, Any]], Reading]:
    """A processor's ``read`` with a note where `decode` took what is no UTF-8 as Latin-1."""

    @functools.wraps(read)
    def read_and_say(self: Processor, file: SourceFile, options: Mapping[str, Any]) -> Reading:
        reading = read(self, file, options)
        if (place := _first_assumed(read_content(file))) is not None:
            line, word = place
            words = f'the file is not UTF-8 and was read as Latin-1: first "{word}" in line {line}; save it as UTF-8'
            reading.notes.append(Note("INFO", "ENCODING_ASSUMED", f"{words} if that looks wrong"))
        return reading

    return read_and_say


def _first_assumed(content: bytes) -> tuple[int, str] | None:
    """Line and word of the first letter that is no UTF-8, of text that was read as Latin-1."""
    if content.isascii() or content.startswith(_UTF_16_MARKS):
        return None
    try:
        content.decode()
    except UnicodeDecodeError as fault:
        before, around = content[: fault.start], content[max(fault.start - _NEAR, 0) : fault.start + _NEAR]
        word = next(each for each in _WORD.finditer(around) if each.end() > min(fault.start, _NEAR))
        return before.count(b"\n") + 1, word[0].decode("latin-1")
    return None
