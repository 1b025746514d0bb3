"""A site shares with a TOM Toolkit; what is there is compared row by row with what was given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.peers.outgoing import (
    EXTRAS_THERE,
    KINDS,
    LIGHT_CURVE,
    LISTS,
    MOVING,
    MOVING_THERE,
    NAMES,
    NEW,
    OF_PRODUCT,
    ONLY_3X,
    REVISED,
    REVISED_ERROR,
    SOURCE,
    TARGET,
    TARGET_THERE,
    TIMES,
    UNREADABLE,
)
from tests.peers.projects import PASSWORD, USERNAME, Receiver
from tests.peers.readback import LISTS as LISTS_THERE
from tests.peers.readback import Readback, Row, are_the_same
from tests.support.faults import ENDED
from tests.support.people import Person
from tests.support.sharing import CREATE_DATA, CREATE_RULE, LEDGER, READ, SAVE, SHARE
from tests.support.site import Site, until
from tests.support.survey_doubles import hurry
from tomgql.builtin.destinations.tomtoolkit import NOT_READ
from tomgql.builtin.destinations.toolkit_portion import OTHER_THERE
from tomgql.builtin.destinations.toolkit_values import NOTHING_SAID

MAKE_LIST = """mutation ($i: CreateTargetListInput!) {
  createTargetList(input: $i) { targetList { id } errors { code } } }"""
DELETE = "mutation ($id: ID!) { deleteTarget(id: $id) { errors { code } } }"
PROCESSING = "query ($id: ID!) { dataProduct(id: $id) { processing { state } } }"
UNKNOWN_TYPE = "TOM Toolkit 2 takes only data types"


@dataclass
class Departure:
    """A site and a person who shares, a TOM Toolkit, and what is wrong so far."""

    site: Site
    person: Person
    there: Receiver
    release: str
    faults: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def typed(self) -> bool:
        """Whether it is a 3.x."""
        return not self.release.startswith("2.")

    @property
    def readback(self) -> Readback:
        """Reads what is there."""
        return Readback(self.there, self.typed)

    @property
    def destination(self) -> str:
        """Its name as a destination."""
        return f"toolkit-{self.release.replace('.', '-')}"

    def require(self, what: str, found: Any, wanted: Any) -> None:
        """Note a difference."""
        if found != wanted:
            self.faults.append(f"{what}: {found!r} instead of {wanted!r}")

    async def save_destination(self) -> None:
        """Tell the site of the TOM Toolkit."""
        secrets = {"username": USERNAME, "password": PASSWORD}
        given = {"name": self.destination, "kind": "tomtoolkit", "address": self.there.url, "secrets": secrets}
        payload = (await self.person.client.query(SAVE, i=given))["saveDestination"]
        assert payload["errors"] == []

    async def create(self, target: str, data_type: str, *rows: Mapping[str, Any]) -> None:
        """Create data."""
        given = {"target": target, "dataType": data_type, "rows": list(rows), "sourceName": SOURCE}
        payload = (await self.person.client.query(CREATE_DATA, input=given))["createReducedData"]
        assert (payload["errors"], payload["rejected"]) == ([], 0)

    async def share(self, **given: Any) -> list[dict[str, Any]]:
        """Share, until that has ended, without its pauses; what became of each item."""
        payload = (await self.person.client.query(SHARE, i={"destination": self.destination, **given}))["share"]
        assert payload["errors"] == []
        share_id = payload["share"]["id"]

        async def look() -> bool:
            await hurry(self.site)
            await self.site.rt.writes.execute("update share_ledger set due = now() where due > now()")
            found = (await self.person.client.query(READ, id=share_id))["node"]
            return found["job"]["state"] in ENDED

        await until(120, look)
        ledger = (await self.person.client.query(LEDGER, id=share_id, w={}))["node"]["ledger"]
        items: list[dict[str, Any]] = ledger["nodes"]
        return items


async def depart(site: Site, person: Person, there: Receiver, release: str) -> Departure:
    """Share a target with data of all kinds and products, again, and again after changes."""
    departure = Departure(site, person, there, release)
    await departure.save_destination()
    target = await person.create_target(NAMES[0], **TARGET)
    made = await person.client.query(MAKE_LIST, i={"name": LISTS[0], "targets": [target]})
    for data_type, rows in KINDS.items():
        await departure.create(target, data_type, *(row for row, _ in rows))
    whole = {"targetList": made["createTargetList"]["targetList"]["id"]}
    for what in ("shared", "shared again, the ledger lost"):
        await site.rt.writes.execute("delete from share_ledger")
        _taken(departure, what, await departure.share(**whole))
        await _compare(departure, what)
    await _share_products(departure, target)
    await _share_revisions(departure, target)
    await _share_continuously(departure, target)
    await person.client.query(DELETE, id=target)
    await _share_moving_target(departure)
    return departure


async def _share_products(departure: Departure, target: str) -> None:
    """A product with the data that were read from it, and one that cannot be read: nothing of it is there twice."""
    client, key = departure.person.client, f"lc {departure.release}"
    good = await client.upload(target, "größe.csv", LIGHT_CURVE, productId=key, extraData="größer")
    bad = await client.upload(target, "bad.csv", UNREADABLE, process=False)
    given = [payload["dataProduct"]["id"] for payload in (good, bad)]
    await until(60, lambda: _is_processed(departure, given[0]))
    for what in ("product", "product again, the ledger lost"):
        await departure.site.rt.writes.execute("delete from share_ledger")
        _taken(departure, what, await departure.share(targets=[target], dataProducts=given), [NOT_READ])
        products = await departure.readback.listed("dataproducts")
        told = [[each[name] for name in ("product_id", "data_product_type", "extra_data")] for each in products]
        departure.require(what, told, [[key, "photometry", "größer"]])
        content = [departure.readback.file(each["data"]) for each in products]
        departure.require(f"{what}, its bytes", content, [LIGHT_CURVE])
        departure.counts["products"] = len(products)
        await _compare(departure, what, of_product=OF_PRODUCT)


async def _is_processed(departure: Departure, product: str) -> bool:
    found = (await departure.person.client.query(PROCESSING, id=product))["dataProduct"]
    return bool(found["processing"]["state"] == "SUCCEEDED")


async def _share_revisions(departure: Departure, target: str) -> None:
    """Revisions arrive beside what they revise; one of its error alone is none to 3.x, which is said."""
    await departure.create(target, "photometry", REVISED[0])
    _taken(departure, "revised", await departure.share(targets=[target]))
    await _compare(departure, "revised", [_at(REVISED)], OF_PRODUCT)
    await departure.create(target, "photometry", REVISED_ERROR[0])
    refused = [OTHER_THERE] if departure.typed else []
    _taken(departure, "error revised", await departure.share(targets=[target]), refused)
    await _compare(departure, "error revised", _revisions(departure), OF_PRODUCT)


async def _share_continuously(departure: Departure, target: str) -> None:
    """A point that is new arrives by itself."""
    given = {"destination": departure.destination, "target": target}
    made = (await departure.person.client.query(CREATE_RULE, i=given))["createContinuousShare"]
    assert made["errors"] == []
    await departure.create(target, "photometry", NEW[0])

    async def arrived() -> bool:
        await hurry(departure.site)
        rows = await departure.readback.listed("reduceddatums")
        return any((row["timestamp"], row["data_type"]) == (_at(NEW)[0], "photometry") for row in rows)

    await until(60, arrived)
    await _compare(departure, "continuously", [*_revisions(departure), _at(NEW)], OF_PRODUCT)


def _revisions(departure: Departure) -> list[Row]:
    return [_at(REVISED)] if departure.typed else [_at(REVISED), _at(REVISED_ERROR)]


def _at(given: tuple[Mapping[str, Any], Mapping[str, Any]]) -> Row:
    row, value = given
    return TIMES[row["mjd"]], value


async def _share_moving_target(departure: Departure) -> None:
    """A comet, with nothing but its elements."""
    given = {"raDeg": None, "decDeg": None, **MOVING}
    target = await departure.person.create_target(**given)
    states = [item["state"] for item in await departure.share(targets=[target])]
    departure.require("moving target, states", states, ["SENT"])
    found = [each for each in await departure.readback.listed("targets") if each["name"] == MOVING["name"]]
    told = [{name: each[name] for name in MOVING_THERE} for each in found]
    departure.require("moving target", told, [MOVING_THERE])
    departure.counts["targets"] += len(found)
    await departure.person.client.query(DELETE, id=target)


def _taken(
    departure: Departure, what: str, items: Sequence[Mapping[str, Any]], refused: Sequence[str] = ()
) -> None:
    """That everything was taken but what cannot be told there, in words; ``refused``: what else is not."""
    unknown = [] if departure.typed else [UNKNOWN_TYPE for kind in ONLY_3X for _ in KINDS[kind]]
    wanted = [NOTHING_SAID, *unknown, *refused]
    failed = [item["answer"] for item in items if item["state"] == "FAILED"]
    found = sorted(next((words for words in wanted if words in answer), answer) for answer in failed)
    departure.require(f"{what}, refused", found, sorted(wanted))
    departure.require(f"{what}, states", {item["state"] for item in items} - {"FAILED", "SENT"}, set())


async def _compare(
    departure: Departure, what: str, more: Sequence[Row] = (), of_product: Sequence[Any] = ()
) -> None:
    """The target and all data there, against what was given; ``more``: further points."""
    readback = departure.readback
    targets = await readback.listed("targets")
    departure.require(f"{what}, targets", len(targets), 1)
    for target in targets:
        departure.require(f"{what}, target", {name: target[name] for name in TARGET_THERE}, TARGET_THERE)
        extras = {each["key"]: each["value"] for each in target["targetextra_set"]}
        departure.require(f"{what}, extras", extras, EXTRAS_THERE)
        departure.require(f"{what}, aliases", sorted(each["name"] for each in target["aliases"]), sorted(NAMES[1:]))
    lists = [(name, 1) for name in sorted([*LISTS, "Imported From North TOM"])]
    departure.require(f"{what}, lists", readback.stored(LISTS_THERE), lists)
    data = await readback.listed("reduceddatums")
    of_file = [row for row in data if row["source_name"] != SOURCE]
    names = [readback.spelled("photometry", {name: name}) for name in ("magnitude", "error")]
    told = sorted((row["timestamp"], *(row["value"][each] for name in names for each in name)) for row in of_file)
    departure.require(f"{what}, data of the product", told, [*of_product])
    departure.counts["targets"], departure.counts["data of products"] = len(targets), len(told)
    _compare_data(departure, what, [row for row in data if row["source_name"] == SOURCE], more)


def _compare_data(
    departure: Departure, what: str, data: Sequence[Mapping[str, Any]], more: Sequence[Row]
) -> None:
    for kind, given in KINDS.items():
        wanted = [(TIMES[row["mjd"]], value) for row, value in given if value is not None]
        if kind == "photometry":
            wanted += more
        if kind in ONLY_3X and not departure.typed:
            wanted = []
        rows = departure.readback.rows(kind, data)
        expected = [(moment, departure.readback.spelled(kind, value)) for moment, value in wanted]
        if not are_the_same(rows, expected):
            departure.faults.append(f"{what}, {kind}: {rows!r} instead of {expected!r}")
        departure.counts[kind] = len(rows)
