"""`previewDataProduct`: what an upload would do, told before anything is stored; and that nothing is."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.jobs import ended_job
from tests.support.people import Person, make_person
from tests.support.previews import PREVIEW, REFUSED, counts_of, holdings, preview
from tests.support.site import Site, running_site, running_worker, until
from tomgql.services import accounts
from tomgql.services.previews import preview_product
from tomgql.services.products import NewProduct
from tomgql.settings import Settings

DATA = Path(__file__).parents[1] / "data"
CONTENT = b"mjd,mag,magerr,filter,seeing\n59000.5,18.1,0.1,ztfr,1.2\n59001.5,clouds,0.1,ztfr,\n59002.5,18.3,,ztfg,2.0\n"
JOB = "query ($id: ID!) { job(id: $id) { state message result error { code message } dataProduct { notes {"
JOB += " level code message row count } } } }"
PROCESS = "mutation ($i: ProcessDataProductInput!) { processDataProduct(input: $i) { job { id kind }"
PROCESS += " errors { code } } }"
SPECTRUM = b"wavelength(nm) flux err\n500.0 1.5 0.1\n501.0 nan 0.1\n502.0 2.5 0.1\n"


@pytest.fixture(scope="module", autouse=True)
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Temporary files of this process lie apart from those of others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("temporary")))
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sender(site: Site) -> Person:
    return await make_person(site, "sender")


@pytest_asyncio.fixture
async def target(sender: Person, request: pytest.FixtureRequest) -> str:
    return await sender.create_target(request.node.name)


@pytest_asyncio.fixture
async def unchanged(site: Site, sender: Person, target: str) -> AsyncIterator[None]:
    """What the site holds is the same when the test ends."""
    before = await holdings(site)
    yield
    assert await holdings(site) == before


async def uploaded(site: Site, person: Person, target: str, name: str, content: bytes, **given: Any) -> dict[str, Any]:
    """The ended job of an upload, with the product's id."""
    payload = await person.client.upload(target, name, content, **given)
    assert payload["errors"] == []
    with running_worker(site.settings):
        return {**await ended_job(person.client, JOB, payload["job"]["id"]), "product": payload["dataProduct"]["id"]}


