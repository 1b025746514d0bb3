"""Texts that are longer than their column are the sender's mistake, not ours."""

from __future__ import annotations

from tests.support.people import Person


async def test_long_product_ids(admin: Person) -> None:
    target = await admin.create_target("long product")
    answer = await admin.client.upload(target, "a.csv", b"x", process=False, productId="x" * 256)
    assert answer["errors"][0]["code"] == "INVALID_INPUT"
