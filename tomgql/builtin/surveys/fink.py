"""Fink: light curves of ZTF's alerts at https://api.ztf.fink-portal.org.

Exchange (the service's own documentation, https://doc.ztf.fink-broker.org): POST ``api/v1/conesearch`` and
``api/v1/objects`` with JSON; both answer a list of flat objects, whose names begin with ``i:`` for what the alert
said; an object that it does not know is an empty list. NaN stands bare in its JSON. No sign-in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from tomgql.builtin.surveys.answers import require, words_of
from tomgql.builtin.surveys.ztf_objects import ZtfBroker, nearest_of
from tomgql.errors import UpstreamRefused
from tomgql.plugins.surveys import MAIN, Answer, State, Step, SurveyQuery


class FinkService(ZtfBroker):
    """Alerts and limits of one object."""

    name: ClassVar[str] = "fink"
    title: ClassVar[str] = "Fink"
    description: ClassVar[str] = "Detections and 5-sigma limits of ZTF's alerts in g, r and i, as Fink keeps them."
    version: ClassVar[str] = "1"
    addresses: ClassVar[Mapping[str, str]] = {MAIN: "https://api.ztf.fink-portal.org"}

    async def nearest(self, query: SurveyQuery) -> str | None:
        """See `ZtfBroker.nearest`."""
        target, radius = query.target, query.parameters.radius_arcsec
        asked = {"ra": str(target.ra_deg), "dec": str(target.dec_deg), "radius": str(radius)}
        rows = _rows(await _ask(query, "conesearch", asked))
        return nearest_of(query, rows, name="i:objectId", ra="i:ra", dec="i:dec")

    async def fetch(self, query: SurveyQuery, state: State) -> Step:
        """See `ZtfBroker.fetch`."""
        answer = await _ask(query, "objects", {"objectId": state["object"], "withupperlim": "True"})
        return self.result(query, state, answer) if _rows(answer) else self.nothing(state)


async def _ask(query: SurveyQuery, what: str, asked: dict[str, Any]) -> Answer:
    asked = asked | {"output-format": "json"}
    return require(await query.http.request("POST", f"{query.address}/api/v1/{what}", json=asked))


def _rows(answer: Answer) -> list[Any]:
    """The rows of an answer; nothing at all means none. Raises UpstreamRefused."""
    if not answer.content.strip():
        return []
    try:
        rows = json.loads(answer.content)  # the strict reader of `Answer.json` refuses NaN
    except (ValueError, RecursionError):
        rows = None
    if not isinstance(rows, list):
        raise UpstreamRefused(f"The answer is no list of alerts: {words_of(answer)}")
    return rows
