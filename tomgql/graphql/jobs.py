"""Job."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from tomgql.graphql.base import Node, OfRow, described
from tomgql.graphql.enums import JobState
from tomgql.graphql.lazy import LazyDataProduct, LazyTarget, LazyUser, link
from tomgql.graphql.scalars import JSON
from tomgql.reading.catalog.jobs import READINGS
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

    @strawberry.field(
        description="Name of the processor that read the file, once it is SUCCEEDED; before that, the one that was"
        " asked for. Null where it is to be found by content, and of jobs that read no file."
    )
    def processor(self, root: strawberry.Parent[Row]) -> str | None:
        name: str | None = _of_reading(root, "result", "processor") or _of_reading(root, "spec", "processor")
        return name

    @strawberry.field(description="Version of the processor that read the file; null until it is SUCCEEDED.")
    def processor_version(self, root: strawberry.Parent[Row]) -> str | None:
        version: str | None = _of_reading(root, "result", "version")
        return version

    @strawberry.field(
        description="Options that the file is read with, a JSON object, as they were asked for; null of jobs that read"
        " no file."
    )
    def options(self, root: strawberry.Parent[Row]) -> JSON | None:
        options: JSON | None = _of_reading(root, "spec", "options")
        return options

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


def _of_reading(root: Row, column: str, name: str) -> Any:
    """What a job that reads a file was asked with (``spec``), or found (``result``)."""
    said = root[column] if root["kind"] in READINGS else None
    return said.get(name) if isinstance(said, dict) else None
