"""Signing in to a TOM Toolkit once for many requests.

To check a password costs a server with Django's defaults about 0.2 s of its processor, at every request with HTTP Basic
(PBKDF2, 1,000,000 rounds in Django 5.2): ten times what it takes to store a datum. Whoever signed in at its login page
is spared that. The session goes beside HTTP Basic, not in its place, so that nothing is lost where nobody can sign in
like this, or the session has ended. Release 2.x has the form of django.contrib.auth, 3.x that of django-allauth.

Django's protection against forged requests has a cookie and a header agree; who is no browser chooses both
(https://docs.djangoproject.com/en/5.2/ref/csrf/).
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from tomgql.errors import Upstream
from tomgql.plugins.destinations import Delivery

KEPT_S = 3_600.0
"""How long a session is used, and a place where none was had is left alone: well within Django's two weeks."""

BROKEN_OFF_S = 60.0
"""How long a login page that broke off, or did not answer, is left alone."""

MANY = 5
"""Requests from which on signing in pays."""

SIGN_IN_S = 30.0
"""Longest wait for a login page, which nothing depends on."""

TOKEN_BYTES = 16
"""Of a token against forged requests: Django takes 32 letters and digits."""

_SESSION = re.compile(r"(sessionid=[^;,\s]+)")

_Key = tuple[str, str, str]


@dataclass
class Sessions:
    """Headers of the sessions at all places, in memory alone, by address and account; empty where there is none."""

    _kept: dict[_Key, tuple[float, Mapping[str, str]]] = field(default_factory=dict)
    """Until when, by the monotonic clock, and what."""

    async def headers(self, delivery: Delivery) -> Mapping[str, str]:
        """Sign in unless that was done lately."""
        until, headers = self._kept.get(_key(delivery), (0.0, {}))
        if time.monotonic() < until:
            return headers
        kept_s = KEPT_S
        try:
            headers = await _sign_in(delivery)
        except Upstream:  # the requests that follow tell what is wrong with the place
            kept_s, headers = BROKEN_OFF_S, {}
        self._kept[_key(delivery)] = time.monotonic() + kept_s, headers
        return headers

    def refused(self, delivery: Delivery) -> None:
        """Use no session at a place that does not accept it."""
        self._kept[_key(delivery)] = time.monotonic() + KEPT_S, {}


def _key(delivery: Delivery) -> _Key:
    return delivery.address, delivery.credentials["username"], delivery.credentials["password"]


async def _sign_in(delivery: Delivery) -> Mapping[str, str]:
    token = secrets.token_hex(TOKEN_BYTES)
    _, username, password = _key(delivery)
    told = {"username": username, "login": username, "password": password, "csrfmiddlewaretoken": token}
    referer = f"{delivery.address}/"
    answer = await delivery.http.request(
        "POST", f"{delivery.address}/accounts/login/", parts=[*told.items()],
        headers={"Cookie": f"csrftoken={token}", "Referer": referer}, timeout_s=SIGN_IN_S,
    )  # fmt: skip
    session = _SESSION.search(answer.headers.get("set-cookie", ""))
    if answer.status != 302 or session is None:
        return {}
    return {"Cookie": f"{session[1]}; csrftoken={token}", "X-CSRFToken": token, "Referer": referer}
