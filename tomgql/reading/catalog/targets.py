"""Targets in SQL."""

from __future__ import annotations

from math import isfinite

from tomgql.access import predicates
from tomgql.errors import InvalidCoordinates
from tomgql.reading.catalog.model import (
    ID_ORDER,
    Embedded,
    Field,
    Link,
    OrderKey,
    Resource,
    RowContext,
    column,
    time,
    time_order,
)
from tomgql.reading.ids import sql_id


def separation_arcsec(context: RowContext) -> str:
    """Great-circle distance by the rule of `tomgql.domain.positions.separation_arcsec`."""
    row, given = context.row, (context.arguments["raDeg"], context.arguments["decDeg"])
    if not all(map(isfinite, given)):
        raise InvalidCoordinates("raDeg and decDeg must be finite numbers of degrees.", path=["raDeg"])
    ra, dec = (context.bind(float(degrees), "float8") for degrees in given)
    cosines = f"cos(radians({row}.dec_deg)) * cos(radians({dec}))"
    near = f"sin(radians({row}.dec_deg - {dec}) / 2)^2 + {cosines} * sin(radians({row}.ra_deg - {ra}) / 2)^2"
    far = f"sin(radians({row}.dec_deg + {dec}) / 2)^2 + {cosines} * cos(radians({row}.ra_deg - {ra}) / 2)^2"
    return f"degrees(2 * atan2(sqrt(greatest({near}, 0)), sqrt(greatest({far}, 0)))) * 3600"


def unit_vector(ra_deg: float, dec_deg: float, context: RowContext) -> str:
    """SQL for the unit vector of an ICRS position, as a ``cube`` point."""
    ra, dec = context.bind(float(ra_deg), "float8"), context.bind(float(dec_deg), "float8")
    return (
        f"cube(array[cos(radians({dec})) * cos(radians({ra})), cos(radians({dec})) * sin(radians({ra})),"
        f" sin(radians({dec}))])"
    )


COORDINATES = Embedded(
    present="{row}.ra_deg is not null and {row}.dec_deg is not null",
    fields={
        "raDeg": column("ra_deg"),
        "decDeg": column("dec_deg"),
        "epoch": column("epoch"),
        "properMotionRaMasYr": column("proper_motion_ra_mas_yr"),
        "properMotionDecMasYr": column("proper_motion_dec_mas_yr"),
        "parallaxMas": column("parallax_mas"),
        "separationArcsec": Field(separation_arcsec),
    },
)

ORBIT = Embedded(
    present="{row}.scheme is not null",
    fields={
        "scheme": column("scheme"),
        "epochOfElementsMjd": column("epoch_of_elements_mjd"),
        "inclinationDeg": column("inclination_deg"),
        "ascendingNodeLongitudeDeg": column("ascending_node_longitude_deg"),
        "perihelionArgumentDeg": column("perihelion_argument_deg"),
        "eccentricity": column("eccentricity"),
        "meanAnomalyDeg": column("mean_anomaly_deg"),
        "semimajorAxisAu": column("semimajor_axis_au"),
        "meanDailyMotionDeg": column("mean_daily_motion_deg"),
        "perihelionDistanceAu": column("perihelion_distance_au"),
        "perihelionEpochMjd": column("perihelion_epoch_mjd"),
        "absoluteMagnitude": column("absolute_magnitude"),
        "slope": column("slope"),
    },
)

ALIASES = Field(
    "(select coalesce(json_agg(n.name order by n.id), '[]') from target_names n"
    " where n.target_id = {row}.id and not n.is_primary)",
    fetched=True,
)


def viewer_can(context: RowContext) -> str:
    """The rights that the reader holds on the target, as a JSON array in the order of the enumeration."""
    rights = [
        f"case when {predicates.target_allows(context.actor, context.row, right, context.bind)} then '{right}' end"
        for right in (predicates.VIEW, predicates.CHANGE, predicates.DELETE, predicates.SHARE)
    ]
    return f"to_json(array_remove(array[{', '.join(rights)}], null))"


TARGET_LISTS = Resource(
    name="target_lists",
    table="target_lists",
    type_name="TargetList",
    visible=predicates.target_list_visible_to,
    where_type="TargetListWhere",
    fields={"id": Field(sql_id("target_lists", "{row}.id")), "name": column("name")},
    links={
        "targets": Link(
            "targets",
            "{child}.id in (select x.target_id from target_list_members x where x.target_list_id = {row}.id)",
        ),
    },
    orders={"ID": ID_ORDER},
)

TARGETS = Resource(
    name="targets",
    table="targets",
    type_name="Target",
    visible=predicates.target_visible_to,
    where_type="TargetWhere",
    largest_page=10_000,
    fields={
        "id": Field(sql_id("targets", "{row}.id")),
        "name": column("name"),
        "aliases": ALIASES,
        "type": column("type"),
        "access": column("access"),
        "extras": column("extras"),
        "distancePc": column("distance_pc"),
        "distanceErrorPc": column("distance_error_pc"),
        "created": time("created"),
        "modified": time("modified"),
        "viewerCan": Field(viewer_can, fetched=True),
    },
    embedded={"coordinates": COORDINATES, "orbit": ORBIT},
    links={
        "dataProducts": Link(
            "data_products",
            "{child}.target_id = {row}.id",
            shown=lambda actor, alias, bind: predicates.product_id_shown_to(actor, f"{alias}.id", bind),
        ),
        "reducedData": Link(
            "reduced_data",
            "{child}.target_id = {row}.id",
            shown=lambda actor, alias, bind: predicates.product_id_shown_to(actor, f"{alias}.data_product_id", bind),
        ),
        "lightCurve": Link(
            "reduced_data",
            "{child}.target_id = {row}.id and {child}.data_type = 'photometry'",
            shown=lambda actor, alias, bind: predicates.product_id_shown_to(actor, f"{alias}.data_product_id", bind),
        ),
        "spectra": Link(
            "reduced_data",
            "{child}.target_id = {row}.id and {child}.data_type = 'spectroscopy'",
            shown=lambda actor, alias, bind: predicates.product_id_shown_to(actor, f"{alias}.data_product_id", bind),
        ),
        "targetLists": Link(
            "target_lists",
            "{child}.id in (select x.target_list_id from target_list_members x where x.target_id = {row}.id)",
        ),
        "observations": Link("observations", "{child}.target_id = {row}.id", shown=lambda *_: "true"),
        "jobs": Link("jobs", "{child}.target_id = {row}.id"),
    },
    orders={
        "ID": ID_ORDER,
        "NAME": OrderKey('{row}.name collate "C"', "text"),
        "CREATED": time_order("created"),
        "MODIFIED": time_order("modified"),
        "RA": OrderKey("{row}.ra_deg", "float8", nullable=True),
        "DEC": OrderKey("{row}.dec_deg", "float8", nullable=True),
    },
)
