"""Observations in SQL."""

from __future__ import annotations

from tomgql.access import predicates
from tomgql.reading.catalog.model import ID_ORDER, Field, Link, Resource, column, time, time_order
from tomgql.reading.ids import sql_id

OBSERVATIONS = Resource(
    name="observations",
    table="observations",
    type_name="Observation",
    visible=predicates.observation_visible_to,
    where_type="ObservationWhere",
    default_order=(("CREATED", True),),
    fields={
        "id": Field(sql_id("observations", "{row}.id")),
        "facility": column("facility"),
        "observationId": column("observation_id"),
        "status": column("status"),
        "parameters": column("parameters"),
        "created": time("created"),
        "modified": time("modified"),
    },
    links={
        "target": Link("targets", "{child}.id = {row}.target_id"),
        "dataProducts": Link("data_products", "{child}.observation_id = {row}.id"),
    },
    orders={"ID": ID_ORDER, "CREATED": time_order("created")},
)
