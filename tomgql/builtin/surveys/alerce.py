"""ALeRCE: light curves of ZTF's alerts at https://api.alerce.online/ztf/v1.

Exchange (the service's own OpenAPI description and clients): GET ``objects`` with ``ra``, ``dec`` and ``radius``
(arcsec) lists objects under ``items``; GET ``objects/<oid>/lightcurve`` answers ``detections`` and
``non_detections``; 404 means that it does not know the object. No sign-in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from tomgql.builtin.surveys.answers import require, words_of
from tomgql.builtin.surveys.ztf_objects import BrokerParameters, ZtfBroker, content_of, nearest_of
from tomgql.errors import UpstreamRefused
from tomgql.plugins.surveys import MAIN, Parameters, State, Step, SurveyQuery

MOST_OBJECTS = 100
"""Objects of a cone that are looked at: the largest page of the service."""


class AlerceParameters(BrokerParameters):
    """What to ask ALeRCE for."""

    corrected: bool = Field(
        False,
        description="Read the total brightness of variable sources, which ALeRCE works out, instead of the difference"
        " from the reference image.",
    )


class AlerceService(ZtfBroker):
    """Detections and limits of one object."""

    name: ClassVar[str] = "alerce"
    title: ClassVar[str] = "ALeRCE"
    description: ClassVar[str] = "Detections and 5-sigma limits of ZTF's alerts in g, r and i, as ALeRCE keeps them."
    version: ClassVar[str] = "1"
    addresses: ClassVar[Mapping[str, str]] = {MAIN: "https://api.alerce.online/ztf/v1"}
    parameters: ClassVar[type[Parameters]] = AlerceParameters

    async def nearest(self, query: SurveyQuery) -> str | None:
        """See `ZtfBroker.nearest`."""
        target = query.target
        params = {"ra": target.ra_deg, "dec": target.dec_deg, "radius": query.parameters.radius_arcsec,
                  "page_size": MOST_OBJECTS}  # fmt: skip
        answer = await query.http.request("GET", f"{query.address}/objects", params=params)
        if answer.status == 404:
            return None
        body = content_of(require(answer))
        if body is None:
            return None
        rows = body.get("items") if isinstance(body, dict) else body
        if not isinstance(rows, list):
            raise UpstreamRefused(f"The answer is no list of objects: {words_of(answer)}")
        return nearest_of(query, rows, name="oid", ra="meanra", dec="meandec")

    async def fetch(self, query: SurveyQuery, state: State) -> Step:
        """See `ZtfBroker.fetch`."""
        answer = await query.http.request("GET", f"{query.address}/objects/{state['object']}/lightcurve")
        if answer.status == 404:
            return self.nothing(state)
        body = content_of(require(answer))
        if body is None:
            return self.nothing(state)
        if not isinstance(body, dict) or not isinstance(body.get("detections"), list):
            raise UpstreamRefused(f"The answer is no light curve: {words_of(answer)}")
        if not body["detections"] and not body.get("non_detections"):
            return self.nothing(state)
        return self.result(query, state, answer, options={"corrected": query.parameters.corrected})
