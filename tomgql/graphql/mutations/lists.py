"""createTargetList, updateTargetList."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from tomgql.graphql.context import Info
from tomgql.graphql.inputs import optional
from tomgql.graphql.mutations.arguments import key, keys
from tomgql.graphql.payloads import TargetListPayload, answer
from tomgql.reading.relation import one
from tomgql.services import lists


@strawberry.input(description="A target list to be created.")
class CreateTargetListInput:
    name: str = strawberry.field(description="Name, 1 to 200 characters.")
    targets: list[strawberry.ID] | None = optional("Targets to put into it; the right VIEW on each is needed.")


@strawberry.input(description="What to change of a target list.")
class UpdateTargetListInput:
    id: strawberry.ID = strawberry.field(description="The list.")
    name: str | None = optional("New name, 1 to 200 characters.")
    add_targets: list[strawberry.ID] | None = optional("Targets to add; the right VIEW on each is needed.")
    remove_targets: list[strawberry.ID] | None = optional("Targets to remove.")


@strawberry.type
class ListMutations:
    @strawberry.mutation(description="Create a target list.")
    async def create_target_list(
        self, info: Info, input: Annotated[CreateTargetListInput, strawberry.argument(description="The list.")]
    ) -> TargetListPayload:
        async def work() -> dict[str, Any]:
            targets = keys("targets", input.targets, "input", "targets")
            made = await lists.create_target_list(info.context.rt, info.context.actor, input.name, targets)
            return {"target_list": one("target_lists", made)}

        return await answer(TargetListPayload, work)

    @strawberry.mutation(description="Change a target list: its name and what it holds.")
    async def update_target_list(
        self, info: Info, input: Annotated[UpdateTargetListInput, strawberry.argument(description="The change.")]
    ) -> TargetListPayload:
        async def work() -> dict[str, Any]:
            changed = await lists.update_target_list(
                info.context.rt,
                info.context.actor,
                key("target_lists", input.id, "input", "id"),
                name=input.name,
                add_targets=keys("targets", input.add_targets, "input", "addTargets"),
                remove_targets=keys("targets", input.remove_targets, "input", "removeTargets"),
            )
            return {"target_list": one("target_lists", changed)}

        return await answer(TargetListPayload, work)
