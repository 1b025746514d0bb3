"""Light curves binned and thinned, against sums made by hand; and those that are too long."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest
import pytest_asyncio

from tests.support.people import Person, make_person
from tests.support.reads import Reads
from tests.support.site import Site
from tomgql.reading import compile, rows
from tomgql.reading.catalog import light_curves
from tomgql.reading.catalog.light_curves import LARGEST_LIGHT_CURVE

CREATE = "mutation ($i: CreateReducedDataInput!) { createReducedData(input: $i) { created errors { message } } }"
CURVE = """query ($t: ID!, $bin: Float, $most: Int, $where: PhotometryWhere) { target(id: $t) {
  lightCurve(binDays: $bin, maxPoints: $most, where: $where) {
    count id mjd band instrument sourceName flux fluxError fluxScatter binCount magnitude isDetection } } }"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def filled(site: Site) -> AsyncIterator[tuple[Reads, str, list[dict[str, Any]]]]:
    """A target with 3,000 fluxes in two bands and two instruments, some negative, some without an error."""
    owner, random = await make_person(site, "observer"), Random(5)
    target = await owner.create_target("binned")
    data = [
        {"mjd": 59000 + n / 40 + random.random() / 100, "uJy": random.gauss(2, 40),
         "filter": random.choice(["ztfr", "ztfg"]), "instrument": random.choice(["A", "B"]),
         **({"duJy": random.uniform(1, 9)} if random.random() < 0.9 else {})}
        for n in range(3_000)
    ]  # fmt: skip
    given = {"target": target, "dataType": "photometry", "rows": data, "sourceName": "me"}
    done = (await owner.client.query(CREATE, i=given))["createReducedData"]
    assert done == {"created": 3_000, "errors": []}
    yield Reads(site), target, data


async def curve(filled: Any, **given: Any) -> dict[str, Any]:
    """The light curve, the same down both paths."""
    reads, target, _ = filled
    compiled = (await reads.data(CURVE, {"t": target, **given}))["target"]["lightCurve"]
    slow = (await reads.data(CURVE, {"t": target, **given}, slow=True))["target"]["lightCurve"]
    assert {name: len(values) for name, values in compiled.items() if name != "count"} == dict.fromkeys(
        [name for name in compiled if name != "count"], compiled["count"]
    )
    for name in ("id", "band", "binCount", "isDetection"):
        assert compiled[name] == slow[name]
    assert compiled["flux"] == pytest.approx(slow["flux"], rel=1e-12)
    return compiled


def bins(data: list[dict[str, Any]], days: float) -> list[tuple[Any, ...]]:
    """(mjd, band, instrument, flux, error, scatter, count) of each bin, by the textbook."""
    found: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in data:
        found[row["filter"], row["instrument"], "duJy" in row, math.floor(row["mjd"] / days)].append(row)
    result = []
    for (band, instrument, known, _), mine in found.items():
        weights = [row["duJy"] ** -2 if known else 1.0 for row in mine]
        total, mean = sum(weights), sum(row["uJy"] for row in mine) / len(mine)
        flux = sum(w * row["uJy"] for w, row in zip(weights, mine, strict=True)) / total
        mjd = sum(w * row["mjd"] for w, row in zip(weights, mine, strict=True)) / total
        spread = math.sqrt(sum((row["uJy"] - mean) ** 2 for row in mine) / (len(mine) - 1)) if len(mine) > 1 else None
        result.append((mjd, band, instrument, flux, total**-0.5 if known else None, spread, len(mine)))
    return sorted(result, key=lambda each: each[0])


