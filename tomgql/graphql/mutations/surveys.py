"""Survey services: queries and secrets."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from tomgql.graphql.context import Info
from tomgql.graphql.errors import UserError
from tomgql.graphql.inputs import optional
from tomgql.graphql.mutations.arguments import key, mapping
from tomgql.graphql.payloads import DeletePayload, JobPayload, answer
from tomgql.graphql.scalars import JSON
from tomgql.graphql.surveys import SurveyService, survey_services
from tomgql.reading.relation import one
from tomgql.services import survey_credentials, surveys

Service = Annotated[str, strawberry.argument(description="Name of the service.")]
ForEverybody = Annotated[bool, strawberry.argument(description="Those of everybody; administrators only.")]


@strawberry.input(description="What to ask a survey service.")
class QuerySurveyInput:
    target: strawberry.ID = strawberry.field(description="The target to ask about.")
    service: str = strawberry.field(description="Name of the service; `surveyServices` lists them.")
    parameters: JSON | None = optional("Its parameters, a JSON object as its `parametersSchema` has it.")
    idempotency_key: str | None = optional("The same key and body again are answered the same, and done once.")


@strawberry.input(description="Secrets of a survey service.")
class SetSurveyCredentialsInput:
    service: str = strawberry.field(description="Name of the service.")
    secrets: JSON = strawberry.field(
        description="All secrets that it wants, an object of texts of at most 4,000 characters by the names in its"
        " `credentials`. They are stored encrypted and never answered."
    )
    for_everybody: bool = strawberry.field(
        default=False, description="For every user who has none of their own; administrators only."
    )


@strawberry.type(description="A survey service, or why not.")
class SurveyServicePayload:
    survey_service: SurveyService | None = strawberry.field(
        default=None, description="The service as it is now; null for a name resolver."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why it was refused; empty when it was done."
    )


@strawberry.type
class SurveyMutations:
    @strawberry.mutation(
        description="Ask a survey service about a target. The answer is a job: it WAITS while the service works, can be"
        " cancelled, and ends with data products, listed in its `result`, that are read as uploads are. An equal query"
        " that has not ended is joined."
    )
    async def query_survey(
        self, info: Info, input: Annotated[QuerySurveyInput, strawberry.argument(description="What to ask.")]
    ) -> JobPayload:
        async def work() -> dict[str, Any]:
            new = surveys.NewQuery(
                target_id=key("targets", input.target, "input", "target"),
                service=input.service,
                parameters=mapping(input.parameters, "input", "parameters"),
                idempotency_key=input.idempotency_key,
            )
            return {"job": one("jobs", await surveys.query_survey(info.context.rt, info.context.actor, new))}

        return await answer(JobPayload, work)

    @strawberry.mutation(
        description="Store the secrets that a survey service or name resolver wants of you, or of everybody."
    )
    async def set_survey_credentials(
        self,
        info: Info,
        input: Annotated[SetSurveyCredentialsInput, strawberry.argument(description="The secrets.")],
    ) -> SurveyServicePayload:
        async def work() -> dict[str, Any]:
            secrets = mapping(input.secrets, "input", "secrets")
            rt, actor = info.context.rt, info.context.actor
            name = await survey_credentials.set_credentials(
                rt, actor, input.service, secrets, for_everybody=input.for_everybody
            )
            services = {each.name: each for each in await survey_services(info)}
            return {"survey_service": services.get(name)}

        return await answer(SurveyServicePayload, work)

    @strawberry.mutation(description="Forget the secrets that a survey service has of you, or of everybody.")
    async def delete_survey_credentials(
        self, info: Info, service: Service, for_everybody: ForEverybody = False
    ) -> DeletePayload:
        async def work() -> dict[str, Any]:
            rt, actor = info.context.rt, info.context.actor
            await survey_credentials.delete_credentials(rt, actor, service, for_everybody=for_everybody)
            return {"deleted_id": service}

        return await answer(DeletePayload, work)
