"""Lasair: light curves of ZTF's alerts at https://lasair-ztf.lsst.ac.uk.

Exchange (the service's own documentation, https://lasair.readthedocs.io): POST forms with a token; ``api/cone/``
answers a list of ``object`` and ``separation`` (arcsec), ``api/object/`` one object with its ``candidates``,
detections and limits in one list, and ``forcedphot``. A user has 100 calls an hour, then 429.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from tomgql.builtin.surveys.answers import require, words_of
from tomgql.builtin.surveys.ztf_objects import ZtfBroker, closest, content_of
from tomgql.errors import UpstreamRefused
from tomgql.plugins.surveys import MAIN, Answer, State, Step, SurveyQuery


class LasairService(ZtfBroker):
    """Detections, limits and forced fluxes of one object."""

    name: ClassVar[str] = "lasair"
    title: ClassVar[str] = "Lasair"
    description: ClassVar[str] = (
        "Detections, 5-sigma limits and forced difference fluxes of ZTF's alerts in g, r and i, as Lasair keeps them."
    )
    version: ClassVar[str] = "1"
    addresses: ClassVar[Mapping[str, str]] = {MAIN: "https://lasair-ztf.lsst.ac.uk"}
    credentials: ClassVar[tuple[str, ...]] = ("token",)

    async def nearest(self, query: SurveyQuery) -> str | None:
        """See `ZtfBroker.nearest`."""
        target = query.target
        form = {"ra": target.ra_deg, "dec": target.dec_deg, "radius": query.parameters.radius_arcsec,
                "requestType": "all"}  # fmt: skip
        answer = require(await _ask(query, "cone", form))
        rows = content_of(answer)
        if rows is None:
            return None
        if not isinstance(rows, list):
            raise UpstreamRefused(f"The answer is no list of objects: {words_of(answer)}")
        return closest(query, [_separated(row) for row in rows if isinstance(row, Mapping)])

    async def fetch(self, query: SurveyQuery, state: State) -> Step:
        """See `ZtfBroker.fetch`."""
        answer = await _ask(query, "object", {"objectId": state["object"]})
        if answer.status == 404:
            return self.nothing(state)
        body = content_of(require(answer))
        if body is None:
            return self.nothing(state)
        if not isinstance(body, dict) or not isinstance(body.get("candidates"), list):
            raise UpstreamRefused(f"The answer is no light curve: {words_of(answer)}")
        return self.result(query, state, answer) if body["candidates"] else self.nothing(state)


async def _ask(query: SurveyQuery, what: str, form: dict[str, Any]) -> Answer:
    headers = {"Authorization": f"Token {query.credentials['token']}", "Accept": "application/json"}
    return await query.http.request("POST", f"{query.address}/api/{what}/", form=form, headers=headers)


def _separated(row: Mapping[str, Any]) -> tuple[float, Any]:
    apart = row.get("separation")
    return float(apart) if isinstance(apart, (int, float)) else float("inf"), row.get("object")
