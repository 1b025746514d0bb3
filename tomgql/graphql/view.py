"""The GraphQL endpoint: strawberry's ASGI view with our encoding, contexts, status codes and refusals.

HTTP after the GraphQL-over-HTTP specification: with ``Accept: application/graphql-response+json`` a document that
cannot be executed is HTTP 400 without ``data``. WebSocket: graphql-transport-ws alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import orjson
from cross_web import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from tomgql.access.principal import ANONYMOUS, Principal
from tomgql.errors import QueryTooCostly, TomError
from tomgql.graphql import sse
from tomgql.graphql.context import Context
from tomgql.graphql.departure import while_connected
from tomgql.graphql.inbox import SCOPE_KEY, Inbox
from tomgql.graphql.sockets import SocketAdapter, SocketHandler
from tomgql.reading.execute import reading_as
from tomgql.runtime import Runtime
from tomgql.settings import Settings

RESPONSE_TYPE = "application/graphql-response+json"
"""Media type of the GraphQL-over-HTTP specification."""

INIT_TIMEOUT = timedelta(seconds=10)
"""How long a WebSocket may stay without connection_init."""

Authenticate = Callable[[Runtime, Any], Awaitable[Principal]]
"""Finds out who asks: from a request, or from an Authorization header given on a WebSocket."""


class GraphQLView(GraphQL[Context, None]):
    """One endpoint for HTTP and WebSocket."""

    graphql_transport_ws_handler_class = SocketHandler
    websocket_adapter_class = SocketAdapter

    def __init__(
        self, schema: Any, settings: Settings, authenticate: Authenticate, authenticate_header: Authenticate
    ) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            multipart_uploads_enabled=True,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=INIT_TIMEOUT,
            max_subscriptions_per_connection=settings.max_operations_per_socket,
        )
        self._settings = settings
        self._events = sse.EventStreams()
        self._authenticate = authenticate
        self._authenticate_header = authenticate_header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI; what strawberry refuses by status alone is refused in the form of a GraphQL response."""
        if scope["type"] != "http":
            scope[SCOPE_KEY] = inbox = Inbox(receive, send, self._settings)
            await super().__call__(scope, inbox.receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await (self._events.answer(self, request) if sse.is_meant(request) else self.run(request))
        except HTTPException as error:
            body = {"errors": [{"message": error.reason, "extensions": {"code": "BAD_REQUEST"}}]}
            response = JSONResponse(body, error.status_code)
        await response(scope, receive, send)

    async def get_context(self, request: Request | WebSocket, response: Any) -> Context:
        """Who asks, once a request or a socket."""
        rt: Runtime = request.app.state.rt
        actor, refusal = ANONYMOUS, None
        try:
            actor = await self._authenticate(rt, request)
        except TomError as error:
            if isinstance(request, Request):
                raise
            refusal = error  # the socket is open already: connection_init refuses it
        inbox: Inbox | None = request.scope.get(SCOPE_KEY)
        if inbox is not None and not actor.is_anonymous:
            inbox.greet()
        return Context(rt=rt, actor=actor, reads=reading_as(rt, actor), inbox=inbox, refusal=refusal)

    async def on_ws_connect(self, context: Context) -> Any:
        """Sign in by the payload of connection_init, as browsers cannot set headers on a WebSocket."""
        given = context.connection_params
        header = given.get("authorization", given.get("Authorization")) if isinstance(given, dict) else None
        try:
            if header is not None:
                context.actor = await self._authenticate_header(context.rt, header)
                context.reads = reading_as(context.rt, context.actor)
                if context.inbox is not None:
                    context.inbox.greet()
            elif context.refusal is not None:
                raise context.refusal
        except TomError as error:
            raise ConnectionRejectionError({"message": error.message, "code": error.code}) from error
        return await super().on_ws_connect(context)

    async def execute_operation(self, **given: Any) -> Any:  # type: ignore[override]
        """See strawberry; with a limit on time, and given up when a client that only reads has gone."""
        context: Context = given["context"]
        rt = context.rt
        try:
            async with asyncio.timeout(rt.settings.request_timeout_s):
                return await while_connected(given["request"], context, super().execute_operation(**given))
        except TimeoutError as error:
            raise QueryTooCostly(
                f"This took longer than {rt.settings.request_timeout_s:g} seconds; ask for less at once."
            ) from error

    async def parse_http_body(self, request: Any) -> Any:
        """See strawberry; bodies that are no GraphQL request are the client's mistake."""
        try:
            return await super().parse_http_body(request)
        except orjson.JSONDecodeError:
            raise  # strawberry says it better
        except (TypeError, AttributeError, ValueError, RecursionError, IndexError) as error:
            raise HTTPException(400, "The body is not a GraphQL request.") from error

    def decode_json(self, data: str | bytes) -> object:
        """Strict JSON: no NaN, no half surrogate pairs, no endless nesting."""
        decoded: object = orjson.loads(data)
        return decoded

    def encode_json(self, data: object) -> str | bytes:
        """JSON with the compiler's fragments spliced in unparsed; NaN and infinities become null."""
        return orjson.dumps(data).decode()

    async def get_sub_response(self, request: Any) -> Response:
        """See strawberry; remembers whether the client speaks the newer media type."""
        response = await super().get_sub_response(request)
        response.modern = RESPONSE_TYPE in request.headers.get("accept", "")  # type: ignore[attr-defined]
        return response

    def create_response(self, response_data: Any, sub_response: Any) -> Response:
        """See strawberry; status and media type after the GraphQL-over-HTTP specification."""
        response = super().create_response(response_data, sub_response)
        response.headers["cache-control"] = "no-store"
        if not getattr(sub_response, "modern", False):
            return response
        response.headers["content-type"] = f"{RESPONSE_TYPE}; charset=utf-8"
        if isinstance(response_data, dict) and response_data.get("errors") and response_data.get("data") is None:
            refused = not any("path" in error for error in response_data["errors"])
            if refused:
                response_data.pop("data", None)
                response.body = orjson.dumps(response_data)
                response.headers["content-length"] = str(len(response.body))
                response.status_code = 400
        return response
