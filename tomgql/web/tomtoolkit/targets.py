"""Targets: found by name, listed, taken, and put into lists."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, unquote_plus

from starlette.requests import Request
from starlette.responses import Response

from tomgql.access.principal import Principal
from tomgql.errors import DuplicateName, InvalidInput, NotAllowed, NotFound
from tomgql.reading import ids
from tomgql.reading.execute import reading_as
from tomgql.reading.tomtoolkit import Wanted, list_targets
from tomgql.runtime import Runtime
from tomgql.services.lists import add_to_named_lists
from tomgql.services.target_changes import TargetChange, update_target
from tomgql.services.target_checks import MOST_NAMES, TYPES
from tomgql.services.target_import import in_columns
from tomgql.services.targets import create_target
from tomgql.web.tomtoolkit.bodies import json_object, read_key
from tomgql.web.tomtoolkit.entrance import Refused, answer
from tomgql.web.tomtoolkit.given_targets import read_change, read_target
from tomgql.web.tomtoolkit.listing import page, part_of, require_known
from tomgql.web.tomtoolkit.shapes import target_shape

FILTERS = ("name", "name_fuzzy", "type", "cone_search", "targetlist__name")
"""Filters of TOM Toolkit's list of targets that are kept here."""

NO_TARGET = "No Target matches the given query."
"""What is said of a target that is not there or may not be seen."""


async def list_matching(rt: Runtime, actor: Principal, request: Request) -> Response:
    """GET api/targets/: those that the caller may see, by their keys."""
    names = fuzzy_names(request.url.query)
    if names is None:
        require_known(request, FILTERS)
    listed = await list_targets(reading_as(rt, actor), _wanted(request, names), part_of(request))
    return page(request, listed, target_shape)


def fuzzy_names(query: str) -> list[str] | None:
    """The names that ``name_fuzzy`` asks for: each of its comma list, and the whole; None when it is not there.

    TOM Toolkit puts names into the address as they are: a plus is one, and an ampersand begins no parameter unless a
    known one follows. Both readings of a plus are looked for. An empty list of names matches nothing: what TOM Toolkit
    cut from a name must not find all targets.
    """
    _, mark, said = f"&{query}".partition("&name_fuzzy=")
    if not mark:
        return None
    first, *others = said.split("&")
    for other in others:
        if other.partition("=")[0] in (*FILTERS, "limit", "offset", "format"):
            break
        first += f"&{other}"
    whole = [unquote(first), unquote_plus(first)]
    return list(dict.fromkeys([*whole, *(part for text in whole for part in text.split(","))]))[: 4 * MOST_NAMES]


def _wanted(request: Request, names: list[str] | None) -> Wanted:
    given = {name: text for name in FILTERS if (text := request.query_params.get(name, "").strip())}
    where: dict[str, Any] = {}
    if "type" in given:
        if given["type"] not in TYPES:
            raise Refused(type=["Select a valid choice. That choice is not one of the available choices."])
        where["type"] = given["type"]
    if "cone_search" in given:
        where["cone"] = _cone(given["cone_search"])
    if "targetlist__name" in given:
        where["targetList"] = ids.encode("target_lists", read_key(given["targetlist__name"]) or 0)
    parts = [part for each in given.get("name", "").split(",") if (part := each.strip())][:MOST_NAMES]
    return Wanted(where, names, parts or None)


def _cone(text: str) -> dict[str, float]:
    """``ra,dec,radius`` in degrees. Raises Refused."""
    try:
        ra_deg, dec_deg, radius_deg = (float(part) for part in text.split(","))
        return {"raDeg": ra_deg, "decDeg": dec_deg, "radiusArcsec": radius_deg * 3600}
    except ValueError:
        raise Refused(cone_search=["Give right ascension, declination and radius in degrees: 150.0,2.2,0.1."]) from None


async def take_target(rt: Runtime, actor: Principal, request: Request) -> Response:
    """POST api/targets/: create a target; 201 with it as it is stored."""
    body = await json_object(request)
    given = read_target(body, widest=actor.is_admin)
    try:
        (key,) = await create_target(rt, actor, given.target, list_names=given.list_names)
    except DuplicateName as error:
        raise _taken(body, str(error.details.get("name"))) from None
    except InvalidInput as error:
        raise _in_their_words(error) from None
    return answer({**await _shown(rt, actor, key), "message": "Target successfully uploaded."}, 201)


async def show_target(rt: Runtime, actor: Principal, request: Request) -> Response:
    """GET api/targets/<id>/: one target."""
    return answer(await _shown(rt, actor, _key(request)))


async def change_target(rt: Runtime, actor: Principal, request: Request) -> Response:
    """PATCH api/targets/<id>/: put a target into lists of the caller's; change what else is given.

    Lists need the right to see the target, all else that to change it; without it 404, as TOM Toolkit says it.
    """
    key, body = _key(request), await json_object(request)
    stored = await _row(rt, actor, key)
    change = read_change(body, stored, widest=actor.is_admin)
    try:
        if change.given or change.aliases:
            await update_target(rt, actor, key, TargetChange(change.given, change.aliases, (), stored["modified"]))
        if change.list_names:
            await add_to_named_lists(rt, actor, key, change.list_names)
    except NotAllowed:
        if actor.may_write:
            raise NotFound(NO_TARGET) from None
        raise
    except DuplicateName as error:
        raise _taken(body, str(error.details.get("name"))) from None
    except InvalidInput as error:
        raise _in_their_words(error) from None
    return answer({**await _shown(rt, actor, key), "message": "Target successfully updated."})


def _key(request: Request) -> int:
    key = read_key(request.path_params["id"])
    if key is None:
        raise NotFound(NO_TARGET)
    return key


async def _row(rt: Runtime, actor: Principal, key: int) -> Any:
    where = {"id": {"eq": ids.encode("targets", key)}}
    found = await list_targets(reading_as(rt, actor), Wanted(where))
    if not found.rows:
        raise NotFound(NO_TARGET)
    return found.rows[0]


async def _shown(rt: Runtime, actor: Principal, key: int) -> dict[str, Any]:
    return target_shape(await _row(rt, actor, key))


def _taken(body: dict[str, Any], name: str) -> Refused:
    """A name that some target has already, by where the body says it."""
    for number, alias in enumerate(body.get("aliases") or ()):
        if str(alias["name"]).strip() == name and str(body.get("name")).strip() != name:
            return Refused(aliases={str(number): {"name": ["target name with this Name already exists."]}})
    return Refused(name=["target with this Name already exists."])


def _in_their_words(error: InvalidInput) -> Refused:
    field, message = in_columns(".".join((error.path or ["input"])[1:]), error.message)
    return Refused(**{field or "non_field_errors": [message]})
