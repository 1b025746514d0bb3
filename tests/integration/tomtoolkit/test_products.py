"""TOM Toolkit shares data products with us, as multipart."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.support.client import TLS
from tests.support.jobs import ended_job
from tests.support.people import Person
from tests.support.site import Site, running_worker
from tests.support.toolkit import Sender
from tomgql.services.product_types import product_types

LIGHT_CURVE = b"time,magnitude,error,filter\n60083.2,14.81,0.02,r\n60084.2,14.91,0.03,r\n"
PRODUCTS = """query ($target: ID!) { dataProducts(where: {target: $target}) { nodes {
  id productId fileName dataProductType extraData processing { id } reducedData { totalCount } } } }"""
JOB = "query ($id: ID!) { job(id: $id) { state } }"


async def send(sender: Sender, target: Any, content: bytes = LIGHT_CURVE, **fields: Any) -> httpx.Response:
    """The parts as `requests` writes them: everything of the serializer that is not null, then the file."""
    data = {"id": "14", "target": str(target), "data": "/data/x/none/lc.csv", "extra_data": "",
            "data_product_type": "photometry", **fields}  # fmt: skip
    files = {"file": ("x/none/lc.csv", content, "text/csv")}
    headers = {"Media-Type": "multipart/form-data", "Accept": "*/*"}
    return await sender.send("POST", "api/dataproducts/", data=data, files=files, headers=headers)


async def stored(person: Person, key: int) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = (await person.client.query(PRODUCTS, target=f"t{key}"))["dataProducts"]["nodes"]
    return nodes


async def test_a_product_is_stored_and_read(site: Site, sender: Sender, person: Person) -> None:
    key = await sender.share_target("With a file")
    response = await send(sender, key, product_id="lc-1", reduceddatum_set=["OrderedDict(...)", "OrderedDict(...)"])
    assert response.status_code == 201
    told = response.json()
    assert told == {
        "id": told["id"], "product_id": "lc-1", "target": key, "observation_record": None,
        "data": f"{site.url}/files/p{told['id']}", "extra_data": "", "data_product_type": "photometry",
        "reduceddatum_set": [], "groups": [], "message": "Data product successfully uploaded.",
    }  # fmt: skip
    (product,) = await stored(person, key)
    assert (product["id"], product["fileName"]) == (f"p{told['id']}", "lc.csv")
    with running_worker(site.settings):
        assert (await ended_job(person.client, JOB, product["processing"]["id"]))["state"] == "SUCCEEDED"
    (product,) = await stored(person, key)
    assert product["reducedData"] == {"totalCount": 2}
    listed = await sender.get(f"api/dataproducts/?target={key}")
    assert listed["results"] == [{name: told[name] for name in told if name != "message"}]
    (again,) = [await send(sender, key, product_id="lc-1")]
    assert (again.status_code, again.json()["already_exists"], again.json()["id"]) == (200, True, told["id"])
    assert len(await stored(person, key)) == 1
    points = (await sender.get(f"api/reduceddatums/?data_product__id={told['id']}"))["results"]
    assert [point["value"]["magnitude"] for point in points] == [14.91, 14.81]


async def test_what_is_not_read_takes_no_room(sender: Sender, person: Person) -> None:
    key = await sender.share_target("Many parts")
    spectrum = "OrderedDict({'value': {'flux': [" + "1.0, " * 300_000 + "]}})"
    response = await send(sender, key, reduceddatum_set=["OrderedDict()"] * 20_000 + [spectrum])
    assert response.status_code == 201
    assert len(await stored(person, key)) == 1


async def test_another_file_of_the_same_product_id_is_refused(sender: Sender, person: Person) -> None:
    key = await sender.share_target("Same id")
    assert (await send(sender, key, product_id="twice")).status_code == 201
    response = await send(sender, key, LIGHT_CURVE + b"60085.2,15,0.1,r\n", product_id="twice")
    expected = {"product_id": ["data product with this product id already exists."]}
    assert (response.status_code, response.json()) == (400, expected)
    assert len(await stored(person, key)) == 1


async def test_what_is_wrong_is_said_by_field(site: Site, sender: Sender, person: Person) -> None:
    key = await sender.share_target("Wrong parts")
    known = ", ".join(product_types(site.rt))
    kind = await send(sender, key, data_product_type="poem")
    expected = {"data_product_type": [f"Not a valid data_product_type. Valid data_product_types are {known}."]}
    assert (kind.status_code, kind.json()) == (400, expected)
    for given, field in (
        ({"data_product_type": ""}, "data_product_type"),
        ({"product_id": "x" * 256}, "product_id"),
        ({"product_id": "a\x00b"}, "product_id"),
        ({"target": "x"}, "target"),
        ({"target": ""}, "target"),
        ({"extra_data": "x" * 1_100_000}, "detail"),
        ({"product_id": ["a"] * 50}, "detail"),
    ):
        response = await send(sender, key, **given) if "target" not in given else await send(sender, given["target"])
        assert (response.status_code, list(response.json())) == (400, [field])
    async with httpx.AsyncClient(verify=TLS) as http:
        address = f"{site.url}/api/dataproducts/"
        without = await http.post(address, auth=sender.login, files={"target": (None, str(key))})
        as_json = await http.post(address, auth=sender.login, json={"target": key})
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        cut = await http.post(address, auth=sender.login, content=b"--x\r\nContent", headers=headers)
        unnamed = await http.post(
            address, auth=sender.login, content=b"--x\r\nContent-Type: a\r\n\r\nb\r\n--x--\r\n", headers=headers
        )
    assert (without.status_code, without.json()) == (400, {"file": ["No file was submitted."]})
    assert (as_json.status_code, list(as_json.json())) == (415, ["detail"])
    assert cut.status_code == 400
    assert (unnamed.status_code, list(unnamed.json())) == (400, ["detail"])
    assert await stored(person, key) == []


@pytest.mark.parametrize("permissions", ["PRIVATE", "PUBLIC"])
async def test_who_may_not_change_a_target_brings_no_file(
    sender: Sender, person: Person, stranger: Person, permissions: str
) -> None:
    key = await sender.share_target(f"No file {permissions}", permissions=permissions)
    response = await send(Sender.as_person(stranger), key)
    expected = {"target": [f'Invalid pk "{key}" - object does not exist.']}
    assert (response.status_code, response.json()) == (400, expected)
    assert await stored(person, key) == []


async def test_what_may_not_be_seen_is_in_no_list(sender: Sender, stranger: Person) -> None:
    key = await sender.share_target("Unseen file")
    assert (await send(sender, key)).status_code == 201
    other = Sender.as_person(stranger)
    for query in (f"target={key}", "target_name=Unseen", "target_name=Unseen&data_product_type=photometry"):
        assert (await sender.get(f"api/dataproducts/?{query}"))["count"] == 1
        assert (await other.get(f"api/dataproducts/?{query}"))["count"] == 0
    refused = await sender.send("GET", "api/dataproducts/?facility=LCO")
    assert (refused.status_code, list(refused.json())) == (400, ["facility"])