@pytest.mark.usefixtures("unchanged")
class TestNothingIsStored:
    async def test_columns_rows_and_counts(self, sender: Person, target: str) -> None:
        found = await preview(sender.client, target, "lc.csv", CONTENT)
        assert (found["processor"], found["version"], found["format"]) == ("photometry", "1", "delimited text")
        assert found["columns"] == [
            {"name": "mjd", "meaning": "time", "unit": "MJD UTC", "derived": False},
            {"name": "mag", "meaning": "magnitude", "unit": "mag (AB)", "derived": False},
            {"name": "magerr", "meaning": "magnitude_error", "unit": "mag", "derived": False},
            {"name": "filter", "meaning": "band", "unit": None, "derived": False},
            {"name": "seeing", "meaning": None, "unit": None, "derived": False},
        ]
        assert counts_of(found) == {"created": 2, "revised": 0, "unchanged": 0, "rejected": 1, "withdrawn": 0}
        assert [row["mjd"] for row in found["rows"]] == [59000.5, 59002.5]
        assert found["rows"][0]["flux_ujy"] == pytest.approx(10 ** ((23.9 - 18.1) / 2.5))
        assert found["rows"][1]["flux_error_ujy"] is None
        assert found["rows"][1]["reported"] == {
            "mjd": 59002.5,
            "mag": 18.3,
            "magerr": None,
            "filter": "ztfg",
            "seeing": 2.0,
        }
        assert {note["code"]: note["count"] for note in found["notes"]}["rejected_rows"] == 1
        assert found["errors"] == []

    async def test_text_in_another_encoding(self, sender: Person, target: str) -> None:
        text = "mjd,mag,magerr,filter,observer\n59000.5,18.1,0.1,ztfr,Smith\n59001.5,18.2,0.1,ztfr,Max M\u00fcller\n"
        words = 'first "M\u00fcller" in line 3; save it as UTF-8 if that looks wrong'
        note = {
            "level": "INFO", "code": "ENCODING_ASSUMED", "row": None, "count": 1,
            "message": f"the file is not UTF-8 and was read as Latin-1: {words}",
        }  # fmt: skip
        for encoding, notes in (("latin-1", [note]), ("utf-8", [])):
            found = await preview(sender.client, target, "lc.csv", text.encode(encoding))
            assert found["rows"][1]["reported"]["observer"] == "Max M\u00fcller"
            assert [each for each in found["notes"] if "ENCODING" in each["code"]] == notes

    async def test_at_most_twenty_rows(self, sender: Person, target: str) -> None:
        content = (DATA / "phot_flux_zp_ZTF21aaqjmps.csv").read_bytes()
        found = await preview(sender.client, target, "lc.csv", content)
        assert (len(found["rows"]), found["created"]) == (20, 174)
        units = {use["name"]: (use["meaning"], use["unit"]) for use in found["columns"]}
        assert (units["flux"], units["zp"]) == (("flux", "zero point 23.9"), ("zero_point", "mag"))

    async def test_a_spectrum(self, sender: Person, target: str) -> None:
        given = {"dataProductType": "spectroscopy", "options": {"time": "2020-05-31T12:00:00"}}
        found = await preview(sender.client, target, "spectrum.txt", SPECTRUM, **given)
        assert (found["errors"], found["processor"], found["created"]) == ([], "spectra_text", 1)
        assert [(use["name"], use["meaning"], use["unit"]) for use in found["columns"]] == [
            ("wavelength(nm)", "wavelength", "nm"), ("flux", "flux", "unknown"), ("err", "flux_error", "unknown"),
        ]  # fmt: skip
        assert found["rows"][0]["wavelength_angstrom"] == [5000.0, 5010.0, 5020.0]
        assert found["rows"][0]["flux_values"] == [1.5, None, 2.5]

    async def test_positions(self, sender: Person, target: str) -> None:
        content = (DATA / "ades_2023MQ5.psv").read_bytes()
        found = await preview(sender.client, target, "positions.psv", content, dataProductType="astrometry")
        assert (found["errors"], found["processor"]) == ([], "ades")
        uses = {use["name"]: (use["meaning"], use["unit"], use["derived"]) for use in found["columns"]}
        assert (uses["rmsRA"], uses["obsTime"]) == (("ra_error", "arcsec", False), (None, None, False))
        assert uses["time of the observation"] == ("time", "ISO UTC", True)
        assert uses["declination"] == ("dec", "deg, or sexagesimal", True)
        assert all(-90 <= row["dec_deg"] <= 90 and row["data_type"] == "astrometry" for row in found["rows"])
        assert found["created"] >= len(found["rows"]) > 0

    async def test_a_type_that_no_processor_reads(self, sender: Person, target: str) -> None:
        for given in ({"dataProductType": "image_file"}, {"process": False}):
            found = await preview(sender.client, target, "image.png", b"no image", **given)
            assert {**found, "notes": []} == {**REFUSED, "errors": []}
            assert [note["code"] for note in found["notes"]] == ["not_read"]

    async def test_refusals(self, sender: Person, target: str) -> None:
        cases: list[tuple[dict[str, Any], str, list[str] | None]] = [
            ({"processor": "nobody"}, "UNKNOWN_PLUGIN", None),
            ({"dataProductType": "nothing"}, "INVALID_INPUT", ["input", "dataProductType"]),
            ({"groups": ["pg999999"]}, "NOT_FOUND", ["input", "groups"]),
            ({"observation": "o999999"}, "NOT_FOUND", ["input", "observation"]),
            ({"options": {"mapping": {"time": "nowhere"}}}, "INVALID_INPUT", ["options", "mapping", "time"]),
        ]
        for given, code, path in cases:
            found = await preview(sender.client, target, "lc.csv", CONTENT, **given)
            assert [(error["code"], error["path"]) for error in found["errors"]] == [(code, path)]
            assert {**found, "errors": []} == {**REFUSED, "errors": []}

    async def test_only_who_may_change_the_target(self, site: Site, sender: Person, target: str) -> None:
        answer = await site.client().send_file(PREVIEW, "lc.csv", CONTENT, target=target)
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["NOT_AUTHENTICATED"]
        missing = await preview(sender.client, "t999999", "lc.csv", CONTENT)
        assert [error["code"] for error in missing["errors"]] == ["NOT_FOUND"]


