"""Gaia Science Alerts: the light curve of an alert by its name, at https://gsaweb.ast.cam.ac.uk/alerts.

Exchange (working clients; not recorded): one GET of ``alert/<name>/lightcurve.csv`` answers text. An alert is found by
its name only, which must be one of the target's names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from tomgql.builtin.surveys.answers import require
from tomgql.builtin.surveys.names import file_stem
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

_NAME = re.compile(r"gaia[ _-]?(\d\d)([a-z]{3,4})", re.IGNORECASE)
"""Gaia14adi: year and letters. Numbers of sources, as Gaia DR3 5937083312263887616, are none."""


class GaiaAlertsParameters(Parameters):
    """Which alert."""

    alert: str | None = Field(
        None,
        pattern=r"^Gaia[0-9]{2}[a-z]{3,4}$",
        description="Name of the alert, as Gaia14adi; of the target when null.",
    )


class GaiaAlertsService:
    """The light curve of one alert."""

    name: ClassVar[str] = "gaia_alerts"
    title: ClassVar[str] = "Gaia Science Alerts"
    description: ClassVar[str] = "Light curve in G of a Gaia alert, 2014 to 2025, by its name (Gaia14adi)."
    version: ClassVar[str] = "1"
    addresses: ClassVar[Mapping[str, str]] = {MAIN: "https://gsaweb.ast.cam.ac.uk/alerts"}
    credentials: ClassVar[tuple[str, ...]] = ()
    parameters: ClassVar[type[Parameters]] = GaiaAlertsParameters
    requests_per_minute: ClassVar[float] = 30.0
    time_limit_s: ClassVar[float] = 86_400.0
    withdraws: ClassVar[bool] = False

    def refusal(self, target: SurveyTarget, parameters: GaiaAlertsParameters) -> str | None:
        """The name of an alert is needed."""
        if parameters.alert is None and alert_of(target) is None:
            return "none of the target's names is that of a Gaia alert, such as Gaia14adi; add it, or say alert."
        return None

    async def step(self, query: SurveyQuery, state: State) -> Step:
        """The only request."""
        alert = query.parameters.alert or alert_of(query.target)
        address = f"{query.address}/alert/{alert}/lightcurve.csv"
        answer = await query.http.request("GET", address)
        if answer.status == 404:
            raise UpstreamRefused(f"Gaia knows no alert {alert}.")
        text = require(answer).text
        lines = [line for line in text.splitlines() if line.strip()]
        if lines and not any("JD(TCB)" in line for line in lines[:2]):
            raise UpstreamRefused(f'The answer of Gaia is no light curve; it begins with "{text[:100]}".')
        if len(lines) < 3:
            return Result((), f"Gaia has no light curve of {alert}.")
        file = SurveyFile(
            name=f"gaia_alerts_{file_stem(query.target)}_{alert}.csv",
            content=answer.content,
            processor="gaia_alerts",
            address=answer.address,
            remote_id=str(alert),
        )
        return Result((file,), f"{len(lines) - 2} rows of {alert}.")

    async def withdraw(self, query: SurveyQuery, state: State) -> None:
        """Nothing was submitted."""


def alert_of(target: SurveyTarget) -> str | None:
    """The first of the target's names that is an alert's, as Gaia writes it."""
    found = (_NAME.fullmatch(name.strip()) for name in target.names)
    return next((f"Gaia{match[1]}{match[2].lower()}" for match in found if match), None)
