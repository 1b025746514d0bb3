"""Shares and the rows of their ledger in SQL."""

from __future__ import annotations

from tomgql.access import predicates
from tomgql.reading.catalog.model import ID_ORDER, Field, Link, Resource, column, time, time_order
from tomgql.reading.ids import sql_id


def _count(state: str) -> Field:
    counted = f"(select count(*) from share_ledger n where n.job_id = {{row}}.job_id and n.state = '{state}')"
    return Field(counted, fetched=True)


COUNTS = {state.lower(): _count(state) for state in ("QUEUED", "SENT", "FAILED", "REFUSED")}
"""How many items of the row's job are in each state."""

SHARES = Resource(
    name="shares",
    table="shares",
    type_name="Share",
    visible=predicates.share_visible_to,
    default_order=(("CREATED", True),),
    fields={
        "id": Field(sql_id("shares", "{row}.id")),
        "destination": column("destination"),
        "message": column("message"),
        "items": column("items"),
        "unchanged": column("unchanged"),
        "created": time("created"),
        **COUNTS,
    },
    links={
        "createdBy": Link("users", "{child}.id = {row}.created_by_id"),
        "job": Link("jobs", "{child}.id = {row}.job_id"),
        "ledger": Link("share_items", "{child}.job_id = {row}.job_id"),
    },
    orders={"ID": ID_ORDER, "CREATED": time_order("created")},
)

SHARE_ITEMS = Resource(
    name="share_items",
    table="share_ledger",
    type_name="ShareItem",
    visible=predicates.share_item_visible_to,
    where_type="ShareItemWhere",
    fields={
        "id": Field(sql_id("share_items", "{row}.id")),
        "destination": column("destination"),
        "kind": Field("upper({row}.subject_kind)"),
        "globalId": column("subject_global_id"),
        "state": column("state"),
        "attempts": column("attempts"),
        "answer": column("answer"),
        "remoteId": column("remote_id"),
        "created": time("created"),
        "due": Field(f"case when {{row}}.state = 'QUEUED' then {time('due').sql} end"),
        "sent": time("sent"),
    },
    links={
        "target": Link("targets", "{child}.id = {row}.target_id"),
        "dataProduct": Link("data_products", "{row}.subject_kind = 'data_product' and {child}.id = {row}.subject_id"),
        "reducedDatum": Link(
            "reduced_data",
            "{row}.subject_kind = 'reduced_datum' and {child}.target_id = {row}.target_id"
            " and {child}.id = {row}.subject_id",
        ),
    },
    orders={"ID": ID_ORDER},
)
