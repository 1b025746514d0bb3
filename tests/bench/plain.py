"""The same schema by plain Strawberry, written as its documentation recommends: types, resolvers, DataLoaders.

Field names are those of tomgql's schema, as far as the questions need them. Allowed is whatever helps and is
documented: asyncpg without models, one statement a DataLoader, caches of parsed and validated documents, orjson. No
permission: the administrator sees everything. `python -m tests.bench.plain PORT`, with the database in
BENCH_DATABASE_URL.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import datetime
from enum import Enum
from typing import Any

import asyncpg
import orjson
import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.extensions import ParserCache, ValidationCache

from tomgql.supervision import exit_when_orphaned

Info = strawberry.Info[Any, Any]

DataKey = tuple[int, str, int, bool]
"""Target, data type, how many, from the end."""

DATUM = (
    "r.id, r.target_id, r.data_type, r.mjd, r.source_name, r.telescope, r.instrument, r.band, r.flux_ujy,"
    " r.flux_error_ujy, r.wavelength_angstrom"
)

OF_TARGETS = (
    f"select d.* from unnest($1::bigint[]) t cross join lateral (select {DATUM} from reduced_data r"
    " where r.target_id = t and r.data_type = $2 and not r.disabled"
    " order by r.mjd {direction}, r.id {direction} limit $3) d"
)
"""The data of many targets by one statement, so many of each."""


class SortDirection(Enum):
    ASC = "ASC"
    DESC = "DESC"


class ReducedDatumOrderField(Enum):
    TIMESTAMP = "TIMESTAMP"


strawberry.enum(SortDirection)
strawberry.enum(ReducedDatumOrderField)


@strawberry.input
class ReducedDatumOrder:
    field: ReducedDatumOrderField
    direction: SortDirection = SortDirection.ASC


@strawberry.input
class StringFilter:
    eq: str


@strawberry.input
class ReducedDatumWhere:
    data_type: StringFilter


@strawberry.interface
class ReducedDatum:
    id: strawberry.ID
    mjd: float
    source_name: str
    telescope: str | None
    instrument: str | None


@strawberry.type
class PhotometryDatum(ReducedDatum):
    band: str
    flux: float | None
    flux_error: float | None


@strawberry.type
class SpectroscopyDatum(ReducedDatum):
    wavelength: list[float]


@strawberry.type
class ReducedDatumConnection:
    nodes: list[ReducedDatum]


@strawberry.type
class LightCurve:
    id: list[strawberry.ID]
    mjd: list[float]
    source_name: list[str]
    telescope: list[str | None]
    instrument: list[str | None]
    band: list[str]
    flux: list[float | None]
    flux_error: list[float | None]


@strawberry.type
class SkyCoordinates:
    ra_deg: float
    dec_deg: float


@strawberry.type
class Target:
    id: strawberry.ID
    name: str
    access: str
    coordinates: SkyCoordinates
    key: strawberry.Private[int]

    @strawberry.field
    async def reduced_data(
        self, info: Info, where: ReducedDatumWhere, first: int, order_by: list[ReducedDatumOrder] | None = None
    ) -> ReducedDatumConnection:
        backwards = bool(order_by) and order_by[0].direction is SortDirection.DESC
        load = info.context["data"].load
        return ReducedDatumConnection(nodes=await load((self.key, where.data_type.eq, first, backwards)))

    @strawberry.field
    async def light_curve(self, info: Info) -> LightCurve:
        rows = await info.context["data"].load((self.key, "photometry", 1_000_000, False))
        return LightCurve(**{each.name: [getattr(row, each.name) for row in rows] for each in fields(LightCurve)})


@strawberry.type
class TargetConnection:
    nodes: list[Target]


@strawberry.type
class Query:
    @strawberry.field
    async def target(self, info: Info, id: strawberry.ID) -> Target | None:
        row = await info.context["pool"].fetchrow("select * from targets where id = $1", int(id[1:]))
        return None if row is None else _target(row)

    @strawberry.field
    async def targets(self, info: Info, first: int) -> TargetConnection:
        rows = await info.context["pool"].fetch("select * from targets order by id limit $1", first)
        return TargetConnection(nodes=[_target(row) for row in rows])

    @strawberry.field
    async def reduced_data(self, info: Info, where: ReducedDatumWhere, first: int) -> ReducedDatumConnection:
        sql = (
            f"select {DATUM} from reduced_data r where r.data_type = $1 and not r.disabled"
            " order by r.mjd, r.id limit $2"
        )
        rows = await info.context["pool"].fetch(sql, where.data_type.eq, first)
        return ReducedDatumConnection(nodes=[_datum(row) for row in rows])


@strawberry.type
class ReducedDataEvent:
    cursor: str
    change: str
    at: datetime
    count: int
    target: Target
    data: list[ReducedDatum]


class Broadcast:
    """New events of the log, read once, for a queue of each subscriber: the recipe of many tutorials."""

    def __init__(self) -> None:
        self.queues: set[asyncio.Queue[ReducedDataEvent]] = set()

    async def run(self, pool: asyncpg.Pool) -> None:
        """Listen and pass on."""
        rung = asyncio.Event()
        place = await pool.fetchval("select coalesce(max(id), 0) from events")
        async with pool.acquire() as connection:
            await connection.add_listener("tomgql_events", lambda *_given: rung.set())
            while True:
                await rung.wait()
                rung.clear()
                for event in await connection.fetch(NEW_EVENTS, place):
                    place = event["id"]
                    told = await _event(connection, event)
                    for queue in self.queues:
                        queue.put_nowait(told)


NEW_EVENTS = "select * from events where id > $1 and topic = 'reduced_data' order by id"


async def _event(connection: Any, event: asyncpg.Record) -> ReducedDataEvent:
    target = await connection.fetchrow("select * from targets where id = $1", event["target_id"])
    sql = f"select {DATUM} from reduced_data r where r.target_id = $1 and r.id = any($2)"
    rows = await connection.fetch(sql, event["target_id"], event["data_ids"])
    data = [_datum(row) for row in rows]
    return ReducedDataEvent(
        cursor=str(event["id"]),
        change=event["change"],
        at=event["at"],
        count=len(data),
        target=_target(target),
        data=data,
    )


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def reduced_data(self, info: Info) -> AsyncIterator[ReducedDataEvent]:
        queue: asyncio.Queue[ReducedDataEvent] = asyncio.Queue()
        broadcast = info.context["broadcast"]
        broadcast.queues.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            broadcast.queues.discard(queue)


def _target(row: asyncpg.Record) -> Target:
    coordinates = SkyCoordinates(ra_deg=row["ra_deg"], dec_deg=row["dec_deg"])
    return Target(
        id=strawberry.ID(f"t{row['id']}"),
        name=row["name"],
        access=row["access"],
        coordinates=coordinates,
        key=row["id"],
    )


def _datum(row: asyncpg.Record) -> ReducedDatum:
    shared = {
        "id": strawberry.ID(f"d{row['target_id']}-{row['id']}"),
        "mjd": row["mjd"],
        "source_name": row["source_name"],
        "telescope": row["telescope"],
        "instrument": row["instrument"],
    }
    if row["data_type"] == "spectroscopy":
        return SpectroscopyDatum(**shared, wavelength=row["wavelength_angstrom"])
    return PhotometryDatum(**shared, band=row["band"], flux=row["flux_ujy"], flux_error=row["flux_error_ujy"])


async def _data_of_targets(pool: asyncpg.Pool, keys: Sequence[DataKey]) -> list[list[ReducedDatum]]:
    """One statement for all targets whose data are asked for in the same way."""
    found: dict[DataKey, list[ReducedDatum]] = {key: [] for key in keys}
    for data_type, first, backwards in {key[1:] for key in keys}:
        sql = OF_TARGETS.format(direction="desc" if backwards else "asc")
        targets = [key[0] for key in keys if key[1:] == (data_type, first, backwards)]
        for row in await pool.fetch(sql, targets, data_type, first):
            found[row["target_id"], data_type, first, backwards].append(_datum(row))
    return [found[key] for key in keys]


class View(GraphQL[Any, None]):
    """The endpoint: a DataLoader for each request, JSON by orjson."""

    async def get_context(self, request: Any, response: Any) -> dict[str, Any]:
        """See strawberry."""
        pool = request.app.state.pool
        load = DataLoader(load_fn=lambda keys: _data_of_targets(pool, keys))
        return {"pool": pool, "data": load, "broadcast": request.app.state.broadcast}

    def encode_json(self, data: object) -> str:
        """See strawberry."""
        return orjson.dumps(data).decode()


def build_app(database_url: str) -> Starlette:
    """The application over one pool, whose sessions are set up as tomgql's."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        settings = {"timezone": "UTC", "jit": "off"}
        async with asyncpg.create_pool(database_url, min_size=1, max_size=10, server_settings=settings) as pool:
            app.state.pool = pool
            app.state.broadcast = broadcast = Broadcast()
            listening = asyncio.create_task(broadcast.run(pool))
            yield
            listening.cancel()

    schema = strawberry.Schema(
        query=Query,
        subscription=Subscription,
        types=[PhotometryDatum, SpectroscopyDatum],
        extensions=[ParserCache, ValidationCache],
    )
    view = View(schema, graphql_ide=None)
    return Starlette(routes=[Route("/graphql", view), WebSocketRoute("/graphql", view)], lifespan=lifespan)


if __name__ == "__main__":
    exit_when_orphaned()
    uvicorn.run(
        build_app(os.environ["BENCH_DATABASE_URL"]),
        port=int(sys.argv[1]),
        log_level="warning",
        ws_per_message_deflate=False,
    )
