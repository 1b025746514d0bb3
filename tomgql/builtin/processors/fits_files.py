"""FITS files as astropy opens them, with kind words for damaged ones."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from tomgql.builtin.processors.text_files import DAMAGED, read_content
from tomgql.errors import UnreadableFile
from tomgql.plugins.contracts import SourceFile

FITS_MAGIC = b"SIMPLE  ="
_FAULTS = (*DAMAGED, AssertionError, Warning)
"""What astropy raises on damaged FITS files, beside errors of its own."""


@contextmanager
def opened_fits(file: SourceFile) -> Iterator[Any]:
    """The open file; its data are read where they lie unless it is compressed.

    Raises `UnreadableFile` for what is no FITS file, and for what astropy raises while the block uses it.
    """
    from astropy.io import fits
    from astropy.io.fits.verify import VerifyError

    with file.path.open("rb") as stream:
        plain = stream.read(len(FITS_MAGIC)) == FITS_MAGIC
    content = file.path if plain else BytesIO(_content(file))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(content, memmap=plain, ignore_missing_simple=False) as document:
                yield document
    except (*_FAULTS, VerifyError) as fault:
        raise UnreadableFile(f"{file.name}: the FITS file is damaged or cut off ({type(fault).__name__}).") from fault


def _content(file: SourceFile) -> bytes:
    content = read_content(file)
    if not content.startswith(FITS_MAGIC):
        raise UnreadableFile(f"{file.name}: the file is no FITS file; it must begin with SIMPLE.")
    return content
