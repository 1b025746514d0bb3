"""ANTARES: light curves of ZTF's alerts at https://api.antares.noirlab.edu.

Exchange (recorded, and the service's own client): JSON:API without sign-in. GET ``v1/loci`` with an Elasticsearch
query finds loci by ZTF name or within a cone; ``v1/loci/<id>/alerts`` gives their alerts, page by page. The links to
other pages name another scheme than the service is asked under, so only their query is taken. Each page is kept as a
file of its own: what was fetched before a crash is not fetched again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import orjson

from tomgql.builtin.surveys.answers import require, words_of
from tomgql.builtin.surveys.ztf_objects import ZtfBroker, content_of, nearest_of, plain_id
from tomgql.errors import UpstreamRefused
from tomgql.plugins.surveys import MAIN, Answer, Result, State, Step, SurveyQuery

MOST_PAGES = 200
"""Pages of one locus that are fetched; no locus of ZTF has as many."""

_LONGEST_LINK = 2_000


class AntaresService(ZtfBroker):
    """Alerts and limits of one locus."""

    name: ClassVar[str] = "antares"
    title: ClassVar[str] = "ANTARES"
    description: ClassVar[str] = "Detections and 5-sigma limits of ZTF's alerts in g, r and i, as ANTARES keeps them."
    version: ClassVar[str] = "1"
    addresses: ClassVar[Mapping[str, str]] = {MAIN: "https://api.antares.noirlab.edu/v1"}

    async def find(self, query: SurveyQuery, name: str | None) -> str | None:
        """See `ZtfBroker.find`."""
        if name is None:
            return await self.nearest(query)
        loci = await _loci(query, {"term": {"properties.ztf_object_id": name}})
        return plain_id(str(loci[0].get("id"))) if loci else None

    async def nearest(self, query: SurveyQuery) -> str | None:
        """See `ZtfBroker.nearest`."""
        target, radius_deg = query.target, query.parameters.radius_arcsec / 3600
        centre = {"center": f"{target.ra_deg} {target.dec_deg}"}
        loci = await _loci(query, {"sky_distance": {"distance": f"{radius_deg:.8f} degree", "htm16": centre}})
        rows = [{"id": locus.get("id"), **_attributes(locus)} for locus in loci]
        return nearest_of(query, rows, name="id", ra="ra", dec="dec")

    async def fetch(self, query: SurveyQuery, state: State) -> Step:
        """One page; see `ZtfBroker.fetch`."""
        page, address = int(state.get("page", 1)), f"{query.address}/loci/{state['object']}/alerts"
        params = dict(parse_qsl(state.get("query", ""))) or None
        answer = await query.http.request("GET", address, params=params)
        if answer.status == 404 and page == 1:
            return self.nothing(state)
        body = _body(require(answer))
        if not body["data"]:
            return self.nothing(state) if page == 1 else Result((), f"{page - 1} pages from ANTARES.")
        found = self.result(query, state, answer)
        following = _following(body)
        if following is None or following == state.get("query") or page >= MOST_PAGES:
            return replace(found, message=f"{found.message[:-1]}, {page} pages." if page > 1 else found.message)
        return replace(found, state={"object": state["object"], "page": page + 1, "query": following})


async def _loci(query: SurveyQuery, condition: dict[str, Any]) -> list[Mapping[str, Any]]:
    wanted = orjson.dumps({"query": {"bool": {"filter": condition}}}).decode()
    params = {"sort": "-properties.newest_alert_observation_time", "elasticsearch_query[locus_listing]": wanted}
    return list(_body(require(await query.http.request("GET", f"{query.address}/loci", params=params)))["data"])


def _body(answer: Answer) -> dict[str, Any]:
    body = content_of(answer)
    if body is None:
        return {"data": []}
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, list) or not all(isinstance(each, dict) for each in data):
        raise UpstreamRefused(f"The answer of ANTARES is no list: {words_of(answer)}")
    return {**body, "data": data}


def _attributes(locus: Mapping[str, Any]) -> Mapping[str, Any]:
    attributes = locus.get("attributes")
    return attributes if isinstance(attributes, Mapping) else {}


def _following(body: Mapping[str, Any]) -> str | None:
    """The query of the link to the next page."""
    links = body.get("links")
    link = links.get("next") if isinstance(links, Mapping) else None
    return urlsplit(link[:_LONGEST_LINK]).query or None if isinstance(link, str) else None
