"""Where no hook is installed, none is asked for; and what writes nothing is announced to nobody."""

from __future__ import annotations

from tests.support.people import Person
from tests.support.site import Site

CREATE = """mutation ($input: CreateReducedDataInput!) {
  createReducedData(input: $input) { created rejected errors { code } } }"""


async def test_an_upload_and_rows_make_no_job_of_a_hook(site: Site, admin: Person) -> None:
    target = await admin.create_target("unwatched")
    await admin.client.upload(target, "a.txt", b"a", process=False)
    rows = [{"mjd": 60000.0, "mag": 20.0, "magerr": 0.1, "filter": "ztfr"}]
    made = await admin.client.query(CREATE, input={"target": target, "dataType": "photometry", "rows": rows})
    assert made["createReducedData"] == {"created": 1, "rejected": 0, "errors": []}
    assert await site.rt.reads.fetchval("select count(*) from jobs") == 0


async def test_all_or_nothing_announces_nothing_when_a_row_is_bad(site: Site, admin: Person) -> None:
    target = await admin.create_target("all or nothing")
    rows = [{"mjd": 60000.0, "mag": 20.0, "magerr": 0.1, "filter": "ztfr"}, {"mag": 1.0}]
    before = await site.rt.reads.fetchval("select count(*) from events")
    given = {"target": target, "dataType": "photometry", "rows": rows, "allOrNothing": True}
    made = await admin.client.query(CREATE, input=given)
    assert made["createReducedData"] == {"created": 0, "rejected": 1, "errors": []}
    assert await site.rt.reads.fetchval("select count(*) from events") == before
    assert await site.rt.reads.fetchval("select count(*) from reduced_data where target_id = $1", int(target[1:])) == 0
