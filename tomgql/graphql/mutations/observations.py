"""createObservation, updateObservation, deleteObservation."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from tomgql.graphql.base import Id
from tomgql.graphql.context import Info
from tomgql.graphql.inputs import optional
from tomgql.graphql.mutations.arguments import key, mapping
from tomgql.graphql.payloads import DeletePayload, ObservationPayload, answer
from tomgql.graphql.scalars import JSON
from tomgql.reading.relation import one
from tomgql.services import observations
from tomgql.services.observations import NewObservation


@strawberry.input(description="An observation to be recorded.")
class CreateObservationInput:
    target: strawberry.ID = strawberry.field(description="Its target; the right CHANGE on it is needed.")
    facility: str = strawberry.field(description="The facility, such as LCO; 1 to 50 characters.")
    observation_id: str = strawberry.field(description="The facility's own id of it; 1 to 255 characters.")
    status: str | None = optional("How it stands, in the facility's words; up to 200 characters.")
    parameters: JSON | None = optional("What was asked of the facility, a JSON object.")


@strawberry.input(description="What to change of an observation; what is not given stays as it is.")
class UpdateObservationInput:
    id: strawberry.ID = strawberry.field(description="The observation; CHANGE on its target is needed.")
    status: str | None = optional("How it stands, in the facility's words; up to 200 characters.")
    parameters: JSON | None = optional("What was asked of the facility, a JSON object that replaces the old one.")


@strawberry.type
class ObservationMutations:
    @strawberry.mutation(
        description="Record an observation of a target, so that data products can belong to it. One of the same target,"
        " facility and id that is there with the same status and parameters is answered; with others it is a CONFLICT."
    )
    async def create_observation(
        self, info: Info, input: Annotated[CreateObservationInput, strawberry.argument(description="The observation.")]
    ) -> ObservationPayload:
        async def work() -> dict[str, Any]:
            new = NewObservation(
                target_id=key("targets", input.target, "input", "target"),
                facility=input.facility,
                observation_id=input.observation_id,
                status=input.status or "",
                parameters=mapping(input.parameters, "input", "parameters"),
            )
            created = await observations.create_observation(info.context.rt, info.context.actor, new)
            return {"observation": one("observations", created)}

        return await answer(ObservationPayload, work)

    @strawberry.mutation(description="Change an observation's status or parameters.")
    async def update_observation(
        self, info: Info, input: Annotated[UpdateObservationInput, strawberry.argument(description="The change.")]
    ) -> ObservationPayload:
        async def work() -> dict[str, Any]:
            parameters = None if input.parameters is None else mapping(input.parameters, "input", "parameters")
            changed = await observations.update_observation(
                info.context.rt,
                info.context.actor,
                key("observations", input.id, "input", "id"),
                input.status,
                parameters,
            )
            return {"observation": one("observations", changed)}

        return await answer(ObservationPayload, work)

    @strawberry.mutation(description="Delete an observation; its data products stay.")
    async def delete_observation(self, info: Info, id: Id) -> DeletePayload:
        async def work() -> dict[str, Any]:
            await observations.delete_observation(info.context.rt, info.context.actor, key("observations", id, "id"))
            return {"deleted_id": id}

        return await answer(DeletePayload, work)
