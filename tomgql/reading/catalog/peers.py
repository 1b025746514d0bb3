"""Subscriptions to other servers in SQL."""

from __future__ import annotations

from tomgql.access import predicates
from tomgql.reading.catalog.model import ID_ORDER, Field, Link, Resource, column, time, time_order
from tomgql.reading.ids import sql_id

LEFT = "No worker of this site follows it just now."

_LEFT = (
    "({row}.enabled and {row}.state in ('COPYING', 'FOLLOWING')"
    " and ({row}.lease_until is null or {row}.lease_until < now()))"
)
"""Whether the last word is of a worker that is gone."""

PEER_SUBSCRIPTIONS = Resource(
    name="peer_subscriptions",
    table="peer_subscriptions",
    type_name="PeerSubscription",
    visible=predicates.peer_subscription_visible_to,
    default_order=(("CREATED", True),),
    fields={
        "id": Field(sql_id("peer_subscriptions", "{row}.id")),
        "name": column("name"),
        "address": column("address"),
        "where": column('"where"'),
        "access": column("access"),
        "enabled": column("enabled"),
        "state": Field(f"case when {_LEFT} then 'INTERRUPTED' else {{row}}.state end", fetched=True),
        "message": Field(f"case when {_LEFT} then '{LEFT}' else {{row}}.message end", fetched=True),
        "cursor": column("cursor"),
        "instanceId": column("instance_id"),
        "heard": time("heard"),
        "created": time("created"),
        "modified": time("modified"),
    },
    links={
        "targetList": Link("target_lists", "{child}.id = {row}.target_list_id"),
        "createdBy": Link("users", "{child}.id = {row}.created_by_id"),
        "refusals": Link("peer_refusals", "{child}.peer_subscription_id = {row}.id", shown=lambda *_: "true"),
    },
    orders={"ID": ID_ORDER, "CREATED": time_order("created")},
)

PEER_REFUSALS = Resource(
    name="peer_refusals",
    table="peer_refusals",
    type_name="PeerRefusal",
    visible=predicates.peer_subscription_visible_to,
    default_order=(("CREATED", True),),
    fields={
        "kind": column("kind"),
        "globalId": column("global_id"),
        "name": column("name"),
        "message": column("message"),
        "created": time("created"),
    },
    orders={"ID": ID_ORDER, "CREATED": time_order("created")},
)
"""What was not taken of a followed server."""
