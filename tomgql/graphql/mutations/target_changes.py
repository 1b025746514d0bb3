"""updateTarget, mergeTargets."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated, Any

import strawberry

from tomgql.graphql.context import Info
from tomgql.graphql.enums import TargetAccess, TargetType
from tomgql.graphql.inputs import change, optional
from tomgql.graphql.mutations.arguments import given, key, mapping
from tomgql.graphql.mutations.targets import OrbitalElementsInput, orbit_of
from tomgql.graphql.payloads import TargetPayload, answer
from tomgql.graphql.scalars import JSON
from tomgql.reading.relation import one
from tomgql.services import merging, target_changes
from tomgql.services.target_changes import TargetChange


@strawberry.input(
    description="What to change of a target. What is not given stays; null clears what a target may be without."
    " A position is given, or cleared, as raDeg with decDeg or as raHms with decDms."
)
class UpdateTargetInput:
    id: strawberry.ID = strawberry.field(description="The target; the right CHANGE on it is needed.")
    name: str | None = change(
        "New primary name, 1 to 100 characters; the former one stays as an alias unless it is in removeAliases."
    )
    type: TargetType | None = change(
        "Sidereal or not. NON_SIDEREAL needs `orbit` in the same call; SIDEREAL needs a position and drops the orbit."
    )
    access: TargetAccess | None = change("Who may see it; the right SHARE on it is needed as well.")
    add_aliases: list[str] | None = optional("Other names to add, 1 to 100 characters each; at most 500 names in all.")
    remove_aliases: list[str] | None = optional("Other names to remove, in any spelling that matches.")
    ra_deg: float | None = change("Right ascension, ICRS, degrees, 0 to below 360.")
    dec_deg: float | None = change("Declination, ICRS, degrees, -90 to 90.")
    ra_hms: str | None = change("Right ascension as hours, such as 10:20:30.5.")
    dec_dms: str | None = change("Declination as degrees, such as -05:30:00.")
    epoch: float | None = change("Epoch of the position, Julian year, at most 2100.")
    proper_motion_ra_mas_yr: float | None = change(
        "Proper motion in right ascension times cos(dec), mas per year."
    )
    proper_motion_dec_mas_yr: float | None = change("Proper motion in declination, mas per year.")
    parallax_mas: float | None = change("Parallax, milliarcseconds.")
    distance_pc: float | None = change("Distance, parsec, 0 or more.")
    distance_error_pc: float | None = change("One-sigma error of the distance, parsec.")
    orbit: OrbitalElementsInput | None = change("The whole orbit of a moving target, in place of the old.")
    extras: JSON | None = change(
        "Key/value pairs to set, a JSON object; null as a value removes its key, null as a whole removes all."
    )
    expected_modified: datetime | None = optional(
        "When you saw it last changed, its `modified`; refused as STALE_VERSION when it was changed meanwhile."
    )


NO_COLUMNS = ("id", "add_aliases", "remove_aliases", "expected_modified")
"""Fields of the input that are not columns."""


def target_change(input: UpdateTargetInput) -> TargetChange:
    """The input as the verb wants it: only what was given."""
    fields = given(input, *NO_COLUMNS)
    values = {name: value.value if isinstance(value, Enum) else value for name, value in fields.items()}
    if values.get("orbit") is not None:
        values["orbit"] = orbit_of(values["orbit"])
    if values.get("extras") is not None:
        values["extras"] = mapping(values["extras"], "input", "extras")
    return TargetChange(values, input.add_aliases or (), input.remove_aliases or (), input.expected_modified)


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

    @strawberry.mutation(
        description="Merge a target into another and delete it. Its names become aliases; its lists, products,"
        " observations, jobs and data move, and data that are there twice become one. Grants do not move."
    )
    async def merge_targets(
        self,
        info: Info,
        into: Annotated[strawberry.ID, strawberry.argument(description="What stays; CHANGE on it is needed.")],
        from_: Annotated[
            strawberry.ID,
            strawberry.argument(name="from", description="What goes; CHANGE, DELETE and SHARE on it are needed."),
        ],
    ) -> TargetPayload:
        async def work() -> dict[str, Any]:
            keys = key("targets", into, "into"), key("targets", from_, "from")
            merged = await merging.merge_targets(info.context.rt, info.context.actor, *keys)
            return {"target": one("targets", merged)}

        return await answer(TargetPayload, work)
