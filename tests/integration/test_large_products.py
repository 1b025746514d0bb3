"""Sizes of files beyond what an Int can hold: no query fails for them, and the exact size is told."""

from __future__ import annotations

import pytest

from tests.support.people import Person
from tests.support.reads import Reads
from tests.support.site import Site

SIZES = "query ($id: ID!) { dataProduct(id: $id) { sizeBytes exactSizeBytes target { id } } }"


@pytest.mark.parametrize(
    ("size", "told"),
    [(2**31 - 1, 2147483647), (2**31, 2147483647), (3_000_000_000, 2147483647), (5 * 2**40 + 1, 2147483647), (7, 7)],
)
async def test_sizes(site: Site, admin: Person, size: int, told: int) -> None:
    target = await admin.create_target(f"of {size} bytes")
    product = (await admin.client.upload(target, "large.fits", b"x", process=False))["dataProduct"]["id"]
    await site.rt.writes.execute("update data_products set size_bytes = $2 where id = $1", int(product[1:]), size)
    expected = {"dataProduct": {"sizeBytes": told, "exactSizeBytes": size, "target": {"id": target}}}
    assert await admin.client.query(SIZES, id=product) == expected
    assert await Reads(site).data(SIZES, {"id": product}, slow=True) == expected
