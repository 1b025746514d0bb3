"""Which datum is which: stable 16-byte identities, and hashes of what a datum says.

Identity is never the flux (DESIGN D9). Both are BLAKE2b with 16 bytes, written as UUID text, over a layout that
never changes under its version prefix. Within one target:

identity, with the producer's id    ``tomgql:identity:1:id`` NUL source NUL id NUL kind [NUL occurrence]
identity, without one               ``tomgql:identity:1:time`` NUL source NUL instrument NUL band NUL kind NUL ms
                                    [NUL occurrence]
content                             ``tomgql:content:1`` NUL, the numbers of `_NUMBERS` as little-endian doubles
                                    (every NaN as 0x7ff8000000000000, -0.0 as 0.0), then NUL-separated texts

Texts are UTF-8 and never hold NUL; "none" is empty. ``ms`` is the mid-exposure MJD in integer milliseconds.
``instrument`` is the telescope where no instrument is known, for positions the observatory's code where no telescope
is either. ``kind`` is the data type, with ``+forced`` and ``+difference`` where they apply. ``occurrence`` counts from
1, and is left out for the first. Spectra and positions have an empty ``band``.

The content of a spectrum is ``tomgql:content:1`` NUL, time and exposure, then its three arrays, each behind its number
of samples as a little-endian 64-bit integer (-1 for no errors), then NUL-separated texts and what was reported.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from tomgql.domain.arrays import FloatColumn, TextColumn
from tomgql.domain.astrometry import Astrometry
from tomgql.domain.cells import factorise, factorise_rows
from tomgql.domain.measurements import GenericData, Photometry
from tomgql.domain.spectra import Spectrum

_EMPTY = blake2b(digest_size=16)
_BY_ID = b"tomgql:identity:1:id"
_MS_PER_DAY = 86_400_000
_NO_TIME_MS = -(2**62)

_NUMBERS = (
    "mjd_utc", "flux_ujy", "flux_error_ujy", "limit_flux_ujy", "limit_nsigma", "exposure_s", "reported_magnitude",
    "reported_magnitude_error", "forced", "difference",
)  # fmt: skip
_POSITION_NUMBERS = ("mjd_utc", "ra_deg", "dec_deg", "ra_error_arcsec", "dec_error_arcsec")
_POSITION_TEXTS = ("observatory_code", "telescope", "instrument", "source_name", "external_id", "time_quality")
_SPECTRUM_TEXTS = ("flux_unit", "medium", "telescope", "instrument", "source_name", "external_id", "time_quality")
_TEXTS = ("band", "telescope", "instrument", "source_name", "external_id", "time_quality", "reported_system")


def _kinds(photometry: Photometry) -> TextColumn:
    words = np.array(["photometry", "photometry+forced", "photometry+difference", "photometry+forced+difference"])
    kinds: TextColumn = words.astype(object)[photometry.forced.astype(int) + 2 * photometry.difference.astype(int)]
    return kinds


def _milliseconds(mjd_utc: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.where(np.isnan(mjd_utc), _NO_TIME_MS, np.rint(np.nan_to_num(mjd_utc) * _MS_PER_DAY)).astype(np.int64)


def _keys(photometry: Photometry) -> tuple[list[bytes], NDArray[np.int64]]:
    """The distinct beginnings of identities, up to the time, and for each row the index of its own."""
    instruments = np.where(photometry.instrument.astype(np.bool_), photometry.instrument, photometry.telescope)
    columns = (photometry.source_name, instruments, photometry.band, _kinds(photometry), photometry.external_id)
    keys, codes = factorise_rows([column.tolist() for column in columns])
    return [_key(*key) for key in keys], codes


def _key(source: str | None, instrument: str | None, band: str | None, kind: str, external_id: str | None) -> bytes:
    if external_id:
        return "\0".join((_BY_ID.decode(), source or "", external_id, kind)).encode()
    return "\0".join(("tomgql:identity:1:time", source or "", instrument or "", band or "", kind)).encode()


def identity_codes(photometry: Photometry) -> NDArray[np.int64]:
    """Numbers, (n,), equal where rows claim the same identity within one file, before occurrences."""
    keys, codes = _keys(photometry)
    distinct, merged = factorise(keys)
    timeless = np.array([key.startswith(_BY_ID) for key in distinct], dtype=np.bool_)
    places = merged[codes]
    times = np.where(timeless[places], 0, _milliseconds(photometry.mjd_utc))
    ranks = np.unique(times, return_inverse=True)[1]
    numbers: NDArray[np.int64] = ranks * len(distinct) + places
    return numbers


def identities(photometry: Photometry) -> list[str]:
    """The identity of each row within its target, as UUID text."""
    return _texts(identity_digests(photometry))


def identity_digests(photometry: Photometry) -> bytes:
    """The identities of all rows, 16 bytes each."""
    keys, codes = _keys(photometry)
    by_id = [key.startswith(_BY_ID) for key in keys]
    times = _milliseconds(photometry.mjd_utc).tolist()
    messages = [
        keys[code] if by_id[code] else b"%b\0%d" % (keys[code], ms)
        for code, ms in zip(codes.tolist(), times, strict=True)
    ]
    if photometry.occurrence is not None:
        for row in np.flatnonzero(photometry.occurrence).tolist():
            messages[row] += b"\0%d" % photometry.occurrence[row]
    return _digests(messages)


def contents(photometry: Photometry) -> list[str]:
    """A hash of all that each row says, as UUID text: equal hashes mean that nothing has changed."""
    return _texts(content_digests(photometry))


def content_digests(photometry: Photometry) -> bytes:
    """The hashes of all rows, 16 bytes each."""
    return _column_contents(photometry, _NUMBERS, _TEXTS)


def _column_contents(data: Photometry | Astrometry, names: Sequence[str], text_names: Sequence[str]) -> bytes:
    numbers = _plain(np.stack([getattr(data, name).astype(np.float64, copy=False) for name in names], axis=1))
    block, width = numbers.tobytes(), 8 * len(names)
    texts, codes = factorise_rows([getattr(data, name).tolist() for name in text_names])
    tails = ["\0".join([text or "" for text in key]).encode() + b"\0" for key in texts]
    starts = range(0, len(block), width)
    rows = zip(starts, codes.tolist(), data.reported, strict=True)
    prefix = b"tomgql:content:1\0"
    return _digests(prefix + block[start : start + width] + tails[code] + said.encode() for start, code, said in rows)


def _plain(numbers: FloatColumn) -> NDArray[np.float64]:
    """The same numbers in one way of writing each: little-endian, one NaN, no negative zero."""
    plain: NDArray[np.float64] = numbers.astype("<f8", copy=False) + 0.0
    plain[np.isnan(plain)] = np.nan
    return plain


def spectrum_identities(spectra: Sequence[Spectrum]) -> list[str]:
    """The identity of each spectrum: the producer's id, else source, instrument and time; never its fluxes."""
    messages = []
    for each in spectra:
        key = _key(each.source_name, each.instrument or each.telescope, None, "spectroscopy", each.external_id)
        messages.append(_placed(key, each.external_id, round(each.mjd_utc * _MS_PER_DAY), each.occurrence))
    return uuid_texts(messages)


