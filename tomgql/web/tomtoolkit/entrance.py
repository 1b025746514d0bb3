"""Who asks, and what a refusal looks like: HTTP Basic and the errors of Django REST Framework."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from tomgql.access.principal import Principal
from tomgql.errors import Conflict, InvalidInput, NotAllowed, NotAuthenticated, StaleVersion, TomError, TooLarge
from tomgql.runtime import Runtime
from tomgql.services import accounts

Verb = Callable[[Runtime, Principal, Request], Awaitable[Response]]
"""Answers one method of one path."""


class Refused(InvalidInput):
    """A body that cannot be taken, as the sender is told: messages by field."""

    def __init__(self, /, **errors: Any) -> None:
        super().__init__("The body cannot be taken.")
        self.errors = errors


@dataclass(frozen=True)
class Door:
    """One path: who comes in, and to which verb."""

    verbs: Mapping[str, Verb]

    @property
    def methods(self) -> list[str]:
        """The methods that are answered."""
        return list(self.verbs)

    async def respond(self, request: Request) -> Response:
        """The answer; every refusal is one that a sender can read."""
        rt: Runtime = request.app.state.rt
        verb = self.verbs["GET" if request.method == "HEAD" else request.method]
        try:
            _require_no_other_page(request)
            return await verb(rt, await _signed_in(rt, request), request)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        except HTTPException as error:
            return answer({"detail": error.detail}, error.status_code)
        except TomError as error:
            return _refusal(error)


def door(verbs: Mapping[str, Verb]) -> Door:
    """A path that answers these methods."""
    return Door(verbs)


def answer(body: Any, status: int = 200) -> Response:
    """A JSON answer; times as ISO 8601 in UTC."""
    try:
        text = orjson.dumps(body, option=orjson.OPT_UTC_Z)
    except TypeError:  # nested deeper than orjson writes: one value must not spoil the list that it stands in
        text = json.dumps(body, default=_moment).encode()
    return Response(text, status, {"Cache-Control": "no-store"}, media_type="application/json")


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


async def _signed_in(rt: Runtime, request: Request) -> Principal:
    """Who holds the user name and token of the header; nobody is served without. Raises NotAuthenticated."""
    given = request.headers.get("authorization")
    if given is None:
        raise NotAuthenticated("Authentication credentials were not provided.")
    scheme, _, encoded = given.partition(" ")
    if scheme.lower() != "basic":
        raise NotAuthenticated("Send HTTP Basic authentication: a user name, and one of that user's tokens.")
    username, colon, secret = _decoded(encoded.strip()).rpartition(":")  # no token holds one, a user name may
    try:
        if not colon:
            raise NotAuthenticated("There is no password.")
        return await accounts.principal_of_login(rt, username, secret)
    except NotAuthenticated:
        raise NotAuthenticated("Invalid username/password.") from None


def _decoded(encoded: str) -> str:
    try:
        plain = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise NotAuthenticated("Invalid basic header. Credentials not correctly base64 encoded.") from None
    return plain.decode("utf-8", "replace")


def _require_no_other_page(request: Request) -> None:
    """A browser sends Basic credentials by itself, also for another site's page; raises NotAllowed."""
    if request.headers.get("sec-fetch-site", "none") in ("cross-site", "same-site") and request.method != "GET":
        raise NotAllowed("Another site's page made this request.")


def _refusal(error: TomError) -> Response:
    if isinstance(error, NotAuthenticated):
        refused = answer({"detail": error.message}, 401)
        refused.headers["WWW-Authenticate"] = 'Basic realm="api"'
        return refused
    if isinstance(error, Refused):
        return answer(error.errors, 400)
    if isinstance(error, (InvalidInput, Conflict)) and not isinstance(error, (TooLarge, StaleVersion)):
        return answer({(error.path or ["non_field_errors"])[-1]: [error.message]}, 400)
    return answer({"detail": error.message}, error.http_status)
