"""The yardstick: one Starlette endpoint that sends the bytes of SQL statements written by hand.

No GraphQL, no permission, no limits; `python -m tests.bench.bare PORT`, with the database in BENCH_DATABASE_URL.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tomgql.supervision import exit_when_orphaned

DATUM = (
    "'d' || r.target_id || '-' || r.id as id, r.mjd, r.source_name as \"sourceName\", r.telescope, r.instrument,"
    ' r.band, r.flux_ujy as flux, r.flux_error_ujy as "fluxError"'
)
"""The eight fields of the flat and the nested list."""

ROWS = (
    "select json_agg(q) from (select {datum} from reduced_data r where r.data_type = 'photometry'"
    " and not r.disabled order by r.mjd, r.id limit $1) q"
)

NESTED = (
    "select json_agg(q) from (select 't' || t.id as id, t.name, t.access,"
    " json_build_object('raDeg', t.ra_deg, 'decDeg', t.dec_deg) as coordinates,"
    " (select json_build_object('nodes', coalesce(json_agg(d), '[]')) from (select {datum} from reduced_data r"
    " where r.target_id = t.id and r.data_type = 'photometry' and not r.disabled"
    " order by r.mjd desc, r.id desc limit $2) d)"
    ' as "reducedData" from targets t order by t.id limit $1) q'
)

CURVE = (
    "select {datum} from reduced_data r where r.target_id = $1 and r.data_type = 'photometry' and not r.disabled"
    " order by r.mjd, r.id"
)

CURVE_COLUMNS = (
    "select json_build_object('id', json_agg(q.id), 'mjd', json_agg(q.mjd), 'sourceName', json_agg(q.\"sourceName\"),"
    " 'telescope', json_agg(q.telescope), 'instrument', json_agg(q.instrument), 'band', json_agg(q.band),"
    f" 'flux', json_agg(q.flux), 'fluxError', json_agg(q.\"fluxError\")) from ({CURVE}) q"
)

TINY = "select json_build_object('id', 't' || t.id, 'name', t.name) from targets t where t.id = $1"

STATEMENTS = {
    name: f"select convert_to(({sql.format(datum=DATUM)})::text, 'UTF8')"
    for name, sql in {
        "rows": ROWS,
        "nested": NESTED,
        "curve_objects": f"select json_agg(q) from ({CURVE}) q",
        "curve_columns": CURVE_COLUMNS,
        "tiny": TINY,
    }.items()
}
"""What can be asked for. As bytea, so that nobody decodes the text only to encode it again."""


async def answer(request: Request) -> Response:
    """GET /{statement}?n=...: the statement's bytes; the numbers are its parameters."""
    numbers = [int(each) for each in request.query_params.getlist("n")]
    content = await request.app.state.pool.fetchval(STATEMENTS[request.path_params["statement"]], *numbers)
    return Response(content, media_type="application/json")


def build_app(database_url: str) -> Starlette:
    """The application over one pool, whose sessions are set up as tomgql's."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        settings = {"timezone": "UTC", "jit": "off"}
        async with asyncpg.create_pool(database_url, min_size=1, max_size=10, server_settings=settings) as pool:
            app.state.pool = pool
            yield

    return Starlette(routes=[Route("/{statement}", answer)], lifespan=lifespan)


if __name__ == "__main__":
    exit_when_orphaned()
    uvicorn.run(build_app(os.environ["BENCH_DATABASE_URL"]), port=int(sys.argv[1]), log_level="warning")
