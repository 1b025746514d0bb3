"""Targets in SQL."""

from __future__ import annotations

from collections.abc import Mapping

from tomgql.access import predicates
from tomgql.domain.positions import POLE_DEC_DEG, POLE_LONGITUDE_DEG, POLE_RA_DEG, require_point
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
from tomgql.reading.catalog.records import TARGET_RECORD
from tomgql.reading.ids import sql_id
from tomgql.store.sql import Bind


def separation_arcsec(context: RowContext) -> str:
    """Great-circle distance by the rule of `tomgql.domain.positions.separation_arcsec`."""
    row, given = context.row, (context.arguments["raDeg"], context.arguments["decDeg"])
    require_point(*given, "separationArcsec", ["raDeg"])
    ra, dec = (context.bind(float(degrees), "float8") for degrees in given)
    cosines = f"cos(radians({row}.dec_deg)) * cos(radians({dec}))"
    near = f"sin(radians({row}.dec_deg - {dec}) / 2)^2 + {cosines} * sin(radians({row}.ra_deg - {ra}) / 2)^2"
    far = f"sin(radians({row}.dec_deg + {dec}) / 2)^2 + {cosines} * cos(radians({row}.ra_deg - {ra}) / 2)^2"
    return f"degrees(2 * atan2(sqrt(greatest({near}, 0)), sqrt(greatest({far}, 0)))) * 3600"


def galactic(context: RowContext) -> tuple[str, str]:
    """Galactic longitude and latitude by the rule of `tomgql.domain.positions.galactic`."""
    ra, dec = f"radians({context.row}.ra_deg - {POLE_RA_DEG!r}::float8)", f"radians({context.row}.dec_deg)"
    pole = f"radians({POLE_DEC_DEG!r}::float8)"
    up = f"sin({pole}) * sin({dec}) + cos({pole}) * cos({dec}) * cos({ra})"
    east = f"cos({dec}) * sin({ra})"
    north = f"cos({pole}) * sin({dec}) - sin({pole}) * cos({dec}) * cos({ra})"
    longitude = f"{POLE_LONGITUDE_DEG!r}::float8 - degrees(atan2({east}, {north}))"  # from -57.1 to 302.9
    latitude = f"degrees(atan2({up}, sqrt(({east})^2 + ({north})^2)))"
    return f"({longitude} + case when {longitude} < 0 then 360 else 0 end)", latitude


def sexagesimal(size_in_ticks: str, decimals: int) -> str:
    """``10:20:30.500`` of a size counted in last decimals, as `tomgql.domain.positions` writes it."""
    ticks = 10**decimals
    whole = [f"lpad((n / {3600 * ticks})::text, 2, '0')"]
    whole += [f"lpad((n / {size * ticks} % 60)::text, 2, '0')" for size in (60, 1)]
    text = " || ':' || ".join(whole) + f" || '.' || lpad((n % {ticks})::text, {decimals}, '0')"
    return f"(select {text} from (select {size_in_ticks} as n) ticks)"


def right_ascension_hms(context: RowContext) -> str:
    """Right ascension in hours, minutes and seconds, to a millisecond."""
    return sexagesimal(f"round({context.row}.ra_deg / 15 * 3600 * 1000)::bigint % 86400000", 3)


def declination_dms(context: RowContext) -> str:
    """Declination in degrees, minutes and seconds, to 0.01 arcsec, with its sign."""
    dec = f"{context.row}.dec_deg"
    sign = f"case when {dec}::text like '-%' then '-' else '+' end"
    return f"{sign} || {sexagesimal(f'round(abs({dec}) * 3600 * 100)::bigint', 2)}"


def unit_vector(ra_deg: float, dec_deg: float, bind: Bind) -> str:
    """SQL for the unit vector of an ICRS position, as a ``cube`` point."""
    ra, dec = bind(float(ra_deg), "float8"), bind(float(dec_deg), "float8")
    return (
        f"cube(array[cos(radians({dec})) * cos(radians({ra})), cos(radians({dec})) * sin(radians({ra})),"
        f" sin(radians({dec}))])"
    )


CONSTELLATION = Field("tomgql_constellation({row}.ra_deg, {row}.dec_deg)", fetched=True)

def chord(row: str, origin: Mapping[str, float], bind: Bind) -> str:
    """The chord between unit vectors: grows with the separation, and the index on positions serves its order."""
    return f"{row}.position <-> {unit_vector(origin['raDeg'], origin['decDeg'], bind)}"


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
        "raHms": Field(right_ascension_hms),
        "decDms": Field(declination_dms),
        "galacticLDeg": Field(lambda context: galactic(context)[0]),
        "galacticBDeg": Field(lambda context: galactic(context)[1]),
        "constellation": CONSTELLATION,
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
    default_order=(("CREATED", False),),
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
        "globalId": column("global_id"),
        "revision": column("revision"),
        "record": TARGET_RECORD,
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
        "summary": Link("target_summaries", "{child}.id = {row}.id", shown=lambda *_: "true"),
        "observations": Link("observations", "{child}.target_id = {row}.id", shown=lambda *_: "true"),
        "jobs": Link("jobs", "{child}.target_id = {row}.id"),
        "continuousShares": Link("continuous_shares", "{child}.target_id = {row}.id"),
    },
    orders={
        "ID": ID_ORDER,
        "NAME": OrderKey('{row}.name collate "C"', "text"),
        "CREATED": time_order("created"),
        "MODIFIED": time_order("modified"),
        "RA": OrderKey("{row}.ra_deg", "float8", nullable=True),
        "DEC": OrderKey("{row}.dec_deg", "float8", nullable=True),
        "SEPARATION": OrderKey(chord, "float8", nullable=True),
    },
)
