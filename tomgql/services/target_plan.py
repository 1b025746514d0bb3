"""What is to become of many targets: row by row, as if each were written before the next, but nothing is written.

Rows may meet each other as they meet what is stored: by a name that both have. A row that is refused leaves no trace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tomgql.domain.names import simplify_name
from tomgql.errors import NotAllowed, TomError
from tomgql.services.target_changes import POSITION_FIELDS, differs, revised_columns
from tomgql.services.target_checks import NewTarget, checked_columns, checked_names, require_few_names
from tomgql.services.target_rows import name_taken


@dataclass(frozen=True)
class GivenTarget:
    """One row as it came: its number, the target or why there is none, and names of target lists to put it into."""

    row: int
    target: NewTarget | TomError
    list_names: Sequence[str] = ()


@dataclass(frozen=True)
class CheckedTarget:
    """One row that is a target by itself; whether it fits among the others is still to be seen."""

    row: int
    new: NewTarget
    columns: Mapping[str, Any]
    names: Sequence[str]
    list_names: Sequence[str]


@dataclass(frozen=True)
class Refusal:
    """One row that is refused, and why."""

    row: int
    error: TomError


def check(given: GivenTarget) -> CheckedTarget | Refusal:
    """The row by itself."""
    if isinstance(given.target, TomError):
        return Refusal(given.row, given.target)
    try:
        columns, names = checked_columns(given.target), checked_names(given.target)
    except TomError as error:
        return Refusal(given.row, error)
    return CheckedTarget(given.row, given.target, columns, names, given.list_names)


@dataclass
class Draft:
    """A target as it is to be; ``key`` is None until it is written, ``stored`` what a stored one is now."""

    columns: Mapping[str, Any] = field(default_factory=dict)
    key: int | None = None
    stored: Mapping[str, Any] | None = None
    seen: bool = True
    may_change: bool = True
    may_share: bool = True
    names: int = 0
    new_names: list[str] = field(default_factory=list)
    groups: set[int] = field(default_factory=set)
    new_groups: set[int] = field(default_factory=set)
    lists: set[int] = field(default_factory=set)
    new_lists: set[int] = field(default_factory=set)
    new_list_names: Sequence[str] = ()

    @property
    def changed(self) -> bool:
        """Whether a stored target is to be changed in any way."""
        added = self.new_names or self.new_groups or self.new_lists
        return self.stored is not None and (bool(added) or differs(self.stored, self.columns))


@dataclass
class Plan:
    """What is to be done, and what is reported of every row.

    ``known`` holds who has which simplified name, ``barred`` why the actor may not use a user group or target list,
    by field and key; both are filled before the first row.
    """

    on_duplicate: str
    known: dict[str, Draft]
    barred: Mapping[tuple[str, int], TomError]
    created: list[Draft] = field(default_factory=list)
    outcomes: list[tuple[int, str, Draft]] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    def walk(self, rows: Iterable[CheckedTarget | Refusal]) -> None:
        """Take every row in turn."""
        for each in rows:
            if isinstance(each, Refusal):
                self.refusals.append(each)
                continue
            try:
                outcome, draft = self._take(each)
            except TomError as error:
                self.refusals.append(Refusal(each.row, error))
            else:
                self.outcomes.append((each.row, outcome, draft))

    @property
    def revised(self) -> list[Draft]:
        """Stored targets that are to be changed."""
        return [draft for draft in self._touched() if draft.changed]

    def _touched(self) -> list[Draft]:
        return list({id(draft): draft for _, _, draft in self.outcomes}.values())

    def _take(self, each: CheckedTarget) -> tuple[str, Draft]:
        holder = self.known.get(simplify_name(each.names[0]))
        if holder is None:
            return "CREATED", self._create(each)
        if self.on_duplicate == "ERROR" or not holder.seen:
            raise name_taken(each.names[0], "name")
        if self.on_duplicate == "SKIP":
            return "UNCHANGED", holder
        return ("REVISED" if self._revise(each, holder) else "UNCHANGED"), holder

    def _create(self, each: CheckedTarget) -> Draft:
        self._require_open(each.new)
        draft = Draft(each.columns, new_names=list(each.names), names=len(each.names))
        own: dict[str, Draft] = {}
        for name in each.names:
            simplified = simplify_name(name)
            if simplified in self.known or simplified in own:
                raise name_taken(name, "aliases")
            own[simplified] = draft
        draft.new_groups, draft.new_lists = set(each.new.user_groups), set(each.new.target_lists)
        draft.new_list_names = each.list_names
        self.known |= own
        self.created.append(draft)
        return draft

    def _revise(self, each: CheckedTarget, draft: Draft) -> bool:
        """Whether anything is to change."""
        if not draft.may_change:
            raise NotAllowed("You may see this target, but you lack the right CHANGE on it.", path=["input", "name"])
        groups, lists = set(each.new.user_groups) - draft.groups, set(each.new.target_lists) - draft.lists
        if groups and not draft.may_share:
            raise NotAllowed(
                "You may change this target, but you lack the right SHARE on it.", path=["input", "userGroups"]
            )
        self._require_open(each.new)
        added = self._new_aliases(each, draft)
        columns = revised_columns(draft.columns, _given(each.new))
        changed = bool(added or groups or lists) or differs(draft.columns, columns)
        draft.columns, draft.names = columns, draft.names + len(added)
        draft.new_names += added.values()
        draft.groups |= groups
        draft.new_groups |= groups
        draft.lists |= lists
        draft.new_lists |= lists
        self.known |= dict.fromkeys(added, draft)
        return changed

    def _new_aliases(self, each: CheckedTarget, draft: Draft) -> dict[str, str]:
        added: dict[str, str] = {}
        for alias in each.names[1:]:
            holder = self.known.get(simplify_name(alias))
            if holder is None:
                added[simplify_name(alias)] = alias
            elif holder is not draft:
                raise name_taken(alias, "aliases")
        require_few_names(draft.names + len(added), "aliases")
        return added

    def _require_open(self, new: NewTarget) -> None:
        for place, keys in (("userGroups", new.user_groups), ("targetLists", new.target_lists)):
            for key in keys:
                if (place, key) in self.barred:
                    raise self.barred[place, key]


def _given(new: NewTarget) -> dict[str, Any]:
    """What a row says of a target that is there: who may see it is changed by `update_target` alone."""
    position = {name: getattr(new, name) for name in POSITION_FIELDS if getattr(new, name) is not None}
    numbers = {name: value for name, value in new.numbers.items() if value is not None}
    orbit = {"orbit": new.orbit} if new.orbit else {}
    return {"type": new.type, "extras": new.extras, **position, **numbers, **orbit}
