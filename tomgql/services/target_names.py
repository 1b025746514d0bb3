"""The names of one target: rename it, add and remove aliases."""

from __future__ import annotations

from collections.abc import Sequence

from tomgql.domain.names import simplify_name
from tomgql.errors import InvalidInput, NotFound
from tomgql.services.target_checks import checked_name, require_few_names
from tomgql.services.target_rows import NameRow, insert_names, name_taken
from tomgql.store.transaction import Transaction


async def change_names(tx: Transaction, target_id: int, name: str, add: Sequence[str], remove: Sequence[str]) -> bool:
    """Give a locked target the primary name ``name``, keeping the former one as an alias, and change its aliases.

    Names are compared in their simplified spelling. Returns whether anything has changed; the caller writes the
    target's own column. Raises DuplicateName, InvalidInput, NotFound.
    """
    rows = await tx.rows("select id, name, simplified, is_primary from target_names where target_id = $1", target_id)
    held = {row["simplified"]: row for row in rows}
    removed = await _remove(tx, {key: row["id"] for key, row in held.items()}, name, remove)
    kept = {key: row for key, row in held.items() if key not in removed}
    renamed = not any(row["is_primary"] and row["name"] == name for row in rows)
    if renamed:
        await _rename(tx, target_id, name, known=simplify_name(name) in kept)
    aliases = _new_aliases(add, {*kept, simplify_name(name)})
    require_few_names(len({*kept, simplify_name(name)}) + len(aliases), "addAliases")
    for taken in await insert_names(tx, [NameRow(target_id, alias) for alias in aliases]):
        raise name_taken(taken.name, "addAliases")
    return bool(removed or renamed or aliases)


async def _remove(tx: Transaction, held: dict[str, int], name: str, aliases: Sequence[str]) -> set[str]:
    if name in [alias.strip() for alias in aliases]:
        raise InvalidInput(f'"{name}" is the name of this target.', path=["input", "removeAliases"])
    removed = {simplify_name(alias): alias for alias in aliases}
    removed.pop(simplify_name(name), None)  # another spelling of the name, which is not kept anyway
    for simplified, alias in removed.items():
        if simplified not in held:
            raise NotFound(f'This target has no alias "{alias}".', path=["input", "removeAliases"])
    keys = [held[simplified] for simplified in removed]
    await tx.execute("delete from target_names where id = any($1::bigint[])", keys)
    return set(removed)


async def _rename(tx: Transaction, target_id: int, name: str, *, known: bool) -> None:
    await tx.execute("update target_names set is_primary = false where target_id = $1 and is_primary", target_id)
    if known:  # an alias, or the same name in another spelling
        await tx.execute(
            "update target_names set name = $3, is_primary = true where target_id = $1 and simplified = $2",
            target_id,
            simplify_name(name),
            name,
        )
    elif await insert_names(tx, [NameRow(target_id, name, is_primary=True)]):
        raise name_taken(name, "name")


def _new_aliases(aliases: Sequence[str], held: set[str]) -> list[str]:
    checked = {simplify_name(alias): checked_name(alias, "addAliases") for alias in aliases}
    return [alias for simplified, alias in checked.items() if simplified not in held]
