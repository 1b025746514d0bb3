"""Records that other tomgql servers push."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from tomgql.graphql.context import Info
from tomgql.graphql.inputs import optional
from tomgql.graphql.mutations.arguments import mapping
from tomgql.graphql.mutations.uploads import chunks, sent_file
from tomgql.graphql.payloads import PushPayload, PushRefusal, answer
from tomgql.graphql.scalars import JSON, Upload
from tomgql.reading.relation import one
from tomgql.services.federation import pushing
from tomgql.services.federation.given import Taken
from tomgql.services.federation.pushing import Pushed


@strawberry.input
class PushInput:
    """What both kinds of pushes say; no input of the schema itself."""

    instance_id: str = strawberry.field(description="The pushing installation, as its `server.instanceId` gives it.")
    target: JSON = strawberry.field(description="The target, as its `record` gives it.")


@strawberry.input(description="A target and data of it, from another tomgql server.")
class PushTargetInput(PushInput):
    reduced_data: list[JSON] | None = optional("Reduced data of it, as their `record` gives them; at most 500.")
    target_lists: list[str] | None = optional("Names of target lists of the caller to put it into; made when missing.")


@strawberry.input(description="A data product and its file, from another tomgql server.")
class PushDataProductInput(PushInput):
    data_product: JSON = strawberry.field(description="The data product, as its `record` gives it.")
    file: Upload = strawberry.field(description="Its file, as a part of a multipart request.")


@strawberry.type
class PushMutations:
    @strawberry.mutation(
        description="Take over a target and data of it from another tomgql server, where they are newer than what is"
        " here. For administrators, and accounts that one of them has named as the `peer` of a destination. A target"
        " that is here already, by its global id or by a name, needs the right CHANGE; a new one is the caller's, and"
        " private."
    )
    async def push_target(
        self, info: Info, input: Annotated[PushTargetInput, strawberry.argument(description="What is pushed.")]
    ) -> PushPayload:
        async def work() -> dict[str, Any]:
            data = [mapping(each, "input", "reducedData") for each in input.reduced_data or ()]
            pushed = Pushed(
                input.instance_id, mapping(input.target, "input", "target"), data, input.target_lists or ()
            )
            return _answered(await pushing.push_records(info.context.rt, info.context.actor, pushed))

        return await answer(PushPayload, work)

    @strawberry.mutation(
        description="Take over a data product with its file from another tomgql server; its data are pushed beside."
        " Rights as of `pushTarget`."
    )
    async def push_data_product(
        self, info: Info, input: Annotated[PushDataProductInput, strawberry.argument(description="What is pushed.")]
    ) -> PushPayload:
        async def work() -> dict[str, Any]:
            pushed = Pushed(input.instance_id, mapping(input.target, "input", "target"))
            product = mapping(input.data_product, "input", "dataProduct")
            rt, actor = info.context.rt, info.context.actor
            return _answered(await pushing.push_product(rt, actor, pushed, product, chunks(sent_file(input))))

        return await answer(PushPayload, work)


def _answered(taken: Taken) -> dict[str, Any]:
    return {
        "target": None if taken.target_id is None else one("targets", (taken.target_id,)),
        "changed": taken.changed,
        "refusals": [PushRefusal(**vars(each)) for each in taken.refusals],
    }
