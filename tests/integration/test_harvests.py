"""Harvest rules: made, seen and changed through the public door; what a worker's look does with those that are due."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio

from tests.support.people import Person, make_person
from tests.support.site import Site, running_worker, until
from tomgql.services.harvests import harvest
from tomgql.settings import Settings

CREATE = """mutation ($i: CreateHarvestRuleInput!) { createHarvestRule(input: $i) {
  harvestRule { id service parameters everyDays enabled target { id } targetList { id } createdBy { username } }
  errors { code message path } } }"""
UPDATE = """mutation ($i: UpdateHarvestRuleInput!) { updateHarvestRule(input: $i) {
  harvestRule { everyDays enabled parameters } errors { code message path } } }"""
DELETE = "mutation ($id: ID!) { deleteHarvestRule(id: $id) { deletedId errors { code } } }"
RULES = "{ harvestRules { nodes { id message due } } }"
JOBS = """query ($t: ID!) { jobs(where: {target: $t, kind: {eq: "query_survey"}}) { nodes {
  id state createdBy { username } } } }"""
LIST = "mutation ($i: CreateTargetListInput!) { createTargetList(input: $i) { targetList { id } } }"
GRANT = "mutation ($i: GrantTargetAccessInput!) { grantTargetAccess(input: $i) { errors { code } } }"


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Settings:
    given = {
        "survey_credentials": {"atlas": {"token": "never sent"}},
        "survey_addresses": {"atlas": "http://127.0.0.1:9"},
        "harvest_look_s": 0.3,
    }
    return Settings.model_validate(settings.model_dump() | given)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def observer(site: Site) -> Person:
    return await make_person(site, "observer")


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def no_rules(site: Site) -> None:
    await site.rt.writes.execute("delete from harvest_rules")
    await site.rt.writes.execute("delete from jobs")


async def made(person: Person, **given: Any) -> dict[str, Any]:
    payload = (await person.client.query(CREATE, i={"service": "atlas", "everyDays": 1, **given}))["createHarvestRule"]
    assert payload["errors"] == []
    rule: dict[str, Any] = payload["harvestRule"]
    return rule


async def refused(person: Person, **given: Any) -> dict[str, Any]:
    payload = (await person.client.query(CREATE, i={"service": "atlas", "everyDays": 1, **given}))["createHarvestRule"]
    assert payload["harvestRule"] is None
    (error,) = payload["errors"]
    return dict(error)


async def jobs(person: Person, target: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await person.client.query(JOBS, t=target))["jobs"]["nodes"]
    return found


async def message(person: Person) -> str:
    (rule,) = (await person.client.query(RULES))["harvestRules"]["nodes"]
    return str(rule["message"])


async def due_again(site: Site) -> None:
    await site.rt.writes.execute("update harvest_rules set due = now() - interval '1 second'")


async def test_a_rule_asks_at_once_and_again_when_it_is_due(site: Site, observer: Person) -> None:
    target = await observer.create_target("harvested")
    rule = await made(observer, target=target, parameters={"mjd_min": 59000.5}, everyDays=2.5)
    assert rule == {
        "id": rule["id"], "service": "atlas", "everyDays": 2.5, "enabled": True, "target": {"id": target},
        "targetList": None, "createdBy": {"username": "observer"},
        "parameters": {"mjd_min": 59000.5, "mjd_max": None, "use_reduced": False, "mpc_name": None,
                       "good_fits_only": False, "max_chi_n": None},
    }  # fmt: skip
    assert (await harvest(site.rt), await harvest(site.rt)) == (1, 0)
    (job,) = await jobs(observer, target)
    assert (job["state"], job["createdBy"]) == ("QUEUED", {"username": "observer"})
    assert await message(observer) == "Asked about 1 of 1 targets."
    left_days = await site.rt.reads.fetchval("select extract(epoch from due - now())::float / 86400 from harvest_rules")
    assert 2.49 < left_days <= 2.5
    await due_again(site)
    await harvest(site.rt)
    assert await message(observer) == "Asked about 0 of 1 targets. 1 queries of before have not ended."
    await site.rt.writes.execute("update jobs set state = 'SUCCEEDED', finished = now()")
    await due_again(site)
    await harvest(site.rt)
    assert len(await jobs(observer, target)) == 2


async def test_a_rule_for_a_list_asks_about_what_its_maker_may_change(
    site: Site, observer: Person, admin: Person
) -> None:
    mine = [await observer.create_target(f"of the list {number}") for number in range(3)]
    other = await admin.create_target("not mine to change", access="OPEN")
    made_list = await observer.client.query(LIST, i={"name": "mine", "targets": [*mine[:2], other]})
    list_id = made_list["createTargetList"]["targetList"]["id"]
    rule = await made(observer, targetList=list_id)
    assert (rule["target"], rule["targetList"]) == (None, {"id": list_id})
    await harvest(site.rt)
    assert [len(await jobs(admin, target)) for target in (*mine, other)] == [1, 1, 0, 0]
    await site.rt.writes.execute("delete from target_grants where target_id = $1", int(mine[0][1:]))
    await site.rt.writes.execute("delete from jobs")
    await due_again(site)
    await harvest(site.rt)
    assert [len(await jobs(admin, target)) for target in (*mine, other)] == [0, 1, 0, 0]
    await site.rt.writes.execute("delete from target_grants where target_id = $1", int(mine[1][1:]))
    await due_again(site)
    await harvest(site.rt)
    assert await message(observer) == "There is no target that the maker of this rule may change."


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ({}, "INVALID_INPUT", "Give either"),
        ({"target": "t987654"}, "NOT_FOUND", "no such target"),
        ({"targetList": "l987654"}, "NOT_FOUND", "no such target list"),
        ({"service": "hubble"}, "INVALID_INPUT", "Give either"),
        ({"target": "mine", "service": "hubble"}, "UNKNOWN_PLUGIN", "hubble"),
        ({"target": "mine", "everyDays": 0.03}, "INVALID_INPUT", "`everyDays` must lie between 0.04 and 3653."),
        ({"target": "mine", "parameters": {"mjd_min": "x"}}, "INVALID_INPUT", "mjd_min"),
        ({"target": "mine", "parameters": {"mpc_name": "Ceres"}}, "INVALID_INPUT", "mpc_name is for moving targets"),
    ],
)
async def test_what_is_refused(observer: Person, given: dict[str, Any], code: str, words: str) -> None:
    if given.get("target") == "mine":
        given = {**given, "target": await observer.create_target(f"mine {words}")}
    error = await refused(observer, **given)
    assert error["code"] == code
    assert words in error["message"]
    assert (await observer.client.query(RULES))["harvestRules"]["nodes"] == []


async def test_who_sees_and_changes_a_rule(site: Site, observer: Person, admin: Person) -> None:
    target = await observer.create_target("shared", access="PUBLIC")
    rule = (await made(observer, target=target))["id"]
    stranger, helper = await make_person(site, "stranger"), await make_person(site, "helper")
    given = {"target": target, "user": helper.id, "permissions": ["CHANGE"]}
    assert (await observer.client.query(GRANT, i=given))["grantTargetAccess"]["errors"] == []
    for person, sees in ((stranger, False), (helper, True), (admin, True), (observer, True)):
        assert bool((await person.client.query(RULES))["harvestRules"]["nodes"]) is sees
    for change in (UPDATE, DELETE):
        variables = {"id": rule} if change == DELETE else {"i": {"id": rule, "enabled": False}}
        (payload,) = (await stranger.client.query(change, **variables)).values()
        assert [error["code"] for error in payload["errors"]] == ["NOT_FOUND"]
    for given in ({"everyDays": 3}, {"enabled": True}, {"enabled": False, "parameters": {}}):
        refused_to = (await helper.client.query(UPDATE, i={"id": rule, **given}))["updateHarvestRule"]["errors"]
        assert [error["code"] for error in refused_to] == ["NOT_ALLOWED"]
    changed = await helper.client.query(UPDATE, i={"id": rule, "enabled": False})
    assert changed["updateHarvestRule"]["harvestRule"]["enabled"] is False
    changed = await observer.client.query(UPDATE, i={"id": rule, "everyDays": 3})
    assert changed["updateHarvestRule"]["harvestRule"]["everyDays"] == 3
    assert await harvest(site.rt) == 0
    asked = {"id": rule, "enabled": True, "parameters": {"mjd_min": 60000}}
    changed = await observer.client.query(UPDATE, i=asked)
    assert changed["updateHarvestRule"]["harvestRule"]["parameters"]["mjd_min"] == 60000
    assert await harvest(site.rt) == 1
    assert (await observer.client.query(DELETE, id=rule))["deleteHarvestRule"] == {"deletedId": rule, "errors": []}
    assert await site.rt.reads.fetchval("select count(*) from harvest_rules") == 0


async def test_queries_of_a_long_list_begin_one_after_another(site: Site, observer: Person) -> None:
    targets = [await observer.create_target(f"one of many {number}") for number in range(23)]
    made_list = await observer.client.query(LIST, i={"name": "many", "targets": targets})
    await made(observer, targetList=made_list["createTargetList"]["targetList"]["id"])
    await harvest(site.rt)
    rows = await site.rt.reads.fetch(
        "select state, round(extract(epoch from waiting_until - created)) as s from jobs order by id"
    )
    assert [(row["state"], row["s"]) for row in rows] == [("QUEUED", None)] * 21 + [("WAITING", 1), ("WAITING", 2)]
    assert await message(observer) == "Asked about 23 of 23 targets."


async def test_a_rule_whose_secrets_are_gone_says_so_and_is_due_again(site: Site, observer: Person) -> None:
    await made(observer, target=await observer.create_target("no secrets"))
    site.rt.settings, kept = site.rt.settings.model_copy(update={"survey_credentials": {}}), site.rt.settings
    try:
        assert (await harvest(site.rt), await harvest(site.rt)) == (1, 0)
    finally:
        site.rt.settings = kept
    assert 'The service "atlas" needs token' in await message(observer)


async def test_workers_look_for_themselves(site: Site, observer: Person) -> None:
    target = await observer.create_target("by a worker")
    await made(observer, target=target)
    with running_worker(site.settings):

        async def asked() -> Any:
            return await jobs(observer, target)

        assert len(await until(20, asked)) == 1
