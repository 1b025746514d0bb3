"""Whatever stands in a field of a body, the answer is a refusal or an act, never an error of ours."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.integration.tomtoolkit.test_data import POINT_3, POSITION_3, SPECTRUM_3
from tests.support.client import TLS
from tests.support.toolkit import Sender, datum_body, target_body


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


ODD = (
    None, True, -1, 2**63, 1e308, "", "a\x00b", "1e999", "é" * 5_000, [None], {"": 1}, [{"name": "x", "key": []}],
    nested(400),
)  # fmt: skip
"""Values that no field but a few should hold."""

VALUES = {
    "photometry": POINT_3,
    "spectroscopy": SPECTRUM_3,
    "astrometry": POSITION_3,
    "weather": {"seeing": 1.2},
}


async def statuses(sender: Sender, path: str, bodies: list[Any], method: str = "POST") -> set[int]:
    async with httpx.AsyncClient(timeout=60, verify=TLS, auth=sender.login) as http:
        answers = [await http.request(method, f"{sender.url}/{path}", json=body) for body in bodies]
    for body, each in zip(bodies, answers, strict=True):
        assert each.status_code < 500, (str(body)[:500], each.text)
        assert isinstance(each.json(), dict)
    return {each.status_code for each in answers}


async def test_targets(sender: Sender) -> None:
    names = list(target_body("x"))
    bodies = [
        {**target_body(f"Odd {number} {place}", aliases=[]), name: odd}
        for number, name in enumerate([*names, "column"])
        for place, odd in enumerate(ODD)
    ]
    assert await statuses(sender, "api/targets/", bodies) == {201, 400}


async def test_changes_of_targets(sender: Sender) -> None:
    key = await sender.share_target("Odd changes")
    bodies = [{name: odd} for name in [*target_body("x"), "column"] for odd in ODD]
    assert await statuses(sender, f"api/targets/{key}/", bodies, "PATCH") == {200, 400}
    assert (await sender.get(f"api/targets/{key}/"))["type"] == "SIDEREAL"


@pytest.mark.parametrize("data_type", VALUES)
async def test_data(sender: Sender, data_type: str) -> None:
    key = await sender.share_target(f"Odd {data_type}")
    value = VALUES[data_type]
    plain = datum_body(key, value, data_type=data_type)
    bodies = [{**plain, name: odd} for name in plain for odd in ODD]
    more = [name for name in ("timestamp", "limit", "unit", "0", "id") if name not in value]
    bodies += [{**plain, "value": {**value, name: odd}} for name in [*value, *more] for odd in ODD]
    assert await statuses(sender, "api/reduceddatums/", bodies) <= {200, 201, 400}
    assert (await sender.get(f"api/reduceddatums/?target={key}&limit=1000"))["count"] > 0


async def test_queries(sender: Sender) -> None:
    odd = ("", "%00", "%FF", "x", "-1", "99999999999999999999", "1,2,3,4", "1,2,inf", "%ED%A0%80", "a" * 5_000, "%")
    async with httpx.AsyncClient(timeout=60, verify=TLS, auth=sender.login) as http:
        for path, names in (
            ("targets", ("name", "name_fuzzy", "type", "cone_search", "targetlist__name", "limit", "offset")),
            ("reduceddatums", ("target", "target_name", "data_product__id", "source_name", "data_type", "%00", "self")),
            ("dataproducts", ("target", "target_name", "data_product_type")),
        ):
            for name in names:
                for text in odd:
                    response = await http.get(f"{sender.url}/api/{path}/?{name}={text}")
                    assert response.status_code in (200, 400), (path, name, text, response.text)