async def test_strangers_and_viewers_are_refused(site: Site, sender: Person, target: str) -> None:
    stranger, viewer = await make_person(site, "stranger"), await make_person(site, "viewer")
    grant = "mutation ($i: GrantTargetAccessInput!) { grantTargetAccess(input: $i) { errors { code } } }"
    rights = {"target": target, "user": viewer.id, "permissions": ["VIEW"]}
    assert (await sender.client.query(grant, i=rights))["grantTargetAccess"] == {"errors": []}
    before = await holdings(site)
    codes = []
    for person in (stranger, viewer):
        found = await preview(person.client, target, "lc.csv", CONTENT)
        codes += [error["code"] for error in found["errors"]]
        assert {**found, "errors": []} == {**REFUSED, "errors": []}
    assert codes == ["NOT_FOUND", "NOT_ALLOWED"]
    assert await holdings(site) == before


async def test_a_file_too_large_to_preview(site: Site, sender: Person, target: str) -> None:
    before = await holdings(site)
    content = CONTENT + b" " * site.settings.max_preview_bytes
    found = await preview(sender.client, target, "lc.csv", content)
    assert [(error["code"], error["path"]) for error in found["errors"]] == [("TOO_LARGE", ["input", "file"])]
    assert await holdings(site) == before


async def test_it_tells_what_the_upload_then_does(site: Site, sender: Person, target: str) -> None:
    first = await preview(sender.client, target, "lc.csv", CONTENT)
    job = await uploaded(site, sender, target, "lc.csv", CONTENT)
    assert counts_of(job["result"]) == counts_of(first)
    assert job["dataProduct"]["notes"] == first["notes"]
    changed = CONTENT.replace(b"18.3", b"18.4") + b"59003.5,18.5,0.1,ztfg,1.0\n"
    second = await preview(sender.client, target, "lc2.csv", changed)
    assert counts_of(second) == {"created": 1, "revised": 1, "unchanged": 1, "rejected": 1, "withdrawn": 0}
    assert counts_of((await uploaded(site, sender, target, "lc2.csv", changed))["result"]) == counts_of(second)


async def test_the_same_file_with_other_options_withdraws(site: Site, sender: Person, target: str) -> None:
    await uploaded(site, sender, target, "lc.csv", CONTENT)
    options = {"time_format": "mjd", "time_scale": "tai"}
    found = await preview(sender.client, target, "lc.csv", CONTENT, options=options)
    assert counts_of(found) == {"created": 2, "revised": 0, "unchanged": 0, "rejected": 1, "withdrawn": 2}
    job = await uploaded(site, sender, target, "lc.csv", CONTENT, options=options)
    assert counts_of(job["result"]) == counts_of(found)


async def test_an_unreadable_file_has_the_error_of_its_job(site: Site, sender: Person, target: str) -> None:
    before = await holdings(site)
    content = b"wavelength,counts\n1,2\n3,4\n"
    found = await preview(sender.client, target, "bad.csv", content)
    assert await holdings(site) == before
    job = await uploaded(site, sender, target, "bad.csv", content)
    assert [{"code": error["code"], "message": error["message"]} for error in found["errors"]] == [job["error"]]
    assert job["error"]["code"] == "UNREADABLE_FILE"


