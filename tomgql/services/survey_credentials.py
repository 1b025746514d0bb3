"""The secrets that survey services want: of one user or of everybody, encrypted at rest, never answered or logged.

A user's own come before those of everybody, which come before those of the settings. How they are encrypted stands in
`tomgql.services.sealing`.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from html import escape
from itertools import permutations
from typing import Any
from urllib.parse import quote, quote_plus

from tomgql.access import guard
from tomgql.access.principal import Principal
from tomgql.errors import InvalidInput, NotFound
from tomgql.plugins.registry import ResolverRegistry, SurveyRegistry
from tomgql.runtime import Runtime
from tomgql.services.sealing import Unreadable, seal, unseal
from tomgql.services.survey_calls import AskedService
from tomgql.settings import Settings
from tomgql.store.transaction import transaction

LONGEST_SECRET = 4_000
"""Characters of one secret."""

_SHORTEST_HIDDEN, _SHORTEST_CUT = 4, 8
"""Characters from which a secret, and the beginning of one, is taken out of texts; shorter ones stand in any text."""

_YARL_SAFE = "/+@:!$'()*,-._~"
"""Characters that aiohttp leaves as they are in addresses."""


async def set_credentials(
    rt: Runtime, actor: Principal, service: str, secrets: Mapping[str, object], *, for_everybody: bool = False
) -> str:
    """Store the secrets of a service; those that were there are replaced. Returns the service's name.

    Permission: anyone signed in for themselves, administrators for everybody. Idempotent. Raises UnknownPlugin,
    InvalidInput, NotAllowed, and Unavailable where this site has no key.
    """
    user_id = guard.require_admin(actor) if for_everybody else guard.require_writer(actor)
    known: ResolverRegistry | SurveyRegistry = rt.resolvers if service in rt.resolvers.installed else rt.surveys
    plugin = known.locate(service).plugin
    checked = _checked(plugin, secrets)
    sealed = seal(rt.settings, checked)
    async with transaction(rt.writes) as tx:
        await tx.execute(
            "insert into survey_credentials (service, user_id, names, secrets) values ($1, $2, $3, $4)"
            " on conflict (service, user_id) do update set names = excluded.names, secrets = excluded.secrets,"
            " modified = now()",
            service,
            None if for_everybody else user_id,
            sorted(checked),
            sealed,
        )
    return service


async def delete_credentials(rt: Runtime, actor: Principal, service: str, *, for_everybody: bool = False) -> None:
    """Forget the secrets of a service. Permission as `set_credentials`. Raises NotFound, NotAllowed."""
    user_id = guard.require_admin(actor) if for_everybody else guard.require_writer(actor)
    async with transaction(rt.writes) as tx:
        gone = await tx.value(
            "delete from survey_credentials where service = $1 and user_id is not distinct from $2 returning true",
            service,
            None if for_everybody else user_id,
        )
    if not gone:
        raise NotFound(f'There are no stored credentials of the service "{service}".', path=["service"])


async def find_credentials(
    settings: Settings, rows: Callable[..., Awaitable[list[Any]]], plugin: AskedService, user_id: int | None
) -> dict[str, str]:
    """The secrets of a service for a user; ``rows`` runs a statement.

    Raises InvalidInput, which says how to set them, when some are missing.
    """
    if not plugin.credentials:
        return {}
    given = settings.survey_credentials.get(plugin.name, {})
    found = {name: secret.get_secret_value() for name, secret in given.items()}
    stored = await rows(
        "select secrets from survey_credentials where service = $1 and (user_id is null or user_id = $2)"
        " order by user_id nulls last limit 1",
        plugin.name,
        user_id,
    )
    for row in stored:
        found = _opened(settings, row["secrets"])
    missing = [name for name in plugin.credentials if not found.get(name)]
    if missing:
        raise InvalidInput(
            f'The service "{plugin.name}" needs {" and ".join(missing)}: set them with `setSurveyCredentials`,'
            " or for everybody in TOMGQL_SURVEY_CREDENTIALS.",
            path=["input", "service"],
        )
    return found


async def configured_services(rt: Runtime, actor: Principal, registry: SurveyRegistry | ResolverRegistry) -> set[str]:
    """Names of the installed services whose secrets are there for the actor, or that need none."""
    rows = await rt.reads.fetch(
        "select service, names from survey_credentials where user_id is null or user_id = $1", actor.user_id
    )
    known = {name: set(given) for name, given in rt.settings.survey_credentials.items()}
    for row in rows:
        known[row["service"]] = known.get(row["service"], set()) | set(row["names"])
    plugins = (item.plugin for item in registry.installed.values())
    return {plugin.name for plugin in plugins if known.get(plugin.name, set()) >= set(plugin.credentials)}


def without_secrets(text: str, secrets: Mapping[str, str]) -> str:
    """The text with every secret taken out, in the spellings of addresses, pages, JSON and Basic, also cut short."""
    pairs = permutations(secrets.values(), 2)
    basic = [base64.b64encode(f"{first}:{second}".encode()).decode() for first, second in pairs]
    forms = {form for secret in [*secrets.values(), *basic] for form in _spellings(secret)}
    for form in sorted(forms, key=len, reverse=True):
        if len(form) >= _SHORTEST_HIDDEN:
            text = _hide(text, form)
    return text


def _spellings(secret: str) -> set[str]:
    escaped, in_json = escape(secret), json.dumps(secret)[1:-1]
    addresses = {quote(secret, safe=safe) for safe in ("", "/", "+", "/+", _YARL_SAFE)} | {quote_plus(secret)}
    return {secret, *addresses, escaped, escaped.replace("/", "&#x2F;"), in_json, in_json.replace("/", "\\/")}


def _hide(text: str, form: str) -> str:
    """Without the form, and without a long beginning of it: who shortens a text may cut a secret in two."""
    least = max(_SHORTEST_CUT, len(form) * 2 // 3)
    for length in (len(form), *range(len(form) - 1, least - 1, -1)):
        if form[:least].lower() not in text.lower():
            return text
        text = re.sub(re.escape(form[:length]) + "=*", "***", text, flags=re.IGNORECASE)  # "=" ends Base64
    return text


def _checked(plugin: AskedService, secrets: Mapping[str, object]) -> dict[str, str]:
    path = ["input", "secrets"]
    needed = ", ".join(plugin.credentials)
    if not plugin.credentials:
        raise InvalidInput(f'The service "{plugin.name}" needs no credentials.', path=path)
    if set(secrets) != set(plugin.credentials):
        raise InvalidInput(f'The service "{plugin.name}" wants exactly these secrets: {needed}.', path=path)
    checked = {name: secret for name, secret in secrets.items() if isinstance(secret, str)}
    if len(checked) < len(secrets) or not all(0 < len(each) <= LONGEST_SECRET for each in checked.values()):
        raise InvalidInput(f"Secrets are texts of 1 to {LONGEST_SECRET} characters.", path=path)
    try:
        "".join(checked.values()).encode()
    except UnicodeEncodeError:
        raise InvalidInput("A secret holds half of a surrogate pair.", path=path) from None
    return checked


def _opened(settings: Settings, sealed: bytes) -> dict[str, str]:
    try:
        secrets: dict[str, str] = unseal(settings, sealed)
    except Unreadable:
        raise InvalidInput(
            "Stored credentials cannot be read with this site's key; set them again with `setSurveyCredentials`.",
            path=["input", "service"],
        ) from None
    return secrets
