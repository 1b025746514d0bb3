"""The main job: upload a light curve, be told, read it back; and what becomes of bad files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.people import Person, make_person
from tests.support.site import Site, running_worker, until
from tomgql.settings import Settings

DATA = Path(__file__).parents[1] / "data"

JOB = "query ($id: ID!) { job(id: $id) { state progress message attempts result error { code message retryable } } }"

EVENTS = """
subscription ($after: Cursor, $where: ReducedDatumWhere) {
  reducedData(after: $after, where: $where) {
    cursor change count target { name } dataProduct { fileName } data { id mjd ... on PhotometryDatum { band flux } }
  }
}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def observer(site: Site) -> Person:
    return await make_person(site, "observer")


@pytest.fixture(scope="module")
def worker(settings: Settings, site: Site) -> Any:
    with running_worker(settings) as child:
        yield child


async def finished(person: Person, job_id: str) -> dict[str, Any]:
    async def ended() -> Any:
        job = (await person.client.query(JOB, id=job_id))["job"]
        return job if job["state"] in ("SUCCEEDED", "FAILED", "CANCELLED") else None

    job: dict[str, Any] = await until(30, ended)
    return job


@pytest.mark.usefixtures("worker")
class TestUpload:
    async def test_a_subscriber_is_told_while_a_light_curve_comes_in(self, observer: Person) -> None:
        target = await observer.create_target("AT 2021 journey")
        async with observer.client.subscribe(EVENTS, where={"target": target}) as events:
            await asyncio.sleep(0.3)
            payload = await observer.client.upload(target, "lc.csv", (DATA / "phot_mag_limits_16fil.csv").read_bytes())
            assert payload["errors"] == []
            event = (await asyncio.wait_for(events.next(), 30))["reducedData"]
        assert (event["change"], event["count"]) == ("CREATED", 59)
        assert event["target"] == {"name": "AT 2021 journey"}
        assert event["dataProduct"] == {"fileName": "lc.csv"}
        assert len(event["data"]) == 59

        job = await finished(observer, payload["job"]["id"])
        assert (job["state"], job["progress"], job["error"]) == ("SUCCEEDED", 1.0, None)
        assert job["result"]["created"] == 59

        curve = "query ($id: ID!) { target(id: $id) { lightCurve { count mjd band magnitude isDetection limit } } }"
        found = (await observer.client.query(curve, id=target))["target"]["lightCurve"]
        assert found["count"] == 59
        assert {len(found[name]) for name in ("mjd", "band", "magnitude", "isDetection", "limit")} == {59}
        assert found["mjd"][0] == 57605.8874
        assert found["mjd"] == sorted(found["mjd"])
        assert found["magnitude"][0] == pytest.approx(20.52, abs=1e-9)

    async def test_the_same_file_again_changes_nothing(self, observer: Person) -> None:
        target = await observer.create_target("AT 2021 twice")
        content = (DATA / "phot_flux_zp_ZTF21aaqjmps.csv").read_bytes()
        first = await observer.client.upload(target, "flux.csv", content)
        assert (await finished(observer, first["job"]["id"]))["result"]["created"] == 174
        again = await observer.client.upload(target, "renamed.txt", content)
        assert again["alreadyExists"] is True
        assert (again["dataProduct"], again["job"]["id"]) == (first["dataProduct"], first["job"]["id"])
        again = await observer.client.upload(target, "renamed.txt", content + b"\n")  # another file of the same rows
        result = (await finished(observer, again["job"]["id"]))["result"]
        assert (result["created"], result["revised"], result["unchanged"]) == (0, 0, 174)

    async def test_other_content_is_a_revision_and_the_old_one_is_kept(self, observer: Person, site: Site) -> None:
        target = await observer.create_target("AT 2021 revised")
        for magnitude in ("20.1", "20.3"):
            content = f"mjd,mag,magerr,filter\n59000.5,{magnitude},0.1,ztfr\n".encode()
            payload = await observer.client.upload(target, "lc.csv", content)
            await finished(observer, payload["job"]["id"])
        query = (
            "query ($t: ID!) { reducedData(where: {target: $t}) { nodes { revision"
            " ... on PhotometryDatum { magnitude } } } }"
        )
        nodes = (await observer.client.query(query, t=target))["reducedData"]["nodes"]
        assert [node["revision"] for node in nodes] == [2]
        assert nodes[0]["magnitude"] == pytest.approx(20.3, abs=1e-9)
        kept = await site.rt.reads.fetchval(
            "select record->>'reported_magnitude' from reduced_data_revisions where target_id = $1", int(target[1:])
        )
        assert float(kept) == 20.1

    async def test_a_bad_file_fails_with_words_and_stays(self, observer: Person) -> None:
        target = await observer.create_target("AT 2021 bad")
        payload = await observer.client.upload(target, "bad.csv", b"wavelength,counts\n1,2\n3,4\n")
        job = await finished(observer, payload["job"]["id"])
        assert job["state"] == "FAILED"
        assert job["error"]["code"] == "UNREADABLE_FILE"
        assert "bad.csv" in job["error"]["message"]
        assert "wavelength, counts" in job["error"]["message"]
        product = payload["dataProduct"]["id"]
        query = "query ($id: ID!) { dataProduct(id: $id) { url notes { level message } processing { state } } }"
        kept = (await observer.client.query(query, id=product))["dataProduct"]
        assert kept["processing"] == {"state": "FAILED"}
        assert [note["level"] for note in kept["notes"]] == ["ERROR"]
        download = await observer.client.get(kept["url"])
        assert download.content == b"wavelength,counts\n1,2\n3,4\n"

    async def test_a_header_gone_wrong_is_told_in_few_words(self, observer: Person) -> None:
        target = await observer.create_target("AT 2021 wide")
        names = [f"c{number}" for number in range(1, 2_002)]
        content = ",".join(["n" * 5_000, *names]) + "\n" + "1," * 2_001 + "1\n"
        payload = await observer.client.upload(target, "wide.csv", content.encode())
        job = await finished(observer, payload["job"]["id"])
        assert job["error"]["code"] == "UNREADABLE_FILE"
        shown = ", ".join(["n" * 97 + "...", *names[:29]])
        assert f"Columns found: {shown}, and 1972 more. Expected one of" in job["error"]["message"]
        query = "query ($id: ID!) { dataProduct(id: $id) { notes { message } } }"
        (note,) = (await observer.client.query(query, id=payload["dataProduct"]["id"]))["dataProduct"]["notes"]
        assert note["message"] == job["error"]["message"]

    async def test_no_message_is_longer_than_4000_characters(self, observer: Person) -> None:
        target = await observer.create_target("AT 2021 long")
        content = f"mjd,mag,magerr,filter\n59000.5,{'x' * 90_000},0.1,ztfr\n59001.5,20.1,0.1,ztfr\n"
        payload = await observer.client.upload(target, "long.csv", content.encode())
        job = await finished(observer, payload["job"]["id"])
        assert (job["state"], job["result"]["rejected"]) == ("SUCCEEDED", 1)
        query = "query ($id: ID!) { dataProduct(id: $id) { notes { code message } } }"
        notes = (await observer.client.query(query, id=payload["dataProduct"]["id"]))["dataProduct"]["notes"]
        (rejected,) = [note["message"] for note in notes if note["code"] == "rejected_rows"]
        assert (len(rejected), rejected[:14], rejected[-4:]) == (4_000, "1 row was not ", "x...")
        payload = await observer.client.upload(target, "wrong.csv", content[:90_000].encode())
        job = await finished(observer, payload["job"]["id"])
        assert (job["state"], len(job["error"]["message"])) == ("FAILED", 4_000)

    async def test_bad_rows_are_noted_and_good_rows_kept(self, observer: Person) -> None:
        target = await observer.create_target("AT 2021 mixed")
        content = b"mjd,mag,magerr,filter\n59000.5,20.1,0.1,ztfr\n59001.5,clouds,0.1,ztfr\n59002.5,20.2,0.1,ztfr\n"
        payload = await observer.client.upload(target, "mixed.csv", content)
        job = await finished(observer, payload["job"]["id"])
        assert (job["result"]["created"], job["result"]["rejected"]) == (2, 1)
        query = "query ($id: ID!) { dataProduct(id: $id) { notes { code message row count } } }"
        notes = (await observer.client.query(query, id=payload["dataProduct"]["id"]))["dataProduct"]["notes"]
        rejected = next(note for note in notes if note["code"] == "rejected_rows")
        assert (rejected["row"], rejected["count"]) == (2, 1)
        assert "clouds" in rejected["message"]

    async def test_job_events_tell_every_state(self, observer: Person) -> None:
        target = await observer.create_target("AT 2021 states")
        stream = "subscription ($t: ID!) { jobs(where: {target: $t}) { cursor job { id state progress } } }"
        async with observer.client.subscribe(stream, t=target) as events:
            await asyncio.sleep(0.3)
            payload = await observer.client.upload(target, "lc.csv", b"mjd,mag,magerr,filter\n59000.5,20.1,0.1,ztfr\n")
            states = []
            while not states or states[-1] != "SUCCEEDED":
                event = (await asyncio.wait_for(events.next(), 30))["jobs"]
                assert event["job"]["id"] == payload["job"]["id"]
                states.append(event["job"]["state"])
        assert states[-1] == "SUCCEEDED"
        assert set(states) <= {"QUEUED", "RUNNING", "SUCCEEDED"}

    async def test_after_replays_what_was_missed_without_gap_or_repeat(self, observer: Person) -> None:
        target = await observer.create_target("AT 2021 replay")
        start = (await observer.client.query("{ server { latestCursor } }"))["server"]["latestCursor"]
        for day in range(3):
            payload = await observer.client.upload(
                target, "lc.csv", f"mjd,mag,magerr,filter\n{59000.5 + day},20.1,0.1,ztfr\n".encode()
            )
            await finished(observer, payload["job"]["id"])
        seen: list[float] = []
        cursor = start
        for _ in range(3):  # a new connection for every event
            async with observer.client.subscribe(EVENTS, after=cursor, where={"target": target}) as events:
                event = (await asyncio.wait_for(events.next(), 10))["reducedData"]
                seen += [datum["mjd"] for datum in event["data"]]
                assert event["cursor"] > cursor
                cursor = event["cursor"]
        assert seen == [59000.5, 59001.5, 59002.5]

    async def test_a_file_read_again_with_other_options_leaves_no_wrong_data(self, observer: Person) -> None:
        target = await observer.create_target("AT 2021 corrected")
        content = b"day,mag,err,filter\n47003.5,11.7,0.1,ztfr\n47010.5,11.6,0.1,ztfr\n"
        options = {"mapping": {"time": "day"}, "time_format": "mjd"}
        first = await observer.client.upload(target, "t.csv", content, options=options)
        assert (await finished(observer, first["job"]["id"]))["result"]["created"] == 2
        again = (
            "mutation ($p: ID!, $o: JSON) {processDataProduct(input: {dataProduct: $p, options: $o})"
            " {job {id} errors {message}}}"
        )

        async def read_as(time_format: str) -> tuple[dict[str, Any], list[float]]:
            wanted = {**options, "time_format": time_format}
            payload = await observer.client.query(again, p=first["dataProduct"]["id"], o=wanted)
            job = await finished(observer, payload["processDataProduct"]["job"]["id"])
            curve = "query ($t: ID!) {target(id: $t) {lightCurve {mjd}}}"
            found = await observer.client.query(curve, t=target)
            return job["result"], found["target"]["lightCurve"]["mjd"]

        result, times = await read_as("jd-2400000")
        assert (result["created"], result["withdrawn"]) == (2, 2)
        assert times == [47003.0, 47010.0]
        result, times = await read_as("mjd")
        assert (result["created"], result["unchanged"], result["withdrawn"]) == (0, 2, 2)
        assert times == [47003.5, 47010.5]
