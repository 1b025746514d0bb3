"""Gaia's alerts and epoch photometry through the public door; answers by documentation and clients, none recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.gaia_double import DATA, TAP, GaiaDouble, packed
from tests.support.survey_doubles import BadDay, once, playing, refused_survey
from tests.support.survey_sites import SCOPE, Asking, asking
from tests.unit.processors.test_light_curves_documented import ALERT, BY_BAND, SOURCE
from tomgql.settings import Settings

PLACE = {"raDeg": 243.3, "decDeg": -51.5}


@pytest_asyncio.fixture(**SCOPE)
async def gaia() -> AsyncIterator[Any]:
    async with playing(GaiaDouble()) as double:
        yield double


@pytest_asyncio.fixture(**SCOPE)
async def sky(settings: Settings, gaia: GaiaDouble) -> AsyncIterator[Asking]:
    async with asking(settings, gaia, "gaia_alerts", also=("gaia_epochs",)) as running:
        yield running


class TestAlerts:
    async def test_an_alert_becomes_data(self, sky: Asking, gaia: GaiaDouble) -> None:
        target = await sky.target("gaia 14ADI")
        job = await sky.ask(target, "gaia_alerts")
        assert (job["state"], job["message"]) == ("SUCCEEDED", "4 rows of Gaia14adi.")
        (product,), (first, second) = await sky.found(target, 2)
        assert product["fileName"] == "gaia_alerts_gaia_14ADI_Gaia14adi.csv"
        told = [note["message"] for note in product["notes"] if note["code"] == "QUALITY_CUT"]
        assert told == ["1 row that Gaia calls untrusted; left out"]
        # TT - UTC was 67.184 s, and TCB - TDB 18.38 s: 1.550519768e-8 of the days since 1977
        assert first["mjd"] == pytest.approx(56956.57871 - 85.69 / 86400, abs=1e-7)
        assert (first["band"], first["sourceName"]) == ("gaia::g", "Gaia alerts")
        assert (first["value"]["averagemag"], first["value"]["JD(TCB)"]) == (18.23, 2456957.07871)
        assert first["magnitudeError"] == pytest.approx(10 ** (0.26 * 18.23 - 6.26), rel=1e-3)
        assert first["magnitude"] == pytest.approx(18.23 + 0.114, abs=1e-6)  # AB
        assert second["magnitudeError"] == pytest.approx(10 ** (0.2 * 13.5 - 5.2), rel=1e-3)

    async def test_the_same_again_adds_nothing_and_changes_come_in(self, sky: Asking, gaia: GaiaDouble) -> None:
        target = await sky.target("another name of it")
        first = await sky.ask(target, "gaia_alerts", alert="Gaia14adi")
        await sky.found(target, 2)
        second = await sky.ask(target, "gaia_alerts", alert="Gaia14adi")
        assert first["result"]["dataProducts"] == second["result"]["dataProducts"]
        rows = (ALERT.replace(",18.23", ",18.24") + "2014-12-30 01:00:00,2457021.54167,14.0\n").splitlines()
        gaia.alert = "\n".join([rows[0], f"{rows[1]},newest", *(f"{row},7" for row in rows[2:])])
        await sky.ask(target, "gaia_alerts", alert="Gaia14adi")
        _, data = await sky.found(target, 3)
        assert data[0]["magnitude"] == pytest.approx(18.24 + 0.114, abs=1e-6)
        assert (data[2]["value"]["averagemag"], data[2]["value"]["newest"]) == (14.0, 7)

    @pytest.mark.parametrize("body", ["", "Gaia14adi\n#Date,JD(TCB),averagemag.\n"])
    async def test_nothing_there_is_a_success(self, sky: Asking, gaia: GaiaDouble, body: str) -> None:
        target = await sky.target(f"empty {len(body)}")
        gaia.alert = body
        job = await sky.ask(target, "gaia_alerts", alert="Gaia14adi")
        assert (job["state"], job["message"]) == ("SUCCEEDED", "Gaia has no light curve of Gaia14adi.")
        assert await sky.found(target, 0) == ([], [])

    async def test_nothing_measured_is_an_empty_light_curve(self, sky: Asking, gaia: GaiaDouble) -> None:
        target = await sky.target("never trusted")
        gaia.alert = "Gaia14adi\n#Date,JD(TCB),averagemag.\n2014-08-16 04:52:01,2456885.70279,null\n"
        await sky.ask(target, "gaia_alerts", alert="Gaia14adi")
        (product,), _ = await sky.found(target, 0)
        assert product["processing"]["state"] == "SUCCEEDED"

    @pytest.mark.parametrize(
        ("bad_day", "words"),
        [
            (once("GET", "/alert", 404, "<html><title>404</title></html>"), "Gaia knows no alert Gaia14adi."),
            (once("GET", "/alert", 200, "<html><title>Alerts</title></html>"), '"Alerts"'),
            (once("GET", "/alert", 200, {"error": "x"}), 'The answer of Gaia is no light curve; it begins with "{'),
        ],
    )
    async def test_what_is_refused_fails_in_its_words(
        self, sky: Asking, gaia: GaiaDouble, bad_day: BadDay, words: str
    ) -> None:
        target = await sky.target(f"refused {words[:40]}")
        gaia.bad_days.append(bad_day)
        job = await sky.ask(target, "gaia_alerts", alert="Gaia14adi")
        assert (job["state"], job["error"]["code"]) == ("FAILED", "UPSTREAM_REFUSED")
        assert words in job["error"]["message"]
        assert await sky.found(target, 0) == ([], [])

    async def test_a_target_that_is_no_alert_is_refused(self, sky: Asking, gaia: GaiaDouble) -> None:
        target = await sky.target(f"Gaia DR2 {SOURCE}")
        error = await refused_survey(sky.observer.client, target, "gaia_alerts")
        assert error["message"].startswith("Gaia Science Alerts: none of the target's names is that of a Gaia alert")
        assert gaia.heard == []


class TestEpochs:
    async def test_the_nearest_source_becomes_data(self, sky: Asking, gaia: GaiaDouble) -> None:
        target = await sky.target("a cepheid", **PLACE, properMotionDecMasYr=10.0)
        job = await sky.ask(target, "gaia_epochs")
        assert (job["state"], job["message"]) == ("SUCCEEDED", f"3 rows of source {SOURCE}.")
        (product,), data = await sky.found(target, 4)
        assert product["fileName"] == f"gaia_epochs_a_cepheid_{SOURCE}.csv"
        assert [note["message"] for note in product["notes"] if note["code"] == "QUALITY_CUT"] == [
            "3 rows with rejected_by_photometry; left out", "1 row with rejected_by_variability; left out",
        ]  # fmt: skip
        assert [each["band"] for each in data] == ["gaia::g", "gaia::gbp", "gaia::grp", "gaia::grp"]
        green, blue = data[:2]
        assert green["flux"] == pytest.approx(1000.0 * 10 ** (0.4 * (23.9 - 25.8010)), rel=1e-6)
        assert green["magnitude"] == pytest.approx(25.8010 - 7.5, abs=1e-6)
        assert blue["flux"] == pytest.approx(-5.0 * 10 ** (0.4 * (23.9 - 25.3540)), rel=1e-6)
        assert blue["fluxError"] == pytest.approx(10.0 * 10 ** (0.4 * (23.9 - 25.3540)), rel=1e-6)
        assert blue["magnitude"] is None
        tap, fetched = gaia.heard
        assert f"CIRCLE('ICRS', 243.30000000, {-51.5 + 0.16 / 3600:.8f}, 0.00027778)" in tap.form["QUERY"]
        assert "SELECT TOP 100 " in tap.form["QUERY"]
        assert (fetched.params["ID"], fetched.params["RETRIEVAL_TYPE"]) == (f"Gaia DR3 {SOURCE}", "EPOCH_PHOTOMETRY")

    async def test_times_come_from_the_barycentre_in_tcb(self, sky: Asking, gaia: GaiaDouble) -> None:
        target = await sky.target("at the pole", raDeg=270.0, decDeg=66.56071)
        await sky.ask(target, "gaia_epochs", source_id=SOURCE)
        _, data = await sky.found(target, 4)
        # At the pole of the ecliptic light comes to the Earth and to the barycentre within 0.5 s or so of each other.
        assert data[0]["mjd"] == pytest.approx(55197.0 + 1731.5 - 85.69 / 86400, abs=3 / 86400)

    async def test_the_same_again_and_in_the_older_form_adds_nothing(self, sky: Asking, gaia: GaiaDouble) -> None:
        target = await sky.target(f"Gaia DR3 {SOURCE}", **PLACE)
        first = await sky.ask(target, "gaia_epochs")
        await sky.found(target, 4)
        second = await sky.ask(target, "gaia_epochs")
        assert first["result"]["dataProducts"] == second["result"]["dataProducts"]
        gaia.content = packed(old=BY_BAND)
        await sky.ask(target, "gaia_epochs")
        products, _ = await sky.found(target, 4)
        assert len(products) == 2
        assert gaia.counts("POST") == 0  # the name says which source it is

    async def test_rejected_rows_can_be_kept(self, sky: Asking, gaia: GaiaDouble) -> None:
        target = await sky.target("all of it", **PLACE)
        await sky.ask(target, "gaia_epochs", keep_rejected=True)
        await sky.found(target, 8)

    async def test_nothing_there_is_a_success(self, sky: Asking, gaia: GaiaDouble) -> None:
        target = await sky.target("constant", **PLACE)
        gaia.has_epochs = False
        job = await sky.ask(target, "gaia_epochs")
        words = f"Gaia DR3 has no epoch photometry of source {SOURCE}, 0.11 arcsec away."
        assert (job["state"], job["message"], gaia.counts("GET")) == ("SUCCEEDED", words, 0)
        for number, content in enumerate((b"", packed(), packed(empty=BY_BAND.splitlines()[0] + "\n"))):
            target = await sky.target(f"empty zip {number}", **PLACE)
            gaia.content = content
            job = await sky.ask(target, "gaia_epochs")
            words = f"Gaia DR3 has no epoch photometry of source {SOURCE}."
            assert (job["state"], job["message"]) == ("SUCCEEDED", words)
        target = await sky.target("nobody", raDeg=10.0, decDeg=10.0)
        job = await sky.ask(target, "gaia_epochs")
        assert (job["state"], job["message"]) == ("SUCCEEDED", "Gaia DR3 has no source within 1 arcsec.")
        assert await sky.found(target, 0) == ([], [])

    @pytest.mark.parametrize(
        ("bad_day", "words"),
        [
            (once("POST", TAP, 400, "<VOTABLE><INFO>Cannot parse query</INFO></VOTABLE>"), "HTTP 400: "),
            (once("POST", TAP, 200, {"metadata": [{"name": "ra"}], "data": [[1, 2]]}), "no table"),
            (once("POST", TAP, 200, "<html><title>Archive is down</title></html>"), '"Archive is down"'),
            (once("GET", DATA, 200, "ERROR: no such release"), 'is no whole zip: "ERROR: no such release".'),
            (once("GET", DATA, 200, "PK\x03\x04"), "is no whole zip: "),
            (once("GET", DATA, 200, "<html><title>Sign in</title></html>"), '"Sign in"'),
        ],
    )
    async def test_what_is_refused_fails_in_its_words(
        self, sky: Asking, gaia: GaiaDouble, bad_day: BadDay, words: str
    ) -> None:
        target = await sky.target(f"refused here {words[:40]}", **PLACE)
        gaia.bad_days.append(bad_day)
        job = await sky.ask(target, "gaia_epochs")
        assert (job["state"], job["error"]["code"]) == ("FAILED", "UPSTREAM_REFUSED")
        assert words in job["error"]["message"]
        assert await sky.found(target, 0) == ([], [])

    @pytest.mark.parametrize("number", [1, 21])
    async def test_zips_that_unfold_too_far_are_refused(self, sky: Asking, gaia: GaiaDouble, number: int) -> None:
        target = await sky.target(f"bomb {number}", **PLACE)
        gaia.content = packed(**{f"f{each}": "0" * (20_000_001 // number) for each in range(number)})
        job = await sky.ask(target, "gaia_epochs")
        assert job["error"]["message"].endswith("Gaia's zip holds more than 20 files or 20000000 bytes.")

    async def test_moving_targets_are_refused(self, sky: Asking, gaia: GaiaDouble) -> None:
        orbit = {"scheme": "MPC_COMET", "epochOfElementsMjd": 60200.0, "inclinationDeg": 1.0,
                 "ascendingNodeLongitudeDeg": 2.0, "perihelionArgumentDeg": 3.0, "eccentricity": 0.5,
                 "perihelionDistanceAu": 0.9, "perihelionEpochMjd": 60100.5}  # fmt: skip
        target = await sky.target("goes on", raDeg=None, decDeg=None, type="NON_SIDEREAL", orbit=orbit)
        error = await refused_survey(sky.observer.client, target, "gaia_epochs")
        assert error["message"] == "Gaia DR3 epoch photometry: it is asked by position, and the target moves."
        assert gaia.heard == []
