"""Cone search and separations against a great circle computed another way, where both are hard: RA 0, the poles."""

from __future__ import annotations

from itertools import pairwise
from math import atan2, cos, degrees, hypot, radians, sin
from random import Random
from typing import Any

import pytest
import pytest_asyncio

from tests.support.reads import Reads
from tests.support.site import Site
from tomgql.domain.names import simplify_name

CENTERS = ((0.0, 0.0), (359.9999999, -0.0000001), (77.0, 90.0), (200.0, -90.0), (0.0, 89.9999), (123.456, 45.5))

RADII_ARCSEC = (0.0, 0.01, 1.0, 60.0, 3600.0, 324_000.0, 600_000.0, 647_999.0, 648_000.0)

OFFSETS_ARCSEC = (0.0, 0.002, 0.0099, 0.0101, 0.5, 0.99, 1.01, 59.0, 61.0, 3599.0, 3601.0, 323_999.0, 324_001.0)

UNSURE_ARCSEC = 1e-6
"""Targets so close to the edge may fall on either side: a float's RA of 360 degrees is only good to 2e-10 arcsec."""

CONE = """
query ($cone: ConeInput!, $ra: Float!, $dec: Float!) {
  targets(where: {cone: $cone}, first: 10000) {
    nodes { id coordinates { raDeg decDeg separationArcsec(raDeg: $ra, decDeg: $dec) } }
  }
}
"""


