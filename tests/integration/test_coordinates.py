"""Coordinates of a target: the same in SQL, in Python and by astropy."""

from __future__ import annotations

import random

import pytest
import pytest_asyncio
from astropy import units as u
from astropy.coordinates import SkyCoord

from tests.support.people import Person
from tests.support.reads import Reads
from tests.support.site import Site
from tomgql.store.transaction import transaction

POSITIONS = 400
ASK = """{ targets(first: 500) { nodes { coordinates {
  raDeg decDeg raHms decDms galacticLDeg galacticBDeg constellation } } } }"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def reads(site: Site) -> Reads:
    chosen = random.Random(11)
    places = [(0.0, 90.0), (0.0, -90.0), (359.9999999, 0.0), (192.85948, 27.12825), (266.40499625, -28.93617242),
              (15.0, -0.0), (14.99999999999, -1e-9)]  # fmt: skip
    places += [(chosen.uniform(0, 360), chosen.uniform(-90, 90)) for _ in range(POSITIONS - len(places))]
    async with transaction(site.rt.writes) as tx:
        for n, (ra, dec) in enumerate(places):
            key = await tx.value(
                "insert into targets (name, type, access, ra_deg, dec_deg) values ($1, 'SIDEREAL', 'OPEN', $2, $3)"
                " returning id", f"p{n}", ra, dec,
            )  # fmt: skip
            await tx.execute(
                "insert into target_names (target_id, name, simplified, is_primary) values ($1, $2, $2, true)",
                key, f"p{n}",
            )  # fmt: skip
    return Reads(site)


async def test_coordinates_agree_with_astropy(reads: Reads) -> None:
    compiled = [node["coordinates"] for node in (await reads.data(ASK))["targets"]["nodes"]]
    slow = [node["coordinates"] for node in (await reads.data(ASK, slow=True))["targets"]["nodes"]]
    assert len(compiled) == POSITIONS
    sky = SkyCoord([each["raDeg"] for each in compiled], [each["decDeg"] for each in compiled], unit="deg")
    names = sky.get_constellation()
    ours = SkyCoord([each["galacticLDeg"] for each in compiled], [each["galacticBDeg"] for each in compiled],
                    unit="deg", frame="galactic")  # fmt: skip
    assert ours.separation(sky.galactic).max() < 0.1 * u.arcsec
    assert all(0 <= each["galacticLDeg"] < 360 for each in compiled)
    for each, other, name in zip(compiled, slow, names, strict=True):
        assert each["constellation"] == other["constellation"] == name.strip()
        assert (each["raHms"], each["decDms"]) == (other["raHms"], other["decDms"])
        back = SkyCoord(each["raHms"], each["decDms"], unit=("hourangle", "deg"))
        assert back.separation(SkyCoord(each["raDeg"], each["decDeg"], unit="deg")) < 0.01 * u.arcsec
    assert (compiled[5]["raHms"], compiled[5]["decDms"]) == ("01:00:00.000", "-00:00:00.00")
    assert (compiled[2]["raHms"], compiled[6]["raHms"]) == ("00:00:00.000", "01:00:00.000")


@pytest.mark.parametrize(("ra", "dec"), [(1e308, 91.0), (10.0, 90.01), (10.5, -90.01), (-0.01, 0.0), (360.1, 0.0)])
async def test_no_distance_to_a_point_that_is_none(admin: Person, ra: float, dec: float) -> None:
    target = await admin.create_target(f"far from {ra} {dec}")
    ask = """query ($id: ID!, $ra: Float!, $dec: Float!) {
      target(id: $id) { coordinates { separationArcsec(raDeg: $ra, decDeg: $dec) } } }"""
    (error,) = (await admin.client.ask(ask, id=target, ra=ra, dec=dec))["errors"]
    assert error["message"] == "separationArcsec needs raDeg from 0 to 360 and decDeg from -90 to 90."
    assert error["extensions"]["code"] == "INVALID_COORDINATES"


async def test_a_refused_number_is_told_in_full(admin: Person) -> None:
    ask = "{ targets(where: {cone: {raDeg: 1, decDeg: 1, radiusArcsec: 648000.0001}}) { totalCount } }"
    (error,) = (await admin.client.ask(ask))["errors"]
    assert error["message"] == "radiusArcsec must lie between 0 and 648000 (180 degrees), not 648000.0001."
