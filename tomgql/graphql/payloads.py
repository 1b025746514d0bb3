"""What mutations answer. Every payload has `errors`; on refusal everything else is null, empty or zero."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar

import strawberry

from tomgql.errors import TomError
from tomgql.graphql.base import described
from tomgql.graphql.enums import RowOutcome
from tomgql.graphql.errors import UserError, refused_at_top, user_errors
from tomgql.graphql.harvests import HarvestRule
from tomgql.graphql.jobs import Job
from tomgql.graphql.observations import Observation
from tomgql.graphql.peers import PeerSubscription
from tomgql.graphql.people import Token, User, UserGroup
from tomgql.graphql.products import DataProduct, DataProductGroup, IngestNote
from tomgql.graphql.targets import Target, TargetList

ERRORS = "Why it was refused; empty when it was done."

Payload = TypeVar("Payload")


def _errors() -> Any:
    return strawberry.field(default_factory=list, description=ERRORS)


def _maybe(what: str) -> Any:
    return strawberry.field(default=None, description=what)


def _zero(what: str) -> Any:
    return strawberry.field(default=0, description=what)


@strawberry.type(description="A target, or why not.")
class TargetPayload:
    target: Target | None = _maybe("The target as it is now.")
    errors: list[UserError] = _errors()


@strawberry.type(description="A target list, or why not.")
class TargetListPayload:
    target_list: TargetList | None = _maybe("The target list as it is now.")
    errors: list[UserError] = _errors()


@strawberry.type(description="A harvest rule, or why not.")
class HarvestRulePayload:
    harvest_rule: HarvestRule | None = _maybe("The rule as it is now.")
    errors: list[UserError] = _errors()


@strawberry.type(description="A data product and its job, or why not.")
class DataProductPayload:
    data_product: DataProduct | None = _maybe("The data product as it is now.")
    job: Job | None = _maybe("The job that processes it, or draws its thumbnail; null when there is none.")
    already_exists: bool = strawberry.field(
        default=False,
        description="Whether an upload brought what the target has: the same content and type of product, visible to"
        " the uploader, and in the groups asked for. The product is that one then, and is read again only when the"
        " call names another processor or options, or its last job failed.",
    )
    errors: list[UserError] = _errors()


@strawberry.type(description="Where a file is to be sent in pieces, or why not.")
class BeginUploadPayload:
    upload_id: strawberry.ID | None = _maybe("Id of the upload.")
    url: str | None = _maybe("Where its bytes go by PUT, with the credentials of who began it; a path.")
    expires: datetime | None = _maybe("When the file must have come; what came of it is forgotten then.")
    errors: list[UserError] = _errors()


@strawberry.type(description="A data product group, or why not.")
class DataProductGroupPayload:
    data_product_group: DataProductGroup | None = _maybe("The group as it is now.")
    errors: list[UserError] = _errors()


@strawberry.type(description="An observation, or why not.")
class ObservationPayload:
    observation: Observation | None = _maybe("The observation as it is now.")
    errors: list[UserError] = _errors()


@strawberry.type(description="A job, or why not.")
class JobPayload:
    job: Job | None = _maybe("The job as it is now.")
    errors: list[UserError] = _errors()


@strawberry.type(description="A user, or why not.")
class UserPayload:
    user: User | None = _maybe("The user.")
    errors: list[UserError] = _errors()


@strawberry.type(description="The following of another server, or why not.")
class PeerSubscriptionPayload:
    peer_subscription: PeerSubscription | None = _maybe("The subscription as it is now.")
    errors: list[UserError] = _errors()


@strawberry.type(description="A user group, or why not.")
class UserGroupPayload:
    user_group: UserGroup | None = _maybe("The user group as it is now.")
    errors: list[UserError] = _errors()


@strawberry.type(description="A token with its secret, or why not.")
class TokenPayload:
    token: Token | None = _maybe("The token.")
    secret: str | None = _maybe("What goes behind `Authorization: Bearer`; shown this once.")
    errors: list[UserError] = _errors()


@strawberry.type(description="What was deleted or ended, or why not.")
class DeletePayload:
    deleted_id: strawberry.ID | None = _maybe("Id of what is gone.")
    jobs: list[Job] = strawberry.field(
        default_factory=list,
        description="Jobs that read other files of the target again, since data that went with a deleted data product"
        " may be in them, too; those that the viewer may see, at most 100. Empty for what is no data product.",
    )
    errors: list[UserError] = _errors()


@strawberry.type(description="What became of one row of a bulk call.")
class RowReport:
    row: int = described("Number of the row, counted from 1; of a file, its line.")
    outcome: RowOutcome = described("What became of it.")
    code: str | None = _maybe("Stable machine-readable code of a rejection.")
    message: str | None = _maybe("Why it was rejected, and what would be right.")
    field: str | None = _maybe("Column or field concerned.")
    id: strawberry.ID | None = _maybe("Id of what the row became, once it is stored.")


@strawberry.type(description="What became of a bulk call. Good rows are kept although others are rejected.")
class BulkPayload:
    created: int = _zero("Rows stored as new.")
    revised: int = _zero("Rows stored as new revisions.")
    unchanged: int = _zero("Rows that were there already.")
    rejected: int = _zero("Rows that were not taken.")
    rows: list[RowReport] = strawberry.field(
        default_factory=list, description="Single rows, rejected ones first, at most 1,000."
    )
    ids: list[strawberry.ID] = strawberry.field(default_factory=list, description="Ids of what was created or revised.")
    notes: list[IngestNote] = strawberry.field(
        default_factory=list, description="What was assumed, converted or warned of while the rows were read."
    )
    errors: list[UserError] = _errors()


async def answer(payload: Callable[..., Payload], work: Callable[[], Awaitable[dict[str, Any]]]) -> Payload:
    """Do a mutation's work and answer with its payload; a refusal that the user can mend goes into ``errors``."""
    try:
        return payload(**await work())
    except TomError as error:
        if refused_at_top(error):
            raise
        return payload(errors=user_errors(error))
