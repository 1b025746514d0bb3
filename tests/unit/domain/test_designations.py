"""Designations as the Minor Planet Center packs them; the examples are those of its page, where it gives some."""

from __future__ import annotations

import pytest

from tomgql.domain.designations import name_keys, unpack_number, unpack_provisional


@pytest.mark.parametrize(
    ("packed", "plain"),
    [
        ("00085", "85"), ("03202", "3202"), ("A0345", "100345"), ("a0017", "360017"), ("z9999", "619999"),
        ("~0000", "620000"), ("~000z", "620061"), ("~AZaz", "3140113"), ("0001P", "1P"), ("0002I", "2I"),
        ("J013S", "Jupiter 13"), ("00000", None), ("0000P", None), ("K20Q0", None), ("٣٣٣٣٣", None), ("", None),
    ],
)  # fmt: skip
def test_packed_numbers(packed: str, plain: str | None) -> None:
    assert unpack_number(packed) == plain


@pytest.mark.parametrize(
    ("packed", "orbit", "plain"),
    [
        ("K20Q04A", "", "2020 QA4"), ("J95X00A", "", "1995 XA"), ("J98SA8Q", "", "1998 SQ108"),
        ("K07Tf8A", "", "2007 TA418"), ("_QC0000", "", "2026 CA620"), ("_QC0aEM", "", "2026 CZ6190"),
        ("PLS2040", "", "2040 P-L"), ("T1S3138", "", "3138 T-1"), ("J95O010", "C", "C/1995 O1"),
        ("J93F02b", "D", "D/1993 F2-B"), ("K01OA8G", "C", "C/2001 OG108"), ("K03J010", "S", "S/2003 J 1"),
        ("P10Frjh", "", None), ("C03UYWZ", "", None), ("J95O010", "", None), ("K20I04A", "", None),
    ],
)  # fmt: skip
def test_packed_provisional_designations(packed: str, orbit: str, plain: str | None) -> None:
    assert unpack_provisional(packed, orbit) == plain


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("K20Q04A", "2020 QA4"), ("2020qa4", "2020 QA4"), ("00085", "(85) Io"), ("00085", "85 Io"), ("Io", "(85) Io"),
        ("CJ95O010", "C/1995 O1 (Hale-Bopp)"), ("0001P", "1P/Halley"), ("0073P", "73P"), ("J08C00J", "A908 CJ"),
        ("~000z", "(620061)"), ("K20Q04A", "(612033) 2020 QA4"),
    ],
)  # fmt: skip
def test_names_of_one_object(one: str, other: str) -> None:
    assert name_keys(one) & name_keys(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("K20Q04A", "2020 QA5"), ("00085", "1985 AA"), ("85", "850"), ("0001P", "1"), ("0073P", "73P-B"),
        ("2020 QA4", "2020"), ("DJ93F02b", "D/1993 F2"), ("SN 2020qa", "2020 QA"), ("", ""),
    ],
)  # fmt: skip
def test_names_of_different_objects(one: str, other: str) -> None:
    assert not name_keys(one) & name_keys(other)
