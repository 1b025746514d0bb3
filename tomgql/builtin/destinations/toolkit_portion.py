"""A portion of reduced data of one target, given to a TOM Toolkit one by one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from tomgql.builtin.destinations.toolkit_answers import Toolkit, is_taken, page_words, refusal, require_target, said
from tomgql.builtin.destinations.toolkit_values import timestamp_of, value_of
from tomgql.errors import UpstreamRefused
from tomgql.plugins.destinations import Outcome, Refused, Sender, Sent, SharedDatum
from tomgql.plugins.surveys import Answer

LONGEST_SOURCE, LONGEST_LOCATION = 100, 200
"""Characters of a datum's source and of the place it came from."""

PAGE_ROWS = {"photometry": 1_000, "astrometry": 1_000}
"""Data of one page of a list, by kind; others may be large."""

PAGE_ROWS_OF_OTHERS = 20
MOST_PAGES = 500
"""Pages that are looked through before a datum counts as not there."""

EVERY_SITE = ("photometry", "spectroscopy")
"""Kinds of data that every site of 2.x takes, unless it took them away."""

UNKNOWN_TYPE = 'TOM Toolkit 2 takes only data types that its site has among its types of data product; "{}" may be none'


class Portion:
    """What is told of one target in one call; what is there is looked up once, when an answer leaves it open."""

    def __init__(self, toolkit: Toolkit, remote_id: str) -> None:
        self._toolkit, self._remote_id = toolkit, remote_id
        self._there: dict[str, set[tuple[float, bytes]]] = {}
        self._sent: set[tuple[str, float, bytes]] = set()

    async def send(self, datum: SharedDatum) -> Outcome:
        """Give a datum. Raises TargetGone."""
        value = value_of(datum.record)
        if isinstance(value, Refused):
            return value
        body = datum_body(datum, value, self._toolkit.delivery.sender, self._remote_id)
        answer = await self._toolkit.send("POST", "reduceddatums", json=body)
        require_target(answer, self._remote_id)
        if is_taken(answer):
            self._sent.add((body["data_type"], *_key(body)))
            return Sent(words=said(answer))
        if answer.status == 404:
            raise UpstreamRefused("There is no place for reduced data at this address; is this a TOM Toolkit?")
        return await self._of_failure(answer, body) if answer.status == 500 else refusal(answer)

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
        data_type, key = body["data_type"], _key(body)
        if (data_type, *key) in self._sent:
            return True
        if data_type not in self._there:
            self._there[data_type] = await self._listed(data_type)
        return key in self._there[data_type]

    async def _listed(self, data_type: str) -> set[tuple[float, bytes]]:
        """Times and values of all data of a kind that the target has there."""
        found: set[tuple[float, bytes]] = set()
        rows = PAGE_ROWS.get(data_type, PAGE_ROWS_OF_OTHERS)
        wanted = {"target__id": self._remote_id, "data_type": data_type, "limit": rows}
        for page in range(MOST_PAGES):
            listed = await self._toolkit.get("reduceddatums", **wanted, offset=page * rows)
            try:
                found |= {_key(each) for each in listed["results"]}
                if not listed["next"]:
                    return found
            except (KeyError, TypeError, ValueError):
                raise UpstreamRefused("The list of reduced data there is none; is this a TOM Toolkit?") from None
        return found


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


def _key(body: Mapping[str, Any]) -> tuple[float, bytes]:
    """Time and value of a datum, whatever the order of its columns. Raises KeyError, TypeError or ValueError."""
    moment = datetime.fromisoformat(body["timestamp"]).timestamp()
    return round(moment, 3), orjson.dumps(body["value"], option=orjson.OPT_SORT_KEYS)
