"""Shares and the rows of their ledger in SQL."""

from __future__ import annotations

from tomgql.access import predicates
from tomgql.reading.catalog.model import ID_ORDER, Embedded, Field, Link, Resource, column, time, time_order
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

NEXT_EVENTS = 100_000
"""How far behind a continuous share's place the log is looked through for its lag."""

_BEHIND = (
    "from events e where e.id > {row}.place and e.id <= {row}.place + " + str(NEXT_EVENTS) + ""
    " and e.topic in ('targets', 'reduced_data') and (e.target_id = {row}.target_id or e.target_id in"
    " (select m.target_id from target_list_members m where m.target_list_id = {row}.target_list_id))"
)

LAG = Embedded(
    fields={
        "events": Field(f"(select count(*) {_BEHIND})", fetched=True),
        "seconds": Field(
            "(select greatest(coalesce(extract(epoch from now() - b.at), 0), 0)::float8 from (values (1)) v left join"
            f" lateral (select e.at {_BEHIND} order by e.id limit 1) b on true)",
            fetched=True,
        ),
    }
)

CONTINUOUS_SHARES = Resource(
    name="continuous_shares",
    table="continuous_shares",
    type_name="ContinuousShare",
    visible=predicates.continuous_share_visible_to,
    default_order=(("CREATED", True),),
    fields={
        "id": Field(sql_id("continuous_shares", "{row}.id")),
        "destination": column("destination"),
        "options": column("options"),
        "paused": column("paused"),
        "message": column("message"),
        "created": time("created"),
        "modified": time("modified"),
        **{name: COUNTS[name] for name in ("queued", "failed")},
    },
    embedded={"lag": LAG},
    links={
        "target": Link("targets", "{child}.id = {row}.target_id"),
        "targetList": Link("target_lists", "{child}.id = {row}.target_list_id"),
        "createdBy": Link("users", "{child}.id = {row}.created_by_id"),
        "job": Link("jobs", "{child}.id = {row}.job_id"),
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
