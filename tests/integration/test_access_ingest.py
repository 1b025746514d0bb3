"""A file is read with the rights of who uploaded it: data of a product that is hidden from them stay as they are."""

from __future__ import annotations

from typing import Any

from tests.support.scene import Scene, a_scene
from tests.support.site import Site, running_worker, until
from tomgql.settings import Settings

JOB = "query ($id: ID!) { job(id: $id) { state result dataProduct { notes { code count } } } }"


async def read(scene: Scene, actor: str, mag: float, blank: int = 0, **given: Any) -> dict[str, Any]:
    """``blank`` lines at the end make another file of the same rows: the same file would be the same product."""
    content = f"mjd,mag,magerr,filter\n57000.5,{mag},0.1,ztfr\n57001.5,{mag},0.1,ztfr\n".encode() + b"\n" * blank
    target = scene.ids["targets"]["PUBLIC"]
    payload = await scene.clients[actor].upload(target, f"{actor}.csv", content, **given)
    assert payload["errors"] == []

    async def ended() -> Any:
        job = (await scene.clients[actor].query(JOB, id=payload["job"]["id"]))["job"]
        return job if job["state"] in ("SUCCEEDED", "FAILED") else None

    job: dict[str, Any] = await until(30, ended)
    return job


async def test_a_file_does_not_reach_hidden_data(site: Site, settings: Settings) -> None:
    content = "select md5(string_agg(to_jsonb(d)::text, '' order by id)) from reduced_data d where data_product_id = $1"
    async with a_scene(site) as scene:
        await scene.sql("update jobs set state = 'CANCELLED', finished = now()")
        with running_worker(settings):
            first = await read(scene, "curator", 20.0, groups=[scene.ids["product_groups"]["one"]])
            assert first["result"]["created"] == 2
            hidden = await site.rt.writes.fetchval("select max(data_product_id) from reduced_data")
            before = await site.rt.writes.fetchval(content, hidden)
            for blank, (mag, expected) in enumerate(((20.0, (2, 0, 0)), (20.0, (0, 0, 2)), (12.0, (0, 2, 0)))):
                result = (await read(scene, "changer", mag, blank))["result"]
                assert (result["created"], result["revised"], result["unchanged"]) == expected
            assert await site.rt.writes.fetchval(content, hidden) == before
            # Who sees both, and brings a file that everybody sees, means what everybody sees.
            assert (await read(scene, "curator", 12.0))["result"]["unchanged"] == 2
            assert (await read(scene, "curator", 11.0))["result"]["revised"] == 2
            assert await site.rt.writes.fetchval(content, hidden) == before
