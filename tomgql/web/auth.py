"""Who asks, from a request: a bearer token, or a signed session cookie.

A cookie is opened by POST /session with a token and is worth what that token is worth: it holds only the token's
number, signed, so that revoking the token ends the session. A browser sends cookies by itself, so requests that rest
on one must show that a page of ours made them: a JSON body, or the header ``X-Requested-With``.
"""

from __future__ import annotations

from typing import Any

from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response

from tomgql.access.principal import ANONYMOUS, Principal
from tomgql.errors import InvalidInput, NotAllowed, NotAuthenticated
from tomgql.runtime import Runtime
from tomgql.services import accounts

COOKIE = "tomgql_session"
"""Name of the session cookie."""

SESSION_S = 14 * 86400
"""Seconds after which a session ends by itself: two weeks, a usual remember-me."""


SESSION_HELP = 'Send a JSON object such as {"token": "tomgql_..."}, with Content-Type: application/json.'
"""What is said to who asks for a session in another way."""


async def principal_of(rt: Runtime, connection: HTTPConnection) -> Principal:
    """Who asks; nobody in particular without credentials. Raises NotAuthenticated for wrong ones."""
    header = connection.headers.get("authorization")
    if header is not None:
        return await principal_of_header(rt, header)
    cookie = connection.cookies.get(COOKIE)
    if cookie is None:
        return ANONYMOUS
    return await accounts.principal_of_session(rt, _token_of(rt, cookie))


async def principal_of_header(rt: Runtime, header: Any) -> Principal:
    """Who an Authorization header stands for; raises NotAuthenticated."""
    scheme, _, secret = str(header).partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise NotAuthenticated("Send the header `Authorization: Bearer <token>`.")
    return await accounts.principal_of_token(rt, secret.strip())


def require_same_site(request: Request) -> None:
    """Refuse what another site's page could have made a browser send; raises NotAllowed."""
    if "authorization" in request.headers or COOKIE not in request.cookies:
        return
    if request.method in ("GET", "HEAD") or "x-requested-with" in request.headers:
        return
    if _content_type(request) == "application/json":
        return
    raise NotAllowed("Requests that rest on the session cookie need a JSON body or the header X-Requested-With.")


async def open_session(request: Request) -> Response:
    """POST /session with ``{"token": "..."}``: answers 204 with the cookie, or 401."""
    rt: Runtime = request.app.state.rt
    principal = await accounts.principal_of_token(rt, await _given_token(request))
    response = Response(status_code=204)
    response.set_cookie(
        COOKIE,
        _serializer(rt).dumps(principal.token_id),
        max_age=SESSION_S,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


async def _given_token(request: Request) -> str:
    # A form of another site can send any body, but not with this content type.
    if _content_type(request) != "application/json":
        raise InvalidInput(SESSION_HELP)
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        raise InvalidInput(SESSION_HELP) from None
    token = body.get("token") if isinstance(body, dict) else None
    if not isinstance(token, str):
        raise InvalidInput(SESSION_HELP)
    return token


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


async def close_session(request: Request) -> Response:
    """DELETE /session: forgets the cookie."""
    response = JSONResponse({})
    response.delete_cookie(COOKIE)
    return response


def _token_of(rt: Runtime, cookie: str) -> int:
    try:
        return int(_serializer(rt).loads(cookie, max_age=SESSION_S))
    except (BadData, ValueError, TypeError):
        raise NotAuthenticated("The session has ended; sign in again.") from None


def _serializer(rt: Runtime) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(rt.signing_key, salt="tomgql session")
