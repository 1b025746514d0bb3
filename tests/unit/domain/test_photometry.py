"""Conversions of brightness."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tomgql.domain import photometry


@given(st.floats(-30, 40), st.floats(-2, 2))
def test_magnitudes_survive_flux(magnitude: float, offset: float) -> None:
    flux = photometry.flux_from_magnitude(magnitude, offset)
    assert photometry.magnitude_from_flux(flux, offset) == pytest.approx(magnitude, abs=1e-9)


@given(st.floats(1e-6, 1e9), st.floats(1e-3, 2))
def test_errors_survive(flux: float, error: float) -> None:
    assert photometry.magnitude_error(flux, photometry.flux_error(flux, error)) == pytest.approx(error)


def test_known_values() -> None:
    assert photometry.magnitude_from_flux(58.0978831606501) == pytest.approx(19.4896, abs=1e-4)
    assert photometry.magnitude_error(912, 10) == pytest.approx(0.0119, abs=1e-4)
    assert photometry.limit_magnitude(10) == pytest.approx(20.207, abs=1e-3)
    assert photometry.flux_from_zero_point(1.0, 27.5) == pytest.approx(10 ** (-0.4 * 3.6))
    assert photometry.rescale_limit(30.0, 3.0, 5.0) == pytest.approx(50.0)


def test_undefined_is_null() -> None:
    assert np.isnan(photometry.magnitude_from_flux([-7.0, 0.0, np.nan])).all()
    assert np.isnan(photometry.magnitude_error(-7.0, 10.0))
    assert photometry.or_none(photometry.magnitude_from_flux(None)) is None
    assert math.isnan(photometry.limit_flux(0.0))


def test_magnitude_zero_is_a_magnitude() -> None:
    assert photometry.flux_from_magnitude(0.0) == pytest.approx(3.631e9, rel=1e-3)


def test_detection() -> None:
    assert photometry.is_detection([30.0, 29.0, -50.0, 1.0], [10.0, 10.0, 10.0, np.nan]).tolist() == [
        True, False, False, True,
    ]  # fmt: skip
