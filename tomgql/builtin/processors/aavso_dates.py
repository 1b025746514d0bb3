"""Dates as Excel writes them, which AAVSO's reports may hold under ``#DATE=EXCEL``: UTC, to Julian dates."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from tomgql.domain.time import JD_MINUS_MJD, mjd_from_datetime

_DATE = re.compile(
    r"(\d{1,2})/(\d{1,2})/(\d{4})(?:\s+(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?\s*([AP]M)?)?", re.IGNORECASE | re.ASCII
)
_SERIAL = re.compile(r"\d{4,5}(?:\.\d+)?", re.ASCII)
_SERIAL_TO_MJD = 15018.0
"""Excel counts days from 1899-12-30."""


def excel_date(text: str) -> float | str:
    """The Julian date of ``5/17/2024 3:04:05 AM`` (month first) or of a serial number; the text itself otherwise."""
    plain = text.strip()
    if _SERIAL.fullmatch(plain):
        return float(plain) + _SERIAL_TO_MJD + JD_MINUS_MJD
    match = _DATE.fullmatch(plain)
    if match is None:
        return text
    month, day, year = int(match[1]), int(match[2]), int(match[3])
    hour, minute, second = int(match[4] or 0), int(match[5] or 0), float(match[6] or 0.0)
    if match[7]:
        hour = hour % 12 + (12 if match[7].upper() == "PM" else 0)
    try:
        moment = datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        return text
    return mjd_from_datetime(moment) + second / 86400.0 + JD_MINUS_MJD
