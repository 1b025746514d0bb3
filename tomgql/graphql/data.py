"""Reduced data and light curves. The resolvers are the slow path; `tomgql.reading.catalog.data` says it in SQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import strawberry

from tomgql.domain import photometry
from tomgql.domain.bands import BANDS
from tomgql.domain.time import FROM_UTC
from tomgql.errors import InvalidInput
from tomgql.graphql.base import Node, OfRow, described
from tomgql.graphql.context import Info
from tomgql.graphql.enums import FluxUnit, MagnitudeSystem, SpectralMedium, TimeScale, WavelengthUnit
from tomgql.graphql.inputs import PhotometryWhere, ReducedDatumOrder, ReducedDatumWhere
from tomgql.graphql.lazy import LazyDataProduct, LazyJob, LazyReducedDatum, LazyTarget, link
from tomgql.graphql.scalars import JSON
from tomgql.reading.catalog.data import ANGSTROMS_PER_UNIT
from tomgql.reading.rows import LightCurveRows, Row, read_field

Where = Annotated[
    ReducedDatumWhere | None, strawberry.argument(description="Which reduced data; those in use when not given.")
]
OrderBy = Annotated[
    list[ReducedDatumOrder] | None, strawberry.argument(description="In which order; by time when not given.")
]
CurveWhere = Annotated[PhotometryWhere | None, strawberry.argument(description="Which photometry; none disabled.")]
Unit = Annotated[FluxUnit | None, strawberry.argument(description="Unit of the flux.")]
System = Annotated[MagnitudeSystem | None, strawberry.argument(description="Magnitude system.")]
Scale = Annotated[TimeScale | None, strawberry.argument(description="Time scale.")]
Sigmas = Annotated[
    float | None, strawberry.argument(description="Threshold in units of the flux error, 0.000001 to 1,000,000.")
]

BinDays = Annotated[
    float | None,
    strawberry.argument(
        description="Bin the fluxes in bins this wide, days, 0.000001 to 100,000, that begin at multiples of it from"
        " MJD 0. Each band, telescope and instrument, and difference fluxes, have bins of their own: means weighted by"
        " the inverse variance, negative fluxes included. Fluxes without errors have plain means of their own; data"
        " without a flux are left out. A bin bears the id of its earliest datum."
    ),
]
MaxPoints = Annotated[
    int | None,
    strawberry.argument(
        description="Thin to about this many points, 2 to 250,000, for a plot: of each stretch of time the lowest and"
        " the highest of each band stay, so that no extreme is lost. Each band keeps at least two."
    ),
]

_VEGA_OFFSETS = {band.name: band.ab_minus_vega for band in BANDS}


@strawberry.interface(description="One measured fact.")
class ReducedDatum(Node):
    data_type: str = described("photometry, spectroscopy, astrometry, or any other word.")
    timestamp: datetime = described("Time of the measurement, UTC: middle of the exposure where that is known.")
    source_name: str = described("Where the datum comes from.")
    source_location: str = described("Address or place of its source.")
    telescope: str | None = described("Telescope.")
    instrument: str | None = described("Instrument.")
    revision: int = described("1, 2, ...: counts changes of content.")
    disabled: bool = described("Whether it was taken out of use.")

    @strawberry.field(description="The target.")
    def target(self, root: strawberry.Parent[Row]) -> LazyTarget:
        target: LazyTarget = link(root, "target")
        return target

    @strawberry.field(description="The data product that it was read from.")
    def data_product(self, root: strawberry.Parent[Row]) -> LazyDataProduct | None:
        product: LazyDataProduct | None = link(root, "dataProduct")
        return product

    @strawberry.field(
        description="The job that recorded this content of it, with the processor and options that it was read with."
        " Null where it came without a file, as rows do, and where the viewer may not see the job."
    )
    def job(self, root: strawberry.Parent[Row]) -> LazyJob | None:
        job: LazyJob | None = link(root, "job")
        return job

    @strawberry.field(
        description="Time of the measurement as MJD, days of 86,400 s: no moment of a leap second can be told. Before"
        " 1972, when UTC ran at other rates, UTC is what was given as UTC, GMT or UT, and TAI - UTC is taken as 10 s:"
        " TAI, TT and TDB are up to 10 s ahead there, and TT and TDB before 1958 up to 50 s."
    )
    def mjd(self, root: strawberry.Parent[Row], scale: Scale = TimeScale.UTC) -> float:
        return mjd(root, scale)

    @strawberry.field(
        description="The datum as it was reported, with its own names and units; of a spectrum all but its arrays."
    )
    def value(self, root: strawberry.Parent[Row]) -> JSON:
        return JSON(root["reported"])

    @strawberry.field(
        description="What it was before it was revised, newest first, as the viewer may see; at most 1,000."
    )
    def revisions(self, root: strawberry.Parent[Row]) -> list[LazyReducedDatum]:
        older: list[LazyReducedDatum] = link(root, "revisions")
        return older

    @strawberry.field(
        description="All that is kept of it, for another tomgql server: an object whose fields may become more. Null of"
        " what was deleted meanwhile."
    )
    async def record(self, root: strawberry.Parent[Row], info: Info) -> JSON | None:
        found = await read_field(info.context.reads, root, "record")
        return None if found is None else JSON(found)

    @strawberry.field(description="The same datum has the same globalId in every TOM; a UUID.")
    def global_id(self, root: strawberry.Parent[Row]) -> str:
        return str(root["global_id"])


@strawberry.type(description="One photometric measurement.")
class PhotometryDatum(OfRow, ReducedDatum):
    band: str = described("Canonical band name, or as it was written where the band is unknown.")
    forced: bool = described("Whether the flux was measured at a given position.")
    difference: bool = described("Whether it was measured on a difference image.")

    @strawberry.field(description="Flux density, signed; null where it is not known.")
    def flux(self, root: strawberry.Parent[Row], unit: Unit = FluxUnit.UJY) -> float | None:
        return _in_unit(root["flux_ujy"], unit)

    @strawberry.field(description="One-sigma error of the flux.")
    def flux_error(self, root: strawberry.Parent[Row], unit: Unit = FluxUnit.UJY) -> float | None:
        return _in_unit(root["flux_error_ujy"], unit)

    @strawberry.field(description="Magnitude; null where it is not a detection at nSigma or has no such magnitude.")
    def magnitude(
        self, root: strawberry.Parent[Row], system: System = MagnitudeSystem.AB, n_sigma: Sigmas = 3
    ) -> float | None:
        return magnitude(root, system, n_sigma)

    @strawberry.field(description="One-sigma error of the magnitude.")
    def magnitude_error(self, root: strawberry.Parent[Row]) -> float | None:
        return magnitude_error(root)

    @strawberry.field(
        description="Upper limit at nSigma as a magnitude. A limit of unknown sigma is given as it is; AS_REPORTED"
        " gives the number that was written, whatever nSigma."
    )
    def limit(
        self, root: strawberry.Parent[Row], n_sigma: Sigmas = 3, system: System = MagnitudeSystem.AB
    ) -> float | None:
        return limit(root, system, n_sigma)

    @strawberry.field(description="Whether the flux stands nSigma above zero.")
    def is_detection(self, root: strawberry.Parent[Row], n_sigma: Sigmas = 3) -> bool:
        return is_detection(root, n_sigma)

    @strawberry.field(
        description="Whether its flux or limit is known in physical units; false for magnitudes in unknown bands, whose"
        " numbers AS_REPORTED gives."
    )
    def is_calibrated(self, root: strawberry.Parent[Row]) -> bool:
        return any(root[name] is not None for name in ("flux_ujy", "flux_error_ujy", "limit_flux_ujy"))

    @strawberry.field(description="Exposure time, seconds.")
    def exposure_seconds(self, root: strawberry.Parent[Row]) -> float | None:
        exposure: float | None = root["exposure_s"]
        return exposure


@strawberry.type(description="One spectrum.")
class SpectroscopyDatum(OfRow, ReducedDatum):
    flux_unit: str = described('Unit of the flux as an astropy or FITS unit string, or "unknown".')

    @strawberry.field(description="Wavelengths, ascending.")
    def wavelength(
        self,
        root: strawberry.Parent[Row],
        unit: Annotated[WavelengthUnit | None, strawberry.argument(description="Unit.")] = WavelengthUnit.ANGSTROM,
    ) -> list[float]:
        return [
            number / ANGSTROMS_PER_UNIT[(unit or WavelengthUnit.ANGSTROM).value]
            for number in root["wavelength_angstrom"]
        ]

    @strawberry.field(description="Flux at each wavelength, in fluxUnit.")
    def flux(self, root: strawberry.Parent[Row]) -> list[float | None]:
        values: list[float | None] = root["flux_values"]
        return values

    @strawberry.field(description="One-sigma error at each wavelength, in fluxUnit; null where it is not known.")
    def flux_error(self, root: strawberry.Parent[Row]) -> list[float | None] | None:
        errors: list[float | None] | None = root["flux_error_values"]
        return errors

    @strawberry.field(description="In which medium the wavelengths hold.")
    def medium(self, root: strawberry.Parent[Row]) -> SpectralMedium:
        return SpectralMedium(root["medium"])

    @strawberry.field(description="Exposure time, seconds.")
    def exposure_seconds(self, root: strawberry.Parent[Row]) -> float | None:
        exposure: float | None = root["exposure_s"]
        return exposure


@strawberry.type(description="One measured position, ICRS.")
class AstrometryDatum(OfRow, ReducedDatum):
    ra_deg: float = described("Right ascension, degrees.")
    dec_deg: float = described("Declination, degrees.")
    ra_error_arcsec: float | None = described("One-sigma error in right ascension, arcsec on the sky.")
    dec_error_arcsec: float | None = described("One-sigma error in declination, arcsec.")
    observatory_code: str | None = described("Observatory code of the Minor Planet Center.")


@strawberry.type(description="Any other datum; `value` holds it.")
class GenericDatum(OfRow, ReducedDatum):
    pass


def _chosen(kind: type[Any], name: str | None) -> Any:
    return None if name is None else kind(name)


def _column(what: str, compute: Callable[[Row, Any], Any], kind: Any) -> Any:
    def resolve(root: strawberry.Parent[LightCurveRows]) -> Any:
        return [compute(row, root.arguments) for row in root.rows]

    resolve.__annotations__["return"] = kind
    return strawberry.field(resolver=resolve, description=what)


@strawberry.type(
    description="Photometry as columns: arrays of equal length, ordered by time. At most 250,000 points: a longer one"
    " is refused, and can be narrowed by where, binned by binDays or thinned by maxPoints."
)
class LightCurve:
    id: list[strawberry.ID] = _column("Ids of the data.", lambda row, _: row.public_id, list[strawberry.ID])
    mjd: list[float] = _column(
        "MJD in the asked time scale; before 1972 as the field `mjd` of a datum says.",
        lambda row, given: mjd(row, _chosen(TimeScale, given["timeScale"])),
        list[float],
    )
    band: list[str] = _column("Bands.", lambda row, _: row["band"], list[str])
    flux: list[float | None] = _column(
        "Flux in the asked unit, signed.",
        lambda row, given: _in_unit(row["flux_ujy"], _chosen(FluxUnit, given["fluxUnit"])),
        list[float | None],
    )
    flux_error: list[float | None] = _column(
        "One-sigma errors of the flux.",
        lambda row, given: _in_unit(row["flux_error_ujy"], _chosen(FluxUnit, given["fluxUnit"])),
        list[float | None],
    )
    magnitude: list[float | None] = _column(
        "Magnitudes in the asked system; null where not a detection.",
        lambda row, given: magnitude(row, _chosen(MagnitudeSystem, given["system"]), given["nSigma"]),
        list[float | None],
    )
    magnitude_error: list[float | None] = _column(
        "One-sigma errors of the magnitudes.", lambda row, _: magnitude_error(row), list[float | None]
    )
    limit: list[float | None] = _column(
        "Upper limits at nSigma as magnitudes.",
        lambda row, given: limit(row, _chosen(MagnitudeSystem, given["system"]), given["nSigma"]),
        list[float | None],
    )
    is_detection: list[bool] = _column(
        "Whether each is a detection at nSigma.", lambda row, given: is_detection(row, given["nSigma"]), list[bool]
    )
    bin_count: list[int] = _column(
        "Number of data in each point; 1 without binDays.", lambda row, _: row["bin_count"], list[int]
    )
    flux_scatter: list[float | None] = _column(
        "Standard deviation of the fluxes of a bin, in the asked unit; null for fewer than two.",
        lambda row, given: _in_unit(row["flux_scatter_ujy"], _chosen(FluxUnit, given["fluxUnit"])),
        list[float | None],
    )
    telescope: list[str | None] = _column("Telescopes.", lambda row, _: row["telescope"], list[str | None])
    instrument: list[str | None] = _column("Instruments.", lambda row, _: row["instrument"], list[str | None])
    source_name: list[str] = _column("Sources.", lambda row, _: row["source_name"], list[str])

    @strawberry.field(description="Number of points.")
    def count(self, root: strawberry.Parent[LightCurveRows]) -> int:
        return len(root.rows)


def mjd(row: Row, scale: TimeScale | None) -> float:
    """MJD of a row in a time scale; UTC when none is named."""
    return float(FROM_UTC[(scale or TimeScale.UTC).value.lower()](row["mjd"]))


def _sigmas(n_sigma: float | None) -> float:
    given = 3.0 if n_sigma is None else n_sigma
    if not photometry.nsigma_in_range(given):
        raise InvalidInput(f"nSigma must lie between 0.000001 and 1000000, not {given!r}.", path=["nSigma"])
    return given


def is_detection(row: Row, n_sigma: float | None) -> bool:
    """Whether a row is a detection; of an uncalibrated magnitude its error decides, if there is one."""
    threshold = _sigmas(n_sigma)
    if row["flux_ujy"] is None:
        error = row["reported_magnitude_error"]
        certain = error is None or threshold * error <= photometry.MAGNITUDES_PER_RELATIVE_ERROR
        return row["reported_magnitude"] is not None and certain
    return bool(photometry.is_detection(row["flux_ujy"], row["flux_error_ujy"], threshold))


def magnitude(row: Row, system: MagnitudeSystem | None, n_sigma: float | None) -> float | None:
    """Magnitude of a row in a system, or None."""
    if not is_detection(row, n_sigma):
        return None
    if system is MagnitudeSystem.AS_REPORTED:
        reported: float | None = row["reported_magnitude"]
        return reported
    return _magnitude_of(row, row["flux_ujy"], system)


def magnitude_error(row: Row) -> float | None:
    """One-sigma error of the magnitude of a row, or None."""
    if row["flux_ujy"] is None:
        reported: float | None = row["reported_magnitude_error"]
        return reported
    return photometry.or_none(photometry.magnitude_error(row["flux_ujy"], row["flux_error_ujy"]))


def limit(row: Row, system: MagnitudeSystem | None, n_sigma: float | None) -> float | None:
    """Upper limit of a row as a magnitude, or None."""
    threshold = _sigmas(n_sigma)
    if system is MagnitudeSystem.AS_REPORTED:
        reported: float | None = row["reported_limit"]
        return reported
    if row["flux_error_ujy"] is not None:
        flux = photometry.limit_flux(row["flux_error_ujy"], threshold)
    elif row["limit_flux_ujy"] is not None and row["limit_nsigma"] is not None:
        flux = photometry.rescale_limit(row["limit_flux_ujy"], row["limit_nsigma"], threshold)
    else:
        flux = row["limit_flux_ujy"]
    return _magnitude_of(row, flux, system)


def _magnitude_of(row: Row, flux_ujy: float | None, system: MagnitudeSystem | None) -> float | None:
    offset: float | None = 0.0
    if system is MagnitudeSystem.VEGA:
        offset = _VEGA_OFFSETS.get(row["band"])
    if flux_ujy is None or offset is None:
        return None
    return photometry.or_none(photometry.magnitude_from_flux(flux_ujy, offset))


def _in_unit(flux_ujy: float | None, unit: FluxUnit | None) -> float | None:
    return None if flux_ujy is None else flux_ujy / photometry.FLUX_UNITS_UJY[(unit or FluxUnit.UJY).value]