def numbers(values: list[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]


def fluxes(curve: dict[str, Any], band: str) -> list[float]:
    return [flux for flux, name in zip(curve["flux"], curve["band"], strict=True) if name == band]


@pytest.mark.parametrize("days", [0.5, 3.0, 1000.0, 1e-6])
async def test_bins(filled: Any, days: float) -> None:
    got = await curve(filled, bin=days)
    expected = bins(filled[2], days)
    assert got["count"] == len(expected)
    assert sum(got["binCount"]) == 3_000
    columns = ("mjd", "band", "instrument", "flux", "fluxError", "fluxScatter", "binCount")
    for number, name in enumerate(columns):
        values = [each[number] for each in expected]
        if name in ("band", "instrument", "binCount"):
            assert got[name] == values
        else:
            assert numbers(got[name]) == pytest.approx(numbers(values), rel=1e-9, nan_ok=True)
    assert set(got["sourceName"]) == {"me"}
    if days == 1000.0:
        assert any(count > 600 for count in got["binCount"])
        assert min(got["flux"]) < max(got["flux"])


@pytest.mark.parametrize("most", [4, 5, 100, 1_001, 3_000, 5_000])
async def test_thinning_keeps_the_extremes(filled: Any, most: int) -> None:
    whole, thin = await curve(filled), await curve(filled, most=most)
    assert thin["count"] <= most
    assert thin["count"] >= most * 0.8 or most > 3_000
    for band in ("ztfg", "ztfr"):
        every, kept = fluxes(whole, band), fluxes(thin, band)
        assert (min(kept), max(kept)) == (min(every), max(every))
    assert set(thin["id"]) <= set(whole["id"])
    if most >= 3_000:
        assert thin == whole
    binned = await curve(filled, most=most, bin=1.0)
    assert binned["count"] <= most


@pytest.mark.parametrize(
    "given", [{"bin": 0.0}, {"bin": -1.0}, {"bin": 1e6}, {"most": 1}, {"most": 0}, {"most": -5}, {"most": 250_001}]
)
async def test_what_cannot_be_asked(filled: Any, given: dict[str, Any]) -> None:
    reads, target, _ = filled
    for slow in (False, True):
        answer = await reads.answer(CURVE, {"t": target, **given}, slow=slow)
        assert answer.codes == ["INVALID_INPUT"]


async def test_the_longest_light_curve(site: Site, admin: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    target = await admin.create_target("endless")
    assert LARGEST_LIGHT_CURVE == 250_000
    key, size = int(target[1:]), 20_000
    for module in (light_curves, compile, rows):  # a tenth of the time
        monkeypatch.setattr(module, "LARGEST_LIGHT_CURVE", size)
    await site.rt.writes.execute(
        "insert into reduced_data (target_id, identity, content, global_id, data_type, mjd, band, forced, difference,"
        " flux_ujy, flux_error_ujy) select $1, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'photometry',"
        " 50000 + n / 1000.0, 'tess', false, false, sin(n) * 100, 1 from generate_series(1, $2::int) n",
        key, size + 1,
    )  # fmt: skip
    count = (
        "query ($t: ID!, $w: PhotometryWhere, $m: Int, $b: Float) { target(id: $t) {"
        " lightCurve(where: $w, maxPoints: $m, binDays: $b) { count } } }"
    )
    reads = Reads(site)
    for slow in (False, True):
        answer = await reads.answer(count, {"t": target}, slow=slow)
        assert (answer.codes, "binDays" in answer.errors[0].message) == (["QUERY_TOO_COSTLY"], True)
    allowed = await reads.data(count, {"t": target, "w": {"mjd": {"gt": 50000.001}}})
    assert allowed["target"]["lightCurve"]["count"] == size
    assert (await reads.data(count, {"t": target, "m": 1000}))["target"]["lightCurve"]["count"] <= 1000
    assert (await reads.data(count, {"t": target, "b": 1.0}))["target"]["lightCurve"]["count"] == 21


async def test_an_answer_is_measured_in_bytes(site: Site, admin: Person) -> None:
    target = await admin.create_target("snow", extras={"snow": "☃" * 1_000})
    answer = await Reads(site).answer("query ($t: ID!) { target(id: $t) { extras } }", {"t": target})
    assert 3_000 < site.settings.max_answer_bytes - answer.session.bytes_left < 3_100


async def test_an_answer_has_a_largest_size(site: Site, filled: Any) -> None:
    reads, target, _ = filled
    one = await reads.answer(CURVE, {"t": target})
    size = 128 * 1024 * 1024 - one.session.bytes_left
    assert 200_000 < size < 1_000_000
    curves = [f'a{n}: target(id: "{target}") {{ lightCurve {{ id mjd flux }} }}' for n in range(5)]
    small = Reads(site)
    small.most_bytes = 300_000
    answer = await small.answer("{ " + " ".join(curves) + " }")
    assert 0 < len(answer.codes) < 5
    assert set(answer.codes) == {"QUERY_TOO_COSTLY"}
    assert sum(value is not None for value in answer.data.values()) == 5 - len(answer.codes)
