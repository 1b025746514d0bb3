"""What a followed server has already: page by page, each page in a transaction of its own.

Nothing is lost when a copy is cut off: it begins again, and finds by versions that most of it is here.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tomgql.client import Client
from tomgql.client.errors import AnswerTooLarge, ClientError, Refused
from tomgql.errors import TomError
from tomgql.runtime import Runtime
from tomgql.services.federation.claims import Claim, hold, keep_refusals
from tomgql.services.federation.documents import DATA, PRODUCTS, TARGETS
from tomgql.services.federation.given import Given, Giver, Record, Refusal
from tomgql.services.federation.taking import take
from tomgql.store.transaction import transaction

TARGETS_A_PAGE, PRODUCTS_A_PAGE, DATA_A_PAGE = 200, 200, 2_000
"""Things that are asked for at once, unless they are too large."""

TOO_MUCH = "QUERY_TOO_COSTLY"
"""Code by which a server says that it would answer too much."""


@dataclass
class Link:
    """A claimed subscription at work: how the peer is asked, and in whose name things are written."""

    rt: Runtime
    claim: Claim
    client: Client
    giver: Giver

    @property
    def not_via(self) -> list[str]:
        """What came from here, or through here, need not come back."""
        return [self.rt.instance_id]


async def copy_targets(link: Link, where: Mapping[str, Any]) -> None:
    """Copy the targets that meet a filter, with all that hangs on them. Raises ClientError, Lost."""
    variables = {"where": {"and": [link.claim.where, where]} if where else link.claim.where}
    async for nodes in _pages(link, TARGETS, "targets", variables, TARGETS_A_PAGE):
        for node in nodes:
            await _copy_target(link, node)


async def _copy_target(link: Link, node: Mapping[str, Any]) -> None:
    if not await give(link, Given(node["record"])):
        return
    variables = {"target": node["id"], "notVia": link.not_via}
    async for products in _pages(link, PRODUCTS, "dataProducts", variables, PRODUCTS_A_PAGE):
        stored, refusals = await fetch_files(link, products)
        await give(link, Given(node["record"], products=stored), refusals)
    async for data in _pages(link, DATA, "reducedData", variables, DATA_A_PAGE):
        await give(link, Given(node["record"], data=[each["record"] for each in data]))


async def give(link: Link, given: Given, refusals: Sequence[Refusal] = (), cursor: str | None = None) -> bool:
    """Write what was given, with the place it stands for; whether its target is here now. Raises Lost."""
    async with transaction(link.rt.writes) as tx:
        await hold(tx, link.claim, cursor)
        taken = await take(tx, link.rt, link.giver, given)
        told = [str(each.get("global_id")) for each in (given.target, *given.products, *given.data)]
        await keep_refusals(tx, link.claim, told, [*refusals, *taken.refusals])
    return taken.target_id is not None


async def fetch_files(
    link: Link, products: Sequence[Mapping[str, Any]]
) -> tuple[list[Record], list[Refusal]]:
    """Bring the files of products into the store, unless they are there; the records that can be taken.

    Raises ClientError when the peer does not answer.
    """
    stored: list[Record] = []
    refusals = []
    for product in products:
        record = product["record"]
        try:
            await _fetch_file(link, product["id"], record)
            stored.append(record)
        except (TomError, Refused) as error:
            name = str(record.get("file_name", ""))[:255]
            refusals.append(Refusal("data_product", str(record["global_id"]), name, error.message))
    return stored, refusals


async def _fetch_file(link: Link, product_id: str, record: Record) -> None:
    sha256 = str(record.get("sha256"))
    if await link.rt.writes.fetchval("select true from data_products where sha256 = $1 limit 1", sha256):
        return
    with tempfile.TemporaryDirectory(prefix="tomgql-peer-") as directory:
        path = Path(directory) / "file"
        await link.client.download(product_id, path)
        await link.rt.files.put(_chunks(path), link.rt.settings.max_file_bytes)


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(1024 * 1024):
            yield chunk


async def _pages(
    link: Link, document: str, field: str, variables: Mapping[str, Any], first: int
) -> AsyncIterator[list[dict[str, Any]]]:
    """Pages of a list, each a quarter as long as was asked for where that was too much."""
    after = None
    while True:
        try:
            answer = await link.client.query(document, {**variables, "first": first, "after": after})
        except (Refused, AnswerTooLarge) as error:
            if first == 1 or not _too_much(error):
                raise
            first = max(first // 4, 1)
            continue
        found = answer[field]
        if found["nodes"]:
            yield found["nodes"]
        if not found["pageInfo"]["hasNextPage"]:
            return
        after = found["pageInfo"]["endCursor"]


def _too_much(error: ClientError) -> bool:
    return isinstance(error, AnswerTooLarge) or error.code == TOO_MUCH
