"""Following other tomgql servers."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from tomgql.graphql.base import Id
from tomgql.graphql.context import Info
from tomgql.graphql.enums import TargetAccess
from tomgql.graphql.inputs import optional
from tomgql.graphql.mutations.arguments import key, mapping, maybe_key
from tomgql.graphql.payloads import DeletePayload, PeerSubscriptionPayload, answer
from tomgql.graphql.scalars import JSON
from tomgql.reading.relation import one
from tomgql.services.federation import subscriptions


@strawberry.input(description="Another tomgql server to be followed.")
class CreatePeerSubscriptionInput:
    name: str = strawberry.field(
        description="Its name here: lower-case letters, digits, - and _, beginning with a letter, at most 50."
    )
    address: str = strawberry.field(description="The site's address, such as https://tom.example.org.")
    token: str = strawberry.field(
        description="A token of that server, best one that may only read; stored encrypted, never answered."
    )
    where: JSON | None = optional(
        "Which of its targets: a `TargetWhere` with the ids of that server, at most 20,000 bytes; all that the token"
        " sees when not given."
    )
    access: TargetAccess = strawberry.field(
        default=TargetAccess.PRIVATE, description="Who may see targets that are new here."
    )
    target_list: strawberry.ID | None = optional("A list that targets are put into that are new here.")


@strawberry.input(description="What to change of a followed server; it goes on where it was, at once.")
class UpdatePeerSubscriptionInput:
    id: strawberry.ID = strawberry.field(description="The subscription.")
    enabled: bool | None = optional("false pauses it, true has it go on where it was.")
    address: str | None = optional("Its new address.")
    token: str | None = optional("Another token.")
    where: JSON | None = optional("Another filter; everything that meets it is copied then.")
    copy_again: bool = strawberry.field(
        default=False, description="Copy everything again, for what was refused and can be taken by now."
    )


@strawberry.type
class PeerMutations:
    @strawberry.mutation(
        description="Follow another tomgql server: copy what the token may see of it, then hear of every change. For"
        " administrators, in whose name things are written here."
    )
    async def create_peer_subscription(
        self, info: Info, input: Annotated[CreatePeerSubscriptionInput, strawberry.argument(description="Whom.")]
    ) -> PeerSubscriptionPayload:
        async def work() -> dict[str, Any]:
            new = subscriptions.NewSubscription(
                name=input.name,
                address=input.address,
                token=input.token,
                where=mapping(input.where, "input", "where"),
                access=input.access.value,
                target_list_id=maybe_key("target_lists", input.target_list, "input", "targetList"),
            )
            made = await subscriptions.create_subscription(info.context.rt, info.context.actor, new)
            return {"peer_subscription": one("peer_subscriptions", made)}

        return await answer(PeerSubscriptionPayload, work)

    @strawberry.mutation(description="Change, pause or resume the following of a server. For administrators.")
    async def update_peer_subscription(
        self, info: Info, input: Annotated[UpdatePeerSubscriptionInput, strawberry.argument(description="The change.")]
    ) -> PeerSubscriptionPayload:
        async def work() -> dict[str, Any]:
            changed = await subscriptions.update_subscription(
                info.context.rt, info.context.actor, key("peer_subscriptions", input.id, "input", "id"),
                enabled=input.enabled, token=input.token, address=input.address, copy_again=input.copy_again,
                where=None if input.where is None else mapping(input.where, "input", "where"),
            )  # fmt: skip
            return {"peer_subscription": one("peer_subscriptions", changed)}

        return await answer(PeerSubscriptionPayload, work)

    @strawberry.mutation(description="Follow a server no more; what came from it stays. For administrators.")
    async def delete_peer_subscription(self, info: Info, id: Id) -> DeletePayload:
        async def work() -> dict[str, Any]:
            subscription = key("peer_subscriptions", id, "id")
            await subscriptions.delete_subscription(info.context.rt, info.context.actor, subscription)
            return {"deleted_id": id}

        return await answer(DeletePayload, work)
