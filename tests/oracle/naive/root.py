"""The root of reads, and what this server knows and can do."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from tests.oracle.naive.filters import has_name
from tests.oracle.naive.pages import everything
from tests.oracle.naive.rights import Asker
from tests.oracle.naive.rules import Rule, Rules, columns
from tests.oracle.naive.sky import Row
from tomgql.domain.bands import BANDS

PRODUCT_TYPES = {"photometry": "Photometry", "spectroscopy": "Spectroscopy", "fits_file": "FITS file",
                 "image_file": "Image file"}  # fmt: skip
"""Types of data product that can be uploaded whatever is installed, with their titles."""


def _by_id(table: str | None = None) -> Rule:
    return lambda ask, _, id: ask.by_id(id, table)


def _target(ask: Asker, _: Any, id: str | None = None, name: str | None = None) -> Row | None:
    if id is not None:
        return ask.by_id(id, "targets")
    return next((target for target in ask.rows("targets") if has_name(ask, target, name or "")), None)


def _processors(_ask: Asker, _: Any) -> list[Any]:
    return [entry.load()() for entry in entry_points(group="tomgql.processors")]


def _product_types(ask: Asker, _: Any) -> list[tuple[str, str, bool]]:
    read = {kind for processor in _processors(ask, None) for kind in processor.data_types}
    titles = {name: name.replace("_", " ").capitalize() for name in read} | PRODUCT_TYPES
    return [(name, title, name in read) for name, title in sorted(titles.items())]


def _services(_ask: Asker, _: Any) -> list[Any]:
    """None of the oracle's actors has given secrets to a service."""
    return [entry.load()() for entry in sorted(entry_points(group="tomgql.surveys"), key=lambda entry: entry.name)]


QUERY: Rules = {
    "bands": lambda _ask, _: BANDS,
    "processors": _processors,
    "dataProductTypes": _product_types,
    "surveyServices": _services,
    "node": _by_id(),
    "nodes": lambda ask, _, ids: [ask.by_id(each) for each in ids],
    "viewer": lambda ask, _: ask,
    "target": _target,
    "targets": everything("targets", "TargetWhere"),
    "targetLists": everything("target_lists", "TargetListWhere"),
    "dataProduct": _by_id("data_products"),
    "dataProducts": everything("data_products", "DataProductWhere"),
    "dataProductGroups": everything("data_product_groups"),
    "reducedDatum": _by_id("reduced_data"),
    "reducedData": everything("reduced_data", "ReducedDatumWhere"),
    "observations": everything("observations", "ObservationWhere"),
    "userGroups": everything("user_groups"),
    "job": _by_id("jobs"),
    "jobs": everything("jobs", "JobWhere"),
    "harvestRules": everything("harvest_rules"),
    "peerSubscriptions": everything("peer_subscriptions"),
    "shares": everything("shares"),
    "continuousShares": everything("continuous_shares"),
}

BAND: Rules = columns("name", "aliases", "wavelengthAngstrom", "abMinusVega", "colour")
PROCESSOR: Rules = columns("name", "title", "dataTypes", "optionsSchema")
SURVEY_SERVICE: Rules = {
    **columns("name", "title", "description", "version", "requestsPerMinute", "timeLimitS"),
    "parametersSchema": lambda _ask, service: service.parameters.model_json_schema(),
    "needsCredentials": lambda _ask, service: len(service.credentials) > 0,
    "credentials": lambda _ask, service: list(service.credentials),
    "isConfigured": lambda _ask, service: len(service.credentials) == 0,
}
PRODUCT_TYPE: Rules = {
    name: lambda _ask, kind, place=place: kind[place] for place, name in enumerate(("name", "title", "isProcessed"))
}
