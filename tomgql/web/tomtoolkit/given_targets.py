"""A target as a sender writes it, as one of ours.

What has no place here is kept in the target's extras under ``tomtoolkit``, and given back: ``shared_by`` and
``shared_from``, the sender's ``extras`` (its targetextra_set), and ``columns`` that are none of TOM Toolkit's own, such
as those of a custom target model. The sender's ids, times and groups are its own and are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tomgql.domain.names import simplify_name
from tomgql.domain.target_files import ELEMENTS, IGNORED, NUMBERS, PLAIN_COLUMNS
from tomgql.services.lists import MOST_NAMED
from tomgql.services.target_checks import (
    ACCESSES,
    COMMON_ELEMENTS,
    LONGEST_NAME,
    MOST_NAMES,
    REQUIRED_ELEMENTS,
    TYPES,
    NewTarget,
)
from tomgql.web.tomtoolkit.bodies import Fields

NAMESPACE = "tomtoolkit"
"""Where in a target's extras stands what only a sender knows."""

SHARERS = ("shared_by", "shared_from")
"""Who shared a target, and from which TOM (3.x)."""

MOST_EXTRAS = 2_000
"""Extras of one target."""

LONGEST_KEY, LONGEST_VALUE = 200, 100_000
"""Characters of an extra's key, as in TOM Toolkit, and of its value, which has no limit there."""

LONGEST_LIST_NAME = 200
"""Characters of a target list's name, as in TOM Toolkit."""

OWN = frozenset({*PLAIN_COLUMNS, *IGNORED, "groups", "aliases", "targetextra_set", "target_lists", "message"})
"""Fields of a body that are no unknown columns."""


@dataclass(frozen=True)
class GivenTarget:
    """A target to be created, and names of target lists to put it into."""

    target: NewTarget
    list_names: Sequence[str]


@dataclass(frozen=True)
class GivenChange:
    """What to change of a target, by the names of `TargetChange`; aliases to add; target lists to put it into."""

    given: Mapping[str, Any]
    aliases: Sequence[str]
    list_names: Sequence[str]


def read_target(body: Mapping[str, Any], *, widest: bool) -> GivenTarget:
    """The target of a POST. OPEN, which shows it to everybody, is taken as PUBLIC unless ``widest``. Raises Refused."""
    fields = Fields(body)
    name = fields.text("name", LONGEST_NAME, required=True)
    kind = fields.choice("type", TYPES, "SIDEREAL") if "type" in body else _no_type(fields)
    ra, dec = fields.number("ra"), fields.number("dec")
    moving = kind == "NON_SIDEREAL"
    orbit = _elements(fields)
    _require_together(fields, kind, {"ra": ra, "dec": dec, **orbit})
    aliases, list_names = _aliases(fields, name), _list_names(fields)
    bag = _bag(fields, {} if moving else orbit)
    new = NewTarget(
        name=name,
        type=kind,
        access=_access(fields, widest=widest),
        aliases=aliases,
        ra_deg=ra,
        dec_deg=dec,
        numbers={ours: fields.number(theirs) for theirs, ours in NUMBERS.items()},
        orbit={ELEMENTS.get(theirs, theirs): value for theirs, value in orbit.items()} if moving else {},
        extras={NAMESPACE: bag} if bag else {},
    )
    fields.finish()
    return GivenTarget(new, list_names)


def read_change(body: Mapping[str, Any], stored: Mapping[str, Any], *, widest: bool) -> GivenChange:
    """The change of a PATCH to a target that is ``stored`` so, in TOM Toolkit's names. Raises Refused."""
    fields = Fields(body)
    given: dict[str, Any] = {}
    if "name" in body:
        given["name"] = fields.text("name", LONGEST_NAME, required=True)
    if "type" in body:
        given["type"] = fields.choice("type", TYPES, stored["type"])
    if "permissions" in body:
        given["access"] = _access(fields, widest=widest or stored["permissions"] == "OPEN")
    given |= {ours: fields.number(theirs) for theirs, ours in NUMBERS.items() if theirs in body}
    given |= _moved(fields, stored)
    bag = _bag(fields, {})
    if bag:
        given["extras"] = {NAMESPACE: _joined(object_in(stored["extras"], NAMESPACE), bag)}
    change = GivenChange(given, _aliases(fields, str(body.get("name", ""))), _list_names(fields))
    fields.finish()
    return change


