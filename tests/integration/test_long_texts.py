"""Texts that are longer than their column are the sender's mistake, not ours."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.people import Person

CREATE = "mutation ($i: CreateReducedDataInput!) {createReducedData(input: $i) {created errors {code message}}}"
ROW = {"mjd": 60000.1, "magnitude": 18, "error": 0.1, "filter": "r"}


@pytest.mark.parametrize(
    "given",
    [{"sourceName": "x" * 101}, {"sourceLocation": "x" * 201}, {"rows": [{**ROW, "telescope": "x" * 256}]},
     {"rows": [{**ROW, "filter": "x" * 51}]}, {"rows": [{"mjd": 1}], "dataType": "x" * 101}],
)  # fmt: skip
async def test_long_texts_are_refused_with_the_limit(admin: Person, given: dict[str, Any]) -> None:
    target = await admin.create_target(f"long {abs(hash(str(given)))}")
    input = {"target": target, "dataType": "photometry", "rows": [ROW], **given}
    answer = (await admin.client.query(CREATE, i=input))["createReducedData"]
    assert answer["errors"][0]["code"] == "INVALID_INPUT"
    assert "too long" in answer["errors"][0]["message"]


async def test_long_product_ids(admin: Person) -> None:
    target = await admin.create_target("long product")
    answer = await admin.client.upload(target, "a.csv", b"x", process=False, productId="x" * 256)
    assert answer["errors"][0]["code"] == "INVALID_INPUT"
