"""A target in the body of TOM Toolkit's REST interface.

Ids are left out of the target, its aliases and its extras: a receiver would keep them as its own, and an alias whose
id is taken there ends in a 500 and half a target. ``shared_by`` and ``shared_from`` are columns of 3.x; 2.x ignores
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tomgql.domain.names import simplify_name
from tomgql.domain.positions import galactic
from tomgql.domain.target_files import ELEMENTS, NUMBERS, PLAIN_COLUMNS, write_extra
from tomgql.plugins.destinations import Sender, SharedTarget

NAMESPACE = "tomtoolkit"
"""Where in a target's extras stands what only a TOM Toolkit that shared it knows: ``extras`` and ``columns``."""

LONGEST_KEY, LONGEST_LIST_NAME = 200, 200
"""Characters of an extra's key and of a target list's name there."""

_OTHER_COLUMNS = {"ra": "ra_deg", "dec": "dec_deg", **NUMBERS, **ELEMENTS}


def target_body(target: SharedTarget, sender: Sender) -> dict[str, Any]:
    """The body that creates a target, private there, in its lists."""
    record = target.record
    name, *aliases = target.names
    columns = {theirs: record.get(_OTHER_COLUMNS.get(theirs, theirs)) for theirs in PLAIN_COLUMNS}
    ra_deg, dec_deg = columns["ra"], columns["dec"]
    longitude, latitude = (None, None) if ra_deg is None or dec_deg is None else galactic(ra_deg, dec_deg)
    return {
        **columns,
        "name": name,
        "scheme": record.get("scheme") or "",
        "permissions": "PRIVATE",
        "galactic_lng": longitude,
        "galactic_lat": latitude,
        "aliases": [{"name": alias} for alias in aliases],
        "targetextra_set": [{"key": key, "value": value} for key, value in extra_texts(record).items()],
        "target_lists": [{"name": each} for each in list_names(target, sender)],
        "groups": [],
        "shared_by": sender.username,
        "shared_from": sender.tom_name,
    }


def list_names(target: SharedTarget, sender: Sender) -> list[str]:
    """The lists that a target is put into there, the one that a TOM Toolkit sender names among them."""
    names = [f"Imported From {sender.tom_name}", *target.list_names]
    return list(dict.fromkeys(name[:LONGEST_LIST_NAME] for name in names))


def extra_texts(record: Mapping[str, Any]) -> dict[str, str]:
    """A target's extras as texts; what a TOM Toolkit once told, its custom columns too, travels on among them."""
    extras = record.get("extras") or {}
    bag = _object(extras.get(NAMESPACE))
    theirs = {**_object(bag.get("columns")), **_object(bag.get("extras"))}
    ours = {key: value for key, value in extras.items() if key != NAMESPACE or not isinstance(value, dict)}
    found = {**theirs, **ours}
    return {key: _text(value) for key, value in found.items() if value is not None and key[:LONGEST_KEY] == key}


def same_names(target: SharedTarget, theirs: Mapping[str, Any]) -> bool:
    """Whether a target there has a name of ours, in the spelling under which TOM Toolkit compares names."""
    aliases = theirs.get("aliases") or []
    known = [theirs.get("name"), *(each.get("name") for each in aliases if isinstance(each, dict))]
    simplified = {simplify_name(str(name)) for name in known if name}
    return bool(simplified & {simplify_name(name) for name in target.names})


def _text(value: Any) -> str:
    return value if isinstance(value, str) else write_extra(value)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
