"""TNS, the Transient Name Server: https://www.wis-tns.org.

Exchange (the service's own documentation of its API for bots, and clients): POST forms with ``api_key`` and ``data``,
which is JSON; a bot must name itself in ``User-Agent``. ``get/search`` finds objects by name or by a survey's own
name, ``get/object`` tells one. The content stands in ``data``, of older answers in ``data.reply``. Names have no
prefix when they are asked for: "2020qdo", not "SN 2020qdo".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import orjson

from tomgql.builtin.processors.json_tables import mappings
from tomgql.builtin.resolvers.values import number, text
from tomgql.builtin.surveys.answers import require, words_of
from tomgql.errors import UpstreamRefused
from tomgql.plugins.resolvers import Candidate, Candidates, NameQuery
from tomgql.plugins.surveys import MAIN

MOST_OBJECTS = 3
"""Objects of one name whose facts are asked for; each is a request of the few that a bot has."""

_TNS_NAME = re.compile(r"(?:SN|AT|TDE|FRB)?\s*(\d{4}[A-Za-z]{1,8})", re.IGNORECASE)
_PAGE = "https://www.wis-tns.org/object/"


class TnsResolver:
    """Names of transients."""

    name: ClassVar[str] = "tns"
    title: ClassVar[str] = "Transient Name Server"
    description: ClassVar[str] = "Transients, by their TNS name or the name that a survey gave them."
    version: ClassVar[str] = "1"
    addresses: ClassVar[Mapping[str, str]] = {MAIN: "https://www.wis-tns.org/api"}
    credentials: ClassVar[tuple[str, ...]] = ("api_key", "bot_id", "bot_name")
    requests_per_minute: ClassVar[float] = 20.0

    async def resolve(self, query: NameQuery) -> Candidates:
        """The transients of the name."""
        named = _TNS_NAME.fullmatch(query.name)
        asked = {"objname": named[1]} if named else {"internal_name": query.name}
        hits = await _ask(query, "search", asked)
        names = [str(hit["objname"]) for hit in mappings(hits) if hit.get("objname")]
        told = [await _ask(query, "object", {"objname": name}) for name in names[:MOST_OBJECTS]]
        return [_candidate(each) for each in told if isinstance(each, Mapping) and each.get("objname")]


async def _ask(query: NameQuery, what: str, asked: Mapping[str, str]) -> Any:
    """The content of an answer. Raises Upstream."""
    secrets = query.credentials
    marker = {"tns_id": secrets["bot_id"], "type": "bot", "name": secrets["bot_name"]}
    answer = require(
        await query.http.request(
            "POST",
            f"{query.address}/get/{what}",
            form={"api_key": secrets["api_key"], "data": orjson.dumps(asked).decode()},
            headers={"User-Agent": f"tns_marker{orjson.dumps(marker).decode()}"},
        )
    )
    body = answer.json()
    if not isinstance(body, Mapping) or body.get("id_code") != 200:
        raise UpstreamRefused(f"It refuses: {words_of(answer)}")
    data = body.get("data")
    return data["reply"] if isinstance(data, Mapping) and "reply" in data else data


def _candidate(told: Mapping[str, Any]) -> Candidate:
    prefix, name = text(told.get("name_prefix")), str(told["objname"])
    kind, inner = told.get("object_type"), told.get("internal_names")
    aliases = [text(each) for each in inner.split(",")] if isinstance(inner, str) else []
    return Candidate(
        name=f"{prefix} {name}" if prefix else name,
        aliases=tuple(each for each in aliases if each),
        ra_deg=number(told.get("radeg")),
        dec_deg=number(told.get("decdeg")),
        object_type=text(kind.get("name")) if isinstance(kind, Mapping) else None,
        redshift=number(told.get("redshift")),
        address=_PAGE + name,
    )
