"""Lists with paging by limit and offset, as Django REST Framework has it, and the index of routes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from tomgql.access.principal import Principal
from tomgql.reading.execute import reading_as
from tomgql.reading.tomtoolkit import LARGEST_PAGE, Listed, Slice, list_user_groups
from tomgql.runtime import Runtime
from tomgql.web.tomtoolkit.bodies import read_key
from tomgql.web.tomtoolkit.entrance import Refused, answer

PAGING = ("limit", "offset", "format")
"""Query parameters of every list."""


async def index(_rt: Runtime, _actor: Principal, request: Request) -> Response:
    """GET api/: where what is."""
    names = ("targets", "reduceddatums", "dataproducts", "groups")
    return answer({name: f"{request.base_url}api/{name}/" for name in names})


async def list_groups(rt: Runtime, actor: Principal, request: Request) -> Response:
    """GET api/groups/: the caller's user groups."""
    require_known(request, ())
    return page(request, await list_user_groups(reading_as(rt, actor), part_of(request)), dict)


def require_known(request: Request, known: Collection[str]) -> None:
    """Refuse a filter that is not kept: its list would pass for filtered. Raises Refused."""
    unknown = sorted(set(request.query_params) - {*known, *PAGING})
    if unknown:
        listed = ", ".join(sorted({*known, *PAGING}))
        raise Refused(**{name[:100]: [f"There is no such filter here. Known: {listed}."] for name in unknown[:20]})


def part_of(request: Request) -> Slice:
    """The part of a list that is asked for: 100 rows when nothing is said, at most 1,000; no numbers are ignored."""
    limit = read_key(request.query_params.get("limit", ""))
    offset = read_key(request.query_params.get("offset", ""))
    return Slice(min(limit or Slice.limit, LARGEST_PAGE), offset or 0)


def page(request: Request, listed: Listed, render: Callable[[Any], Any]) -> Response:
    """The rows with their count and the addresses of the pages beside this one."""
    part = part_of(request)
    behind = part.offset + part.limit
    before = max(0, part.offset - part.limit)
    return answer(
        {
            "count": listed.count,
            "next": _address(request, part.limit, behind) if behind < listed.count else None,
            "previous": _address(request, part.limit, before) if part.offset > 0 else None,
            "results": [render(row) for row in listed.rows],
        }
    )


def _address(request: Request, limit: int, offset: int) -> str:
    address = request.url.include_query_params(limit=limit)
    return str(address.include_query_params(offset=offset) if offset else address.remove_query_params("offset"))
