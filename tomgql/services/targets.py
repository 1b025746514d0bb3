"""Targets: create."""

from __future__ import annotations

from collections.abc import Sequence

from tomgql.access import guard
from tomgql.access.principal import Principal
from tomgql.events import log
from tomgql.runtime import Runtime
from tomgql.services.lists import add_to_lists, put_into_lists_of_names
from tomgql.services.target_checks import NewTarget, checked_columns, checked_names
from tomgql.services.target_rows import (
    NameRow,
    grant_everything,
    grant_view,
    insert_names,
    insert_targets,
    name_taken,
)
from tomgql.store.transaction import transaction


async def create_target(
    rt: Runtime, actor: Principal, new: NewTarget, *, list_names: Sequence[str] = ()
) -> tuple[int]:
    """Create a target; its creator gets every right on it, the named user groups VIEW.

    ``list_names`` are target lists of the actor's own, made where there is none of the name.

    Permission: any signed-in user. Raises DuplicateName, InvalidCoordinates, InvalidInput, NotFound.
    Emits a target event.
    """
    user_id = guard.require_writer(actor)
    columns = checked_columns(new)
    names = checked_names(new)
    async with transaction(rt.writes) as tx:
        await guard.require_user_groups(tx, actor, new.user_groups, ["input", "userGroups"])
        (target_id,) = await insert_targets(tx, [columns], user_id)
        for taken in await insert_names(tx, [NameRow(target_id, name, name == names[0]) for name in names]):
            raise name_taken(taken.name, "name" if taken.is_primary else "aliases")
        await grant_everything(tx, user_id, [target_id])
        await grant_view(tx, [(target_id, group_id) for group_id in new.user_groups])
        await add_to_lists(tx, actor, target_id, new.target_lists)
        await put_into_lists_of_names(tx, user_id, target_id, list_names)
        await log.append(tx, "targets", "CREATED", target_id=target_id)
    return (target_id,)
