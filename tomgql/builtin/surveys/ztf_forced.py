"""ZTF forced photometry of IPAC: requests at https://ztfweb.ipac.caltech.edu, light curves after minutes to a day.

Exchange (Masci et al. 2023, arXiv:2305.16279, and working clients; not recorded): GET ``requestForcedPhotometry.cgi``
answers with a page whose table repeats what was asked; there is no number of the request. The page of
``getForcedPhotometryRequests.cgi`` lists the requests of the last 30 days, is renewed once an hour, and names the file
of each that has ended; it has no table where there are none, and while it is being renewed. Ours is told by position
and dates as printed there, and by being newer than any equal one. HTTP Basic is one password for everybody; ``email``
and ``userpass`` are the user's own and stand in the address, so the address of a request is never kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import Field

from tomgql.builtin.surveys.answers import SHOWN_CHARACTERS, require, words_of
from tomgql.builtin.surveys.html_tables import page_words, table_rows
from tomgql.builtin.surveys.names import file_stem
from tomgql.builtin.surveys.places import place_at, place_refusal
from tomgql.domain.time import JD_MINUS_MJD
from tomgql.errors import UpstreamRefused
from tomgql.plugins.surveys import (
    MAIN,
    Answer,
    Going,
    Later,
    Parameters,
    Result,
    State,
    Step,
    SurveyFile,
    SurveyQuery,
    SurveyTarget,
)

FIRST_MJD = 58_194.0
"""2018-03-17, the beginning of ZTF."""

SOUTHERN_LIMIT_DEG = -32.0
"""What Palomar's telescope cannot point below."""

SHORTEST_POLL_S, LONGEST_POLL_S = 300.0, 1800.0
"""Pauses between two looks at the table of requests."""

UNLISTED_LOOKS = 8
"""Looks, an hour and a half, after which a request that nobody knows to have arrived is made again."""

_MJD_2000, _DAYS_A_YEAR = 51_544.5, 365.25
_UNIX_EPOCH_MJD = 40_587.0
_CUTS = ("procstatus", "max_infobits", "max_scisigpix", "max_seeing_pixels", "max_chi2", "rescale_errors")


class ZtfForcedParameters(Parameters):
    """What to ask for, and which rows of the answer to leave out; those are counted in the notes."""

    mjd_min: float = Field(FIRST_MJD, ge=50_000, le=100_000, description="First day, MJD (UTC); from the first image.")
    mjd_max: float | None = Field(None, ge=50_000, le=100_000, description="Last day, MJD (UTC); until now when null.")
    procstatus: tuple[str, ...] | None = Field(
        None, max_length=50, description="Kept codes of procstatus; 0, 56, 57, 62, 63, 65 when null, all when empty."
    )
    max_infobits: float | None = Field(None, gt=0, description="infobitssci from which rows go; 33554432 when null.")
    max_scisigpix: float | None = Field(None, gt=0, description="Most noise a pixel, counts; 25 when null.")
    max_seeing_pixels: float | None = Field(None, gt=0, description="Worst seeing, pixels; 4 when null.")
    max_chi2: float | None = Field(None, gt=0, description="Largest reduced chi2 of the fit; any when null.")
    rescale_errors: bool = Field(False, description="Multiply errors by the root of the median chi2 if it exceeds 1.")


class ZtfForcedService:
    """Forced photometry at one position on all difference images."""

    name: ClassVar[str] = "ztf_forced"
    title: ClassVar[str] = "ZTF forced photometry"
    description: ClassVar[str] = (
        "Forced photometry on ZTF's difference images in g, r and i since March 2018; takes minutes to a day."
    )
    version: ClassVar[str] = "1"
    addresses: ClassVar[Mapping[str, str]] = {MAIN: "https://ztfweb.ipac.caltech.edu"}
    credentials: ClassVar[tuple[str, ...]] = ("http_user", "http_password", "email", "userpass")
    parameters: ClassVar[type[Parameters]] = ZtfForcedParameters
    requests_per_minute: ClassVar[float] = 30.0
    time_limit_s: ClassVar[float] = 3 * 86_400.0
    withdraws: ClassVar[bool] = False

    def refusal(self, target: SurveyTarget, parameters: ZtfForcedParameters) -> str | None:
        """A position in ZTF's sky is needed, and a first day before the last."""
        if parameters.mjd_max is not None and parameters.mjd_max <= parameters.mjd_min:
            return f"mjd_max ({parameters.mjd_max:g}) must be later than mjd_min ({parameters.mjd_min:g})."
        return place_refusal(target, SOUTHERN_LIMIT_DEG)

    async def step(self, query: SurveyQuery, state: State) -> Step:
        """Fix what is asked, submit, look at the table, fetch: one of them."""
        if "asked" not in state:
            return await _prepare(query)
        if "path" in state:
            return await _fetch(query, state)
        if "sent" in state:
            return await _look(query, state)
        if query.interrupted:
            return Later(1.0, "Looking whether ZTF has the request.", {**state, "sent": False})
        return await _submit(query, state)

    async def withdraw(self, query: SurveyQuery, state: State) -> None:
        """Nothing: the service offers no way."""


async def _prepare(query: SurveyQuery) -> Step:
    """Fix the request, as it will be sent and looked for, and the newest equal one there is already."""
    asked = _asked(query)
    rows, _ = await _requests(query)
    before = max((_number(row) for row in rows if _is_ours(row, asked)), default=0)
    return Later(0.1, "Asking ZTF.", {"asked": asked, "before": before})


