"""Reduced data: taken one by one, and listed."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from tomgql.access.principal import Principal
from tomgql.errors import InvalidInput, NotAllowed, NotFound
from tomgql.reading import ids
from tomgql.reading.execute import reading_as
from tomgql.reading.tomtoolkit import Wanted, list_data
from tomgql.runtime import Runtime
from tomgql.services.bulk import BulkOutcome
from tomgql.services.reduction import NewData, create_reduced_data
from tomgql.web.tomtoolkit.bodies import invalid_key, json_object, read_key
from tomgql.web.tomtoolkit.entrance import Refused, answer
from tomgql.web.tomtoolkit.given_data import TIME, read_datum
from tomgql.web.tomtoolkit.listing import page, part_of, require_known
from tomgql.web.tomtoolkit.shapes import datum_shape

FILTERS = ("target", "target__id", "target_name", "data_product__id", "source_name", "data_type")
"""Filters of TOM Toolkit's list of reduced data that are kept here."""

REFERENCES = {"target": "target", "dataProduct": "data_product"}
"""Fields of ours that name something, and theirs."""

OTHERS = {"dataType": "data_type", "sourceName": "source_name", "sourceLocation": "source_location"}
"""Fields of ours, and theirs; whatever else is wrong lies in the value."""


async def take_datum(rt: Runtime, actor: Principal, request: Request) -> Response:
    """POST api/reduceddatums/: record a datum; 201 with it, or 200 when it is there already."""
    body = await json_object(request)
    new = read_datum(body)
    try:
        outcome = await create_reduced_data(rt, actor, new)
    except (NotFound, NotAllowed) as error:
        raise _unseen(actor, error, body) from None
    except InvalidInput as error:
        raise _in_their_words(error, body) from None
    return _answered(outcome, new, body["value"])


def _answered(outcome: BulkOutcome, new: NewData, value: Any) -> Response:
    """The datum as it was taken; raises Refused when it was not."""
    if outcome.rejected:
        raise Refused(value=[row["message"] for row in outcome.rows if row["outcome"] == "REJECTED"])
    datum = {
        "data_product": new.data_product_id,
        "data_type": new.data_type,
        "source_name": new.source_name,
        "source_location": new.source_location,
        "timestamp": (new.rows or [{}])[0].get(TIME),
        "value": value,
        "target": new.target_id,
    }
    if outcome.created or outcome.revised:
        return answer({**datum, "message": "Data successfully uploaded."}, 201)
    return answer({**datum, "message": "Data already exists. Skipping upload.", "already_exists": True})


def _unseen(actor: Principal, error: NotFound | NotAllowed, body: dict[str, Any]) -> Exception:
    """What is not there and what may not be changed look the same, as TOM Toolkit has it."""
    field = REFERENCES.get((error.path or [""])[-1])
    if field is None or not actor.may_write:
        return error
    return Refused(**{field: [invalid_key(body.get(field))]})


def _in_their_words(error: InvalidInput, body: dict[str, Any]) -> Refused:
    place = (error.path or ["", ""])[-1]
    if place == "dataProduct":
        return Refused(data_product=[invalid_key(body.get("data_product"))])
    return Refused(**{OTHERS.get(place, "value"): [error.message]})


async def list_matching(rt: Runtime, actor: Principal, request: Request) -> Response:
    """GET api/reduceddatums/: those that the caller may see, newest first."""
    require_known(request, FILTERS)
    given = {name: text for name in FILTERS if (text := request.query_params.get(name, "").strip())}
    where: dict[str, Any] = {
        name: {"eq": given[theirs]}
        for theirs, name in (("source_name", "sourceName"), ("data_type", "dataType"))
        if theirs in given
    }
    for theirs, name, resource in (
        ("target__id", "target", "targets"),
        ("target", "target", "targets"),
        ("data_product__id", "dataProduct", "data_products"),
    ):
        if theirs in given:
            where[name] = ids.encode(resource, read_key(given[theirs]) or 0)
    wanted = Wanted(where, name_parts=[given["target_name"]] if "target_name" in given else None)
    return page(request, await list_data(reading_as(rt, actor), wanted, part_of(request)), datum_shape)
