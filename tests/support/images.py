"""Images as files: FITS, and what Pillow writes."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from astropy.io import fits
from PIL import Image


def fits_file(*hdus: Any) -> bytes:
    """A FITS file of these HDUs; an array becomes an image in the primary one."""
    made = [fits.PrimaryHDU(each) if isinstance(each, np.ndarray) else each for each in hdus]
    stream = io.BytesIO()
    fits.HDUList(made).writeto(stream)
    return stream.getvalue()


def a_sky(height: int = 300, width: int = 200) -> Any:
    """Noise of a sky, one star in the upper left, and a lower edge that was not exposed; (rows, columns)."""
    y, x = np.mgrid[:height, :width]
    star = 5000 * np.exp(-((x - 0.3 * width) ** 2 + (y - 0.8 * height) ** 2) / 20)
    sky = np.random.default_rng(1).normal(100, 5, (height, width)) + star
    sky[: height // 20] = np.nan
    return sky.astype(">f4")


def picture(kind: str, mode: str = "RGB", size: tuple[int, int] = (1000, 500), **options: Any) -> bytes:
    """An image file of one colour, in a format of Pillow's."""
    stream = io.BytesIO()
    Image.new(mode, size).save(stream, kind, **options)
    return stream.getvalue()


def opened(content: bytes) -> Any:
    """A PNG's image, decoded."""
    image = Image.open(io.BytesIO(content), formats=("PNG",))
    image.load()
    return image