def _no_type(fields: Fields) -> str:
    fields.wrong("type", "This field is required.")
    return "SIDEREAL"


def _access(fields: Fields, *, widest: bool) -> str:
    access = fields.choice("permissions", ACCESSES, "PRIVATE")
    return "PUBLIC" if access == "OPEN" and not widest else access


def _elements(fields: Fields) -> dict[str, Any]:
    """Orbital elements that are given, with their scheme, in TOM Toolkit's names."""
    scheme = fields.text("scheme", 50)
    known = {name: value for name in ELEMENTS if (value := fields.number(name)) is not None}
    return {"scheme": scheme, **known} if scheme else known


def _require_together(fields: Fields, kind: str, values: Mapping[str, Any]) -> None:
    theirs = {ours: name for name, ours in ELEMENTS.items()}
    needs = {"SIDEREAL": ["ra", "dec"], "NON_SIDEREAL": [theirs[name] for name in COMMON_ELEMENTS]}
    needs |= {scheme: [theirs[name] for name in names] for scheme, names in REQUIRED_ELEMENTS.items()}
    for name in [kind] if kind == "SIDEREAL" else [kind, str(values.get("scheme", ""))]:
        missing = [field for field in needs.get(name, ()) if values.get(field) is None and field not in fields.errors]
        if missing:
            fields.wrong("non_field_errors", f"The following fields are required for {name} targets: {missing}")


def _moved(fields: Fields, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Position and elements: what is not given stays as it is stored."""
    moved: dict[str, Any] = {}
    if {"ra", "dec"} & set(fields.body):
        both = {name: fields.number(name) if name in fields.body else stored[name] for name in ("ra", "dec")}
        moved |= {f"{name}_deg": value for name, value in both.items()}
    if {"scheme", *ELEMENTS} & set(fields.body):
        before = {name: stored[name] for name in ("scheme", *ELEMENTS)}
        after = {**before, **{name: fields.number(name) for name in ELEMENTS if name in fields.body}}
        after["scheme"] = fields.text("scheme", 50) or before["scheme"]
        orbit = {ELEMENTS.get(name, name): value for name, value in after.items() if value is not None}
        moved["orbit"] = orbit or None
    return moved


def _aliases(fields: Fields, name: str) -> list[str]:
    """Aliases in spellings that tell them apart from the name and each other."""
    known = {simplify_name(name): name}
    for number, each in enumerate(fields.objects("aliases", MOST_NAMES)):
        inner = Fields(each)
        alias = inner.text("name", LONGEST_NAME, required=True)
        if inner.errors:
            fields.errors.setdefault("aliases", {})[str(number)] = inner.errors
        known.setdefault(simplify_name(alias), alias)
    return list(known.values())[1:]


def _list_names(fields: Fields) -> list[str]:
    names = []
    for number, each in enumerate(fields.objects("target_lists", MOST_NAMED)):
        inner = Fields(each)
        names.append(inner.text("name", LONGEST_LIST_NAME, required=True))
        if inner.errors:
            fields.errors.setdefault("target_lists", {})[str(number)] = inner.errors
    return list(dict.fromkeys(names))


def _bag(fields: Fields, elements: Mapping[str, Any]) -> dict[str, Any]:
    """What only the sender knows; ``elements`` are those of a target that has no orbit here."""
    sharers = {name: text for name in SHARERS if (text := fields.text(name, 200))}
    extras: dict[str, str] = {}
    for number, each in enumerate(fields.objects("targetextra_set", MOST_EXTRAS)):
        inner = Fields(each)
        extras[inner.text("key", LONGEST_KEY, required=True)] = inner.text("value", LONGEST_VALUE)
        if inner.errors:
            fields.errors.setdefault("targetextra_set", {})[str(number)] = inner.errors
    columns = {**{name: value for name, value in fields.body.items() if name not in OWN}, **elements}
    return sharers | {name: part for name, part in (("extras", extras), ("columns", columns)) if part}


def _joined(stored: Mapping[str, Any], bag: Mapping[str, Any]) -> dict[str, Any]:
    parts = {name: {**object_in(stored, name), **bag[name]} for name in ("extras", "columns") if name in bag}
    return {**stored, **bag, **parts}


def object_in(holder: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The object that stands there; an empty one where something else does, since anybody may write extras."""
    found = holder.get(name)
    return found if isinstance(found, dict) else {}
