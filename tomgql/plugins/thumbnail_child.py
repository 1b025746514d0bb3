"""A thumbnail drawn in a process of its own: of the first image of a FITS file, or of a PNG, JPEG, GIF or TIFF file.

What the file is shows in its content. Nothing of it but pixels gets into the thumbnail: no EXIF, no text, no profile.
"""

from __future__ import annotations

import gzip
import struct
import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from tomgql.domain.stretch import grey_levels
from tomgql.errors import UnreadableFile

LONGEST_SIDE = 256
"""Pixels of a thumbnail's longer side; TOM Toolkit's has 200."""

MOST_PIXELS = 100_000_000
"""Pixels of a PNG, JPEG, GIF or TIFF image that is decoded, which must happen as a whole; FITS images are sampled."""

LONGEST_ROW = 1_000_000
"""Pixels of a row or column of a FITS image."""

MOST_UNPACKED_BYTES = 1024 * 1024 * 1024
"""Bytes of a gzipped file's content."""

_CHUNK_BYTES = 1024 * 1024
_MOST_TILED_PIXELS = 50_000_000
"""Pixels of a compressed FITS image that is read at once; row by row, tall tiles would be decoded again and again."""

_ROWS_PER_BAND = 8
"""Rows of a FITS image that are read for one row of its thumbnail, at most."""

_DAMAGED = (OSError, ValueError, TypeError, LookupError, SyntaxError, EOFError, AttributeError, ArithmeticError,
            AssertionError, struct.error, zlib.error)  # fmt: skip
"""What astropy and Pillow raise on damaged files."""

_FORMATS = ("PNG", "JPEG", "GIF", "TIFF")
_DEEP_MODES = ("I", "F", "I;16", "I;16L", "I;16B")
"""Pillow's modes of more than 8 bits a pixel: measurements rather than pictures, to be stretched."""


def draw_thumbnail(request: Mapping[str, Any], output: Path) -> dict[str, Any]:
    """Write ``thumbnail.png``; says whether there was an image. Raises UnreadableFile for what cannot be read."""
    name = str(request["name"])
    path = _unpacked(Path(request["path"]), name, output)
    drawn = _of_fits(path, name) if _begins(path, b"SIMPLE  =") else _of_picture(path, name)
    if drawn is None:
        return {"drawn": False}
    drawn.save(output / "thumbnail.png", format="PNG", optimize=True)
    return {"drawn": True}


def _begins(path: Path, magic: bytes) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(magic)) == magic


def _unpacked(path: Path, name: str, output: Path) -> Path:
    """The file, or what was in it if it is gzipped: sampling an image would unpack it again for every row."""
    if not _begins(path, b"\x1f\x8b"):
        return path
    plain, size = output / "unpacked", 0
    try:
        with gzip.open(path) as packed, plain.open("wb") as stream:
            while chunk := packed.read(_CHUNK_BYTES):
                size += len(chunk)
                if size > MOST_UNPACKED_BYTES:
                    raise UnreadableFile(f"{name}: unpacked, it has more than {MOST_UNPACKED_BYTES} bytes.")
                stream.write(chunk)
    except (gzip.BadGzipFile, EOFError, zlib.error) as fault:
        raise UnreadableFile(f"{name}: the gzip file is damaged or cut off.") from fault
    return plain


def _of_fits(path: Path, name: str) -> Image.Image | None:
    """The first image of two axes or more; None where there is none. North is not sought: the first row is lowest."""
    from astropy.io import fits
    from astropy.io.fits.hdu.compressed._compression import CfitsioException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(path, memmap=False, lazy_load_hdus=True) as document:
                found = next((hdu for hdu in document if _has_image(hdu)), None)
                pixels = None if found is None else _sampled(found, name)
    except (*_DAMAGED, fits.VerifyError, CfitsioException) as fault:
        raise UnreadableFile(f"{name}: the FITS file is damaged or cut off ({type(fault).__name__}).") from fault
    return None if pixels is None else _shrunk(Image.fromarray(grey_levels(pixels)[::-1]))


