"""What a name resolver must offer: who is meant by a name, as candidates for a target. Nothing is changed by it.

A resolver makes one or a few requests through `NameQuery.http` and answers at once; it is called while a client waits,
so there is a limit of some seconds. Register it::

    [project.entry-points."tomgql.resolvers"]
    mynames = "mypackage.names:MyNames"

Its code runs in the web process, with the rights of tomgql itself: install only what you trust.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, runtime_checkable

from tomgql.plugins.contracts import common_faults
from tomgql.plugins.surveys import MAIN, Http, place_faults


@dataclass(frozen=True)
class Orbit:
    """Orbital elements as a target has them; ``scheme`` is MPC_MINOR_PLANET, MPC_COMET or JPL_MAJOR_PLANET.

    Angles in degrees (J2000 ecliptic), distances in AU, epochs as MJD (TT), mean daily motion in degrees a day.
    """

    scheme: str
    epoch_of_elements_mjd: float | None
    inclination_deg: float | None
    ascending_node_longitude_deg: float | None
    perihelion_argument_deg: float | None
    eccentricity: float | None
    mean_anomaly_deg: float | None = None
    semimajor_axis_au: float | None = None
    mean_daily_motion_deg: float | None = None
    perihelion_distance_au: float | None = None
    perihelion_epoch_mjd: float | None = None
    absolute_magnitude: float | None = None
    slope: float | None = None


@dataclass(frozen=True)
class Candidate:
    """One object that may be meant.

    ICRS in degrees; ``epoch`` is the Julian year of the position; proper motions in mas/yr, the one in right ascension
    times cos(declination); ``orbit`` of what moves. ``object_type`` in the resolver's words; ``address`` is a page
    about it for people.
    """

    name: str
    aliases: tuple[str, ...] = ()
    ra_deg: float | None = None
    dec_deg: float | None = None
    epoch: float | None = None
    proper_motion_ra_mas_yr: float | None = None
    proper_motion_dec_mas_yr: float | None = None
    parallax_mas: float | None = None
    orbit: Orbit | None = None
    object_type: str | None = None
    redshift: float | None = None
    address: str | None = None


Candidates = Sequence[Candidate]
"""The best candidate first; none where the resolver does not know the name, which is no error."""


@dataclass(frozen=True)
class NameQuery:
    """One name, of 1 to 100 printable characters, and what may be used; ``addresses`` end without a slash."""

    name: str
    http: Http
    addresses: Mapping[str, str]
    credentials: Mapping[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The only address of a resolver that has one."""
        return self.addresses[MAIN]


@runtime_checkable
class NameResolver(Protocol):
    """A service that knows names.

    ``name``, ``title``, ``description``, ``version``, ``addresses``, ``credentials`` and ``requests_per_minute`` as for
    survey services.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    version: ClassVar[str]
    addresses: ClassVar[Mapping[str, str]]
    credentials: ClassVar[tuple[str, ...]]
    requests_per_minute: ClassVar[float]

    async def resolve(self, query: NameQuery) -> Candidates:
        """Who may be meant.

        Raises `tomgql.errors.UpstreamBusy`, `UpstreamDown` and `UpstreamRefused`, with the service's words.
        """
        ...


def check_resolver(resolver: Any) -> list[str]:
    """What keeps a resolver from meeting the contract: one sentence a fault, an empty list when it is sound."""
    attributes = ("description", "addresses", "credentials", "requests_per_minute")
    return common_faults(resolver, attributes, ("resolve",)) or place_faults(resolver, ("requests_per_minute",))
