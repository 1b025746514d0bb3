"""Pan-STARRS DR2 of MAST's catalogue service: the mean object at a place, and each of its detections.

Exchange (https://catalogs.mast.stsci.edu/docs/panstarrs.html; the cone search as recorded): GET
``dr2/mean.csv`` around a place, then ``dr2/detection.csv`` of one ``objID``. Nothing there is an empty body or a header
alone. The service's order of objects means nothing, so that the nearest is found here. Mean magnitudes are averages
over years: their file becomes a fact of the catalogue, not points of a light curve.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from tomgql.builtin.surveys.answers import require
from tomgql.builtin.surveys.names import file_stem
from tomgql.builtin.surveys.places import nearest, place_at, place_refusal
from tomgql.errors import UpstreamRefused
from tomgql.plugins.surveys import (
    MAIN,
    Answer,
    Parameters,
    Result,
    State,
    Step,
    SurveyFile,
    SurveyQuery,
    SurveyTarget,
)

SOUTHERN_LIMIT_DEG = -31.5
"""Where the 3-pi survey ends, and a little more."""

MIDDLE_YEAR = 2012.0
"""Of the survey, 2009 to 2014 (Chambers et al. 2016, arXiv:1612.05560): where moving stars are looked for."""

MOST_OBJECTS, MOST_DETECTIONS = 1000, 10_000
"""Rows of one answer: a crowded field has dozens within half a minute of arc, an object hundreds of detections."""

_MAGNITUDES = tuple(f"{band}MeanPSFMag{error}" for band in "grizy" for error in ("", "Err"))
_MEAN = ("objID", "raMean", "decMean", "nDetections", "epochMean", *_MAGNITUDES)
_DETECTION = ("objID", "detectID", "filterID", "obsTime", "ra", "dec", "expTime", "psfFlux", "psfFluxErr",
              "psfQfPerfect")  # fmt: skip


class PanStarrsParameters(Parameters):
    """Which object to take, and which of its detections."""

    radius_arcsec: float = Field(2.0, gt=0, le=30, description="Largest distance of the object, arcsec.")
    min_detections: int = Field(2, ge=1, le=1000, description="Least number of detections of the object.")
    min_psf_qf: float | None = Field(
        None, ge=0, lt=1, description="Detections whose psfQfPerfect is not above this are left out; 0.9 when null."
    )


class PanStarrsService:
    """The nearest object of the catalogue and its detections."""

    name: ClassVar[str] = "panstarrs"
    title: ClassVar[str] = "Pan-STARRS DR2"
    description: ClassVar[str] = (
        "Mean magnitudes and single detections of the nearest object of the Pan-STARRS 3-pi survey in g, r, i, z, y,"
        " 2009 to 2014."
    )
    version: ClassVar[str] = "1"
    addresses: ClassVar[Mapping[str, str]] = {MAIN: "https://catalogs.mast.stsci.edu/api/v0.1/panstarrs"}
    credentials: ClassVar[tuple[str, ...]] = ()
    parameters: ClassVar[type[Parameters]] = PanStarrsParameters
    requests_per_minute: ClassVar[float] = 60.0
    time_limit_s: ClassVar[float] = 86_400.0
    withdraws: ClassVar[bool] = False

    def refusal(self, target: SurveyTarget, parameters: PanStarrsParameters) -> str | None:
        """A position in its sky is needed."""
        return place_refusal(target, SOUTHERN_LIMIT_DEG)

    async def step(self, query: SurveyQuery, state: State) -> Step:
        """Find the object, then its detections."""
        return await _detections(query, state) if "object" in state else await _mean(query)

    async def withdraw(self, query: SurveyQuery, state: State) -> None:
        """Nothing was submitted."""


async def _mean(query: SurveyQuery) -> Step:
    ra, dec = place_at(query.target, MIDDLE_YEAR)
    radius = query.parameters.radius_arcsec
    params = {"ra": f"{ra:.7f}", "dec": f"{dec:.7f}", "radius": f"{radius / 3600:.9f}",
              "nDetections.gte": query.parameters.min_detections, "pagesize": MOST_OBJECTS}  # fmt: skip
    answer, header, rows = await _ask(query, "mean", params, _MEAN)
    at = header.index("raMean"), header.index("decMean")
    found = nearest(rows, lambda row: (_degrees(row[at[0]]), _degrees(row[at[1]])), (ra, dec), radius)
    if found is None:
        return Result((), f"Pan-STARRS has no object within {radius:g} arcsec.")
    row, separation = found
    object_id = row[header.index("objID")]
    if not (object_id.isascii() and object_id.isdigit()):
        raise UpstreamRefused(f'Pan-STARRS gives "{object_id[:50]}" for the number of an object.')
    file = _file(query, "mean", object_id, answer.address, [header, row], {})
    return Result((file,), state={"object": object_id, "separation": round(separation, 3)})


async def _detections(query: SurveyQuery, state: State) -> Step:
    object_id, separation = state["object"], state["separation"]
    params = {"objID": object_id, "pagesize": MOST_DETECTIONS}
    answer, header, rows = await _ask(query, "detection", params, _DETECTION)
    words = f"object {object_id}, {separation:.2f} arcsec away"
    if not rows:
        return Result((), f"Pan-STARRS has the mean magnitudes of {words}, and no detections.")
    least = query.parameters.min_psf_qf
    options = {} if least is None else {"min_psf_qf": least}
    file = _file(query, "detections", object_id, answer.address, [header, *rows], options)
    return Result((file,), f"{len(rows)} detections of {words}.")


def _degrees(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise UpstreamRefused(f'Pan-STARRS gives "{cell[:50]}" for degrees.') from None


def _file(
    query: SurveyQuery, kind: str, object_id: str, address: str, rows: list[list[str]], options: dict[str, Any]
) -> SurveyFile:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return SurveyFile(
        name=f"panstarrs_{file_stem(query.target)}_{object_id}_{kind}.csv",
        content=text.getvalue().encode(),
        processor="panstarrs",
        options=options,
        address=address,
        remote_id=object_id,
    )


async def _ask(
    query: SurveyQuery, table: str, params: dict[str, Any], columns: tuple[str, ...]
) -> tuple[Answer, list[str], list[list[str]]]:
    """The answer, the names of its columns, and its rows in the order of their time or id."""
    address = f"{query.address}/dr2/{table}.csv"
    sent = {**params, "columns": f"[{','.join(columns)}]"}
    answer = require(await query.http.request("GET", address, params=sent))
    lines = [row for row in csv.reader(io.StringIO(answer.text)) if row]
    if not lines:
        return answer, list(columns), []
    header, *rows = lines
    if not set(columns) <= set(header) or any(len(row) != len(header) for row in rows):
        raise UpstreamRefused(f'The answer of Pan-STARRS is no table of {table}; it begins with "{answer.text[:100]}".')
    return answer, header, sorted(rows, key=lambda row: row[header.index(columns[1])])
