"""Harvest rules in SQL."""

from __future__ import annotations

from tomgql.access import predicates
from tomgql.reading.catalog.model import ID_ORDER, Field, Link, Resource, column, time, time_order
from tomgql.reading.ids import sql_id

HARVEST_RULES = Resource(
    name="harvest_rules",
    table="harvest_rules",
    type_name="HarvestRule",
    visible=predicates.harvest_rule_visible_to,
    default_order=(("CREATED", True),),
    fields={
        "id": Field(sql_id("harvest_rules", "{row}.id")),
        "service": column("service"),
        "parameters": column("parameters"),
        "everyDays": column("every_days"),
        "enabled": column("enabled"),
        "due": time("due"),
        "message": column("message"),
        "created": time("created"),
        "modified": time("modified"),
    },
    links={
        "target": Link("targets", "{child}.id = {row}.target_id"),
        "targetList": Link("target_lists", "{child}.id = {row}.target_list_id"),
        "createdBy": Link("users", "{child}.id = {row}.created_by_id"),
    },
    orders={"ID": ID_ORDER, "CREATED": time_order("created")},
)
