"""Reduced data in SQL: what all kinds share, and what each kind adds."""

from __future__ import annotations

from dataclasses import replace

from tomgql.access import predicates
from tomgql.reading.catalog import brightness, times
from tomgql.reading.catalog.model import (
    ID_ORDER,
    Field,
    Link,
    OrderKey,
    Resource,
    RowContext,
    column,
    time,
    time_order,
)
from tomgql.reading.catalog.records import DATUM_RECORD
from tomgql.reading.ids import sql_id

ANGSTROMS_PER_UNIT = {"ANGSTROM": 1.0, "NM": 10.0, "MICRON": 10_000.0}
"""Angstrom in one unit of wavelength."""


def _wavelength(context: RowContext) -> str:
    size = ANGSTROMS_PER_UNIT[context.arguments.get("unit") or "ANGSTROM"]
    if size == 1.0:
        return f"{context.row}.wavelength_angstrom"
    return (
        f"(select coalesce(array_agg(w / {size!r}::float8 order by n), '{{}}')"
        f" from unnest({context.row}.wavelength_angstrom) with ordinality as u(w, n))"
    )


PHOTOMETRY_FIELDS = {
    "band": column("band"),
    "flux": Field(lambda context: brightness.flux("flux_ujy", context)),
    "fluxError": Field(lambda context: brightness.flux("flux_error_ujy", context)),
    "magnitude": Field(brightness.magnitude),
    "magnitudeError": Field(brightness.magnitude_error),
    "limit": Field(brightness.limit),
    "isDetection": Field(brightness.detection),
    "isCalibrated": Field(brightness.calibrated),
    "exposureSeconds": column("exposure_s"),
    "forced": column("forced"),
    "difference": column("difference"),
}

SPECTROSCOPY_FIELDS = {
    "wavelength": Field(_wavelength),
    "flux": column("flux_values"),
    "fluxError": column("flux_error_values"),
    "fluxUnit": column("flux_unit"),
    "medium": column("medium"),
    "exposureSeconds": column("exposure_s"),
}

ASTROMETRY_FIELDS = {
    "raDeg": column("ra_deg"),
    "decDeg": column("dec_deg"),
    "raErrorArcsec": column("ra_error_arcsec"),
    "decErrorArcsec": column("dec_error_arcsec"),
    "observatoryCode": column("observatory_code"),
}

REDUCED_DATA = Resource(
    name="reduced_data",
    table="reduced_data",
    type_name="ReducedDatum",
    visible=predicates.datum_visible_to,
    where_type="ReducedDatumWhere",
    default_where={"disabled": False},
    largest_page=100_000,
    default_order=(("TIMESTAMP", False),),
    fields={
        "id": Field(sql_id("reduced_data", "{row}.target_id", "{row}.id")),
        "dataType": column("data_type"),
        "timestamp": time("timestamp"),
        "mjd": Field(times.mjd),
        "sourceName": column("source_name"),
        "sourceLocation": column("source_location"),
        "telescope": column("telescope"),
        "instrument": column("instrument"),
        "value": column("reported"),
        "globalId": column("global_id"),
        "revision": column("revision"),
        "disabled": column("disabled"),
        "record": DATUM_RECORD,
    },
    links={
        "target": Link("targets", "{child}.id = {row}.target_id"),
        "dataProduct": Link("data_products", "{child}.id = {row}.data_product_id"),
        "job": Link("jobs", "{child}.id = {row}.job_id"),
        "revisions": Link(
            "reduced_datum_revisions",
            "{child}.of_target_id = {row}.target_id and {child}.of_datum_id = {row}.id"
            " and {child}.of_revision < {row}.revision",
            shown=lambda actor, alias, bind: predicates.revision_shown_to(actor, f"{alias}.data_product_id", bind),
        ),
    },
    orders={
        "ID": ID_ORDER,
        "TIMESTAMP": OrderKey("{row}.mjd", "float8"),
        "CREATED": time_order("created"),
    },
    key=("target_id", "id"),
    id_columns=("target_id", "id"),
    concrete={
        "PhotometryDatum": "{row}.data_type = 'photometry'",
        "SpectroscopyDatum": "{row}.data_type = 'spectroscopy'",
        "AstrometryDatum": "{row}.data_type = 'astrometry'",
        "GenericDatum": "true",
    },
    concrete_fields={
        "PhotometryDatum": PHOTOMETRY_FIELDS,
        "SpectroscopyDatum": SPECTROSCOPY_FIELDS,
        "AstrometryDatum": ASTROMETRY_FIELDS,
        "GenericDatum": {},
    },
)

REVISIONS = replace(
    REDUCED_DATA,
    name="reduced_datum_revisions",
    table="reduced_datum_revisions",
    visible=predicates.revision_visible_to,
    id_of="reduced_data",
    key=("target_id", "id", "revision"),
    default_order=(("REVISION", True),),
    largest_page=1_000,
    orders={"REVISION": OrderKey("{row}.revision", "integer"), "ID": ID_ORDER},
)
"""What a datum was before it was revised, by the view of the same name."""

LIGHT_CURVE_COLUMNS: dict[str, Field] = {
    "id": REDUCED_DATA.fields["id"],
    "mjd": REDUCED_DATA.fields["mjd"],
    "telescope": column("telescope"),
    "instrument": column("instrument"),
    "sourceName": column("source_name"),
    **{name: PHOTOMETRY_FIELDS[name] for name in ("band", "flux", "fluxError", "magnitude", "magnitudeError")},
    "limit": PHOTOMETRY_FIELDS["limit"],
    "isDetection": PHOTOMETRY_FIELDS["isDetection"],
    "binCount": column("bin_count"),
    "fluxScatter": Field(lambda context: brightness.flux("flux_scatter_ujy", context)),
}
"""Columns of `LightCurve`; their arguments are those of the field `lightCurve`."""
