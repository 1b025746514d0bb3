"""Destinations of sharing: stored, forgotten, and opened to user groups, by administrators."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from tomgql.graphql.context import Info
from tomgql.graphql.destinations import SharingDestination, sharing_destinations
from tomgql.graphql.errors import UserError
from tomgql.graphql.inputs import optional
from tomgql.graphql.mutations.arguments import key, mapping, maybe_key
from tomgql.graphql.payloads import ERRORS, DeletePayload, answer
from tomgql.graphql.scalars import JSON
from tomgql.services import destinations

Name = Annotated[str, strawberry.argument(description="Name of the destination.")]
GroupId = Annotated[strawberry.ID, strawberry.argument(description="The user group.")]


@strawberry.input(description="A place that shares may go to. Of one that is known, what is not given stays.")
class SaveDestinationInput:
    name: str = strawberry.field(
        description="Its name: lower-case letters, digits, - and _, beginning with a letter, at most 50."
    )
    title: str | None = optional("What it is, for people, at most 200 characters; its name when not given.")
    kind: str | None = optional("Name of the kind of place, such as tomtoolkit; needed of a new one.")
    address: str | None = optional("Where it is, such as https://tom.example.org; needed of a new one.")
    options: JSON | None = optional("Options of every share there, a JSON object.")
    secrets: JSON | None = optional(
        "All secrets that its kind wants, an object of texts of at most 4,000 characters by their names. They are"
        " stored encrypted and never answered; a new address or kind forgets those that were there."
    )
    enabled: bool | None = optional("Whether it is switched on.")
    peer: strawberry.ID | None = strawberry.field(
        default=UNSET,
        description="The account by which this place shares with us, so that nothing goes back; null for none.",
    )


@strawberry.type(description="A destination, or why not.")
class SharingDestinationPayload:
    sharing_destination: SharingDestination | None = strawberry.field(
        default=None, description="The destination as it is now."
    )
    errors: list[UserError] = strawberry.field(default_factory=list, description=ERRORS)


@strawberry.type
class DestinationMutations:
    @strawberry.mutation(description="Store a place that shares may go to, or change one. For administrators.")
    async def save_destination(
        self, info: Info, input: Annotated[SaveDestinationInput, strawberry.argument(description="The place.")]
    ) -> SharingDestinationPayload:
        async def work() -> dict[str, Any]:
            new = destinations.SavedDestination(
                name=input.name, title=input.title, kind=input.kind, address=input.address, enabled=input.enabled,
                options=None if input.options is None else mapping(input.options, "input", "options"),
                secrets=None if input.secrets is None else mapping(input.secrets, "input", "secrets"),
                peer_id=None if input.peer is UNSET else maybe_key("users", input.peer, "input", "peer"),
                keeps_peer=input.peer is UNSET,
            )  # fmt: skip
            name = await destinations.save_destination(info.context.rt, info.context.actor, new)
            return await _as_it_is(info, name)

        return await answer(SharingDestinationPayload, work)

    @strawberry.mutation(
        description="Forget a stored destination with its secrets; what went there stays in the ledger, and continuous"
        " shares with it stand still. For administrators."
    )
    async def delete_destination(self, info: Info, name: Name) -> DeletePayload:
        async def work() -> dict[str, Any]:
            await destinations.delete_destination(info.context.rt, info.context.actor, name)
            return {"deleted_id": name}

        return await answer(DeletePayload, work)

    @strawberry.mutation(
        description="Let the members of a user group share with a destination; they need the right SHARE on what they"
        " share, too. For administrators."
    )
    async def grant_destination(
        self, info: Info, destination: Name, user_group: GroupId
    ) -> SharingDestinationPayload:
        return await _grant(info, destination, user_group, granted=True)

    @strawberry.mutation(
        description="Let the members of a user group no longer share with a destination; what they have asked for and"
        " is still to go does not go. For administrators."
    )
    async def revoke_destination(
        self, info: Info, destination: Name, user_group: GroupId
    ) -> SharingDestinationPayload:
        return await _grant(info, destination, user_group, granted=False)


async def _grant(info: Info, destination: str, group: str, *, granted: bool) -> SharingDestinationPayload:
    async def work() -> dict[str, Any]:
        group_id = key("user_groups", group, "userGroup")
        rt, actor = info.context.rt, info.context.actor
        name = await destinations.grant_destination(rt, actor, destination, group_id, granted=granted)
        return await _as_it_is(info, name)

    return await answer(SharingDestinationPayload, work)


async def _as_it_is(info: Info, name: str) -> dict[str, Any]:
    known = {each.name: each for each in await sharing_destinations(info)}
    return {"sharing_destination": known.get(name)}
