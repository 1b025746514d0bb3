"""Types of data product: the site adds, names and hides them; refusals list what is left."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from tests.support.people import Person
from tests.support.site import Site
from tomgql.cli import main
from tomgql.settings import Settings

OWN = {"calibration": "Calibration frames", "fits_file": "FITS of any kind", "image_file": None, "catalogue": None}
UPDATE = """mutation ($i: UpdateDataProductInput!) {
  updateDataProduct(input: $i) { dataProduct { dataProductType } errors { code message path } } }"""


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"data_product_types": OWN})


async def test_they_are_listed_with_their_titles(admin: Person) -> None:
    asked = "{ dataProductTypes { name title isProcessed } }"
    found = (await admin.client.query(asked))["dataProductTypes"]
    kinds = {each["name"]: (each["title"], each["isProcessed"]) for each in found}
    assert list(kinds) == sorted(kinds)
    assert kinds["calibration"] == ("Calibration frames", False)
    assert kinds["fits_file"] == ("FITS of any kind", False)
    assert kinds["photometry"] == ("Photometry", True)
    assert kinds["spectroscopy"] == ("Spectroscopy", True)
    assert {"image_file", "catalogue"} & set(kinds) == set()


async def test_an_upload_of_the_site_s_type_is_kept_and_one_of_a_hidden_type_refused(
    site: Site, admin: Person
) -> None:
    target = await admin.create_target("typed")
    kept = await admin.client.upload(target, "bias.fits", b"bias", dataProductType="calibration")
    assert (kept["errors"], kept["job"]) == ([], None)
    before = await site.rt.reads.fetchval("select count(*) from data_products")
    for hidden in ("image_file", "catalogue", "Calibration"):
        refused = (await admin.client.upload(target, "a.png", b"a", dataProductType=hidden))["errors"]
        assert [(error["code"], error["path"]) for error in refused] == [
            ("INVALID_INPUT", ["input", "dataProductType"])
        ]
        known = refused[0]["message"].removeprefix(f'There is no data product type "{hidden}". Known: ')
        assert known.startswith("astrometry, calibration, ")
        assert "image_file," not in refused[0]["message"]
    assert await site.rt.reads.fetchval("select count(*) from data_products") == before
    product = kept["dataProduct"]["id"]
    refused = (await admin.client.query(UPDATE, i={"id": product, "dataProductType": "image_file"}))
    assert [error["code"] for error in refused["updateDataProduct"]["errors"]] == ["INVALID_INPUT"]
    changed = await admin.client.query(UPDATE, i={"id": product, "dataProductType": "fits_file"})
    assert changed["updateDataProduct"] == {"dataProduct": {"dataProductType": "fits_file"}, "errors": []}


@pytest.mark.parametrize("types", [{"Two Words": "x"}, {"x": "too short"}, {"fine": " "}, {"fine": "x" * 101}])
def test_bad_names_and_titles_are_refused(types: Any) -> None:
    with pytest.raises(ValidationError):
        Settings(data_product_types=types)


def test_the_environment_says_them_in_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOMGQL_DATA_PRODUCT_TYPES", '{"calibration": " Calibration ", "image_file": null}')
    assert Settings().data_product_types == {"calibration": "Calibration", "image_file": None}
    monkeypatch.setenv("TOMGQL_DATA_PRODUCT_TYPES", "calibration")
    done = CliRunner().invoke(main, ["doctor"])
    assert done.exit_code == 1
    assert 'error parsing value for field "data_product_types"' in done.output
    assert "JSON is expected." in done.output
