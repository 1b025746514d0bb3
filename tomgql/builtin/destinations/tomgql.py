"""tomgql as destination of shares: records go whole, by the mutations `pushTarget` and `pushDataProduct`.

The receiver keeps what is newer (`tomgql.services.federation`), so a repeat, and a datum that arrives by two roads,
change nothing there, and a revision revises.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tomgql.builtin.surveys.answers import require
from tomgql.errors import UpstreamDown, UpstreamRefused
from tomgql.plugins.destinations import (
    CAPABILITIES,
    Delivery,
    FilePart,
    Outcome,
    Refused,
    Sent,
    SharedDatum,
    SharedProduct,
    SharedTarget,
)
from tomgql.plugins.surveys import Answer, Parameters

_ANSWER = "target { id } refusals { kind globalId message } errors { code message }"
PUSH_TARGET = f"mutation ($input: PushTargetInput!) {{ answer: pushTarget(input: $input) {{ {_ANSWER} }} }}"
PUSH_PRODUCT = f"mutation ($input: PushDataProductInput!) {{ answer: pushDataProduct(input: $input) {{ {_ANSWER} }} }}"

CALL_S = 120.0
"""Longest call without a file."""

_AGAIN = ("UNAVAILABLE", "INTERNAL")
_TOO_MUCH = ("TOO_LARGE", "QUERY_TOO_COSTLY")
_DELETED = "It was deleted there, and is not taken again."


class TomgqlOptions(Parameters):
    """A tomgql server has nothing to choose."""


class Tomgql:
    """Shares with another tomgql server."""

    name: ClassVar[str] = "tomgql"
    title: ClassVar[str] = "tomgql"
    description: ClassVar[str] = (
        "Another tomgql server, as an account there that an administrator of it has named as the `peer` of a"
        " destination. Everything goes as it is kept here, signed fluxes and whether data are in use among it; what is"
        " newer there stays. Targets are found there by global id or name, else made as the account's own private ones."
    )
    version: ClassVar[str] = "1"
    credentials: ClassVar[tuple[str, ...]] = ("token",)
    options: ClassVar[type[Parameters]] = TomgqlOptions
    capabilities: ClassVar[frozenset[str]] = frozenset(CAPABILITIES)
    data_at_once: ClassVar[int] = 500
    calls_at_once: ClassVar[int] = 2
    takes_disabled: ClassVar[bool] = True

    async def send_target(self, delivery: Delivery, target: SharedTarget, remote_id: str | None) -> Outcome:
        """Bring the target there up to date, and put it into its lists; ``remote_id`` is not needed."""
        answer = await _push(delivery, {"target": target.record, "targetLists": list(target.list_names)})
        return _outcome(answer, target.global_id)

    async def send_product(
        self, delivery: Delivery, target: SharedTarget, remote_id: str, product: SharedProduct
    ) -> Outcome:
        """Send the file with its record."""
        given = {"target": target.record, "dataProduct": product.record, "file": None}
        operations = {"query": PUSH_PRODUCT, "variables": {"input": _input(delivery, given)}}
        file = FilePart("0", product.file_name, product.content, size_bytes=product.size_bytes)
        parts = [("operations", json.dumps(operations)), ("map", '{"0": ["variables.input.file"]}'), file]
        answer = _answer(await _post(delivery, parts=parts, timeout_s=None))
        return _outcome(answer, target.global_id, product.global_id)

    async def send_data(
        self, delivery: Delivery, target: SharedTarget, remote_id: str, data: Sequence[SharedDatum]
    ) -> Sequence[Outcome]:
        """Send data of one target; too many for one call go in halves."""
        given = {"target": target.record, "reducedData": [each.record for each in data]}
        try:
            answer = await _push(delivery, given)
        except _TooMuch:
            if len(data) == 1:
                return [Refused("It is larger than the server there takes.")]
            half = len(data) // 2
            return [
                *await self.send_data(delivery, target, remote_id, data[:half]),
                *await self.send_data(delivery, target, remote_id, data[half:]),
            ]
        return [_outcome(answer, target.global_id, each.global_id) for each in data]


class _TooMuch(UpstreamRefused):
    """The server there takes smaller portions."""


async def _push(delivery: Delivery, given: Mapping[str, Any]) -> Mapping[str, Any]:
    body = {"query": PUSH_TARGET, "variables": {"input": _input(delivery, given)}}
    return _answer(await _post(delivery, json=body, timeout_s=CALL_S))


def _input(delivery: Delivery, given: Mapping[str, Any]) -> dict[str, Any]:
    return {"instanceId": delivery.sender.instance_id, **given}


async def _post(delivery: Delivery, **asked: Any) -> Answer:
    headers = {"Authorization": f"Bearer {delivery.credentials['token']}", "Accept": "application/json"}
    return await delivery.http.request("POST", f"{delivery.address}/graphql", headers=headers, **asked)


def _answer(answer: Answer) -> Mapping[str, Any]:
    """The payload. Raises UpstreamBusy, UpstreamDown and UpstreamRefused for what concerns everything."""
    if answer.status == 413:
        raise _TooMuch("The server there takes smaller portions.")
    found = require(answer, (200,)).json()
    if not isinstance(found, dict) or not (found.get("errors") or isinstance(found.get("data"), dict)):
        raise UpstreamRefused("The answer is none of GraphQL; is this a tomgql server?")
    if found.get("errors"):
        error = found["errors"][0]
        _complain(str((error.get("extensions") or {}).get("code")), str(error.get("message")))
    payload: Mapping[str, Any] = found["data"]["answer"]
    for error in payload["errors"]:
        _complain(str(error["code"]), str(error["message"]))
    return payload


def _complain(code: str, message: str) -> None:
    if code in _TOO_MUCH:
        raise _TooMuch(message)
    raise UpstreamDown(message) if code in _AGAIN else UpstreamRefused(message)


def _outcome(answer: Mapping[str, Any], target: str, item: str | None = None) -> Outcome:
    """What became of one thing: refused itself or with its target, or there."""
    refused = {each["globalId"]: each["message"] for each in answer["refusals"]}
    if answer["target"] is None:
        return Refused(refused.get(target, _DELETED))
    if item is not None and item in refused:
        return Refused(refused[item])
    return Sent(answer["target"]["id"] if item is None else item, refused.get(target, "") if item is None else "")