def _asked(query: SurveyQuery) -> dict[str, float]:
    """Degrees and Julian dates, rounded to a few milliseconds of arc and a second: as they are compared later."""
    now = _UNIX_EPOCH_MJD + datetime.now(UTC).timestamp() / 86_400
    first, last = query.parameters.mjd_min, min(query.parameters.mjd_max or now, now)
    year = 2000.0 + ((first + last) / 2 - _MJD_2000) / _DAYS_A_YEAR
    ra, dec = place_at(query.target, year)
    return {"ra": round(ra, 6), "dec": round(dec, 6), "jdstart": round(first + JD_MINUS_MJD, 5),
            "jdend": round(last + JD_MINUS_MJD, 5)}  # fmt: skip


async def _submit(query: SurveyQuery, state: State) -> Step:
    params = {name: f"{value:.6f}" for name, value in state["asked"].items()}
    answer = await _ask(query, "/cgi-bin/requestForcedPhotometry.cgi", params, once=True)
    if not table_rows(answer.text):
        raise UpstreamRefused(f"ZTF has not taken the request: {page_words(answer.text)[:500] or 'an empty page.'}")
    return Later(SHORTEST_POLL_S, "ZTF has taken the request.", {**state, "sent": True}, 0.05)


async def _look(query: SurveyQuery, state: State) -> Step:
    looks = int(state.get("looks", 0)) + 1
    rows, said_instead = await _requests(query)
    ours = [row for row in rows if _is_ours(row, state["asked"]) and _number(row) > state["before"]]
    pause_s = min(SHORTEST_POLL_S * 1.3 ** min(looks - 1, 20), LONGEST_POLL_S)
    if not ours and not state["sent"] and looks >= UNLISTED_LOOKS:
        kept = {"asked": state["asked"], "before": state["before"]}
        return Later(1.0, "ZTF does not list the request; it is made again.", kept)
    if not ours:
        return Later(pause_s, f"ZTF does not list the request yet{said_instead}.", {**state, "looks": looks}, 0.05)
    row = min(ours, key=_number)
    if not row.get("ended"):
        said = "is working on the request" if row.get("started") else "has the request in its queue"
        return Later(pause_s, f"ZTF {said}.", {**state, "looks": looks}, 0.5 if row.get("started") else 0.1)
    path = row.get("lightcurve") or row.get("lc") or ""
    if not path.startswith("/"):
        raise UpstreamRefused(f'ZTF made no light curve; the code of its end is "{row.get("exitcode", "")[:50]}".')
    return Going({**state, "path": path, "number": _number(row)}, "Fetching the light curve.", 0.8)


async def _fetch(query: SurveyQuery, state: State) -> Step:
    address = f"{query.address}{state['path']}"
    text = require(await query.http.request("GET", address, basic=_basic(query))).text
    if text.strip() and "forcediffimflux" not in text:
        raise UpstreamRefused(f'The file of ZTF is no light curve; it begins with "{text[:100]}".')
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    rows = max(len(lines) - 1, 0)
    if not rows:
        return Result((), "ZTF has no images of this place and time.")
    given = query.parameters.model_dump(include=set(_CUTS), exclude_none=True)
    file = SurveyFile(
        name=f"ztf_forced_{file_stem(query.target)}_{state['number']}.txt",
        content=text.encode(),
        processor="ztf_forced",
        options={name: list(value) if isinstance(value, tuple) else value for name, value in given.items()},
        address=address,
        remote_id=str(state["number"]),
    )
    return Result((file,), f"{rows} rows from ZTF.")


async def _requests(query: SurveyQuery) -> tuple[list[dict[str, str]], str]:
    """The rows of the table of requests, and what a page without a table says, to be told."""
    params = {"option": "All recent jobs", "action": "Query Database"}
    page = (await _ask(query, "/cgi-bin/getForcedPhotometryRequests.cgi", params)).text
    rows = table_rows(page)
    if rows and "reqId" not in rows[0]:
        raise UpstreamRefused(f"ZTF's table of requests has no column reqId: {page_words(page)[:500]}")
    words = "" if rows else page_words(page)[:SHOWN_CHARACTERS].rstrip(".")
    return rows, f"; its page says: {words}" if words else ""


async def _ask(query: SurveyQuery, path: str, params: Mapping[str, str], *, once: bool = False) -> Answer:
    own = {"email": query.credentials["email"], "userpass": query.credentials["userpass"]}
    address = f"{query.address}{path}"
    answer = await query.http.request("GET", address, params={**params, **own}, basic=_basic(query), once=once)
    if not urlsplit(answer.address).path.endswith(path):
        raise UpstreamRefused(f"It sends us to another page, most likely to sign in: {words_of(answer)}")
    return require(answer, html=True)


def _basic(query: SurveyQuery) -> tuple[str, str]:
    return query.credentials["http_user"], query.credentials["http_password"]


def _is_ours(row: Mapping[str, str], asked: Mapping[str, float]) -> bool:
    """Whether a row repeats the request, as far as its numbers are printed."""
    cells = {"ra": "ra", "dec": "dec", "startJD": "jdstart", "endJD": "jdend"}
    return all(_equals(row.get(cell, ""), asked[name]) for cell, name in cells.items())


def _equals(printed: str, value: float) -> bool:
    try:
        difference = abs(float(printed) - value)
    except ValueError:
        return False
    return difference <= 1.01 * 10.0 ** -len(printed.partition(".")[2])


def _number(row: Mapping[str, str]) -> int:
    number = row.get("reqId", "")
    return int(number) if number.isascii() and number.isdigit() else 0
