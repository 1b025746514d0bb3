"""The filter and the magnitude system of a VOTable's brightness, from PARAMs and photometric calibration groups.

Formats: IVOA Photometry Data Model 1.1 (GROUPs of utype ``photDM:``, which columns refer to or that refer to columns),
and PARAMs such as ``filter`` of a table or its resource.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

_FILTER_UTYPES = ("photometryfilter.identifier", "photometryfilter.name", "photometryfilter.fpsidentifier")
_FILTER_NAMES = ("filteridentifier", "filter", "band", "passband", "bandpass")
_SYSTEM_UTYPE, _SYSTEM_NAMES = "magnitudesystem.type", ("magnitudesystem", "magsys")


def filter_facts(table: Any, resources: Iterable[Any], item: Any) -> dict[str, Any]:
    """Options ``band`` and ``magnitude_system`` for one FIELD of a TABLE; empty where the file does not say them."""
    around = [found for resource in resources for found in _resources(resource) if table in found.tables]
    groups = [group for holder in (table, *around) for group in _groups(holder)]
    ours = [group for group in groups if _concerns(group, item)]
    params = [param for group in ours for param in _params(group)]
    params += [param for holder in (table, *around) for param in holder.params]
    facts: dict[str, Any] = {}
    band = _value(params, _FILTER_UTYPES, _FILTER_NAMES)
    if band is not None:
        facts["band"] = band
    system = (_value(params, (_SYSTEM_UTYPE,), _SYSTEM_NAMES) or "").removesuffix("mag").lower()
    if system in ("ab", "vega"):
        facts["magnitude_system"] = "AB" if system == "ab" else "Vega"
    return facts


def _resources(resource: Any) -> Iterator[Any]:
    yield resource
    for inner in resource.resources:
        yield from _resources(inner)


def _groups(holder: Any) -> Iterator[Any]:
    for entry in getattr(holder, "groups", None) or getattr(holder, "entries", None) or ():
        if hasattr(entry, "entries"):
            yield entry
            yield from _groups(entry)


def _concerns(group: Any, item: Any) -> bool:
    """Whether the column refers to the group, or the group to the column."""
    refers = any(getattr(entry, "ref", None) == item.ID for entry in group.entries) if item.ID else False
    return refers or (item.ref is not None and item.ref == group.ID)


def _params(group: Any) -> list[Any]:
    return [entry for entry in group.entries if hasattr(entry, "value")]


def _value(params: Iterable[Any], utypes: tuple[str, ...], names: tuple[str, ...]) -> str | None:
    """The text of the first PARAM of one of these utypes, else of one of these names."""
    found = list(params)
    by_utype = [param for param in found if str(param.utype or "").lower().endswith(utypes)]
    by_name = [param for param in found if str(param.name or "").lower() in names]
    texts = (str(param.value).strip() for param in (*by_utype, *by_name))
    return next((text for text in texts if text), None)
