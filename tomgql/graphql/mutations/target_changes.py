"""updateTarget, mergeTargets."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated, Any

import strawberry
from strawberry import Maybe

from tomgql.graphql.base import described
from tomgql.graphql.context import Info
from tomgql.graphql.enums import TargetAccess, TargetType
from tomgql.graphql.inputs import optional
from tomgql.graphql.mutations.arguments import key, mapping
from tomgql.graphql.mutations.targets import OrbitalElementsInput, orbit_of
from tomgql.graphql.payloads import TargetPayload, answer
from tomgql.graphql.scalars import JSON
from tomgql.reading.relation import one
from tomgql.services import target_changes
from tomgql.services.target_changes import TargetChange


@strawberry.input(
    description="What to change of a target. What is not given stays; null clears what a target may be without."
    " A position is given, or cleared, as raDeg with decDeg or as raHms with decDms."
)
class UpdateTargetInput:
    id: strawberry.ID = strawberry.field(description="The target; the right CHANGE on it is needed.")
    name: Maybe[str | None] = described(
        "New primary name, 1 to 100 characters; the former one stays as an alias unless it is in removeAliases."
    )
    type: Maybe[TargetType | None] = described(
        "Sidereal or not. NON_SIDEREAL needs `orbit` in the same call; SIDEREAL needs a position and drops the orbit."
    )
    access: Maybe[TargetAccess | None] = described("Who may see it; the right SHARE on it is needed as well.")
    add_aliases: list[str] | None = optional("Other names to add, 1 to 100 characters each; at most 500 names in all.")
    remove_aliases: list[str] | None = optional("Other names to remove, in any spelling that matches.")
    ra_deg: Maybe[float | None] = described("Right ascension, ICRS, degrees, 0 to below 360.")
    dec_deg: Maybe[float | None] = described("Declination, ICRS, degrees, -90 to 90.")
    ra_hms: Maybe[str | None] = described("Right ascension as hours, such as 10:20:30.5.")
    dec_dms: Maybe[str | None] = described("Declination as degrees, such as -05:30:00.")
    epoch: Maybe[float | None] = described("Epoch of the position, Julian year, at most 2100.")
    proper_motion_ra_mas_yr: Maybe[float | None] = described(
        "Proper motion in right ascension times cos(dec), mas per year."
    )
    proper_motion_dec_mas_yr: Maybe[float | None] = described("Proper motion in declination, mas per year.")
    parallax_mas: Maybe[float | None] = described("Parallax, milliarcseconds.")
    distance_pc: Maybe[float | None] = described("Distance, parsec, 0 or more.")
    distance_error_pc: Maybe[float | None] = described("One-sigma error of the distance, parsec.")
    orbit: Maybe[OrbitalElementsInput | None] = described("The whole orbit of a moving target, in place of the old.")
    extras: Maybe[JSON | None] = described(
        "Key/value pairs to set, a JSON object; null as a value removes its key, null as a whole removes all."
    )
    expected_modified: datetime | None = optional(
        "When you saw it last changed, its `modified`; refused as STALE_VERSION when it was changed meanwhile."
    )


AS_TYPED = ("id", "add_aliases", "remove_aliases", "expected_modified")
"""Fields of the input that are not columns."""


def target_change(given: UpdateTargetInput) -> TargetChange:
    """The input as the verb wants it: only what was given."""
    fields = {name: some.value for name, some in vars(given).items() if name not in AS_TYPED and some is not None}
    values: dict[str, Any] = {name: value.value if isinstance(value, Enum) else value for name, value in fields.items()}
    if values.get("orbit") is not None:
        values["orbit"] = orbit_of(values["orbit"])
    if values.get("extras") is not None:
        values["extras"] = mapping(values["extras"], "input", "extras")
    return TargetChange(values, given.add_aliases or (), given.remove_aliases or (), given.expected_modified)


@strawberry.type
class TargetChangeMutations:
    @strawberry.mutation(description="Change a target: what is given. Nothing happens when it is so already.")
    async def update_target(
        self, info: Info, input: Annotated[UpdateTargetInput, strawberry.argument(description="The change.")]
    ) -> TargetPayload:
        async def work() -> dict[str, Any]:
            target_id = key("targets", input.id, "input", "id")
            changed = await target_changes.update_target(
                info.context.rt, info.context.actor, target_id, target_change(input)
            )
            return {"target": one("targets", changed)}

        return await answer(TargetPayload, work)
