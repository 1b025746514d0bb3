"""setReducedDataDisabled: what becomes of data, of their history, of events and of later readings."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_reduced_data import ROW, counts, create
from tests.support.people import Person, make_person
from tests.support.site import Site
from tomgql.access.principal import Principal
from tomgql.domain.columns import interpret_photometry
from tomgql.domain.options import ColumnOptions
from tomgql.domain.staging import write_reading
from tomgql.services.ingest import Origin, announce_data, record_data, withdraw_missing
from tomgql.store.transaction import transaction

DISABLE = """
mutation ($ids: [ID!]!, $disabled: Boolean!, $reason: String!) {
  setReducedDataDisabled(ids: $ids, disabled: $disabled, reason: $reason) {
    created revised unchanged rejected ids rows { row outcome code message field id } errors { code message path }
  }
}
"""
EVENTS = """
subscription ($after: Cursor, $where: ReducedDatumWhere) { reducedData(after: $after, where: $where) {
  change count target { id } dataProduct { id } data { id disabled } } }
"""


async def disable(person: Person, ids: list[str], reason: str = "clouds", *, disabled: bool = True) -> dict[str, Any]:
    given = {"ids": ids, "disabled": disabled, "reason": reason}
    payload: dict[str, Any] = (await person.client.query(DISABLE, **given))["setReducedDataDisabled"]
    return payload


async def some_data(person: Person, name: str, count: int = 3) -> tuple[str, list[str]]:
    """A target of so many data; their ids."""
    target = await person.create_target(name)
    columns = {"mjd": [59000.5 + n / 1000 for n in range(count)], "mag": 20.0, "magerr": 0.1, "filter": "ztfr"}
    return target, (await create(person, target, columns=columns))["ids"]


async def in_use(person: Person, target: str) -> list[str]:
    query = "query ($t: ID!) { reducedData(where: {target: $t}) { nodes { id } } }"
    return [node["id"] for node in (await person.client.query(query, t=target))["reducedData"]["nodes"]]


async def history(site: Site, target: str) -> list[tuple[Any, ...]]:
    rows = await site.rt.reads.fetch(
        "select h.datum_id, h.disabled, h.reason, u.username, h.decided > now() - interval '1 minute'"
        " from reduced_data_disablings h join users u on u.id = h.decided_by_id where h.target_id = $1 order by h.id",
        int(target[1:]),
    )
    return [tuple(row) for row in rows]


def key(datum: str) -> int:
    return int(datum.split("-")[1])


async def events_since(site: Site, place: int) -> list[tuple[Any, ...]]:
    rows = await site.rt.reads.fetch(
        "select change, target_id, data_product_id, data_ids from events where id > $1 and topic = 'reduced_data'"
        " order by id",
        place,
    )
    return [tuple(row) for row in rows]


async def last_event(site: Site) -> int:
    return int(await site.rt.reads.fetchval("select coalesce(max(id), 0) from events"))


async def test_data_are_taken_out_of_use_and_back(admin: Person, site: Site) -> None:
    target, (first, second, third) = await some_data(admin, "to and fro")
    place, began = await last_event(site), await site.rt.reads.fetchval("select now()")
    payload = await disable(admin, [first, third], "satellite trail")
    assert (counts(payload), payload["errors"], payload["ids"]) == ((0, 2, 0, 0), [], [first, third])
    assert [(row["row"], row["outcome"], row["id"]) for row in payload["rows"]] == [
        (1, "REVISED", first),
        (2, "REVISED", third),
    ]
    assert await in_use(admin, target) == [second]
    modified = "select count(*) from reduced_data where target_id = $1 and modified > $2"
    assert await site.rt.reads.fetchval(modified, int(target[1:]), began) == 2
    assert counts(await disable(admin, [first], "again")) == (0, 0, 1, 0)
    payload = await disable(admin, [first, second], "was none", disabled=False)
    assert (counts(payload), payload["ids"]) == ((0, 1, 1, 0), [first])
    assert await in_use(admin, target) == [first, second]
    assert await history(site, target) == [
        (key(first), True, "satellite trail", "root", True),
        (key(third), True, "satellite trail", "root", True),
        (key(first), False, "was none", "root", True),
    ]
    assert await events_since(site, place) == [
        ("DISABLED", int(target[1:]), None, [key(first), key(third)]),
        ("ENABLED", int(target[1:]), None, [key(first)]),
    ]


async def test_an_id_named_twice_is_done_once(admin: Person, site: Site) -> None:
    target, (first, *_) = await some_data(admin, "twice")
    payload = await disable(admin, [first, first])
    assert (counts(payload), payload["ids"]) == ((0, 1, 1, 0), [first])
    assert len(await history(site, target)) == 1


async def test_what_cannot_be_done_is_reported_and_the_rest_done(admin: Person, site: Site) -> None:
    watcher = await make_person(site, "watcher")
    target, (first, *_) = await some_data(watcher, "of the watcher")
    public = await admin.create_target("public", access="PUBLIC")
    private = await admin.create_target("private")
    (seen,) = (await create(admin, public, rows=[ROW]))["ids"]
    (unseen,) = (await create(admin, private, rows=[ROW]))["ids"]
    payload = await disable(watcher, [unseen, first, seen, f"{target.replace('t', 'd')}-987654"])
    assert (counts(payload), payload["ids"], payload["errors"]) == ((0, 1, 0, 3), [first], [])
    assert [(row["row"], row["outcome"], row["code"], row["id"]) for row in payload["rows"]] == [
        (1, "REJECTED", "NOT_FOUND", None),
        (3, "REJECTED", "NOT_ALLOWED", None),
        (4, "REJECTED", "NOT_FOUND", None),
        (2, "REVISED", None, first),
    ]
    assert "the right CHANGE" in payload["rows"][1]["message"]
    assert (await in_use(admin, public), await in_use(admin, private)) == ([seen], [unseen])
    assert (await history(site, public), await history(site, private)) == ([], [])


async def test_what_is_no_id_of_a_datum_is_reported_and_the_rest_done(admin: Person, site: Site) -> None:
    target, (first, second, third) = await some_data(admin, "no ids")
    wrong = [target, "nonsense", "", "d1-99999999999999999999", first + "\x00"]
    payload = await disable(admin, [*wrong[:2], first, *wrong[2:], second])
    assert (counts(payload), payload["ids"], payload["errors"]) == ((0, 2, 0, 5), [first, second], [])
    rejected = payload["rows"][:5]
    assert [(row["row"], row["outcome"], row["code"], row["id"]) for row in rejected] == [
        (number, "REJECTED", "INVALID_INPUT", None) for number in (1, 2, 4, 5, 6)
    ]
    assert {row["message"] for row in rejected} == {
        "This is not the id of a reduced datum; ids come from the field `id`."
    }
    assert await in_use(admin, target) == [third]
    assert len(await history(site, target)) == 2


@pytest.mark.parametrize(
    ("given", "code", "path"),
    [
        ({"reason": ""}, "INVALID_INPUT", ["reason"]),
        ({"reason": "  "}, "INVALID_INPUT", ["reason"]),
        ({"reason": "x" * 501}, "INVALID_INPUT", ["reason"]),
        ({"reason": "a\x00b"}, "INVALID_INPUT", ["reason"]),
        ({"ids": ["d1-1"] * 10_001}, "QUERY_TOO_COSTLY", ["ids"]),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_calls_that_make_no_sense_change_nothing(
    admin: Person, site: Site, given: dict[str, Any], code: str, path: list[str], request: Any
) -> None:
    target, ids = await some_data(admin, f"senseless {request.node.callspec.indices}")
    payload = await disable(admin, **{"ids": ids, "reason": "clouds", **given})
    assert [(error["code"], error["path"]) for error in payload["errors"]] == [(code, path)]
    assert (counts(payload), payload["rows"]) == ((0, 0, 0, 0), [])
    assert await in_use(admin, target) == ids
    assert await history(site, target) == []


async def test_no_ids_and_the_longest_reason(admin: Person, site: Site) -> None:
    assert counts(await disable(admin, [])) == (0, 0, 0, 0)
    target, (first, *_) = await some_data(admin, "longest reason")
    assert counts(await disable(admin, [first], " " + "é" * 500)) == (0, 1, 0, 0)
    assert [each[2] for each in await history(site, target)] == ["é" * 500]


async def test_ten_thousand_data_are_announced_in_portions_of_a_target(admin: Person, site: Site) -> None:
    many, ids = await some_data(admin, "many", 9_400)
    few, others = await some_data(admin, "few", 600)
    place = await last_event(site)
    payload = await disable(admin, [*others, *ids])
    assert (counts(payload), len(payload["rows"]), len(payload["ids"])) == ((0, 10_000, 0, 0), 1_000, 10_000)
    events = await events_since(site, place)
    assert [len(event[3]) for event in events] == [*[500] * 18, 400, 500, 100]
    assert {event[0] for event in events} == {"DISABLED"}
    assert [sum(len(event[3]) for event in events if event[1] == int(each[1:])) for each in (many, few)] == [9400, 600]
    assert await in_use(admin, many) == await in_use(admin, few) == []


async def test_subscribers_are_told(admin: Person) -> None:
    target, (first, second, _) = await some_data(admin, "told")
    filters: list[dict[str, Any] | None] = [{"target": target}, {"target": target, "disabled": None}]
    for where in filters:
        async with admin.client.subscribe(EVENTS, where=where) as events:
            await asyncio.sleep(0.3)
            for disabled in (True, False):
                await disable(admin, [first, second], disabled=disabled)
                event = (await asyncio.wait_for(events.next(), 15))["reducedData"]
                assert event == {
                    "change": "DISABLED" if disabled else "ENABLED", "count": 2, "target": {"id": target},
                    "dataProduct": None, "data": [{"id": each, "disabled": disabled} for each in (first, second)],
                }  # fmt: skip


class TestLaterReadings:
    """A product read again and again, by the verbs that its job calls."""

    async def record(self, site: Site, target: str, product: int, magnitudes: dict[float, float]) -> int:
        """Record a reading of the product as its job does; returns how many data were withdrawn."""
        columns = {"mjd": list(magnitudes), "mag": list(magnitudes.values()), "magerr": [0.1] * len(magnitudes)}
        options = ColumnOptions(band="ztfr", source_name="product")
        with (site.settings.data_dir / "rows.copy").open("wb") as stream:
            write_reading(interpret_photometry(columns, options, file_name="f"), stream)
        job = await site.rt.writes.fetchval(
            "insert into jobs (kind, target_id, data_product_id) values ('process_data_product', $1, $2) returning id",
            int(target[1:]), product,
        )  # fmt: skip
        origin = Origin(int(target[1:]), Principal(is_admin=True), product, job)
        async with transaction(site.rt.writes) as tx:
            await record_data(tx, origin, str(Path(site.settings.data_dir) / "rows.copy"))
            withdrawn = await withdraw_missing(tx, origin)
            await announce_data(tx, origin)
        return withdrawn

    async def product(self, site: Site, target: str) -> int:
        return int(
            await site.rt.writes.fetchval(
                "insert into data_products (target_id, data_product_type, file_name, size_bytes, sha256)"
                " values ($1, 'photometry', 'f', 1, repeat('0', 64)) returning id", int(target[1:]),
            )
        )  # fmt: skip

    async def states(self, site: Site, target: str) -> dict[float, tuple[bool, bool, int]]:
        rows = await site.rt.reads.fetch(
            "select mjd, disabled, withdrawn, revision from reduced_data where target_id = $1", int(target[1:])
        )
        return {row["mjd"]: (row["disabled"], row["withdrawn"], row["revision"]) for row in rows}

    async def all_ids(self, person: Person, target: str) -> list[str]:
        query = "query ($t: ID!) { reducedData(where: {target: $t, disabled: null}) { nodes { id } } }"
        return [node["id"] for node in (await person.client.query(query, t=target))["reducedData"]["nodes"]]

    async def test_no_reading_enables_what_a_person_disabled(self, admin: Person, site: Site) -> None:
        target = await admin.create_target("read again")
        product = await self.product(site, target)
        both = {59000.5: 20.0, 59001.5: 20.1}
        assert await self.record(site, target, product, both) == 0
        first, _ = await self.all_ids(admin, target)
        assert counts(await disable(admin, [first])) == (0, 1, 0, 0)
        place = await last_event(site)
        for reading, withdrawn in ((both, 0), ({59001.5: 20.1}, 0), (both, 0), ({59000.5: 20.5, 59001.5: 20.1}, 0)):
            assert await self.record(site, target, product, reading) == withdrawn
            assert (await self.states(site, target))[59000.5][:2] == (True, False)
            assert (await self.states(site, target))[59001.5] == (False, False, 1)
        assert (await self.states(site, target))[59000.5] == (True, False, 2)
        assert [event[0] for event in await events_since(site, place)] == ["REVISED"]
        sent = {"source": "product", "mjd": 59000.5, "mag": 20.7, "magerr": 0.1, "filter": "ztfr"}
        assert counts(await create(admin, target, rows=[sent])) == (0, 1, 0, 0)
        assert (await self.states(site, target))[59000.5] == (True, False, 3)

    async def test_a_person_confirms_what_a_reading_withdrew(self, admin: Person, site: Site) -> None:
        target = await admin.create_target("confirmed")
        product = await self.product(site, target)
        both = {59000.5: 20.0, 59001.5: 20.1}
        await self.record(site, target, product, both)
        assert await self.record(site, target, product, {59001.5: 20.1}) == 1
        assert (await self.states(site, target))[59000.5] == (True, True, 1)
        first, _ = await self.all_ids(admin, target)
        place = await last_event(site)
        assert counts(await disable(admin, [first], "rightly withdrawn")) == (0, 1, 0, 0)
        assert await events_since(site, place) == []  # nothing that anybody sees has changed
        assert (await self.states(site, target))[59000.5] == (True, False, 1)
        await self.record(site, target, product, both)
        assert (await self.states(site, target))[59000.5] == (True, False, 1)
        assert counts(await disable(admin, [first], "so be it")) == (0, 0, 1, 0)

    async def test_what_a_reading_withdrew_is_enabled_by_a_person_and_by_a_reading(
        self, admin: Person, site: Site
    ) -> None:
        target = await admin.create_target("enabled")
        product = await self.product(site, target)
        both = {59000.5: 20.0, 59001.5: 20.1}
        await self.record(site, target, product, both)
        await self.record(site, target, product, {59001.5: 20.1})
        first, _ = await self.all_ids(admin, target)
        place = await last_event(site)
        assert counts(await disable(admin, [first], "it is good", disabled=False)) == (0, 1, 0, 0)
        assert (await self.states(site, target))[59000.5] == (False, False, 1)
        await self.record(site, target, product, {59001.5: 20.1})
        await self.record(site, target, product, both)
        assert (await self.states(site, target))[59000.5] == (False, False, 1)
        assert [event[0] for event in await events_since(site, place)] == ["ENABLED", "DISABLED", "ENABLED"]

    async def test_an_event_names_the_product_that_all_its_data_come_from(self, admin: Person, site: Site) -> None:
        target = await admin.create_target("one product")
        product = await self.product(site, target)
        await self.record(site, target, product, {59000.5: 20.0, 59001.5: 20.1})
        place = await last_event(site)
        ids = await self.all_ids(admin, target)
        await disable(admin, ids)
        assert [event[2] for event in await events_since(site, place)] == [product]
        bare = (await create(admin, target, rows=[ROW]))["ids"]
        place = await last_event(site)
        await disable(admin, ids, disabled=False)
        await disable(admin, [*ids, *bare])
        assert [event[2] for event in await events_since(site, place)] == [product, None]


async def test_the_history_goes_with_its_datum_and_outlives_its_author(admin: Person, site: Site) -> None:
    author = await make_person(site, "author")
    target, ids = await some_data(author, "mortal", 2)
    await disable(author, ids)
    await site.rt.writes.execute(
        "delete from reduced_data where target_id = $1 and id = $2", int(target[1:]), key(ids[0])
    )
    await site.rt.writes.execute("update targets set created_by_id = null where id = $1", int(target[1:]))
    await site.rt.writes.execute("delete from users where id = $1", int(author.id[1:]))
    rows = await site.rt.reads.fetch(
        "select datum_id, reason, decided_by_id from reduced_data_disablings where target_id = $1", int(target[1:])
    )
    assert [tuple(row) for row in rows] == [(key(ids[1]), "clouds", None)]


async def test_the_history_moves_with_its_datum_and_joins_that_of_its_twin(admin: Person, site: Site) -> None:
    gone, (twin, single) = await some_data(admin, "merged from", 2)
    kept = await admin.create_target("merged into")
    columns = {"mjd": [59000.5], "mag": 20.0, "magerr": 0.1, "filter": "ztfr"}
    (stays,) = (await create(admin, kept, columns=columns))["ids"]
    await disable(admin, [twin, single], "bad seeing")
    merge = "mutation ($into: ID!, $from: ID!) { mergeTargets(into: $into, from: $from) { errors { message } } }"
    assert (await admin.client.query(merge, into=kept, **{"from": gone}))["mergeTargets"]["errors"] == []
    assert [each[:3] for each in await history(site, kept)] == [
        (key(stays), True, "bad seeing"),
        (key(single), True, "bad seeing"),
    ]
    assert await history(site, gone) == []
    assert await in_use(admin, kept) == []
