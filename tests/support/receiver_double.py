"""A double of a destination of shares: a plug-in of no real protocol, and the server that it speaks to.

It stands for whatever a site may install: it takes everything, keeps what came, and has bad days when a test says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
from aiohttp import web
from pydantic import Field

from tests.support.plugins import write_package
from tests.support.survey_doubles import Heard, ServiceDouble
from tomgql.errors import UpstreamBusy, UpstreamDown, UpstreamRefused
from tomgql.plugins.destinations import (
    CAPABILITIES,
    Delivery,
    Outcome,
    Refused,
    Sent,
    SharedDatum,
    SharedProduct,
    SharedTarget,
    TargetGone,
)
from tomgql.plugins.surveys import Answer, Parameters

TOKEN = "receiver's own token"


class ReceiverOptions(Parameters):
    """What a share with the double may say."""

    folder: str = Field("", max_length=50, description="Where to put what comes.")


class ReceiverKind:
    """Plays a kind of destination."""

    name: ClassVar[str] = "receiver"
    title: ClassVar[str] = "A receiver"
    description: ClassVar[str] = "Takes everything."
    version: ClassVar[str] = "1"
    credentials: ClassVar[tuple[str, ...]] = ("token",)
    options: ClassVar[type[Parameters]] = ReceiverOptions
    capabilities: ClassVar[frozenset[str]] = frozenset(CAPABILITIES)
    data_at_once: ClassVar[int] = 5
    calls_at_once: ClassVar[int] = 2

    async def send_target(self, delivery: Delivery, target: SharedTarget, remote_id: str | None) -> Outcome:
        body = {"global_id": target.global_id, "names": target.names, "lists": target.list_names, "known": remote_id,
                "record": target.record, "message": delivery.message, "options": delivery.options.model_dump(),
                "sender": vars(delivery.sender)}  # fmt: skip
        answer = await _post(delivery, "targets", body)
        return _outcome(json.loads(answer.content)[0])

    async def send_product(
        self, delivery: Delivery, target: SharedTarget, remote_id: str, product: SharedProduct
    ) -> Outcome:
        content = b"".join([piece async for piece in product.content()])
        body = {"target": remote_id, "global_id": product.global_id, "name": product.file_name,
                "content": content.decode(), "record": product.record}  # fmt: skip
        answer = await _post(delivery, "products", body)
        return _outcome(json.loads(answer.content)[0])

    async def send_data(
        self, delivery: Delivery, target: SharedTarget, remote_id: str, data: Sequence[SharedDatum]
    ) -> Sequence[Outcome]:
        rows = [
            {"global_id": each.global_id, "product": each.product_global_id, "record": each.record} for each in data
        ]
        answer = await _post(delivery, "data", {"target": remote_id, "rows": rows})
        return [_outcome(each) for each in json.loads(answer.content)]


class ManyKind(ReceiverKind):
    """Plays a kind of destination that takes many data at once."""

    name: ClassVar[str] = "many"
    data_at_once: ClassVar[int] = 1_000


async def _post(delivery: Delivery, what: str, body: Any) -> Answer:
    headers = {"Authorization": f"Bearer {delivery.credentials['token']}"}
    answer = await delivery.http.request("POST", f"{delivery.address}/{what}", json=body, headers=headers)
    words = answer.content.decode()
    if answer.status == 410:
        raise TargetGone("They do not know the target.")
    if answer.status == 429:
        raise UpstreamBusy(words, seconds=float(answer.headers.get("retry-after", 30)))
    if answer.status >= 500:
        raise UpstreamDown(f"HTTP {answer.status}")
    if answer.status >= 400:
        raise UpstreamRefused(f"HTTP {answer.status}: {words} to {headers['Authorization']}")
    return answer


def _outcome(told: dict[str, Any]) -> Outcome:
    if "refused" in told:
        return Refused(told["refused"], lasting=told["lasting"])
    return Sent(told["id"], told["words"])


@dataclass
class ReceiverDouble(ServiceDouble):
    """What came, by global id; ``arrivals`` are all global ids in their order, repeats included.

    ``refuses`` maps a global id to the words with which it is not taken, and whether that lasts.
    """

    targets: dict[str, dict[str, Any]] = field(default_factory=dict)
    products: dict[str, dict[str, Any]] = field(default_factory=dict)
    data: dict[str, dict[str, Any]] = field(default_factory=dict)
    arrivals: list[str] = field(default_factory=list)
    refuses: dict[str, tuple[str, bool]] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    """Ids by which it knows targets."""

    async def answer(self, heard: Heard) -> web.StreamResponse:
        if heard.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.Response(status=401, text="who are you?")
        body, kind = json.loads(heard.content), heard.path.rsplit("/", 1)[-1]
        if kind == "targets":
            self.known.add(f"r-{body['global_id']}")
        elif body["target"] not in self.known:
            return web.Response(status=410)
        kept: dict[str, dict[str, Any]] = getattr(self, kind)
        rows = body["rows"] if kind == "data" else [body]
        return web.json_response([self._take(kept, row, body.get("target")) for row in rows])

    def _take(self, kept: dict[str, dict[str, Any]], row: dict[str, Any], target: str | None) -> dict[str, Any]:
        global_id = row["global_id"]
        if global_id in self.refuses:
            words, lasting = self.refuses[global_id]
            return {"refused": words, "lasting": lasting}
        self.arrivals.append(global_id)
        words = "changed" if global_id in kept else "new"
        kept[global_id] = {**row, "target": target}
        return {"id": f"r-{global_id}", "words": words}


@contextmanager
def installed(place: Path) -> Iterator[None]:
    """The doubles' plug-ins are found, here and by child processes, for the length of the block."""
    kinds = {"receiver": "ReceiverKind", "many": "ManyKind"}
    source = "from tests.support.receiver_double import ManyKind, ReceiverKind"
    write_package(place, "receiving", source, {"tomgql.destinations": kinds})
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(place))
        patch.setenv("PYTHONPATH", str(place))
        yield
