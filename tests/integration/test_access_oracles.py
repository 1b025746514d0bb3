"""What is hidden must not show through: in filters, in names of groups, in the identity of data, in messages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import pytest
import pytest_asyncio

from tests.support.scene import ACTORS, BY_NAME, CREATE_DATA, Scene, a_scene
from tests.support.site import Site

POINT = {"mjd": 58000.25, "mag": 19.0, "magerr": 0.1, "filter": "ztfr"}
MOMENTS = (58100.25 + number for number in count())
HIDDEN = "select md5(string_agg(to_jsonb(d)::text, '' order by id)) from reduced_data d where data_product_id = $1"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(site: Site) -> AsyncIterator[Scene]:
    async with a_scene(site) as made:
        yield made


class TestFilters:
    @pytest.mark.parametrize("who", ACTORS, ids=lambda who: who.name)
    async def test_a_hidden_product_group_selects_nothing(self, who: Any, scene: Scene) -> None:
        query = "query ($g: ID!) { yes: dataProducts(where: {group: $g}) { totalCount }" + (
            " no: dataProducts(where: {not: {group: $g}}) { totalCount } all: dataProducts { totalCount } }"
        )
        world = scene.world
        for group, public_id in scene.ids["product_groups"].items():
            found = await scene.clients[who.name].query(query, g=public_id)
            counts = [found[name]["totalCount"] for name in ("yes", "no", "all")]
            inside = [each for each, product in world.products.items() if group in product.groups]
            seen = sum(world.sees_product(who, each) for each in inside) if world.sees_product_group(who, group) else 0
            assert counts == [seen, counts[2] - seen, counts[2]]

    @pytest.mark.parametrize("name", ["anonymous", "creator", "blind_member"])
    async def test_something_hidden_filters_like_something_missing(self, name: str, scene: Scene) -> None:
        query = """query ($t: ID!, $p: ID!, $j: ID!) {
          byTarget: reducedData(where: {target: $t, disabled: null}) { totalCount }
          notIn: reducedData(where: {not: {dataProduct: $p}}) { totalCount }
          byProduct: reducedData(where: {dataProduct: $p}) { totalCount }
          products: dataProducts(where: {target: $t}) { totalCount nodes { id } pageInfo { hasNextPage } }
          jobs: jobs(where: {dataProduct: $p}) { totalCount }
          job: jobs(where: {id: {eq: $j}}) { totalCount }
        }"""
        who = BY_NAME[name]
        product = next(each for each in scene.world.products if not scene.world.sees_product(who, each))
        hidden = {"t": "t987654", "p": scene.ids["products"][product], "j": scene.ids["jobs"][product]}
        if not scene.world.sees_target(who, "PRIVATE"):
            hidden["t"] = scene.ids["targets"]["PRIVATE"]
        missing = {"t": "t987654", "p": "p987654", "j": "j987654"}
        client = scene.clients[name]
        assert await client.query(query, **hidden) == await client.query(query, **missing)

    @pytest.mark.parametrize("who", ACTORS, ids=lambda who: who.name)
    async def test_one_s_own_job_does_not_tell_what_hidden_thing_it_is_about(self, who: Any, scene: Scene) -> None:
        world, client = scene.world, scene.clients[who.name]
        query = "query ($t: ID, $p: ID) { jobs(where: {target: $t, dataProduct: $p}, first: 100) { nodes { id } } }"
        seen = [each for each in world.jobs.values() if world.sees_job(who, each.label)]
        for target, public_id in scene.ids["targets"].items():
            found = (await client.query(query, t=public_id))["jobs"]["nodes"]
            about = {each.label for each in seen if each.target == target and world.sees_target(who, target)}
            assert set(scene.labels("jobs", [node["id"] for node in found])) == about
        for product, public_id in scene.ids["products"].items():
            found = (await client.query(query, p=public_id))["jobs"]["nodes"]
            about = {each.label for each in seen if each.product == product and world.sees_product(who, product)}
            assert set(scene.labels("jobs", [node["id"] for node in found])) == about


async def given(scene: Scene, actor: str, target: str, product: str | None = None, **more: Any) -> dict[str, Any]:
    place = {"target": scene.ids["targets"][target], "dataType": "photometry", "rows": [POINT], **more}
    if product:
        place["dataProduct"] = scene.ids["products"][product]
    payload: dict[str, Any] = (await scene.clients[actor].query(CREATE_DATA, input=place))["createReducedData"]
    return payload


class TestHiddenData:
    """`changer` may change PUBLIC, but does not see `ringed`: data of it are neither shown, told of nor overwritten."""

    @pytest.mark.parametrize("mag", [19.0, 12.0], ids=["same-content", "other-content"])
    @pytest.mark.parametrize("more", [{}, {"dryRun": True}, {"onDuplicate": "SKIP"}, {"onDuplicate": "ERROR"}], ids=str)
    async def test_rows_lie_beside_them(self, mag: float, more: dict[str, Any], scene: Scene) -> None:
        row = {**POINT, "mjd": next(MOMENTS)}
        await given(scene, "curator", "PUBLIC", "PUBLIC/ringed", rows=[{**row, "mag": 19.0}])
        ringed = scene.key("products", "PUBLIC/ringed")
        before = await scene.site.rt.writes.fetchval(HIDDEN, ringed)
        payload = await given(scene, "changer", "PUBLIC", **more, rows=[{**row, "mag": mag}])
        assert (payload["created"], payload["revised"], payload["unchanged"], payload["rejected"]) == (1, 0, 0, 0)
        assert before == await scene.site.rt.writes.fetchval(HIDDEN, ringed)
        again = await given(scene, "changer", "PUBLIC", **more, rows=[{**row, "mag": mag}])
        assert (again["created"], again["unchanged"]) == ((1, 0) if "dryRun" in more else (0, 1))

    async def test_whoever_sees_them_may_revise_them(self, scene: Scene) -> None:
        await given(scene, "curator", "OPEN", "OPEN/ringed")
        payload = await given(scene, "curator", "OPEN", "OPEN/ringed", rows=[{**POINT, "mag": 12.0}])
        assert (payload["revised"], payload["rejected"]) == (1, 0)


class TestIdempotencyKeys:
    async def test_the_key_of_another_user_is_not_known(self, scene: Scene) -> None:
        first = await given(scene, "curator", "PRIVATE", idempotencyKey="same")
        again = await given(scene, "curator", "PRIVATE", idempotencyKey="same")
        assert first == again
        assert (first["created"], first["errors"]) == (1, [])
        other = await given(scene, "changer", "PRIVATE", idempotencyKey="same")
        assert (other["created"], other["unchanged"], other["errors"]) == (0, 1, [])

    async def test_a_key_does_not_outlive_the_right(self, scene: Scene) -> None:
        rows = [{**POINT, "mjd": 58001.25}]
        assert (await given(scene, "changer", "PRIVATE", idempotencyKey="mine", rows=rows))["created"] == 1
        await scene.grant("PRIVATE", "changer", frozenset({"VIEW"}))
        payload = await given(scene, "changer", "PRIVATE", idempotencyKey="mine", rows=rows)
        await scene.grant("PRIVATE", "changer", frozenset({"VIEW", "CHANGE"}))
        assert (payload["errors"][0]["code"], payload["ids"]) == ("NOT_ALLOWED", [])


class TestMessages:
    async def test_job_messages_of_hidden_products_are_hidden(self, scene: Scene) -> None:
        await scene.sql("update jobs set message = 'Reading secret.csv.', result = '{\"secret\": 1}'")
        everything = "{ jobs { nodes { id message result error { message } } } targets { nodes { jobs { nodes { message"
        everything += " } } dataProducts { nodes { processing { id message } } } } } }"
        for who in ACTORS:
            text = (await scene.clients[who.name].post(everything)).text
            seen = sum(scene.world.sees_job(who, each) for each in scene.world.jobs)
            assert text.count('"result"') == seen
            for label, public_id in scene.ids["jobs"].items():
                assert (f'"{public_id}"' in text) == scene.world.sees_job(who, label)

    async def test_cursors_and_orders_do_not_reach_behind(self, scene: Scene) -> None:
        """A cursor on a hidden row, taken by somebody who sees it, gives a stranger the same list as any other."""
        page = (
            "query ($after: String) { targets(orderBy: [{field: NAME}], after: $after) { nodes { name } totalCount } }"
        )
        edges = "{ targets(orderBy: [{field: NAME}]) { edges { cursor node { name } } } }"
        shown = (await scene.clients["admin"].query(edges))["targets"]["edges"]
        cursors = {edge["node"]["name"]: edge["cursor"] for edge in shown}
        found = (await scene.clients["stranger"].query(page, after=cursors["SN PRIVATE"]))["targets"]
        assert found == {"nodes": [{"name": "SN PUBLIC"}], "totalCount": 2}

    @pytest.mark.parametrize("name", ["stranger", "blind_member", "admin_token_without_admin"])
    async def test_names_of_groups_and_people_do_not_show(self, name: str, scene: Scene) -> None:
        query = """{ targets(first: 9) { nodes { dataProducts(first: 20) { nodes {
          groups { id name userGroups { name members { username } } }
          reducedData(first: 9) { nodes { target { dataProducts(first: 20) { nodes { groups { name } } } } } }
        } } } } }"""
        text = (await scene.clients[name].post(query)).text
        who, world = BY_NAME[name], scene.world
        for group, public_id in scene.ids["product_groups"].items():
            reached = any(group in each.groups and world.sees_product(who, label)
                          for label, each in world.products.items())  # fmt: skip
            assert (f'"{public_id}"' in text) == (world.sees_product_group(who, group) and reached)
        assert '"ring"' not in text
