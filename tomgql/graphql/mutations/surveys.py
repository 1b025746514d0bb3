"""Survey services: queries and secrets."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from tomgql.graphql.context import Info
from tomgql.graphql.errors import UserError
from tomgql.graphql.inputs import optional
from tomgql.graphql.mutations.arguments import key, mapping, maybe_key
from tomgql.graphql.payloads import DeletePayload, HarvestRulePayload, JobPayload, answer
from tomgql.graphql.scalars import JSON
from tomgql.graphql.surveys import SurveyService, survey_services
from tomgql.reading.relation import one
from tomgql.services import harvests, survey_credentials, surveys

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


@strawberry.input(description="A survey service to be asked again and again: about a target, or about each of a list.")
class CreateHarvestRuleInput:
    service: str = strawberry.field(description="Name of the service.")
    every_days: float = strawberry.field(description="Pause between two queries of a target, days, 0.04 to 3,653.")
    parameters: JSON | None = optional("Its parameters, a JSON object as its `parametersSchema` has it.")
    target: strawberry.ID | None = optional("The target; the right CHANGE on it is needed, now and whenever it asks.")
    target_list: strawberry.ID | None = optional("The list; of its targets those are asked about that you may CHANGE.")


@strawberry.input(description="What to change of a harvest rule; one that is changed asks at once.")
class UpdateHarvestRuleInput:
    id: strawberry.ID = strawberry.field(description="The rule.")
    every_days: float | None = optional("New pause, days, 0.04 to 3,653.")
    enabled: bool | None = optional("Whether it is at work.")
    parameters: JSON | None = optional("New parameters, all of them.")


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
        description="Have a survey service asked again and again, in your name. It asks at once, and then every so many"
        " days; a query that has not ended is not asked a second time."
    )
    async def create_harvest_rule(
        self, info: Info, input: Annotated[CreateHarvestRuleInput, strawberry.argument(description="The rule.")]
    ) -> HarvestRulePayload:
        async def work() -> dict[str, Any]:
            new = harvests.NewRule(
                service=input.service,
                parameters=mapping(input.parameters, "input", "parameters"),
                every_days=input.every_days,
                target_id=maybe_key("targets", input.target, "input", "target"),
                target_list_id=maybe_key("target_lists", input.target_list, "input", "targetList"),
            )
            made = await harvests.create_harvest_rule(info.context.rt, info.context.actor, new)
            return {"harvest_rule": one("harvest_rules", made)}

        return await answer(HarvestRulePayload, work)

    @strawberry.mutation(description="Change a harvest rule.")
    async def update_harvest_rule(
        self, info: Info, input: Annotated[UpdateHarvestRuleInput, strawberry.argument(description="The change.")]
    ) -> HarvestRulePayload:
        async def work() -> dict[str, Any]:
            asked = None if input.parameters is None else mapping(input.parameters, "input", "parameters")
            rule = key("harvest_rules", input.id, "input", "id")
            changed = await harvests.update_harvest_rule(
                info.context.rt, info.context.actor, rule,
                every_days=input.every_days, enabled=input.enabled, parameters=asked,
            )  # fmt: skip
            return {"harvest_rule": one("harvest_rules", changed)}

        return await answer(HarvestRulePayload, work)

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