def _has_image(hdu: Any) -> bool:
    return hdu.is_image and len(hdu.shape) >= 2 and min(hdu.shape[-2:]) >= 2 and 0 not in hdu.shape


def _sampled(hdu: Any, name: str) -> NDArray[np.float64]:
    """The first plane, (rows, columns), as means of blocks, at most twice as large as a thumbnail.

    Read band by band, so that an image of any size takes little memory.
    """
    height, width = hdu.shape[-2:]
    if max(height, width) > LONGEST_ROW:
        words = f"{name}: the image has {width} x {height} pixels; at most {LONGEST_ROW} a side are drawn."
        raise UnreadableFile(words)
    factor = max(1, -(-max(height, width) // (2 * LONGEST_SIDE)))
    step = max(1, factor // _ROWS_PER_BAND)
    row = _rows_of(hdu)
    bands = [range(top, min(top + factor, height), step) for top in range(0, height, factor)]
    return np.array([_mean([row(number) for number in band], factor) for band in bands])


def _rows_of(hdu: Any) -> Callable[[int], NDArray[Any]]:
    """Reads rows of the first plane by their numbers."""
    from astropy.io import fits

    plane, (height, width) = (0,) * (len(hdu.shape) - 2), hdu.shape[-2:]
    if isinstance(hdu, fits.CompImageHDU) and height * width <= _MOST_TILED_PIXELS:
        whole: NDArray[Any] = hdu.section[(*plane, slice(None), slice(None))]
        return lambda number: whole[number]
    return lambda number: hdu.section[(*plane, slice(number, number + 1), slice(None))][0]


def _mean(rows: Sequence[NDArray[Any]], factor: int) -> NDArray[np.float64]:
    """One row of means over ``factor`` columns and the given rows, of finite values; NaN where there are none."""
    read = np.array(rows, dtype=np.float64)
    missing = -read.shape[1] % factor
    padded = np.pad(read, ((0, 0), (0, missing)), constant_values=np.nan).reshape(len(rows), -1, factor)
    finite = np.isfinite(padded)
    with np.errstate(all="ignore"):
        means: NDArray[np.float64] = np.where(finite, padded, 0.0).sum(axis=(0, 2)) / finite.sum(axis=(0, 2))
    return means


def _of_picture(path: Path, name: str) -> Image.Image:
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as picture:
                picture.draft("RGB", (2 * LONGEST_SIDE, 2 * LONGEST_SIDE))
                return _shrunk(ImageOps.exif_transpose(_plain(picture)))
    except UnidentifiedImageError as fault:
        raise UnreadableFile(f"{name}: the file is no image; FITS, PNG, JPEG, GIF or TIFF would be one.") from fault
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as fault:
        raise UnreadableFile(f"{name}: the image has more than {MOST_PIXELS} pixels, which is not drawn.") from fault
    except _DAMAGED as fault:
        raise UnreadableFile(f"{name}: the image is damaged or cut off ({type(fault).__name__}).") from fault


def _plain(picture: Image.Image) -> Image.Image:
    """The picture in a mode of 8 bits a channel, or its measurements stretched to grey."""
    if picture.mode in _DEEP_MODES:
        grey = Image.fromarray(grey_levels(np.asarray(picture, dtype=np.float64)))
        grey.getexif().update(picture.getexif())
        return grey
    transparent = picture.has_transparency_data
    wanted = "RGBA" if transparent else "L" if picture.mode in ("1", "L") else "RGB"
    return picture if picture.mode == wanted else picture.convert(wanted)


def _shrunk(picture: Image.Image) -> Image.Image:
    """At most `LONGEST_SIDE` a side, never enlarged, and rid of all that is not pixels."""
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return Image.frombytes(picture.mode, picture.size, picture.tobytes())
