"""Data products, their groups and notes, observations, jobs, harvest rules."""

from __future__ import annotations

from typing import Any

from tests.oracle.naive.pages import connection
from tests.oracle.naive.rights import Asker
from tests.oracle.naive.rules import Rules, columns, linked, moments, public_id, row_of
from tests.oracle.naive.sky import Row


def _processing(ask: Asker, product: Row) -> Row | None:
    """The job asked for last, of those that process the product."""
    mine = [job for job in ask.sky.tables["jobs"] if job.data_product_id == product.id]
    keys = [job.id for job in mine if job.kind == "process_data_product"]
    return ask.one("jobs", max(keys, default=None))


def _data(ask: Asker, product: Row) -> list[Row]:
    return [datum for datum in ask.rows("reduced_data") if datum.data_product_id == product.id]


DATA_PRODUCT: Rules = {
    "id": public_id,
    **columns("productId", "dataProductType", "fileName", "sha256", "extraData", "featured", "notes", "origin"),
    "sizeBytes": lambda _ask, row: row.size_bytes if row.size_bytes < 2**31 else 2147483647,
    **columns("revision", exactSizeBytes="size_bytes"),
    **moments("created", "modified"),
    "globalId": lambda _ask, row: str(row.global_id),
    "url": lambda _ask, row: f"/files/{row.public_id}",
    "thumbnailUrl": lambda _ask, row: None if row.thumbnail_sha256 is None else f"/files/{row.public_id}/thumbnail",
    "target": row_of("targets", "target_id"),
    "uploadedBy": row_of("users", "uploaded_by_id"),
    "request": row_of("jobs", "request_job_id"),
    "observation": row_of("observations", "observation_id"),
    "groups": linked("data_product_groups", "data_product_group_products", "data_product_id", "group_id"),
    "reducedData": connection("reduced_data", _data, "ReducedDatumWhere"),
    "processing": _processing,
}

NOTE: Rules = {
    name: lambda _ask, note, name=name: note.get(name) for name in ("level", "code", "message", "row", "count")
}

DATA_PRODUCT_GROUP: Rules = {
    "id": public_id,
    **columns("name"),
    **moments("created", "modified"),
    "userGroups": linked("user_groups", "data_product_group_user_groups", "group_id", "user_group_id"),
    "dataProducts": connection(
        "data_products", linked("data_products", "data_product_group_products", "group_id", "data_product_id")
    ),
}


def _products(ask: Asker, observation: Row) -> list[Row]:
    return [product for product in ask.rows("data_products") if product.observation_id == observation.id]


OBSERVATION: Rules = {
    "id": public_id,
    **columns("facility", "observationId", "status", "parameters"),
    **moments("created", "modified"),
    "target": row_of("targets", "target_id"),
    "dataProducts": connection("data_products", _products),
}


def _asked(job: Row, name: str) -> Any:
    """What a job that reads a file was asked with; nothing is told of other jobs."""
    return job.spec.get(name) if job.kind in ("process_data_product", "preview_data_product") else None


def _found(job: Row, name: str) -> Any:
    """The same of what the job found out."""
    reads = job.kind in ("process_data_product", "preview_data_product")
    return job.result.get(name) if reads and job.result is not None else None


JOB: Rules = {
    "id": public_id,
    **columns("kind", "progress", "message", "attempts", "result", "state"),
    **moments("waitingUntil", "created", "started", "finished"),
    "processor": lambda _ask, job: _found(job, "processor") or _asked(job, "processor"),
    "processorVersion": lambda _ask, job: _found(job, "version"),
    "options": lambda _ask, job: _asked(job, "options"),
    "error": lambda _ask, job: None if job.error_code is None else job,
    "target": row_of("targets", "target_id"),
    "dataProduct": row_of("data_products", "data_product_id"),
    "createdBy": row_of("users", "created_by_id"),
}

HARVEST_RULE: Rules = {
    "id": public_id,
    **columns("service", "parameters", "everyDays", "enabled", "message"),
    **moments("due", "created", "modified"),
    "target": row_of("targets", "target_id"),
    "targetList": row_of("target_lists", "target_list_id"),
    "createdBy": row_of("users", "created_by_id"),
}

JOB_ERROR: Rules = {
    **columns(code="error_code", message="error_message"),
    "retryable": lambda _ask, job: bool(job.error_retryable),
}
