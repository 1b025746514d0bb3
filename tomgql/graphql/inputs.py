"""Filters, orders and other inputs of reads."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from strawberry.utils.str_converters import to_camel_case

from tomgql.graphql.enums import (
    DataProductOrderField,
    JobState,
    ReducedDatumOrderField,
    ShareItemKind,
    ShareItemState,
    SortDirection,
    TargetAccess,
    TargetOrderField,
    TargetType,
)
from tomgql.graphql.scalars import JSON

ALGEBRA = "Every field is optional; several fields are ANDed. Up to 300 conditions, nested 12 deep."

NOT_VIA = (
    "Its present state came neither from nor through one of these installations; ids as `server.instanceId` gives"
    " them, at most 10,000."
)


def optional(what: str) -> Any:
    """An optional input field with a description."""
    return strawberry.field(default=None, description=what)


def change(what: str) -> Any:
    """An input field that leaves things as they are when it is not given."""
    return strawberry.field(default=strawberry.UNSET, description=what)


@strawberry.input(description="Conditions on an id.")
class IdFilter:
    eq: strawberry.ID | None = optional("Is this id.")
    ne: strawberry.ID | None = optional("Is another id.")
    in_: list[strawberry.ID] | None = strawberry.field(name="in", default=None, description="Is one of at most 10,000.")
    not_in: list[strawberry.ID] | None = optional("Is none of at most 10,000.")


@strawberry.input(description="Conditions on text.")
class StringFilter:
    eq: str | None = optional("Equals.")
    ne: str | None = optional("Differs from.")
    in_: list[str] | None = strawberry.field(name="in", default=None, description="Is one of at most 10,000.")
    not_in: list[str] | None = optional("Is none of at most 10,000.")
    contains: str | None = optional("Contains this text.")
    starts_with: str | None = optional("Begins with this text.")
    like: str | None = optional(
        "Matches this pattern of at most 1,000 characters: % stands for any text, _ for one character, \\ before one of"
        " them or of itself for itself."
    )
    lt: str | None = optional("Comes before this text, by code points.")
    lte: str | None = optional("Comes before this text, by code points, or equals it.")
    gt: str | None = optional("Comes behind this text, by code points.")
    gte: str | None = optional("Comes behind this text, by code points, or equals it.")
    case_sensitive: bool | None = strawberry.field(default=True, description="Whether case matters here.")
    is_null: bool | None = optional("Is null (true) or not (false).")


@strawberry.input(description="Conditions on a number.")
class FloatFilter:
    eq: float | None = optional("Equals.")
    ne: float | None = optional("Differs from.")
    in_: list[float] | None = strawberry.field(name="in", default=None, description="Is one of at most 10,000.")
    not_in: list[float] | None = optional("Is none of at most 10,000.")
    lt: float | None = optional("Less than.")
    lte: float | None = optional("Less than or equal to.")
    gt: float | None = optional("Greater than.")
    gte: float | None = optional("Greater than or equal to.")
    is_null: bool | None = optional("Is null (true) or not (false).")


@strawberry.input(description="Conditions on a time in UTC.")
class DateTimeFilter:
    eq: datetime | None = optional("Is this millisecond.")
    ne: datetime | None = optional("Is another millisecond.")
    in_: list[datetime] | None = strawberry.field(
        name="in", default=None, description="Is one of at most 10,000 milliseconds."
    )
    not_in: list[datetime] | None = optional("Is none of at most 10,000 milliseconds.")
    lt: datetime | None = optional("Before.")
    lte: datetime | None = optional("Before or at.")
    gt: datetime | None = optional("After.")
    gte: datetime | None = optional("After or at.")
    is_null: bool | None = optional("Is null (true) or not (false).")


@strawberry.input(description="A circle on the sky, ICRS.")
class ConeInput:
    ra_deg: float = strawberry.field(description="Right ascension of the centre, degrees, 0 to 360.")
    dec_deg: float = strawberry.field(description="Declination of the centre, degrees, -90 to 90.")
    radius_arcsec: float = strawberry.field(description="Radius, arcsec, 0 to 648,000 (180 degrees).")


@strawberry.input(description="A point on the sky, ICRS.")
class PositionInput:
    ra_deg: float = strawberry.field(description="Right ascension, degrees, 0 to 360.")
    dec_deg: float = strawberry.field(description="Declination, degrees, -90 to 90.")


@strawberry.input(description=f"Conditions on targets. {ALGEBRA}")
class TargetWhere:
    id: IdFilter | None = optional("The target itself.")
    name: StringFilter | None = optional("Primary name, as it is written.")
    match_name: str | None = optional("Any name or alias, ignoring case, blanks, '-', '_', '(' and ')'.")
    type: TargetType | None = optional("Sidereal or not.")
    access: TargetAccess | None = optional("Who may see it.")
    created: DateTimeFilter | None = optional("Time of creation.")
    modified: DateTimeFilter | None = optional("Time of the last change.")
    ra_deg: FloatFilter | None = optional("Right ascension, ICRS, degrees.")
    dec_deg: FloatFilter | None = optional("Declination, ICRS, degrees.")
    cone: ConeInput | None = optional("Within a circle on the sky.")
    target_list: strawberry.ID | None = optional("In this target list.")
    extras: JSON | None = optional("Has these key/value pairs among its extras; a JSON object.")
    has_reduced_data: ReducedDatumWhere | None = optional("Has such reduced data, of those that the viewer may see.")
    global_id: str | None = optional("Has this `globalId`.")
    not_via: list[str] | None = optional(NOT_VIA)
    and_: list[TargetWhere] | None = strawberry.field(name="and", default=None, description="All of these hold.")
    or_: list[TargetWhere] | None = strawberry.field(name="or", default=None, description="One of these holds.")
    not_: TargetWhere | None = strawberry.field(name="not", default=None, description="This does not hold.")


@strawberry.input(description="Conditions on target lists. Every field is optional; several fields are ANDed.")
class TargetListWhere:
    id: IdFilter | None = optional("The list itself.")
    name: StringFilter | None = optional("Its name.")


@strawberry.input(description=f"Conditions on data products. {ALGEBRA}")
class DataProductWhere:
    id: IdFilter | None = optional("The product itself.")
    target: strawberry.ID | None = optional("Its target.")
    data_product_type: StringFilter | None = optional("Its type, such as photometry.")
    file_name: StringFilter | None = optional("Its file's name.")
    created: DateTimeFilter | None = optional("Time of the upload.")
    group: strawberry.ID | None = optional("A data product group that holds it.")
    observation: strawberry.ID | None = optional("The observation that it came of.")
    featured: bool | None = optional("Whether it is featured.")
    global_id: str | None = optional("Has this `globalId`.")
    not_via: list[str] | None = optional(NOT_VIA)
    and_: list[DataProductWhere] | None = strawberry.field(name="and", default=None, description="All of these hold.")
    or_: list[DataProductWhere] | None = strawberry.field(name="or", default=None, description="One of these holds.")
    not_: DataProductWhere | None = strawberry.field(name="not", default=None, description="This does not hold.")


@strawberry.input(description="Conditions on photometry. Every field is optional; several fields are ANDed.")
class PhotometryWhere:
    band: StringFilter | None = optional("Canonical band name, or as written where the band is unknown.")
    mjd: FloatFilter | None = optional("MJD in UTC, middle of the exposure.")
    magnitude: FloatFilter | None = optional("AB magnitude of detections at 3 sigma.")
    signal_to_noise: FloatFilter | None = optional("Flux divided by its error.")
    detections_only: bool | None = optional("Only detections at 3 sigma.")
    source_name: StringFilter | None = optional("Where the datum comes from.")


@strawberry.input(description=f"Conditions on reduced data. {ALGEBRA}")
class ReducedDatumWhere:
    id: IdFilter | None = optional("The datum itself.")
    target: strawberry.ID | None = optional("Its target.")
    targets: list[strawberry.ID] | None = optional("One of these targets, at most 10,000.")
    target_list: strawberry.ID | None = optional("A target of this list.")
    data_product: strawberry.ID | None = optional("The data product that it was read from.")
    data_type: StringFilter | None = optional("photometry, spectroscopy, astrometry, or any other word.")
    timestamp: DateTimeFilter | None = optional("Time of the measurement, UTC.")
    mjd: FloatFilter | None = optional("Time of the measurement as MJD in UTC.")
    source_name: StringFilter | None = optional("Where the datum comes from.")
    telescope: StringFilter | None = optional("Telescope.")
    instrument: StringFilter | None = optional("Instrument.")
    photometry: PhotometryWhere | None = optional("Is photometry, and these hold.")
    not_via: list[str] | None = optional(NOT_VIA)
    disabled: bool | None = strawberry.field(
        default=False,
        description="false: only data in use; true: only disabled ones; null: both. Inside and / or / not, false"
        " is no condition.",
    )
    and_: list[ReducedDatumWhere] | None = strawberry.field(name="and", default=None, description="All of these hold.")
    or_: list[ReducedDatumWhere] | None = strawberry.field(name="or", default=None, description="One of these holds.")
    not_: ReducedDatumWhere | None = strawberry.field(name="not", default=None, description="This does not hold.")


@strawberry.input(description="Conditions on jobs. Every field is optional; several fields are ANDed.")
class JobWhere:
    id: IdFilter | None = optional("The job itself.")
    kind: StringFilter | None = optional("What was asked, such as process_data_product.")
    state: list[JobState] | None = optional("In one of these states.")
    target: strawberry.ID | None = optional("Its target.")
    data_product: strawberry.ID | None = optional("Its data product.")
    created: DateTimeFilter | None = optional("Time at which it was asked.")


@strawberry.input(description="Conditions on items of a share. Every field is optional; several fields are ANDed.")
class ShareItemWhere:
    kind: ShareItemKind | None = optional("Things of this kind.")
    state: list[ShareItemState] | None = optional("In one of these states.")
    target: strawberry.ID | None = optional("This target, or what hangs on it.")


@strawberry.input(description="Conditions on observations. Every field is optional; several fields are ANDed.")
class ObservationWhere:
    id: IdFilter | None = optional("The observation itself.")
    target: strawberry.ID | None = optional("Its target.")
    facility: StringFilter | None = optional("Its facility.")
    observation_id: StringFilter | None = optional("The facility's own id of it.")
    status: StringFilter | None = optional("How it stands, in the facility's words.")
    created: DateTimeFilter | None = optional("When it was recorded.")


@strawberry.input(description="One key of an order of targets.")
class TargetOrder:
    field: TargetOrderField = strawberry.field(description="What to sort by.")
    direction: SortDirection = strawberry.field(default=SortDirection.ASC, description="In which direction.")
    from_: PositionInput | None = strawberry.field(
        name="from", default=None, description="From where a SEPARATION is measured; needed for that alone."
    )


@strawberry.input(description="One key of an order of data products.")
class DataProductOrder:
    field: DataProductOrderField = strawberry.field(description="What to sort by.")
    direction: SortDirection = strawberry.field(default=SortDirection.ASC, description="In which direction.")


@strawberry.input(description="One key of an order of reduced data.")
class ReducedDatumOrder:
    field: ReducedDatumOrderField = strawberry.field(description="What to sort by.")
    direction: SortDirection = strawberry.field(default=SortDirection.ASC, description="In which direction.")


def as_filter(given: Any) -> Any:
    """A converted Where input as the plain dictionary that `tomgql.reading.filters` takes, in the schema's names."""
    if isinstance(given, list):
        return [as_filter(each) for each in given]
    if isinstance(given, Enum):
        return given.value
    definition = getattr(given, "__strawberry_definition__", None)
    if definition is None:
        return {} if given is None else given
    values = {_name(each): getattr(given, each.python_name) for each in definition.fields}
    return {name: as_filter(value) for name, value in values.items() if value is not None}


def _name(field: Any) -> str:
    return str(field.graphql_name or to_camel_case(field.python_name))
