"""A portion of reduced data of one target, given to a TOM Toolkit one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tomgql.builtin.destinations.toolkit_answers import (
    Toolkit,
    is_taken,
    object_of,
    page_words,
    refusal,
    require_target,
    said,
)
from tomgql.builtin.destinations.toolkit_there import There, is_same
from tomgql.builtin.destinations.toolkit_values import timestamp_of, value_of
from tomgql.errors import UpstreamRefused
from tomgql.plugins.destinations import Outcome, Refused, Sender, Sent, SharedDatum, SharedTarget
from tomgql.plugins.surveys import Answer

LONGEST_SOURCE, LONGEST_LOCATION = 100, 200
"""Characters of a datum's source and of the place it came from."""

EVERY_SITE = ("photometry", "spectroscopy")
"""Kinds of data that every site of 2.x takes, unless it took them away."""

FROM_FILES = EVERY_SITE
"""Kinds of data that a stock TOM Toolkit reads from data products."""

UNKNOWN_TYPE = 'TOM Toolkit 2 takes only data types that its site has among its types of data product; "{}" may be none'

OTHER_THERE = (
    "TOM Toolkit 3 keeps one datum of this time, band or instrument, and value; the one it has differs from this one in"
    " what it does not tell data apart by, such as an error."
)
"""What is said of a datum that counts there as a repeat, and is none."""


class Portion:
    """What is told of one target in one call; what is there is looked up once, when an answer leaves it open."""

    def __init__(self, toolkit: Toolkit, target: SharedTarget, remote_id: str) -> None:
        self._toolkit, self._remote_id = toolkit, remote_id
        self._there = There(toolkit, target, remote_id)
        self._sent: list[Mapping[str, Any]] = []

    async def send(self, datum: SharedDatum) -> Outcome:
        """Give a datum. Raises TargetGone."""
        value = value_of(datum.record)
        if isinstance(value, Refused):
            return value
        body = datum_body(datum, value, self._toolkit.delivery.sender, self._remote_id)
        read = datum.product_global_id is not None and body["data_type"] in FROM_FILES
        if read and await self._there.has_of_file(body):
            return Sent(words="It was there already, read from its data product.")
        answer = await self._toolkit.send("POST", "reduceddatums", json=body)
        require_target(answer, self._remote_id)
        if is_taken(answer):
            return await self._taken(answer, body)
        if answer.status == 404:
            raise UpstreamRefused("There is no place for reduced data at this address; is this a TOM Toolkit?")
        return await self._of_failure(answer, body) if answer.status == 500 else refusal(answer)

    async def _taken(self, answer: Answer, body: Mapping[str, Any]) -> Outcome:
        """A datum that is new there, or that 3.x takes for a repeat: it tells them apart by some columns alone."""
        theirs = object_of(answer).get("value") if answer.status == 200 else None
        repeated = not isinstance(theirs, dict) or is_same(body["data_type"], body["value"], theirs)
        if not repeated and not await self._is_there(body):
            return Refused(OTHER_THERE)
        self._sent.append(body)
        return Sent(words=said(answer))

    async def _of_failure(self, answer: Answer, body: Mapping[str, Any]) -> Outcome:
        """What a 500 stands for: 2.x answers a repeat with it."""
        if "already exists" in page_words(answer) or await self._is_there(body):
            return Sent(words="It was there already.")
        refused, data_type = refusal(answer), body["data_type"]
        if data_type in EVERY_SITE:
            return refused
        lasting = refused.lasting or "Error at" not in refused.words
        return Refused(f"{refused.words} ({UNKNOWN_TYPE.format(data_type)})", lasting)

    async def _is_there(self, body: Mapping[str, Any]) -> bool:
        """Whether a datum of this time and value is there, of whatever source."""
        told = ("data_type", "timestamp", "value")
        if any(all(each[name] == body[name] for name in told) for each in self._sent):
            return True
        return await self._there.has(body)


def datum_body(datum: SharedDatum, value: Mapping[str, Any], sender: Sender, remote_id: str) -> dict[str, Any]:
    """The body of a POST; where a datum came from names this TOM, and the id that the datum has everywhere."""
    record = datum.record
    public = f" ({sender.address})" if sender.address else ""
    location = f"ReducedDatum {datum.global_id} shared from {sender.tom_name}{public}"
    return {
        "data_product": "",
        "data_type": record["data_type"],
        "source_name": (record.get("source_name") or sender.tom_name)[:LONGEST_SOURCE],
        "source_location": location[:LONGEST_LOCATION],
        "timestamp": timestamp_of(record),
        "value": value,
        "target": remote_id,
    }
