"""createTarget, grantTargetAccess."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from tomgql.graphql.context import Info
from tomgql.graphql.enums import OrbitScheme, Permission, TargetAccess, TargetType
from tomgql.graphql.inputs import optional
from tomgql.graphql.mutations.arguments import key, keys, mapping, maybe_key
from tomgql.graphql.payloads import TargetPayload, answer
from tomgql.graphql.scalars import JSON
from tomgql.reading.relation import one
from tomgql.services import grants, targets
from tomgql.services.target_checks import NUMBER_COLUMNS, NewTarget


@strawberry.input(description="Orbital elements; angles J2000. The scheme says which ones are needed.")
class OrbitalElementsInput:
    scheme: OrbitScheme = strawberry.field(description="Set of elements.")
    epoch_of_elements_mjd: float = strawberry.field(description="Epoch of the elements, MJD (TT), days.")
    inclination_deg: float = strawberry.field(description="Inclination, degrees.")
    ascending_node_longitude_deg: float = strawberry.field(description="Longitude of the ascending node, degrees.")
    perihelion_argument_deg: float = strawberry.field(description="Argument of perihelion, degrees.")
    eccentricity: float = strawberry.field(description="Eccentricity, 0 or more.")
    mean_anomaly_deg: float | None = optional("Mean anomaly, degrees; minor and major planets.")
    semimajor_axis_au: float | None = optional("Semi-major axis, AU; minor and major planets.")
    mean_daily_motion_deg: float | None = optional("Mean daily motion, degrees per day; major planets.")
    perihelion_distance_au: float | None = optional("Perihelion distance, AU; comets.")
    perihelion_epoch_mjd: float | None = optional("Epoch of perihelion, MJD (TT), days; comets.")
    absolute_magnitude: float | None = optional("Absolute magnitude, H or m1.")
    slope: float | None = optional("Slope parameter, G or k1.")


@strawberry.input(description="A target to be created. Give raDeg with decDeg, or raHms with decDms.")
class CreateTargetInput:
    name: str = strawberry.field(description="Primary name, 1 to 100 characters.")
    type: TargetType = strawberry.field(default=TargetType.SIDEREAL, description="Sidereal or not.")
    access: TargetAccess = strawberry.field(default=TargetAccess.PRIVATE, description="Who may see it.")
    aliases: list[str] | None = optional("Other names.")
    ra_deg: float | None = optional("Right ascension, ICRS, degrees, 0 to below 360.")
    dec_deg: float | None = optional("Declination, ICRS, degrees, -90 to 90.")
    ra_hms: str | None = optional("Right ascension as hours, such as 10:20:30.5.")
    dec_dms: str | None = optional("Declination as degrees, such as -05:30:00.")
    epoch: float | None = optional("Epoch of the position, Julian year, at most 2100.")
    proper_motion_ra_mas_yr: float | None = optional("Proper motion in right ascension times cos(dec), mas per year.")
    proper_motion_dec_mas_yr: float | None = optional("Proper motion in declination, mas per year.")
    parallax_mas: float | None = optional("Parallax, milliarcseconds.")
    distance_pc: float | None = optional("Distance, parsec, 0 or more.")
    distance_error_pc: float | None = optional("One-sigma error of the distance, parsec.")
    orbit: OrbitalElementsInput | None = optional("Orbit of a moving target.")
    extras: JSON | None = optional("Further key/value pairs, a JSON object.")
    target_lists: list[strawberry.ID] | None = optional("Target lists to put it into, which the actor may change.")
    user_groups: list[strawberry.ID] | None = optional("User groups that get VIEW; the actor must belong to them.")


Input = Annotated[CreateTargetInput, strawberry.argument(description="The target.")]


def orbit_of(given: OrbitalElementsInput) -> dict[str, Any]:
    """The elements as the verbs want them."""
    return {**vars(given), "scheme": given.scheme.value}


def new_target(given: CreateTargetInput) -> NewTarget:
    """The input as the verb wants it."""
    return NewTarget(
        name=given.name,
        type=given.type.value,
        access=given.access.value,
        aliases=given.aliases or (),
        ra_deg=given.ra_deg,
        dec_deg=given.dec_deg,
        ra_hms=given.ra_hms,
        dec_dms=given.dec_dms,
        numbers={name: getattr(given, name) for name in NUMBER_COLUMNS},
        orbit={} if given.orbit is None else orbit_of(given.orbit),
        extras=mapping(given.extras, "input", "extras"),
        user_groups=keys("user_groups", given.user_groups, "input", "userGroups"),
        target_lists=keys("target_lists", given.target_lists, "input", "targetLists"),
    )


@strawberry.input(description="The rights of one user or one user group on a target.")
class GrantTargetAccessInput:
    target: strawberry.ID = strawberry.field(description="The target; the right SHARE on it is needed.")
    user: strawberry.ID | None = optional("The user; or give userGroup.")
    user_group: strawberry.ID | None = optional("The user group; the actor must belong to it.")
    permissions: list[Permission] = strawberry.field(description="The whole set; an empty one revokes.")


@strawberry.type
class TargetMutations:
    @strawberry.mutation(description="Set the rights of one user or one user group on a target.")
    async def grant_target_access(
        self, info: Info, input: Annotated[GrantTargetAccessInput, strawberry.argument(description="The rights.")]
    ) -> TargetPayload:
        async def work() -> dict[str, Any]:
            target = await grants.grant_target_access(
                info.context.rt,
                info.context.actor,
                key("targets", input.target, "input", "target"),
                [each.value for each in input.permissions],
                user_id=maybe_key("users", input.user, "input", "user"),
                user_group_id=maybe_key("user_groups", input.user_group, "input", "userGroup"),
            )
            return {"target": one("targets", target)}

        return await answer(TargetPayload, work)

    @strawberry.mutation(description="Create a target. Its creator gets every right on it.")
    async def create_target(self, info: Info, input: Input) -> TargetPayload:
        async def work() -> dict[str, Any]:
            created = await targets.create_target(info.context.rt, info.context.actor, new_target(input))
            return {"target": one("targets", created)}

        return await answer(TargetPayload, work)
