"""Jobs in SQL."""

from __future__ import annotations

from tomgql.access import predicates
from tomgql.jobs.specs import PreviewDataProduct, ProcessDataProduct
from tomgql.reading.catalog.model import ID_ORDER, Embedded, Field, Link, Resource, column, time, time_order
from tomgql.reading.ids import sql_id

READINGS = (ProcessDataProduct.kind, PreviewDataProduct.kind)
"""Kinds of jobs that read a file with a processor. Of others, what they were asked with is their own affair."""


def _of_reading(sql: str) -> str:
    kinds = ", ".join(f"'{kind}'" for kind in READINGS)
    return f"case when {{row}}.kind in ({kinds}) then {sql} end"


JOBS = Resource(
    name="jobs",
    table="jobs",
    type_name="Job",
    visible=predicates.job_visible_to,
    where_type="JobWhere",
    default_order=(("CREATED", True),),
    fields={
        "id": Field(sql_id("jobs", "{row}.id")),
        "kind": column("kind"),
        "state": column("state"),
        "progress": column("progress"),
        "message": column("message"),
        "attempts": column("attempts"),
        "waitingUntil": time("waiting_until"),
        "result": column("result"),
        "processor": Field(_of_reading("coalesce({row}.result ->> 'processor', {row}.spec ->> 'processor')")),
        "processorVersion": Field(_of_reading("{row}.result ->> 'version'")),
        "options": Field(_of_reading("{row}.spec -> 'options'")),
        "created": time("created"),
        "started": time("started"),
        "finished": time("finished"),
    },
    embedded={
        "error": Embedded(
            present="{row}.error_code is not null",
            fields={
                "code": column("error_code"),
                "message": column("error_message"),
                "retryable": Field("coalesce({row}.error_retryable, false)"),
            },
        )
    },
    links={
        "target": Link("targets", "{child}.id = {row}.target_id"),
        "dataProduct": Link("data_products", "{child}.id = {row}.data_product_id"),
        "createdBy": Link("users", "{child}.id = {row}.created_by_id"),
    },
    orders={"ID": ID_ORDER, "CREATED": time_order("created")},
)
