"""A double of four brokers under one address: their answers as recorded where there are recordings.

Recorded: objects and detections of ALeRCE, objects of Fink, cones of Lasair, loci and alerts of ANTARES. Documented
only: cones of ALeRCE and Fink, limits of ALeRCE, objects of Lasair, and the further pages of ANTARES.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.support.recordings import recorded
from tests.support.survey_doubles import Heard, ServiceDouble

TOKEN = "0123456789abcdef-lasair"
ALERCE, FINK, LASAIR, ANTARES = "ZTF18abcgqmz", "ZTF19aaosfcb", "ZTF19aaypuas", "ZTF26abeuijw"
"""The objects that the recordings are of."""

UNKNOWN = "ZTF20"
"""Nobody knows objects whose names begin so; of all others they answer the recordings."""

LOCUS = "ANT2026b78o35eau2gs"
LIMIT = {"tid": "ztf", "mjd": 58300.25, "fid": 2, "diffmaglim": 20.5}


@dataclass
class BrokersDouble(ServiceDouble):
    """Each broker below a path of its name; ``more_pages`` of ANTARES follow the first, each with one alert."""

    more_pages: int = 0
    answers: dict[str, Any] = field(default_factory=dict)
    """Answers by path, instead of the usual ones: texts or what is sent as JSON."""

    async def answer(self, heard: Heard) -> web.StreamResponse:
        if heard.path in self.answers:
            given = self.answers[heard.path]
            return _json(given if isinstance(given, str) else json.dumps(given))
        broker = heard.path.split("/")[1]
        answered = getattr(self, f"_{broker}")(heard, heard.path.removeprefix(f"/{broker}"))
        return answered if isinstance(answered, web.Response) else _json(answered)

    def _alerce(self, heard: Heard, path: str) -> Any:
        known = json.loads(recorded("alerce_ztf", 0))
        if path == "/objects":
            far = {**known, "oid": "ZTF18abcgqmn", "meandec": known["meandec"] + 1 / 3600}
            return {"total": 2, "next": None, "page": 1, "items": [far, known]}
        if UNKNOWN in path:
            return web.json_response({"message": "object not found"}, status=404)
        return {"detections": json.loads(recorded("alerce_ztf", 1)), "non_detections": [LIMIT]}

    def _fink(self, heard: Heard, path: str) -> Any:
        asked = json.loads(heard.content)
        if path == "/api/v1/conesearch" or UNKNOWN not in asked["objectId"]:
            return recorded("fink").decode()
        return []

    def _lasair(self, heard: Heard, path: str) -> Any:
        if heard.headers.get("Authorization") != f"Token {TOKEN}":
            return web.json_response({"detail": "Invalid token."}, status=401)
        if path == "/api/cone/":
            within = float(heard.form["radius"])
            return [row for row in json.loads(recorded("lasair_cone")) if row["separation"] <= within]
        if UNKNOWN in heard.form["objectId"]:
            return web.json_response({"error": "Object not found."}, status=404)
        detection = {"candid": 3360406101315015003, "jd": 2461108.75, "mjd": 61108.25, "ra": 280.0, "dec": -5.0,
                     "fid": 1, "magpsf": 19.5, "sigmapsf": 0.1, "isdiffpos": "t"}  # fmt: skip
        limit = {"jd": 2461107.75, "mjd": 61107.25, "fid": 2, "diffmaglim": 20.25}
        forced = {"jd": 2461107.5, "fid": 1, "forcediffimflux": -80.0, "forcediffimfluxunc": 50.0, "magzpsci": 26.4}
        return {"objectId": LASAIR, "objectData": {}, "candidates": [detection, limit], "forcedphot": [forced]}

    def _antares(self, heard: Heard, path: str) -> Any:
        if path == "/v1/loci" and UNKNOWN in heard.params["elasticsearch_query[locus_listing]"]:
            return {"data": [], "meta": {"count": 0}}
        if path == "/v1/loci":
            return recorded("antares", 0).decode()
        if path != f"/v1/loci/{LOCUS}/alerts":
            return web.json_response({"errors": [{"detail": "Not found"}]}, status=404)
        page = int(heard.params.get("page[offset]", 0))
        document = json.loads(recorded("antares", 1))
        if page:
            alert = document["data"][-1]
            alert["id"] = f"ztf_candidate:{page}"
            alert["attributes"]["properties"] |= {"ztf_candid": page, "ztf_jd": 2461230.5 + page}
            document["data"] = [alert]
        if page < self.more_pages:
            document["links"]["next"] = f"http://elsewhere.example/v1/loci/x/alerts?page%5Boffset%5D={page + 1}"
        return document


def _json(given: Any) -> web.Response:
    text = given if isinstance(given, str) else json.dumps(given)
    kind = "text/html" if text.startswith("<") else "application/json"
    return web.Response(text=text, content_type=kind)
