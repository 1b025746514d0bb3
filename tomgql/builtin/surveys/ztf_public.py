"""ZTF's public light curves at IRSA: https://irsa.ipac.caltech.edu/cgi-bin/ZTF/nph_light_curves.

Exchange (https://irsa.ipac.caltech.edu/docs/program_interface/ztf_lightcurve_api.html; not recorded): one GET with a
circle in degrees answers CSV, after ten seconds to a minute; a header alone means that nothing is there; 503 that
others are asking. Rows with bad flags are asked for too, and left out where they are counted, when the file is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from tomgql.builtin.surveys.answers import require
from tomgql.builtin.surveys.names import file_stem
from tomgql.builtin.surveys.places import place_at, place_refusal
from tomgql.errors import UpstreamRefused
from tomgql.plugins.surveys import (
    MAIN,
    Parameters,
    Result,
    State,
    Step,
    SurveyFile,
    SurveyQuery,
    SurveyTarget,
)

SOUTHERN_LIMIT_DEG = -32.0
"""What Palomar's telescope cannot point below."""

MIDDLE_YEAR = 2018.5
"""Of the reference images that the objects' places come from: where moving stars are looked for."""

FIRST_MJD, LAST_MJD = 58_000.0, 100_000.0
"""Before the first image, and after any that will be."""

_COLUMNS = {"oid", "expid", "mjd", "mag", "filtercode"}


class ZtfPublicParameters(Parameters):
    """Which objects and which of their rows."""

    radius_arcsec: float = Field(1.5, gt=0, le=10, description="Largest distance of an object, arcsec.")
    bands: tuple[Literal["g", "r", "i"], ...] = Field(
        ("g", "r", "i"), min_length=1, max_length=3, description="Filters: g, r, i."
    )
    mjd_min: float | None = Field(None, ge=FIRST_MJD, le=LAST_MJD, description="First day, MJD; any when null.")
    mjd_max: float | None = Field(None, ge=FIRST_MJD, le=LAST_MJD, description="Last day, MJD; any when null.")
    bad_catflags_mask: int = Field(
        32768, ge=0, le=65535, description="Rows with any of these bits of catflags are left out; counted in the notes."
    )


class ZtfPublicService:
    """Photometry of stars on ZTF's images, of its public data releases."""

    name: ClassVar[str] = "ztf_public"
    title: ClassVar[str] = "ZTF public light curves"
    description: ClassVar[str] = (
        "Light curves of the objects at a position in g, r and i, from the images of ZTF's public data releases."
    )
    version: ClassVar[str] = "1"
    addresses: ClassVar[Mapping[str, str]] = {MAIN: "https://irsa.ipac.caltech.edu/cgi-bin/ZTF"}
    credentials: ClassVar[tuple[str, ...]] = ()
    parameters: ClassVar[type[Parameters]] = ZtfPublicParameters
    requests_per_minute: ClassVar[float] = 20.0
    time_limit_s: ClassVar[float] = 86_400.0
    withdraws: ClassVar[bool] = False

    def refusal(self, target: SurveyTarget, parameters: ZtfPublicParameters) -> str | None:
        """A position in ZTF's sky is needed, and a first day before the last."""
        first, last = parameters.mjd_min, parameters.mjd_max
        if first is not None and last is not None and last <= first:
            return f"mjd_max ({last:g}) must be later than mjd_min ({first:g})."
        return place_refusal(target, SOUTHERN_LIMIT_DEG)

    async def step(self, query: SurveyQuery, state: State) -> Step:
        """The only request."""
        asked = query.parameters
        answer = require(await query.http.request("GET", f"{query.address}/nph_light_curves", params=_params(query)))
        lines = [line for line in answer.text.splitlines() if line.strip()]
        if lines and not set(lines[0].strip().split(",")) >= _COLUMNS:
            raise UpstreamRefused(f'The answer of IRSA is no light curve; it begins with "{answer.text[:200]}".')
        if len(lines) < 2:
            return Result((), f"ZTF has nothing within {asked.radius_arcsec:g} arcsec.")
        file = SurveyFile(
            name=f"ztf_public_{file_stem(query.target)}.csv",
            content=answer.content,
            processor="ztf_public",
            options={"bad_catflags_mask": asked.bad_catflags_mask},
            address=answer.address,
        )
        return Result((file,), f"{len(lines) - 1} rows from ZTF.")

    async def withdraw(self, query: SurveyQuery, state: State) -> None:
        """Nothing was submitted."""


def _params(query: SurveyQuery) -> dict[str, Any]:
    asked = query.parameters
    ra, dec = place_at(query.target, MIDDLE_YEAR)
    params = {"POS": f"CIRCLE {ra:.6f} {dec:.6f} {asked.radius_arcsec / 3600:.7f}", "BANDNAME": ",".join(asked.bands),
              "FORMAT": "CSV"}  # fmt: skip
    if asked.mjd_min is not None or asked.mjd_max is not None:
        params["TIME"] = f"{asked.mjd_min or FIRST_MJD} {asked.mjd_max or LAST_MJD}"
    return params