def spectrum_contents(spectra: Sequence[Spectrum]) -> list[str]:
    """A hash of all that each spectrum says, its arrays among it."""
    return [uuid_texts([_spectrum_message(each)])[0] for each in spectra]


def _spectrum_message(each: Spectrum) -> bytes:
    parts = [b"tomgql:content:1\0", _plain(np.array([each.mjd_utc, each.exposure_s])).tobytes()]
    for array in (each.wavelength_angstrom, each.flux_values, each.flux_error_values):
        parts.append(struct.pack("<q", -1 if array is None else len(array)))
        parts.append(b"" if array is None else _plain(array).tobytes())
    texts = "\0".join([getattr(each, name) or "" for name in _SPECTRUM_TEXTS])
    return b"".join([*parts, texts.encode(), b"\0", each.reported.encode()])


def astrometry_identities(data: Astrometry) -> list[str]:
    """The identity of each position: the producer's id, else source, instrument and time."""
    columns = (data.source_name, data.instrument, data.telescope, data.observatory_code, data.external_id)
    times = _milliseconds(data.mjd_utc).tolist()
    occurrences = [0] * len(data) if data.occurrence is None else data.occurrence.tolist()
    messages = []
    for source, instrument, telescope, code, external, ms, occurrence in zip(
        *(column.tolist() for column in columns), times, occurrences, strict=True
    ):
        key = _key(source, instrument or telescope or code, None, "astrometry", external)
        messages.append(_placed(key, external, ms, occurrence))
    return uuid_texts(messages)


def astrometry_contents(data: Astrometry) -> list[str]:
    """A hash of all that each position says."""
    return _texts(_column_contents(data, _POSITION_NUMBERS, _POSITION_TEXTS))


def _placed(key: bytes, external_id: str | None, ms: int, occurrence: int = 0) -> bytes:
    """The beginning of an identity with its time, unless the producer's id stands for it, and its occurrence."""
    placed = key if external_id else b"%b\0%d" % (key, ms)
    return b"%b\0%d" % (placed, occurrence) if occurrence else placed


def generic_identities(data: GenericData) -> list[str]:
    """The identity of each generic datum: the producer's id, else source, instrument, type and time."""
    columns = (data.source_name, data.instrument, data.telescope, data.external_id)
    times = _milliseconds(data.mjd_utc).tolist()
    occurrences = [0] * len(data) if data.occurrence is None else data.occurrence.tolist()
    messages = []
    for source, instrument, telescope, external, ms, occurrence in zip(
        *(column.tolist() for column in columns), times, occurrences, strict=True
    ):
        key = _key(source, instrument or telescope, None, data.data_type, external)
        messages.append(_placed(key, external, ms, occurrence))
    return uuid_texts(messages)


def generic_contents(data: GenericData) -> list[str]:
    """A hash of each generic datum's time and value."""
    times = (data.mjd_utc.astype("<f8") + 0.0).tolist()
    return uuid_texts(
        [
            b"tomgql:content:1\0" + struct.pack("<d", time) + said.encode()
            for time, said in zip(times, data.reported, strict=True)
        ]
    )


def uuid_texts(messages: Iterable[bytes]) -> list[str]:
    """The 16-byte BLAKE2b of each message, written as a UUID."""
    return _texts(_digests(messages))


def _digests(messages: Iterable[bytes]) -> bytes:
    """The 16-byte BLAKE2b of each, behind one another. To copy an empty hash takes a third less than to make one."""
    digests = []
    for message in messages:
        hashed = _EMPTY.copy()
        hashed.update(message)
        digests.append(hashed.digest())
    return b"".join(digests)


def _texts(digests: bytes) -> list[str]:
    """Digests as UUIDs; hyphens set for all at once."""
    if not digests:
        return []
    digits = np.frombuffer(digests.hex().encode(), dtype="S1").reshape(-1, 32)
    text = np.insert(digits, (8, 12, 16, 20), b"-", axis=1)
    lines: list[str] = np.ascontiguousarray(text).view("S36").ravel().astype(str).tolist()
    return lines
