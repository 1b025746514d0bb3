"""Name resolvers: which there are, and who they think is meant by a name."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from tomgql.graphql.base import described
from tomgql.graphql.context import Info
from tomgql.graphql.enums import OrbitScheme, TargetType
from tomgql.graphql.targets import OrbitalElements
from tomgql.services import resolving
from tomgql.services.survey_credentials import configured_services

Name = Annotated[str, strawberry.argument(description="The name to look for: 1 to 100 printable characters.")]
Services = Annotated[
    list[str] | None,
    strawberry.argument(
        description="Names of the resolvers to ask, as `nameResolvers` lists them, at most 20; all that are configured"
        " for the viewer when not given."
    ),
]


@strawberry.type(description="A service that knows names, asked by `resolveTarget`.")
class NameResolver:
    name: str = described("Name to ask for it by.")
    title: str = described("What it is, for people.")
    description: str = described("What it knows.")
    version: str = described("Version of its part of this server.")
    credentials: list[str] = described(
        "Names of the secrets that it wants, for `setSurveyCredentials`; the secrets themselves are never answered."
    )
    is_configured: bool = described("Whether they are there for the viewer, or it wants none.")
    requests_per_minute: float = described("How often all of this site may ask it, requests a minute.")


@strawberry.type(
    description="An object that may be meant. What `createTarget` takes has the same name here; nothing was created."
)
class TargetCandidate:
    service: str = described("The resolver that told it.")
    name: str = described("Its main name there, at most 200 characters.")
    type: TargetType = described("Whether it stands still among the stars; NON_SIDEREAL where it has no position.")
    aliases: list[str] = described("Its other names there; at most 200.")
    ra_deg: float | None = described("Right ascension (ICRS), degrees, 0 to below 360.")
    dec_deg: float | None = described("Declination (ICRS), degrees, -90 to 90.")
    epoch: float | None = described("Epoch of the position, Julian year.")
    proper_motion_ra_mas_yr: float | None = described("Proper motion in right ascension times cos(dec), mas per year.")
    proper_motion_dec_mas_yr: float | None = described("Proper motion in declination, mas per year.")
    parallax_mas: float | None = described("Parallax, milliarcseconds.")
    orbit: OrbitalElements | None = described("Its orbit, where it moves and all elements of a scheme are known.")
    object_type: str | None = described("What it is, in the words of the resolver.")
    redshift: float | None = described("Redshift.")
    address: str | None = described("A page about it.")


@strawberry.type(description="Why a name resolver gave nothing.")
class ResolverFailure:
    service: str = described("The resolver.")
    code: str = described("Kind of failure, such as UPSTREAM_DOWN.")
    message: str = described("What went wrong, for people.")


@strawberry.type(description="What name resolvers told of a name.")
class ResolvedTargets:
    services: list[str] = described("The resolvers that were asked.")
    candidates: list[TargetCandidate] = described(
        "Objects that may be meant, by resolver in the order asked, its best first; at most 20 of each. A resolver that"
        " does not know the name has none, and no failure."
    )
    failures: list[ResolverFailure] = described("The resolvers that could not be asked, and why.")


@strawberry.type
class ResolverQueries:
    @strawberry.field(description="The name resolvers that are installed, by name.")
    async def name_resolvers(self, info: Info) -> list[NameResolver]:
        rt: Any = info.context.rt
        ready = await configured_services(rt, info.context.actor, rt.resolvers)
        plugins = [item.plugin for _, item in sorted(rt.resolvers.installed.items())]
        return [_described(plugin, is_configured=plugin.name in ready) for plugin in plugins]

    @strawberry.field(
        description="Ask name resolvers who is meant by a name, all at once and at most 20 seconds each. For anyone"
        " signed in. Nothing is created or changed: `createTarget` and `updateTarget` do that."
    )
    async def resolve_target(self, info: Info, name: Name, services: Services = None) -> ResolvedTargets:
        found = await resolving.resolve_target(info.context.rt, info.context.actor, name, services)
        return ResolvedTargets(
            services=list(found.services),
            candidates=[_candidate(each) for each in found.found],
            failures=[ResolverFailure(**vars(each)) for each in found.failures],
        )


def _described(plugin: Any, *, is_configured: bool) -> NameResolver:
    return NameResolver(
        name=plugin.name,
        title=plugin.title,
        description=plugin.description,
        version=plugin.version,
        credentials=list(plugin.credentials),
        is_configured=is_configured,
        requests_per_minute=plugin.requests_per_minute,
    )


def _candidate(found: resolving.Found) -> TargetCandidate:
    said = vars(found.candidate)
    orbit = found.candidate.orbit
    elements = None if orbit is None else OrbitalElements(**{**vars(orbit), "scheme": OrbitScheme(orbit.scheme)})
    moves = found.candidate.ra_deg is None
    kind = TargetType.NON_SIDEREAL if moves else TargetType.SIDEREAL
    return TargetCandidate(
        **{**said, "service": found.service, "type": kind, "aliases": list(said["aliases"]), "orbit": elements}
    )
