"""The secrets that survey services want: of one user or of everybody, encrypted at rest, never answered or logged.

A user's own come before those of everybody, which come before those of the settings. How they are encrypted stands in
`tomgql.services.sealing`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from tomgql.access import guard
from tomgql.access.principal import Principal
from tomgql.errors import InvalidInput, NotFound
from tomgql.plugins.registry import ResolverRegistry, SurveyRegistry
from tomgql.runtime import Runtime
from tomgql.services.sealing import seal
from tomgql.services.secrets import NO_SECRET, opened, require_secrets
from tomgql.services.survey_calls import AskedService
from tomgql.settings import Settings
from tomgql.store.transaction import transaction


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
        found = opened(settings, row["secrets"], "setSurveyCredentials", ["input", "service"])
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


def _checked(plugin: AskedService, secrets: Mapping[str, object]) -> dict[str, str]:
    path = ["input", "secrets"]
    needed = ", ".join(plugin.credentials)
    if not plugin.credentials:
        raise InvalidInput(f'The service "{plugin.name}" needs no credentials.', path=path)
    if set(secrets) != set(plugin.credentials):
        raise InvalidInput(f'The service "{plugin.name}" wants exactly these secrets: {needed}.', path=path)
    checked = {name: secret for name, secret in secrets.items() if isinstance(secret, str)}
    if len(checked) < len(secrets):
        raise InvalidInput(NO_SECRET, path=path)
    require_secrets(checked, path)
    return checked
