"""Survey services: which there are, and what they want."""

from __future__ import annotations

from typing import Any

import strawberry

from tomgql.graphql.base import described
from tomgql.graphql.context import Info
from tomgql.graphql.scalars import JSON
from tomgql.services.survey_credentials import configured_services


@strawberry.type(description="A service that can be asked for data of one target with `querySurvey`.")
class SurveyService:
    name: str = described("Name to ask for it by.")
    title: str = described("What it is, for people.")
    description: str = described("What it gives.")
    version: str = described("Version of its part of this server; kept with what it gave.")
    parameters_schema: JSON = described("JSON Schema of its parameters, with defaults, units and descriptions.")
    needs_credentials: bool = described("Whether it wants secrets.")
    credentials: list[str] = described("Names of the secrets it wants; the secrets themselves are never answered.")
    is_configured: bool = described("Whether they are there for the viewer, or it wants none.")
    requests_per_minute: float = described("How often all of this site may ask it, requests a minute.")
    time_limit_s: float = described("After how many seconds a query that is not done fails.")


async def survey_services(info: Info) -> list[SurveyService]:
    """The installed services, by name, as the viewer may use them."""
    rt: Any = info.context.rt
    ready = await configured_services(rt, info.context.actor, rt.surveys)
    plugins = (item.plugin for _, item in sorted(rt.surveys.installed.items()))
    return [_described(plugin, is_configured=plugin.name in ready) for plugin in plugins]


def _described(plugin: Any, *, is_configured: bool) -> SurveyService:
    return SurveyService(
        name=plugin.name,
        title=plugin.title,
        description=plugin.description,
        version=plugin.version,
        parameters_schema=JSON(plugin.parameters.model_json_schema()),
        needs_credentials=bool(plugin.credentials),
        credentials=list(plugin.credentials),
        is_configured=is_configured,
        requests_per_minute=plugin.requests_per_minute,
        time_limit_s=plugin.time_limit_s,
    )


@strawberry.type
class SurveyQueries:
    @strawberry.field(description="The survey services that are installed.")
    async def survey_services(self, info: Info) -> list[SurveyService]:
        return await survey_services(info)
