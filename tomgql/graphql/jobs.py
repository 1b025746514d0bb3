"""Job."""

from __future__ import annotations

from datetime import datetime

import strawberry

from tomgql.graphql.base import Node, OfRow, described
from tomgql.graphql.enums import JobState
from tomgql.graphql.lazy import LazyDataProduct, LazyTarget, LazyUser, link
from tomgql.graphql.scalars import JSON
from tomgql.reading.rows import Row


@strawberry.type(description="Why a job failed.")
class JobError:
    code: str = described("Stable machine-readable code, such as UNREADABLE_FILE.")
    message: str = described("What is wrong, where, and what would be right.")
    retryable: bool = described("Whether the same again may succeed.")


@strawberry.type(description="Something asked of a worker, and what became of it.")
class Job(OfRow, Node):
    kind: str = described("What was asked, such as process_data_product.")
    progress: float = described("How far it is, 0 to 1.")
    message: str = described("What it does, or did.")
    attempts: int = described("How often a worker took it up.")
    waiting_until: datetime | None = described("When a WAITING job goes on.")
    result: JSON | None = described("What came of it, by kind; null until it SUCCEEDED.")
    created: datetime = described("When it was asked.")
    started: datetime | None = described("When a worker first took it up.")
    finished: datetime | None = described("When it ended.")

    @strawberry.field(description="Its state.")
    def state(self, root: strawberry.Parent[Row]) -> JobState:
        return JobState(root["state"])

    @strawberry.field(description="Why it FAILED or was CANCELLED.")
    def error(self, root: strawberry.Parent[Row]) -> JobError | None:
        if root["error_code"] is None:
            return None
        retryable = bool(root["error_retryable"])
        return JobError(code=root["error_code"], message=root["error_message"], retryable=retryable)

    @strawberry.field(description="The target it is about.")
    def target(self, root: strawberry.Parent[Row]) -> LazyTarget | None:
        target: LazyTarget | None = link(root, "target")
        return target

    @strawberry.field(description="The data product it is about.")
    def data_product(self, root: strawberry.Parent[Row]) -> LazyDataProduct | None:
        product: LazyDataProduct | None = link(root, "dataProduct")
        return product

    @strawberry.field(description="Who asked.")
    def created_by(self, root: strawberry.Parent[Row]) -> LazyUser | None:
        user: LazyUser | None = link(root, "createdBy")
        return user
