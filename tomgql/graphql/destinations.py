"""Destinations of sharing: which there are, and what they take."""

from __future__ import annotations

from typing import Any

import strawberry

from tomgql.graphql.base import described
from tomgql.graphql.context import Info
from tomgql.graphql.enums import DestinationCapability
from tomgql.graphql.lazy import LazyUser
from tomgql.graphql.scalars import JSON
from tomgql.reading.relation import one
from tomgql.services import destinations


@strawberry.type(description="A place that the viewer may share with.")
class SharingDestination:
    name: str = described("Name to share with it by.")
    title: str = described("What it is, for people.")
    kind: str = described("Name of the kind of place: of the part of this server that speaks to it.")
    description: str = described("What this kind of place takes, and how.")
    capabilities: list[DestinationCapability] = described("What it may be given.")
    options_schema: JSON = described("JSON Schema of the options that a share may have there.")
    is_configured: bool = described("Whether shares can go there: its kind is installed and its secrets are there.")
    enabled: bool = described("Whether it is switched on.")
    address: str | None = described("Where it is; null for who is no administrator.")
    peer: LazyUser | None = described(
        "The account by which it shares with us: what came from it is not sent back. Null for who is no administrator."
    )


async def sharing_destinations(info: Info) -> list[SharingDestination]:
    """The places that the viewer may share with, by name."""
    rt, actor = info.context.rt, info.context.actor
    found = await destinations.usable_destinations(rt, actor)
    return [_described(rt, each, for_admin=actor.is_admin) for each in found]


def _described(rt: Any, place: destinations.Destination, *, for_admin: bool) -> SharingDestination:
    installed = rt.destinations.installed.get(place.kind)
    kind = None if installed is None else installed.plugin
    peer: Any = one("users", (place.peer_id,)) if for_admin and place.peer_id is not None else None
    return SharingDestination(
        name=place.name,
        title=place.title,
        kind=place.kind,
        description=kind.description if kind else "This kind of place is not installed.",
        capabilities=[DestinationCapability(each) for each in sorted(kind.capabilities)] if kind else [],
        options_schema=JSON(kind.options.model_json_schema() if kind else {}),
        is_configured=kind is not None and destinations.has_secrets(rt.settings, place, kind),
        enabled=place.enabled,
        address=place.address if for_admin else None,
        peer=peer,
    )


@strawberry.type
class DestinationQueries:
    @strawberry.field(description="The places that the viewer may share with.")
    async def sharing_destinations(self, info: Info) -> list[SharingDestination]:
        return await sharing_destinations(info)
