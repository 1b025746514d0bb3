"""Epoch photometry of Gaia DR3: the source by TAP, its light curve by DataLink, both at https://gea.esac.esa.int.

Exchange (https://www.cosmos.esa.int/web/gaia-users/archive; the form of both answers as recorded of other queries):
POST ``tap-server/tap/sync`` with ADQL answers JSON with columns in ``metadata`` and rows in ``data``; GET
``data-server/data`` answers a zip with a file for each product. A name such as "Gaia DR3 5937083312263887616" among the
target's names needs no search.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
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
    Going,
    Parameters,
    Result,
    State,
    Step,
    SurveyFile,
    SurveyQuery,
    SurveyTarget,
)

EPOCH_YEAR = 2016.0
"""Of the positions of DR3."""

MOST_SOURCES = 100
"""Rows of the search; within ten seconds of arc there are dozens where the sky is most crowded."""

MOST_FILES, MOST_BYTES = 20, 20_000_000
"""Files of one zip, and what they may unfold to together: one source's light curve has some 100 kB."""

_NAME = re.compile(r"gaia\s*dr3\s*(\d{1,19})", re.IGNORECASE)
_COLUMNS = ("source_id", "ra", "dec", "has_epoch_photometry")


class GaiaEpochsParameters(Parameters):
    """Which source, and which of its rows."""

    source_id: str | None = Field(
        None, pattern=r"^[0-9]{1,19}$", description="Number of the source in DR3; the nearest one when null."
    )
    radius_arcsec: float = Field(1.0, gt=0, le=10, description="Largest distance of the source, arcsec.")
    keep_rejected: bool = Field(False, description="Keep rows that Gaia's pipelines have rejected.")


class GaiaEpochsService:
    """The light curve of one source in G, BP and RP."""

    name: ClassVar[str] = "gaia_epochs"
    title: ClassVar[str] = "Gaia DR3 epoch photometry"
    description: ClassVar[str] = (
        "Photometry of each transit in G, BP and RP, 2014 to 2017, of the sources for which DR3 has it: the variable"
        " ones, for the most part."
    )
    version: ClassVar[str] = "1"
    addresses: ClassVar[Mapping[str, str]] = {MAIN: "https://gea.esac.esa.int"}
    credentials: ClassVar[tuple[str, ...]] = ()
    parameters: ClassVar[type[Parameters]] = GaiaEpochsParameters
    requests_per_minute: ClassVar[float] = 60.0
    time_limit_s: ClassVar[float] = 86_400.0
    withdraws: ClassVar[bool] = False

    def refusal(self, target: SurveyTarget, parameters: GaiaEpochsParameters) -> str | None:
        """A position is needed, or the number of a source."""
        known = parameters.source_id or source_of(target)
        return None if known else place_refusal(target)

    async def step(self, query: SurveyQuery, state: State) -> Step:
        """Find the source, then fetch its light curve."""
        known = state.get("source") or query.parameters.source_id or source_of(query.target)
        return await _fetch(query, str(known)) if known else await _search(query)

    async def withdraw(self, query: SurveyQuery, state: State) -> None:
        """Nothing was submitted."""


def source_of(target: SurveyTarget) -> str | None:
    """The number of DR3 among the target's names."""
    found = (_NAME.fullmatch(name.strip()) for name in target.names)
    return next((match[1] for match in found if match), None)


async def _search(query: SurveyQuery) -> Step:
    ra, dec = place_at(query.target, EPOCH_YEAR)
    radius = query.parameters.radius_arcsec
    adql = (
        f"SELECT TOP {MOST_SOURCES} {', '.join(_COLUMNS)} FROM gaiadr3.gaia_source"
        f" WHERE 1 = CONTAINS(POINT('ICRS', ra, dec), CIRCLE('ICRS', {ra:.8f}, {dec:.8f}, {radius / 3600:.8f}))"
    )
    form = {"REQUEST": "doQuery", "LANG": "ADQL", "FORMAT": "json", "QUERY": adql}
    answer = require(await query.http.request("POST", f"{query.address}/tap-server/tap/sync", form=form))
    found = nearest(_rows(answer), lambda row: (row["ra"], row["dec"]), (ra, dec), radius)
    if found is None:
        return Result((), f"Gaia DR3 has no source within {radius:g} arcsec.")
    row, separation = found
    words = f"source {row['source_id']}, {separation:.2f} arcsec away"
    if str(row["has_epoch_photometry"]).lower() != "true":
        return Result((), f"Gaia DR3 has no epoch photometry of {words}.")
    return Going({"source": str(row["source_id"])}, f"Found {words}.", 0.5)


def _rows(answer: Answer) -> list[dict[str, Any]]:
    body = answer.json()
    try:
        names = [column["name"].lower() for column in body["metadata"]]
        rows = [dict(zip(names, row, strict=True)) for row in body["data"]]
        return [{**row, "ra": float(row["ra"]), "dec": float(row["dec"])} for row in rows if set(row) >= set(_COLUMNS)]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UpstreamRefused(f"The answer of Gaia's archive is no table: {answer.text[:200]}") from None


async def _fetch(query: SurveyQuery, source: str) -> Step:
    params = {"RETRIEVAL_TYPE": "EPOCH_PHOTOMETRY", "ID": f"Gaia DR3 {source}", "RELEASE": "Gaia DR3",
              "DATA_STRUCTURE": "INDIVIDUAL", "FORMAT": "csv"}  # fmt: skip
    answer = require(await query.http.request("GET", f"{query.address}/data-server/data", params=params))
    files = tuple(_file(query, source, number, answer, each) for number, each in enumerate(_unzipped(answer)))
    if not files:
        return Result((), f"Gaia DR3 has no epoch photometry of source {source}.")
    rows = sum(len(file.content.splitlines()) - 1 for file in files)
    return Result(files, f"{rows} rows of source {source}.")


def _file(query: SurveyQuery, source: str, number: int, answer: Answer, content: bytes) -> SurveyFile:
    suffix = f"_{number + 1}" if number else ""
    return SurveyFile(
        name=f"gaia_epochs_{file_stem(query.target)}_{source}{suffix}.csv",
        content=content,
        processor="gaia_epochs",
        options={"keep_rejected": query.parameters.keep_rejected},
        address=answer.address,
        remote_id=source,
    )


def _unzipped(answer: Answer) -> list[bytes]:
    """The files that hold anything. Raises `UpstreamRefused` for what is no zip, or unfolds too far."""
    if not answer.content.strip():
        return []
    try:
        with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
            members = [member for member in packed.infolist() if not member.is_dir()]
            if len(members) > MOST_FILES or sum(member.file_size for member in members) > MOST_BYTES:
                raise UpstreamRefused(f"Gaia's zip holds more than {MOST_FILES} files or {MOST_BYTES} bytes.")
            contents = [packed.read(member) for member in members]
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as fault:
        words = answer.text[:100] if not answer.content.startswith(b"PK") else str(fault)
        raise UpstreamRefused(f'The answer of Gaia\'s DataLink is no whole zip: "{words}".') from fault
    return [content for content in contents if len(content.splitlines()) > 1]