def separation_arcsec(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Vincenty's formula: well-conditioned at every angle."""
    (ra0, dec0), (ra, dec) = ((radians(a), radians(d)) for a, d in (one, other))
    across = cos(dec) * sin(ra - ra0)
    along = cos(dec0) * sin(dec) - sin(dec0) * cos(dec) * cos(ra - ra0)
    inner = sin(dec0) * sin(dec) + cos(dec0) * cos(dec) * cos(ra - ra0)
    return degrees(atan2(hypot(across, along), inner)) * 3600


def _beside(center: tuple[float, float], offset_arcsec: float, angle_deg: float) -> tuple[float, float]:
    """The point at an offset and position angle from the centre."""
    ra0, dec0 = (radians(each) for each in center)
    r, angle = radians(offset_arcsec / 3600), radians(angle_deg)
    x = sin(r) * sin(angle)
    y = cos(dec0) * cos(r) - sin(dec0) * sin(r) * cos(angle)
    z = sin(dec0) * cos(r) + cos(dec0) * sin(r) * cos(angle)
    ra = degrees(ra0 + atan2(x, y)) % 360.0
    return (ra if ra < 360.0 else 0.0, degrees(atan2(z, hypot(x, y))))


def positions() -> list[tuple[float, float]]:
    """Around every centre and its antipode, and all over the sky."""
    random = Random(2024)
    found = [(random.uniform(0, 360), degrees(atan2(random.uniform(-1, 1), random.random()))) for _ in range(200)]
    found.append((0.0, 45.5))
    for ra, dec in CENTERS:
        found.append(((ra + 180.0) % 360.0, -dec))
        found.append((ra, dec))
        found += [_beside((ra, dec), offset, random.uniform(0, 360)) for offset in OFFSETS_ARCSEC for _ in range(3)]
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sky(site: Site) -> tuple[Reads, dict[str, tuple[float, float]]]:
    """Targets by id."""
    placed = {}
    async with site.rt.writes.acquire() as connection, connection.transaction():
        for number, (ra, dec) in enumerate(positions()):
            key = await connection.fetchval(
                "insert into targets (name, type, access, ra_deg, dec_deg) values ($1, 'SIDEREAL', 'OPEN', $2, $3)"
                " returning id",
                f"star {number}", ra, dec,
            )  # fmt: skip
            await connection.execute(
                "insert into target_names (target_id, name, simplified, is_primary) values ($1, $2, $3, true)",
                key, f"star {number}", simplify_name(f"star {number}"),
            )  # fmt: skip
            placed[f"t{key}"] = (ra, dec)
    return Reads(site), placed


@pytest.mark.parametrize("center", CENTERS, ids=str)
@pytest.mark.parametrize("radius", RADII_ARCSEC)
async def test_cones_and_separations(sky: Any, center: tuple[float, float], radius: float) -> None:
    reads, placed = sky
    cone = {"raDeg": center[0], "decDeg": center[1], "radiusArcsec": radius}
    answer = await reads.answer(CONE, {"cone": cone, "ra": center[0], "dec": center[1]})
    assert (answer.errors, answer.session.statements) == ([], 1)
    found = {node["id"]: node["coordinates"] for node in answer.data["targets"]["nodes"]}
    distances = {key: separation_arcsec(center, place) for key, place in placed.items()}
    for key, distance in distances.items():
        if radius in (0.0, 648_000.0) or abs(distance - radius) > UNSURE_ARCSEC + _blur(radius):
            inside = placed[key] == center or (radius == 0 and _same_point(placed[key], center)) or distance <= radius
            assert (key in found) == (inside or radius == 648_000.0), (placed[key], distance)
    for key, coordinates in found.items():
        assert (coordinates["raDeg"], coordinates["decDeg"]) == placed[key]
        assert coordinates["separationArcsec"] == pytest.approx(distances[key], rel=1e-9, abs=1e-9)
    assert any(placed[key] == center for key in found)


def _blur(radius_arcsec: float) -> float:
    """How much a chord near the diameter leaves the angle open: rounding of 1e-15 over its slope."""
    slope = cos(radians(radius_arcsec / 7200))
    return degrees(4e-16 / max(slope, 1e-9)) * 3600


def _same_point(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether two positions are one point but for rounding: at a pole whatever the right ascension."""
    return separation_arcsec(one, other) <= 1e-9


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize(
    ("center", "place"),
    [
        ((360.0, 0.0), (0.0, 0.0)),
        ((360.0, 45.5), (0.0, 45.5)),
        ((123.0, 90.0), (77.0, 90.0)),
        ((0.0, -90.0), (200.0, -90.0)),
    ],
)
async def test_one_point_in_two_spellings_lies_in_a_cone_of_no_width(
    sky: Any, center: tuple[float, float], place: tuple[float, float], slow: bool
) -> None:
    reads, placed = sky
    cone = {"raDeg": center[0], "decDeg": center[1], "radiusArcsec": 0.0}
    found = await reads.data(CONE, {"cone": cone, "ra": center[0], "dec": center[1]}, slow=slow)
    assert {placed[node["id"]] for node in found["targets"]["nodes"]} >= {place}


@pytest.mark.parametrize(
    ("ra", "dec", "radius", "code"),
    [
        (-1, 0, 1, "INVALID_COORDINATES"),
        (361, 0, 1, "INVALID_COORDINATES"),
        (0, 90.1, 1, "INVALID_COORDINATES"),
        (0, 0, -1, "INVALID_INPUT"),
        (0, 0, 648_001, "INVALID_INPUT"),
    ],
)
async def test_what_is_no_cone(sky: Any, ra: float, dec: float, radius: float, code: str) -> None:
    cone = {"raDeg": ra, "decDeg": dec, "radiusArcsec": radius}
    for slow in (False, True):
        answer = await sky[0].answer(CONE, {"cone": cone, "ra": 0.0, "dec": 0.0}, slow=slow)
        assert answer.codes == [code]


NEAREST = """query ($p: PositionInput!, $after: String, $before: String, $first: Int, $last: Int) {
  targets(orderBy: [{field: SEPARATION, from: $p}], after: $after, before: $before, first: $first, last: $last) {
    edges { cursor node { id coordinates { separationArcsec(raDeg: 350.0, decDeg: -1.0) } } }
    pageInfo { hasNextPage } } }"""


async def test_nearest_first_page_by_page(sky: Any) -> None:
    reads = sky[0]
    point = {"raDeg": 350.0, "decDeg": -1.0}
    whole = (await reads.data(NEAREST, {"p": point, "first": 10_000}))["targets"]["edges"]
    found = [edge["node"]["coordinates"]["separationArcsec"] for edge in whole if edge["node"]["coordinates"]]
    coarse_arcsec = 0.01  # a chord says little of the last arcseconds before 180 degrees
    assert all(near <= far + coarse_arcsec for near, far in pairwise(found))
    assert len(found) > 20
    walked: list[str] = []
    after = None
    while True:
        page = (await reads.data(NEAREST, {"p": point, "first": 7, "after": after}))["targets"]
        walked += [edge["node"]["id"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["edges"][-1]["cursor"]
    assert walked == [edge["node"]["id"] for edge in whole]
    last = (await reads.data(NEAREST, {"p": point, "last": 3, "before": whole[10]["cursor"]}))["targets"]["edges"]
    assert last == whole[7:10]
    elsewhere = await reads.answer(NEAREST, {"p": {"raDeg": 10, "decDeg": 0}, "after": whole[3]["cursor"]})
    assert elsewhere.codes == ["INVALID_CURSOR"], "a cursor belongs to the point that it was measured from"


async def test_an_order_by_distance_needs_its_point(sky: Any) -> None:
    reads = sky[0]
    for order in ("{field: SEPARATION}", "{field: NAME, from: {raDeg: 1, decDeg: 1}}"):
        for slow in (False, True):
            answer = await reads.answer(f"{{ targets(orderBy: [{order}]) {{ nodes {{ id }} }} }}", slow=slow)
            assert answer.codes == ["INVALID_INPUT"]
    for point in ("{raDeg: 400, decDeg: 0}", "{raDeg: 0, decDeg: 91}"):
        order = f"[{{field: SEPARATION, from: {point}}}]"
        answer = await reads.answer(f"{{ targets(orderBy: {order}) {{ nodes {{ id }} }} }}")
        assert answer.codes == ["INVALID_COORDINATES"]
