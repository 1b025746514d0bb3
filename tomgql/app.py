"""The web process put together: routes, limits, errors, and the runtime's life.

The only place that knows GraphQL and plain HTTP at once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from strawberry import Schema

from tomgql.errors import TomError
from tomgql.graphql.coercion import coerced_input
from tomgql.graphql.schema import build_schema
from tomgql.graphql.streams import Streams
from tomgql.graphql.view import GraphQLView
from tomgql.runtime import OUTAGES, running
from tomgql.settings import Settings
from tomgql.web import auth, errors
from tomgql.web.exports import targets_csv
from tomgql.web.files import download
from tomgql.web.health import health
from tomgql.web.limits import BodyLimit
from tomgql.web.thumbnails import thumbnail
from tomgql.web.tomtoolkit import routes as tomtoolkit_routes
from tomgql.web.uploads import upload


def build_app(settings: Settings) -> Starlette:
    """The ASGI application; its lifespan opens and closes the runtime."""

    schema = build_schema(settings)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with running(settings) as rt:
            app.state.rt = rt
            app.state.streams = streams = Streams(rt, schema)
            streams.open()
            try:
                yield
            finally:
                await streams.close()

    return Starlette(
        routes=_routes(schema, settings),
        lifespan=lifespan,
        middleware=[
            Middleware(BodyLimit, settings, {"/uploads/": settings.max_file_bytes}),
        ],
        exception_handlers={
            TomError: errors.tom_error,
            HTTPException: errors.http_error,
            **dict.fromkeys(OUTAGES, errors.outage),
            Exception: errors.unexpected,
        },
    )


def _routes(schema: Schema, settings: Settings) -> list[Route | WebSocketRoute]:
    view = GraphQLView(schema, settings, auth.principal_of, auth.principal_of_header)

    class Endpoint:
        """The GraphQL view as a route that refuses cross-site requests; a class, so that starlette takes it as ASGI."""

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                auth.require_same_site(Request(scope, receive))
            await view(scope, receive, send)

    endpoint = Endpoint()
    return [
        Route("/", _home),
        Route("/graphql", endpoint),
        WebSocketRoute("/graphql", endpoint),
        Route("/files/{id}", download, methods=["GET"]),
        Route("/files/{id}/thumbnail", thumbnail, methods=["GET"]),
        Route("/uploads/{address}", upload, methods=["HEAD", "PUT", "PATCH", "DELETE"]),
        Route("/export/targets.csv", targets_csv(partial(coerced_input, schema)), methods=["GET"]),
        Route("/session", auth.open_session, methods=["POST"]),
        Route("/session", auth.close_session, methods=["DELETE"]),
        Route("/health", health, methods=["GET"]),
        *tomtoolkit_routes(),
    ]


async def _home(_request: Request) -> Response:
    return RedirectResponse("/health")
