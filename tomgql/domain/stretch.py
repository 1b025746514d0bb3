"""Pixels of the sky as grey levels that people can look at.

The interval is IRAF's zscale (as astropy has it), the stretch asinh (Lupton et al. 2004, PASP 116, 133): faint
structure shows and bright cores do not burn out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SOFTENING = 0.1
"""Where the stretch turns from linear to logarithmic, as a part of the interval; astropy's default."""


def grey_levels(pixels: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Grey levels 0 to 255, shape as the pixels'; black where there is no finite value, whatever the others are."""
    from astropy.visualization import AsinhStretch

    finite = np.isfinite(pixels)
    if not finite.any():
        return np.zeros(pixels.shape, dtype=np.uint8)
    low, high = _interval(pixels[finite])
    with np.errstate(all="ignore"):
        # Halves, since the distance of two numbers may be no number.
        scaled = (pixels / 2 - low / 2) / (high / 2 - low / 2) if high > low else np.full(pixels.shape, 0.5)
    clipped = np.clip(np.where(finite & np.isfinite(scaled), scaled, 0.0), 0.0, 1.0)
    levels: NDArray[np.uint8] = np.rint(255.0 * AsinhStretch(SOFTENING)(clipped)).astype(np.uint8)
    levels[~finite] = 0
    return levels


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Where black and white are; the whole range where zscale finds none."""
    from astropy.visualization import ZScaleInterval

    with np.errstate(all="ignore"):
        low, high = map(float, ZScaleInterval().get_limits(values))
    if np.isfinite(low) and np.isfinite(high) and high > low:
        return low, high
    return float(values.min()), float(values.max())
