"""Keys and global ids of new data: drawn in the order of time, and of nothing but installation, target and identity."""

from __future__ import annotations

from hashlib import sha256
from uuid import UUID

from tests.support.people import Person
from tests.support.site import Site

CREATE = """mutation ($i: CreateReducedDataInput!) {
  createReducedData(input: $i) { created ids rows { outcome id } errors { code } } }"""
READ = "query ($t: ID!) { reducedData(where: {target: $t}) { totalCount nodes { globalId } } }"
ROWS = [{"mjd": mjd, "mag": 18.0, "magerr": 0.1, "filter": "ztfr"} for mjd in (60003.0, 60001.0, 60002.0)]


def expected(instance_id: str, target_key: int, identity: UUID) -> str:
    """A UUID of version 8 from the first half of a SHA-256."""
    digits = sha256(f"{instance_id}{target_key}{identity}".encode()).hexdigest()[:32]
    return str(UUID(f"{digits[:12]}8{digits[13:16]}a{digits[17:]}"))


async def test_a_global_id_is_the_same_for_ever(site: Site, admin: Person) -> None:
    target = await admin.create_target("global ids")
    await admin.client.query(CREATE, i={"target": target, "dataType": "photometry", "rows": ROWS})
    key = int(target.removeprefix("t"))
    stored = await site.rt.reads.fetch("select identity from reduced_data where target_id = $1", key)
    nodes = (await admin.client.query(READ, t=target))["reducedData"]["nodes"]
    assert len(nodes) == 3
    assert {node["globalId"] for node in nodes} == {expected(site.rt.instance_id, key, row[0]) for row in stored}


async def test_keys_are_in_the_order_of_time(site: Site, admin: Person) -> None:
    target = await admin.create_target("keys")
    made = await admin.client.query(CREATE, i={"target": target, "dataType": "photometry", "rows": ROWS})
    key = int(target.removeprefix("t"))
    stored = await site.rt.reads.fetch("select id, mjd from reduced_data where target_id = $1 order by id", key)
    assert [row["mjd"] for row in stored] == [60001.0, 60002.0, 60003.0]
    in_file = sorted(stored, key=lambda row: [60003.0, 60001.0, 60002.0].index(row["mjd"]))
    assert made["createReducedData"]["ids"] == [f"d{key}-{row['id']}" for row in in_file]


async def test_a_rehearsal_names_no_keys(admin: Person) -> None:
    target = await admin.create_target("rehearsal")
    given = {"target": target, "dataType": "photometry", "rows": ROWS, "dryRun": True}
    made = (await admin.client.query(CREATE, i=given))["createReducedData"]
    assert (made["created"], made["ids"]) == (3, [])
    assert made["rows"] == [{"outcome": "CREATED", "id": None}] * 3
    assert (await admin.client.query(READ, t=target))["reducedData"] == {"totalCount": 0, "nodes": []}
