"""What a target holds, summed up: derived tables over what the reader may see, so that no number tells more.

Detections are those at 3 sigma. Ties are broken so that every answer is the only one: the latest datum is the one with
the highest id at the latest time, the brightest the earliest one of the highest flux.
"""

from __future__ import annotations

from tomgql.access.predicates import product_id_shown_to, target_id_visible_to
from tomgql.access.principal import Principal
from tomgql.reading.catalog import brightness
from tomgql.reading.catalog.model import Link, OrderKey, Resource, RowContext, column, time
from tomgql.store.sql import Bind


def _in_use(actor: Principal, bind: Bind) -> str:
    return f"not d.disabled and {product_id_shown_to(actor, 'd.data_product_id', bind)}"


def _outstanding(actor: Principal, bind: Bind) -> str:
    """Aggregates over rows ``d``: counts, and the ids of the photometric data that stand out."""
    detected = f"d.data_type = 'photometry' and ({brightness.detection(RowContext('d', {}, bind, actor))})"
    return (
        f"count(*) filter (where {detected}) as detections,"
        " (max(array[d.mjd, d.id]) filter (where d.data_type = 'photometry'))[2]::bigint as latest_id,"
        f" (max(array[d.mjd, d.id]) filter (where {detected}))[2]::bigint as latest_detection_id,"
        f" -(max(array[d.flux_ujy, -d.mjd, -d.id]) filter (where d.flux_ujy is not null and {detected}))[3]::bigint"
        " as brightest_id"
    )


def _targets(actor: Principal, bind: Bind) -> str:
    products = product_id_shown_to(actor, "p.id", bind)
    return (
        "(select t.id, t.id as target_id, s.*, (select count(*) from data_products p where p.target_id = t.id"
        f" and {products}) as data_product_count from targets t cross join lateral (select count(*) as datum_count,"
        f" min(d.timestamp) as first, max(d.timestamp) as last, {_outstanding(actor, bind)}"
        f" from reduced_data d where d.target_id = t.id and {_in_use(actor, bind)}) s)"
    )


def _bands(actor: Principal, bind: Bind) -> str:
    return (
        "(select d.target_id, d.band, count(*) as datum_count, min(d.timestamp) as first, max(d.timestamp) as last,"
        f" {_outstanding(actor, bind)} from reduced_data d"
        f" where d.data_type = 'photometry' and {_in_use(actor, bind)} group by d.target_id, d.band)"
    )


def _data_types(actor: Principal, bind: Bind) -> str:
    return (
        "(select d.target_id, d.data_type, count(*) as datum_count, min(d.timestamp) as first,"
        f" max(d.timestamp) as last from reduced_data d where {_in_use(actor, bind)} group by d.target_id, d.data_type)"
    )


def _of_visible_target(actor: Principal, row: str, bind: Bind) -> str:
    return target_id_visible_to(actor, f"{row}.target_id", bind)


def _datum(column_name: str) -> Link:
    # The derived table saw to it that the reader may see this datum.
    on = f"{{child}}.target_id = {{row}}.target_id and {{child}}.id = {{row}}.{column_name}"
    return Link("reduced_data", on, shown=lambda *_: "true")


_SPAN = {"count": column("datum_count"), "first": time("first"), "last": time("last")}
_OUTSTANDING = {
    "latest": _datum("latest_id"),
    "latestDetection": _datum("latest_detection_id"),
    "brightest": _datum("brightest_id"),
}
_OF_TARGET = OrderKey("{row}.target_id", "bigint")

TARGET_SUMMARIES = Resource(
    name="target_summaries",
    table=_targets,
    type_name="TargetSummary",
    visible=_of_visible_target,
    fields={**_SPAN, "detections": column("detections"), "dataProductCount": column("data_product_count")},
    links={
        **_OUTSTANDING,
        "dataTypes": Link("data_type_summaries", "{child}.target_id = {row}.target_id", shown=lambda *_: "true"),
        "bands": Link("band_summaries", "{child}.target_id = {row}.target_id", shown=lambda *_: "true"),
    },
    orders={"ID": _OF_TARGET},
)

BAND_SUMMARIES = Resource(
    name="band_summaries",
    table=_bands,
    type_name="BandSummary",
    visible=_of_visible_target,
    default_order=(("BAND", False),),
    fields={**_SPAN, "band": column("band"), "detections": column("detections")},
    links=_OUTSTANDING,
    orders={"BAND": OrderKey('{row}.band collate "C"', "text"), "ID": _OF_TARGET},
)

DATA_TYPE_SUMMARIES = Resource(
    name="data_type_summaries",
    table=_data_types,
    type_name="DataTypeSummary",
    visible=_of_visible_target,
    default_order=(("DATA_TYPE", False),),
    fields={**_SPAN, "dataType": column("data_type")},
    orders={"DATA_TYPE": OrderKey('{row}.data_type collate "C"', "text"), "ID": _OF_TARGET},
)