class TestDryRun:
    async def test_a_job_reports_and_changes_nothing(self, site: Site, sender: Person, target: str) -> None:
        product = (await uploaded(site, sender, target, "lc.csv", CONTENT))["product"]
        kept = ("reduced_data", "reduced_data_revisions", "data_products", "stored")
        before = await holdings(site)
        given = {"dataProduct": product, "dryRun": True, "options": {"time_scale": "tai"}}
        asked = (await sender.client.query(PROCESS, i=given))["processDataProduct"]
        assert (asked["errors"], asked["job"]["kind"]) == ([], "preview_data_product")
        again = (await sender.client.query(PROCESS, i=given))["processDataProduct"]
        assert again["errors"] == [{"code": "CONFLICT"}]
        with running_worker(site.settings):
            job = await ended_job(sender.client, JOB, asked["job"]["id"])
        found = await preview(sender.client, target, "lc.csv", CONTENT, options={"time_scale": "tai"})
        assert job["state"] == "SUCCEEDED"
        assert job["message"] == "There would be: 2 created, 1 rejected. Nothing was stored."
        assert counts_of(job["result"]) == {"created": 2, "revised": 0, "unchanged": 0, "rejected": 1, "withdrawn": 2}
        assert job["result"] == {name: value for name, value in found.items() if name != "errors"}
        after = await holdings(site)
        assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
        query = "query ($id: ID!) { dataProduct(id: $id) { processing { kind } } }"
        processing = (await sender.client.query(query, id=product))["dataProduct"]["processing"]
        assert processing == {"kind": "process_data_product"}

    async def test_a_waiting_dry_run_does_not_keep_the_file_from_being_read(self, sender: Person, target: str) -> None:
        product = (await sender.client.upload(target, "lc.csv", CONTENT, process=False))["dataProduct"]["id"]
        dry = (await sender.client.query(PROCESS, i={"dataProduct": product, "dryRun": True}))["processDataProduct"]
        real = (await sender.client.query(PROCESS, i={"dataProduct": product}))["processDataProduct"]
        assert (dry["errors"], real["errors"]) == ([], [])
        assert real["job"]["kind"] == "process_data_product"


class TestLimits:
    async def test_a_preview_that_takes_too_long(self, settings: Settings, sender: Person, target: str) -> None:
        async with running_site(settings.model_copy(update={"preview_timeout_s": 0.001})) as hasty:
            client = hasty.client(sender.client.token)
            before = await holdings(hasty)
            found = await preview(client, target, "lc.csv", CONTENT)
            assert [error["code"] for error in found["errors"]] == ["PROCESSING_LIMIT"]
            assert found["errors"][0]["message"].startswith("lc.csv: the preview took longer than 0.001 seconds.")
            assert await holdings(hasty) == before

    async def test_few_at_a_time(self, settings: Settings, sender: Person, target: str) -> None:
        hasty = settings.model_copy(update={"preview_timeout_s": 1.0, "max_previews": 1})
        async with running_site(hasty) as busy, busy.rt.previews.turns:
            client = busy.client(sender.client.token)
            answer = await client.send_file(PREVIEW, "lc.csv", CONTENT, target=target)
        assert answer["data"] is None
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAVAILABLE"]

    async def test_they_take_turns(self, settings: Settings, sender: Person, target: str) -> None:
        async with running_site(settings.model_copy(update={"max_previews": 1})) as busy:
            client = busy.client(sender.client.token)
            found = await asyncio.gather(*(preview(client, target, "lc.csv", b"bad") for _ in range(3)))
            codes = [error["code"] for each in found for error in each["errors"]]
            assert codes == ["UNREADABLE_FILE"] * 3
            assert not busy.rt.previews.turns.locked()
            assert not list(Path(tempfile.gettempdir()).iterdir())

    async def test_who_gives_up_ends_the_child(self, settings: Settings, sender: Person, target: str) -> None:
        async with running_site(settings) as site:
            actor = await accounts.principal_of_user(site.rt, int(sender.id[1:]))
            new = NewProduct(int(target[1:]), "lc.csv", processor="photometry")
            before = await holdings(site)
            work = asyncio.create_task(preview_product(site.rt, actor, new, _large()))
            child = await until(30, lambda: _child_of(site))
            work.cancel()
            with pytest.raises(asyncio.CancelledError):
                await work
            await until(5, lambda: _gone(child))
            assert await holdings(site) == before
            assert not site.rt.previews.turns.locked()


async def _large() -> AsyncIterator[bytes]:
    """Some seconds' work."""
    yield b"mjd,mag,magerr,filter\n"
    for number in range(300):
        yield b"".join(b"%d.%04d,18.1,0.1,ztfr\n" % (50000 + number, row) for row in range(2000))


async def _child_of(site: Site) -> int | None:
    """The process that reads a file just now."""
    nursery = site.rt.previews.sandbox._nursery
    if nursery is None:
        return None
    children = Path(f"/proc/{nursery._process.pid}/task/{nursery._process.pid}/children").read_text().split()
    return int(children[0]) if children else None


async def _gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()
