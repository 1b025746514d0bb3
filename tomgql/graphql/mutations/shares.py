"""Sharing: give things to a destination."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from tomgql import sharing
from tomgql.graphql.base import Id
from tomgql.graphql.context import Info
from tomgql.graphql.errors import UserError
from tomgql.graphql.inputs import ReducedDatumWhere, as_filter, optional
from tomgql.graphql.jobs import Job
from tomgql.graphql.mutations.arguments import key, keys, mapping, maybe_key
from tomgql.graphql.payloads import ERRORS, DeletePayload, answer
from tomgql.graphql.scalars import JSON
from tomgql.graphql.shares import ContinuousShare, Share, SharePreview
from tomgql.reading.relation import one
from tomgql.services import continuous_shares
from tomgql.services.share_items import Request
from tomgql.services.shares import NewShare


@strawberry.input(
    description="What is to go where: at least one of `targets`, `targetList`, `dataProducts` and `reducedData`."
)
class ShareInput:
    destination: str = strawberry.field(description="Name of the destination; `sharingDestinations` lists them.")
    targets: list[strawberry.ID] | None = optional("Targets, at most 10,000; the right SHARE on each is needed.")
    target_list: strawberry.ID | None = optional("The targets of this list that you may SHARE.")
    data_products: list[strawberry.ID] | None = optional(
        "Data products, at most 10,000; the right SHARE on the target of each is needed. Their targets go before them."
    )
    reduced_data: ReducedDatumWhere | None = optional(
        "Which reduced data: of the targets named, or of all that you may SHARE when none is. At most 500,000 bytes."
    )
    include_data: bool = strawberry.field(
        default=True, description="Whether the reduced data of the targets go as well; all of them, or `reducedData`."
    )
    message: str | None = optional("What is said along, at most 10,000 characters.")
    options: JSON | None = optional("Options as the destination's `optionsSchema` has them, a JSON object.")
    resend: bool = strawberry.field(
        default=False, description="Send again what the destination has as it is already, by the ledger."
    )
    dry_run: bool = strawberry.field(default=False, description="Only count what would go, in `preview`.")
    idempotency_key: str | None = optional("The same key and body again are answered the same, and done once.")


@strawberry.type(description="A share and its job, or why not.")
class SharePayload:
    job: Job | None = strawberry.field(default=None, description="The job that does it; null of a dry run.")
    share: Share | None = strawberry.field(default=None, description="The share; null of a dry run.")
    preview: SharePreview | None = strawberry.field(default=None, description="What would go; of a dry run only.")
    errors: list[UserError] = strawberry.field(default_factory=list, description=ERRORS)


@strawberry.input(description="What is to go where as it comes. Either `target` or `targetList`.")
class CreateContinuousShareInput:
    destination: str = strawberry.field(description="Name of the destination; `sharingDestinations` lists them.")
    target: strawberry.ID | None = optional("The target; the right SHARE on it is needed, now and whenever it gives.")
    target_list: strawberry.ID | None = optional("The list; of its targets those go that you may SHARE.")
    share_existing: bool = strawberry.field(
        default=False, description="Whether what is there already goes as well: the targets and their data."
    )
    options: JSON | None = optional("Options as the destination's `optionsSchema` has them, a JSON object.")


@strawberry.input(description="What to change of a continuous share.")
class UpdateContinuousShareInput:
    id: strawberry.ID = strawberry.field(description="The continuous share.")
    paused: bool = strawberry.field(description="true has it stand still, false go on where it was.")


@strawberry.type(description="A continuous share, or why not.")
class ContinuousSharePayload:
    continuous_share: ContinuousShare | None = strawberry.field(default=None, description="It as it is now.")
    job: Job | None = strawberry.field(
        default=None, description="The job that gives what is there already, where that was asked for."
    )
    errors: list[UserError] = strawberry.field(default_factory=list, description=ERRORS)


@strawberry.type
class ShareMutations:
    @strawberry.mutation(
        description="Give what is new of a target, or of the targets of a list, to a destination from now on."
    )
    async def create_continuous_share(
        self, info: Info, input: Annotated[CreateContinuousShareInput, strawberry.argument(description="The rule.")]
    ) -> ContinuousSharePayload:
        async def work() -> dict[str, Any]:
            new = continuous_shares.NewContinuousShare(
                destination=input.destination,
                target_id=maybe_key("targets", input.target, "input", "target"),
                target_list_id=maybe_key("target_lists", input.target_list, "input", "targetList"),
                share_existing=input.share_existing,
                options=mapping(input.options, "input", "options"),
            )
            rt, actor = info.context.rt, info.context.actor
            rule_id, job_id = await continuous_shares.create_continuous_share(rt, actor, new)
            job = None if job_id is None else one("jobs", (job_id,))
            return {"continuous_share": one("continuous_shares", (rule_id,)), "job": job}

        return await answer(ContinuousSharePayload, work)

    @strawberry.mutation(
        description="Pause a continuous share, or have it go on where it was. Who may SHARE its target may pause it;"
        " its maker and administrators have it go on."
    )
    async def update_continuous_share(
        self, info: Info, input: Annotated[UpdateContinuousShareInput, strawberry.argument(description="The change.")]
    ) -> ContinuousSharePayload:
        async def work() -> dict[str, Any]:
            rule_id = key("continuous_shares", input.id, "input", "id")
            rt, actor = info.context.rt, info.context.actor
            changed = await continuous_shares.update_continuous_share(rt, actor, rule_id, paused=input.paused)
            return {"continuous_share": one("continuous_shares", changed)}

        return await answer(ContinuousSharePayload, work)

    @strawberry.mutation(
        description="Delete a continuous share. What it has given stays there; what is still to go does not go."
    )
    async def delete_continuous_share(self, info: Info, id: Id) -> DeletePayload:
        async def work() -> dict[str, Any]:
            rule_id = key("continuous_shares", id, "id")
            await continuous_shares.delete_continuous_share(info.context.rt, info.context.actor, rule_id)
            return {"deleted_id": id}

        return await answer(DeletePayload, work)

    @strawberry.mutation(
        description="Give targets, data products or reduced data to a destination. What you may not see or SHARE does"
        " not go, as it is when it goes; nor do disabled data, nor what came from the destination itself. What is there"
        " as it is already stays."
    )
    async def share(
        self, info: Info, input: Annotated[ShareInput, strawberry.argument(description="What, and where.")]
    ) -> SharePayload:
        async def work() -> dict[str, Any]:
            request = Request(
                targets=keys("targets", input.targets, "input", "targets"),
                target_list=maybe_key("target_lists", input.target_list, "input", "targetList"),
                data_products=keys("data_products", input.data_products, "input", "dataProducts"),
                where=None if input.reduced_data is None else as_filter(input.reduced_data),
                include_data=input.include_data,
                resend=input.resend,
            )
            new = NewShare(
                destination=input.destination, request=request, message=input.message or "",
                options=mapping(input.options, "input", "options"), dry_run=input.dry_run,
                idempotency_key=input.idempotency_key,
            )  # fmt: skip
            return _told(await sharing.share(info.context.rt, info.context.actor, new))

        return await answer(SharePayload, work)


def _told(done: Any) -> dict[str, Any]:
    if done.preview is not None:
        items = done.preview.items
        preview = SharePreview(
            targets=items["target"], data_products=items["data_product"], reduced_data=items["reduced_datum"],
            unchanged=done.preview.unchanged,
        )  # fmt: skip
        return {"preview": preview}
    return {"job": one("jobs", (done.job_id,)), "share": one("shares", (done.share_id,))}
