"""createTargets, importTargets."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from starlette.datastructures import UploadFile

from tomgql.errors import InvalidInput, TomError
from tomgql.graphql.context import Info
from tomgql.graphql.enums import OnDuplicate
from tomgql.graphql.errors import camel_path
from tomgql.graphql.inputs import optional
from tomgql.graphql.mutations.reports import bulk_payload
from tomgql.graphql.mutations.targets import CreateTargetInput, new_target
from tomgql.graphql.mutations.uploads import chunks
from tomgql.graphql.payloads import BulkPayload, answer
from tomgql.graphql.scalars import Upload
from tomgql.services import bulk_targets, target_import
from tomgql.services.bulk_targets import ManyTargets
from tomgql.services.target_plan import GivenTarget


@strawberry.input(description="Targets to be created, at most 10,000.")
class CreateTargetsInput:
    targets: list[CreateTargetInput] = strawberry.field(description="The targets, at most 10,000.")
    on_duplicate: OnDuplicate = strawberry.field(
        default=OnDuplicate.ERROR,
        description="What to do with a row whose name a visible target has: REVISE sets what the row gives, adds its"
        " aliases, lists and user groups, leaves `access` as it is, and needs the right CHANGE.",
    )
    dry_run: bool = strawberry.field(default=False, description="Report what would happen, store nothing.")
    idempotency_key: str | None = optional("The same key and call: the same answer, done once. At most 200 characters.")


def many_targets(input: CreateTargetsInput) -> ManyTargets:
    """The input as the verb wants it; what is wrong with a row is reported of that row."""
    rows = [_row(number, each) for number, each in enumerate(input.targets, 1)]
    return ManyTargets(rows, input.on_duplicate.value, input.dry_run, input.idempotency_key)


def _row(number: int, given: CreateTargetInput) -> GivenTarget:
    try:
        return GivenTarget(number, new_target(given))
    except TomError as error:
        return GivenTarget(number, error)


def _field(name: str) -> str:
    return ".".join(camel_path(name.split(".")) or ())


@strawberry.type
class BulkTargetMutations:
    @strawberry.mutation(
        description="Create many targets; the report says what became of every row. A name that is taken by a target"
        " that the caller may not see is rejected as DUPLICATE_NAME as well."
    )
    async def create_targets(
        self, info: Info, input: Annotated[CreateTargetsInput, strawberry.argument(description="The targets.")]
    ) -> BulkPayload:
        async def work() -> dict[str, Any]:
            done = await bulk_targets.create_targets(info.context.rt, info.context.actor, many_targets(input))
            return bulk_payload("targets", done, _field)

        return await answer(BulkPayload, work)

    @strawberry.mutation(
        description="Create targets from a CSV file as TOM Toolkit exports it: a line of headings, then a target a"
        " line; name2, name3... are aliases, `groups` target lists by name, any unknown column an extra. The report"
        " counts lines of the file. Lines whose name is taken are rejected."
    )
    async def import_targets(
        self,
        info: Info,
        file: Annotated[
            Upload, strawberry.argument(description="The file, a part of a multipart request; at most 10,000 targets.")
        ],
        dry_run: Annotated[
            bool | None, strawberry.argument(description="Report what would happen, store nothing.")
        ] = False,
    ) -> BulkPayload:
        async def work() -> dict[str, Any]:
            if not isinstance(file, UploadFile):
                raise InvalidInput("`file` must be a file of a multipart request.", path=["file"])
            content, context = chunks(file), info.context
            done = await target_import.import_targets(context.rt, context.actor, content, dry_run=bool(dry_run))
            return bulk_payload("targets", done)

        return await answer(BulkPayload, work)
