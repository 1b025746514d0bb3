"""Data products, their groups and notes in SQL."""

from __future__ import annotations

from tomgql.access import predicates
from tomgql.reading.catalog.model import ID_ORDER, Field, Link, OrderKey, Resource, column, time, time_order
from tomgql.reading.catalog.records import PRODUCT_RECORD
from tomgql.reading.ids import sql_id

LARGEST_INT = 2**31 - 1
"""The largest Int of GraphQL, which has 32 bits: clients that hold to it fail on a larger number."""

DATA_PRODUCTS = Resource(
    name="data_products",
    table="data_products",
    type_name="DataProduct",
    visible=predicates.product_visible_to,
    where_type="DataProductWhere",
    default_order=(("CREATED", True),),
    fields={
        "id": Field(sql_id("data_products", "{row}.id")),
        "productId": column("product_id"),
        "dataProductType": column("data_product_type"),
        "fileName": column("file_name"),
        "sizeBytes": Field(f"least({{row}}.size_bytes, {LARGEST_INT})"),
        "exactSizeBytes": column("size_bytes"),
        "sha256": column("sha256"),
        "url": Field("'/files/' || " + sql_id("data_products", "{row}.id")),
        "thumbnailUrl": Field(
            "case when {row}.thumbnail_sha256 is not null then '/files/' || "
            + sql_id("data_products", "{row}.id")
            + " || '/thumbnail' end"
        ),
        "extraData": column("extra_data"),
        "featured": column("featured"),
        "origin": column("origin"),
        "globalId": column("global_id"),
        "revision": column("revision"),
        "record": PRODUCT_RECORD,
        "created": time("created"),
        "modified": time("modified"),
    },
    links={
        "target": Link("targets", "{child}.id = {row}.target_id"),
        "reducedData": Link(
            "reduced_data",
            "{child}.target_id = {row}.target_id and {child}.data_product_id = {row}.id",
            shown=lambda _actor, _alias, _bind: "true",
        ),
        "uploadedBy": Link("users", "{child}.id = {row}.uploaded_by_id"),
        "request": Link("jobs", "{child}.id = {row}.request_job_id"),
        "observation": Link("observations", "{child}.id = {row}.observation_id"),
        "groups": Link(
            "data_product_groups",
            "{child}.id in (select x.group_id from data_product_group_products x where x.data_product_id = {row}.id)",
        ),
        "processing": Link(
            "jobs",
            "{child}.id = (select max(x.id) from jobs x where x.data_product_id = {row}.id"
            " and x.kind = 'process_data_product')",
        ),
        "notes": Link("ingest_notes", "true", source="{row}.notes"),
    },
    orders={
        "ID": ID_ORDER,
        "CREATED": time_order("created"),
        "MODIFIED": time_order("modified"),
        "FILE_NAME": OrderKey('{row}.file_name collate "C"', "text"),
    },
)

INGEST_NOTES = Resource(
    name="ingest_notes",
    table='rows from (jsonb_to_recordset({source}) as (level text, code text, message text, "row" int, count int))'
    ' with ordinality as {row}(level, code, message, "row", count, id)',
    type_name="IngestNote",
    visible=lambda _actor, _alias, _bind: "true",
    fields={
        "level": column("level"),
        "code": column("code"),
        "message": column("message"),
        "row": column('"row"'),
        "count": column("count"),
    },
    orders={"ID": ID_ORDER},
)
"""The notes of one product: rows of its JSON column."""

DATA_PRODUCT_GROUPS = Resource(
    name="data_product_groups",
    table="data_product_groups",
    type_name="DataProductGroup",
    visible=predicates.product_group_visible_to,
    fields={
        "id": Field(sql_id("data_product_groups", "{row}.id")),
        "name": column("name"),
        "created": time("created"),
        "modified": time("modified"),
    },
    links={
        "userGroups": Link(
            "user_groups",
            "{child}.id in (select x.user_group_id from data_product_group_user_groups x where x.group_id = {row}.id)",
        ),
        "dataProducts": Link(
            "data_products",
            "{child}.id in (select x.data_product_id from data_product_group_products x where x.group_id = {row}.id)",
        ),
    },
    orders={"ID": ID_ORDER},
)
