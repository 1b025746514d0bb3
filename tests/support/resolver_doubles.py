"""A double of six name resolvers under one address.

Recorded: objects of NED and of JPL's Small-Body Database. Documented only: SIMBAD, Sesame, TNS, Horizons, several
matches of the Small-Body Database, and that the others do not know a name.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from html import escape
from typing import Any

from aiohttp import web

from tests.support.files import DATA
from tests.support.horizons_answers import NOBODY, SEVERAL_NEPTUNES, elements
from tests.support.survey_doubles import Heard, ServiceDouble

SECRETS = {"api_key": "0123456789abcdef-tns", "bot_id": "48152", "bot_name": "a_bot"}
M1 = {"metadata": [{"name": name} for name in ("main_id", "ra", "dec", "pmra", "pmdec", "plx_value", "otype_txt",
                                               "rvz_redshift", "ids")],
      "data": [["M   1", 83.6324, 22.0174, None, None, None, "SNR", None, "NGC  1952|M   1|SH  2-244"]]}  # fmt: skip
SESAME = """<?xml version="1.0" encoding="UTF-8"?>
<Sesame xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><Target option="SNV"><name>{name}</name>
<Resolver name="V=VizieR"><otype>Star</otype><jpos>05:34:31.9 +22:01:02</jpos><jradeg>83.63308</jradeg>
<jdedeg>22.01447</jdedeg><pm><pmRA>-11.7</pmRA><pmDE>2.65</pmDE></pm><plx><v>0.5</v></plx><z><v>0.01</v></z>
<oname>M 1</oname><alias>NGC 1952</alias><alias>SNR G184.6-05.8</alias></Resolver></Target></Sesame>"""
SESAME_UNKNOWN = '<Sesame><Target option="SNV"><name>x</name><INFO>*** Nothing found *** </INFO></Target></Sesame>'
NED_UNKNOWN = """<?xml version="1.0"?><VOTABLE version="1.1"><RESOURCE type="results"><INFO name="QUERY_STATUS"
value="OK"/><PARAM name="Error" datatype="char" arraysize="*" value="The object name that you have submitted is not
currently recognized by the NED name interpreter."/></RESOURCE></VOTABLE>"""
TRANSIENT = {
    "objname": "2020qdo", "name_prefix": "SN", "object_type": {"name": "SN Ia", "id": 3}, "redshift": 0.0467,
    "ra": "00:21:16.27", "dec": "+22:24:32.1", "radeg": 5.31779, "decdeg": 22.40892,
    "internal_names": ",ZTF20abqkaoc, ATLAS20uhf",
}  # fmt: skip
SEVERAL = {
    "message": "one or more matching objects", "code": "300",
    "list": [{"pdes": "1P", "name": "1P/Halley"}, {"pdes": "2688", "name": "2688 Halley (1982 HG1)"}],
}  # fmt: skip


@dataclass
class ResolversDouble(ServiceDouble):
    """Each resolver below a path of its name; a name with "nobody" in it is known to none."""

    answers: dict[str, Any] = field(default_factory=dict)
    """Answers by resolver, instead of the usual ones: texts or what is sent as JSON."""
    bodies: dict[str, str] = field(
        default_factory=lambda: {
            "899": "Neptune (899)", "-170": "James Webb Space Telescope (spacecraft) (-170)", "1": "1 Ceres (A801 AA)",
        }
    )  # fmt: skip
    """Names of Horizons' bodies by what is asked for; any other name is taken for Neptune's."""

    async def answer(self, heard: Heard) -> web.StreamResponse:
        resolver = heard.path.split("/")[1]
        given = self.answers.get(resolver)
        if given is None:
            given = getattr(self, f"_{resolver}")(heard)
        if isinstance(given, web.Response):
            return given
        text = given if isinstance(given, str) else json.dumps(given)
        kind = "text/html" if text.startswith("<html") else "text/xml" if text[:1] == "<" else "application/json"
        return web.Response(text=text, content_type=kind)

    def _simbad(self, heard: Heard) -> Any:
        return M1 | {"data": []} if "nobody" in heard.params["query"] else M1

    def _ned(self, heard: Heard) -> Any:
        known = (DATA / "ned_query_object.vot.xml").read_text()
        return NED_UNKNOWN if "nobody" in heard.params["objname"] else known

    def _sesame(self, heard: Heard) -> Any:
        (name,) = heard.params
        return SESAME_UNKNOWN if "nobody" in name else SESAME.format(name=escape(name))

    def _tns(self, heard: Heard) -> Any:
        if heard.form.get("api_key") != SECRETS["api_key"] or "tns_marker" not in heard.headers["User-Agent"]:
            return web.json_response({"id_code": 401, "id_message": "Unauthorized"}, status=401)
        asked = json.loads(heard.form["data"])
        if heard.path.endswith("search"):
            hits = [] if "nobody" in str(asked) else [{"prefix": "SN", "objname": "2020qdo", "objid": 62000}]
            return {"id_code": 200, "id_message": "OK", "data": {"reply": hits}}
        return {"id_code": 200, "id_message": "OK", "data": TRANSIENT}

    def _horizons(self, heard: Heard) -> Any:
        command, jd = (heard.params[name].strip("'") for name in ("COMMAND", "TLIST"))
        if "nobody" in command or "nept" in command:
            said = NOBODY if "nobody" in command else SEVERAL_NEPTUNES
        else:
            said = elements(self.bodies.get(command, self.bodies["899"]), jd)
        return {"signature": {"version": "1.3", "source": "NASA/JPL Horizons API"}, "result": said}

    def _sbdb(self, heard: Heard) -> Any:
        name = heard.params["sstr"]
        if "nobody" in name:
            return {"message": "specified object was not found", "moreInfo": "https://ssd-api.jpl.nasa.gov/"}
        if name == "halley":
            return web.json_response(SEVERAL, status=300)
        return (DATA / "sbdb_ceres.json").read_text()
