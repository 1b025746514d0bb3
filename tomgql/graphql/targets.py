"""Target, its coordinates and orbit."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from tomgql.domain.positions import (
    format_declination,
    format_right_ascension,
    galactic,
    require_point,
    separation_arcsec,
)
from tomgql.graphql import data, products
from tomgql.graphql.base import After, Connection, First, Node, OfRow, described
from tomgql.graphql.context import Info
from tomgql.graphql.enums import FluxUnit, MagnitudeSystem, OrbitScheme, Permission, TargetAccess, TargetType, TimeScale
from tomgql.graphql.inputs import JobWhere
from tomgql.graphql.lazy import (
    LazyContinuousShare,
    LazyDataProduct,
    LazyJob,
    LazyObservation,
    LazyReducedDatum,
    LazyTarget,
    link,
)
from tomgql.graphql.scalars import JSON
from tomgql.graphql.summaries import TargetSummary
from tomgql.reading.rows import Row, read_field

JobsWhere = Annotated[JobWhere | None, strawberry.argument(description="Which jobs.")]


@strawberry.type(description="A position among the stars, ICRS.")
class SkyCoordinates:
    ra_deg: float = described("Right ascension, degrees, 0 to below 360.")
    dec_deg: float = described("Declination, degrees, -90 to 90.")
    epoch: float | None = described("Epoch of the position, Julian year.")
    parallax_mas: float | None = described("Parallax, milliarcseconds.")
    constellation: str = described("Constellation that the position lies in, such as Andromeda.")

    @strawberry.field(description="Proper motion in right ascension times cos(dec), mas per year.")
    def proper_motion_ra_mas_yr(self, root: strawberry.Parent[Row]) -> float | None:
        motion: float | None = root["proper_motion_ra_mas_yr"]
        return motion

    @strawberry.field(description="Proper motion in declination, mas per year.")
    def proper_motion_dec_mas_yr(self, root: strawberry.Parent[Row]) -> float | None:
        motion: float | None = root["proper_motion_dec_mas_yr"]
        return motion

    @strawberry.field(description="Right ascension as hours, minutes, seconds.")
    def ra_hms(self, root: strawberry.Parent[Row]) -> str:
        return format_right_ascension(root["ra_deg"])

    @strawberry.field(description="Declination as degrees, arcminutes, arcseconds.")
    def dec_dms(self, root: strawberry.Parent[Row]) -> str:
        return format_declination(root["dec_deg"])

    @strawberry.field(description="Galactic longitude, degrees, 0 to below 360.")
    def galactic_l_deg(self, root: strawberry.Parent[Row]) -> float:
        return galactic(root["ra_deg"], root["dec_deg"])[0]

    @strawberry.field(description="Galactic latitude, degrees, -90 to 90.")
    def galactic_b_deg(self, root: strawberry.Parent[Row]) -> float:
        return galactic(root["ra_deg"], root["dec_deg"])[1]

    @strawberry.field(description="Great-circle distance to a point, arcsec.")
    def separation_arcsec(
        self,
        root: strawberry.Parent[Row],
        ra_deg: Annotated[float, strawberry.argument(description="Right ascension of the point, degrees, 0 to 360.")],
        dec_deg: Annotated[float, strawberry.argument(description="Declination of the point, degrees, -90 to 90.")],
    ) -> float:
        require_point(ra_deg, dec_deg, "separationArcsec", ["raDeg"])
        return float(separation_arcsec(root["ra_deg"], root["dec_deg"], ra_deg, dec_deg))


@strawberry.type(description="Orbital elements; angles J2000. Which ones are there depends on the scheme.")
class OrbitalElements:
    scheme: OrbitScheme = described("Set of elements.")
    epoch_of_elements_mjd: float = described("Epoch of the elements, MJD (TT), days.")
    inclination_deg: float = described("Inclination, degrees.")
    ascending_node_longitude_deg: float = described("Longitude of the ascending node, degrees.")
    perihelion_argument_deg: float = described("Argument of perihelion, degrees.")
    eccentricity: float = described("Eccentricity.")
    mean_anomaly_deg: float | None = described("Mean anomaly, degrees.")
    semimajor_axis_au: float | None = described("Semi-major axis, AU.")
    mean_daily_motion_deg: float | None = described("Mean daily motion, degrees per day.")
    perihelion_distance_au: float | None = described("Perihelion distance, AU.")
    perihelion_epoch_mjd: float | None = described("Epoch of perihelion, MJD (TT), days.")
    absolute_magnitude: float | None = described("Absolute magnitude, H or m1.")
    slope: float | None = described("Slope parameter, G or k1.")


@strawberry.type(description="A selection of targets.")
class TargetList(OfRow, Node):
    name: str = described("Name of the list.")

    @strawberry.field(description="Its targets that the viewer may see.")
    def targets(self, root: strawberry.Parent[Row], first: First = None, after: After = None) -> Connection[LazyTarget]:
        found: Connection[LazyTarget] = link(root, "targets")
        return found


@strawberry.type(description="An object of interest.")
class Target(OfRow, Node):
    name: str = described("Primary name; unique in simplified spelling over all names and aliases.")
    aliases: list[str] = described("Other names.")
    extras: JSON = described("Further key/value pairs.")
    distance_pc: float | None = described("Distance, parsec.")
    distance_error_pc: float | None = described("One-sigma error of the distance, parsec.")
    created: datetime = described("When it was created.")
    modified: datetime = described("When it was last changed.")
    revision: int = described("1, 2, ...: counts changes of what is said of it, its names among it.")

    @strawberry.field(description="Whether it stands still among the stars.")
    def type(self, root: strawberry.Parent[Row]) -> TargetType:
        return TargetType(root["type"])

    @strawberry.field(description="Who may see it.")
    def access(self, root: strawberry.Parent[Row]) -> TargetAccess:
        return TargetAccess(root["access"])

    @strawberry.field(description="Its position; null for non-sidereal targets without one.")
    def coordinates(self, root: strawberry.Parent[Row]) -> SkyCoordinates | None:
        fixed = root["ra_deg"] is not None and root["dec_deg"] is not None
        return root if fixed else None  # type: ignore[return-value]

    @strawberry.field(description="Its orbit; null for sidereal targets.")
    def orbit(self, root: strawberry.Parent[Row]) -> OrbitalElements | None:
        return None if root["scheme"] is None else root  # type: ignore[return-value]

    @strawberry.field(description="Its data products that the viewer may see.")
    def data_products(
        self,
        root: strawberry.Parent[Row],
        where: products.Where = None,
        order_by: products.OrderBy = None,
        first: First = None,
        after: After = None,
    ) -> Connection[LazyDataProduct]:
        found: Connection[LazyDataProduct] = link(root, "dataProducts")
        return found

    @strawberry.field(description="Its reduced data that the viewer may see.")
    def reduced_data(
        self,
        root: strawberry.Parent[Row],
        where: data.Where = None,
        order_by: data.OrderBy = None,
        first: First = None,
        after: After = None,
    ) -> Connection[LazyReducedDatum]:
        found: Connection[LazyReducedDatum] = link(root, "reducedData")
        return found

    @strawberry.field(description="All photometry as columns: arrays of equal length, ordered by time.")
    def light_curve(
        self,
        root: strawberry.Parent[Row],
        where: data.CurveWhere = None,
        flux_unit: data.Unit = FluxUnit.UJY,
        system: data.System = MagnitudeSystem.AB,
        time_scale: data.Scale = TimeScale.UTC,
        n_sigma: data.Sigmas = 3,
        bin_days: data.BinDays = None,
        max_points: data.MaxPoints = None,
    ) -> data.LightCurve:
        found: data.LightCurve = link(root, "lightCurve")
        return found

    @strawberry.field(description="Its spectra that the viewer may see, by time.")
    def spectra(
        self, root: strawberry.Parent[Row], where: data.Where = None, first: First = None, after: After = None
    ) -> Connection[LazyReducedDatum]:
        found: Connection[LazyReducedDatum] = link(root, "spectra")
        return found

    @strawberry.field(description="The target lists that hold it and that the viewer may see; at most 1,000.")
    def target_lists(self, root: strawberry.Parent[Row]) -> list[TargetList]:
        found: list[TargetList] = link(root, "targetLists")
        return found

    @strawberry.field(description="Its data summed up, of those in use that the viewer may see.")
    def summary(self, root: strawberry.Parent[Row]) -> TargetSummary:
        found: TargetSummary = link(root, "summary")
        return found

    @strawberry.field(description="Its observations, newest first; at most 1,000 a page.")
    def observations(
        self, root: strawberry.Parent[Row], first: First = None, after: After = None
    ) -> Connection[LazyObservation]:
        found: Connection[LazyObservation] = link(root, "observations")
        return found

    @strawberry.field(description="The same in every tomgql server that has it from one of them; a UUID.")
    def global_id(self, root: strawberry.Parent[Row]) -> str:
        return str(root["global_id"])

    @strawberry.field(
        description="All that is kept of it, for another tomgql server: an object whose fields may become more. Null of"
        " what was deleted meanwhile."
    )
    async def record(self, root: strawberry.Parent[Row], info: Info) -> JSON | None:
        found = await read_field(info.context.reads, root, "record")
        return None if found is None else JSON(found)

    @strawberry.field(description="The rights that the viewer holds on it.")
    def viewer_can(self, root: strawberry.Parent[Row]) -> list[Permission]:
        return [Permission(right) for right in root["viewerCan"]]

    @strawberry.field(description="Continuous shares of it that the viewer may see, newest first; at most 1,000.")
    def continuous_shares(self, root: strawberry.Parent[Row]) -> list[LazyContinuousShare]:
        found: list[LazyContinuousShare] = link(root, "continuousShares")
        return found

    @strawberry.field(description="Jobs about it that the viewer may see, newest first.")
    def jobs(
        self, root: strawberry.Parent[Row], where: JobsWhere = None, first: First = None, after: After = None
    ) -> Connection[LazyJob]:
        found: Connection[LazyJob] = link(root, "jobs")
        return found
