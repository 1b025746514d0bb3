"""Every change that may be asked for, and what the rules answer to whom.

An answer is None (done), or the code of the refusal. Whoever did not sign in, or holds a token without the write
scope, is refused before anything is looked up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.rules import Actor, World
from tests.support.scene import Scene

NOT_FOUND, NOT_ALLOWED, NOT_AUTHENTICATED = "NOT_FOUND", "NOT_ALLOWED", "NOT_AUTHENTICATED"
Rule = Callable[[World, Actor], str | None]
MISSING = {"targets": "t987654", "products": "p987654", "jobs": "j987654", "user_groups": "ug987654",
           "product_groups": "pg987654", "tokens": "k987654", "observations": "o987654",
           "users": "u987654"}  # fmt: skip


@dataclass(frozen=True)
class Act:
    """One change about one thing. ``given`` makes the input from the thing's id; ``before`` puts rows in order."""

    name: str
    field: str
    about: tuple[str, str] | None
    given: Callable[[Scene, str], Any]
    rule: Rule
    before: str = ""


def expected(world: World, who: Actor, act: Act) -> str | None:
    """The code that the rules answer."""
    if who.user is None:
        return NOT_AUTHENTICATED
    if "write" not in who.scopes:
        return NOT_ALLOWED
    return act.rule(world, who)


def change_target(target: str) -> Rule:
    return lambda world, who: (
        NOT_FOUND if not world.sees_target(who, target)
        else None if world.holds(who, "CHANGE", target) else NOT_ALLOWED
    )  # fmt: skip


def change_product(product: str) -> Rule:
    return lambda world, who: (
        NOT_FOUND if not world.sees_product(who, product)
        else None if world.holds(who, "CHANGE", world.products[product].target) else NOT_ALLOWED
    )  # fmt: skip


def steer_job(job: str) -> Rule:
    return lambda world, who: (
        NOT_FOUND if not world.sees_job(who, job) else None if world.steers_job(who, job) else NOT_ALLOWED
    )


def retry_job(job: str) -> Rule:
    """CHANGE on the job's target, whoever asked for it first."""
    return lambda world, who: (
        NOT_FOUND if not world.sees_job(who, job)
        else None if world.holds(who, "CHANGE", world.jobs[job].target) else NOT_ALLOWED
    )  # fmt: skip


def manage_group(group: str) -> Rule:
    return lambda world, who: (
        NOT_FOUND if not world.sees_product_group(who, group)
        else None if world.manages_product_group(who, group) else NOT_ALLOWED
    )  # fmt: skip


def belong_to(group: str) -> Rule:
    return lambda world, who: None if world.sees_user_group(who, group) else NOT_FOUND


def first_of(*rules: Rule) -> Rule:
    """The first refusal of several rules."""
    return lambda world, who: next((code for rule in rules if (code := rule(world, who))), None)


def administrate(_world: World, who: Actor) -> str | None:
    return None if who.admin else NOT_ALLOWED


def anybody(_world: World, _who: Actor) -> str | None:
    return None


def _rows(scene: Scene) -> dict[str, Any]:
    scene.days += 1
    return {"dataType": "photometry", "rows": [{"mjd": scene.days, "mag": 20.0, "magerr": 0.1, "filter": "ztfr"}]}


def _day(scene: Scene) -> float:
    scene.days += 1
    return float(scene.days)


def _unique(scene: Scene) -> str:
    scene.days += 1
    return f"new {scene.days}"


def _about_targets(target: str) -> list[Act]:
    about = ("targets", target)
    return [
        Act(f"upload-to-{target}", "uploadDataProduct", about, lambda _scene, id: {"target": id},
            change_target(target)),
        Act(f"preview-for-{target}", "previewDataProduct", about, lambda _scene, id: {"target": id},
            change_target(target)),
        Act(f"begin-upload-to-{target}", "beginUpload", about,
            lambda _scene, id: {"target": id, "fileName": "f", "sizeBytes": 1}, change_target(target)),
        Act(f"ask-a-survey-about-{target}", "querySurvey", about,
            lambda scene, id: {"target": id, "service": "atlas", "parameters": {"mjd_min": _day(scene)}},
            change_target(target)),
        Act(f"harvest-{target}", "createHarvestRule", about,
            lambda _scene, id: {"target": id, "service": "atlas", "everyDays": 1.0}, change_target(target)),
        Act(f"data-into-{target}", "createReducedData", about, lambda scene, id: {"target": id, **_rows(scene)},
            change_target(target)),
        Act(f"observation-of-{target}", "createObservation", about,
            lambda scene, id: {"target": id, "facility": "LCO", "observationId": _unique(scene)},
            change_target(target)),
        Act(f"status-of-observation-{target}", "updateObservation", ("observations", target),
            lambda scene, id: {"id": id, "status": _unique(scene)}, change_target(target)),
        Act(f"dry-run-into-{target}", "createReducedData", about,
            lambda scene, id: {"target": id, "dryRun": True, **_rows(scene)}, change_target(target)),
    ]  # fmt: skip


def _about_products(product: str) -> list[Act]:
    about, target = ("products", product), product.split("/")[0]
    ended = (
        "update jobs set state = 'CANCELLED', finished = now(), lease_until = null, waiting_until = null"
        " where finished is null and id <= (select max(id) from jobs)"
    )
    return [
        Act(f"data-into-{product}", "createReducedData", about,
            lambda scene, id: {"target": scene.ids["targets"][target], "dataProduct": id, **_rows(scene)},
            first_of(change_target(target), change_product(product))),
        Act(f"process-{product}", "processDataProduct", about, lambda _scene, id: {"dataProduct": id},
            change_product(product),
            before=ended),
        Act(f"ask-about-processing-{product}", "processDataProduct", about,
            lambda _scene, id: {"dataProduct": id, "dryRun": True}, change_product(product), before=ended),
        Act(f"update-{product}", "updateDataProduct", about,
            lambda scene, id: {"id": id, "extraData": _unique(scene)}, change_product(product)),
        Act(f"group-{product}", "createDataProductGroup", about,
            lambda _scene, id: {"name": "mine", "dataProducts": [id]}, change_product(product)),
        Act(f"add-{product}-to-shelf", "updateDataProductGroup", about,
            lambda scene, id: {"id": scene.ids["product_groups"]["shelf"], "addDataProducts": [id]},
            first_of(manage_group("shelf"), change_product(product))),
        Act(f"take-{product}-out-of-one", "updateDataProductGroup", about,
            lambda scene, id: {"id": scene.ids["product_groups"]["one"], "removeDataProducts": [id]},
            first_of(manage_group("one"), change_product(product))),
    ]  # fmt: skip


def _about_jobs(job: str) -> list[Act]:
    queued = "update jobs set state = 'QUEUED', finished = null where state <> 'QUEUED'"
    ended = "update jobs set state = 'CANCELLED', finished = now() where state = 'QUEUED'"
    return [
        Act(f"cancel-{job}", "cancelJob", ("jobs", job), lambda _scene, id: id, steer_job(job), before=queued),
        Act(f"retry-{job}", "retryJob", ("jobs", job), lambda _scene, id: id, retry_job(job), before=ended),
    ]


def _about_groups() -> list[Act]:
    one, two = ("product_groups", "one"), ("product_groups", "two")
    ring = ("user_groups", "ring")
    return [
        Act("rename-one", "updateDataProductGroup", one, lambda _scene, id: {"id": id, "name": "one"},
            manage_group("one")),
        Act("rename-two", "updateDataProductGroup", two, lambda _scene, id: {"id": id, "name": "two"},
            manage_group("two")),
        Act("let-ring-into-one", "updateDataProductGroup", one,
            lambda scene, id: {"id": id, "addUserGroups": [scene.ids["user_groups"]["ring"]]},
            first_of(manage_group("one"), belong_to("ring"))),
        Act("shut-circle-out-of-one", "updateDataProductGroup", one,
            lambda scene, id: {"id": id, "removeUserGroups": [scene.ids["user_groups"]["circle"]]},
            manage_group("one")),
        Act("group-for-ring", "createDataProductGroup", ring, lambda _scene, id: {"name": "mine", "userGroups": [id]},
            belong_to("ring")),
        Act("target-for-ring", "createTarget", ring,
            lambda scene, id: {"name": _unique(scene), "raDeg": 1.0, "decDeg": 1.0, "userGroups": [id]},
            belong_to("ring")),
        Act("upload-into-one", "uploadDataProduct", one,
            lambda scene, id: {"target": scene.ids["targets"]["PUBLIC"], "groups": [id]},
            first_of(change_target("PUBLIC"), manage_group("one"))),
        Act("preview-into-one", "previewDataProduct", one,
            lambda scene, id: {"target": scene.ids["targets"]["PUBLIC"], "groups": [id]},
            first_of(change_target("PUBLIC"), manage_group("one"))),
    ]  # fmt: skip


def _about_people() -> list[Act]:
    spare = ("tokens", "spare of creator")
    return [
        Act("create-user", "createUser", None, lambda scene, _id: {"username": _unique(scene)}, administrate),
        Act("create-administrator", "createUser", None,
            lambda scene, _id: {"username": _unique(scene), "isAdmin": True}, administrate),
        Act("create-user-group", "createUserGroup", None, lambda scene, _id: {"name": _unique(scene)}, anybody),
        Act("create-target", "createTarget", None,
            lambda scene, _id: {"name": _unique(scene), "raDeg": 1.0, "decDeg": 1.0}, anybody),
        Act("create-own-token", "createToken", None, lambda _scene, _id: {"name": "own"}, anybody),
        Act("create-token-with-admin", "createToken", None, lambda _scene, _id: {"name": "own", "scopes": ["admin"]},
            lambda _world, who: None if "admin" in who.scopes else NOT_ALLOWED),
        Act("create-token-of-creator", "createToken", None,
            lambda scene, _id: {"name": "theirs", "user": scene.ids["users"]["creator"]},
            lambda _world, who: None if who.admin or who.user == "creator" else NOT_ALLOWED),
        Act("revoke-token-of-creator", "revokeToken", spare, lambda _scene, id: id,
            lambda world, who: None if world.sees_token(who, "spare of creator") else NOT_FOUND),
    ]  # fmt: skip


TARGETS = ("PRIVATE", "PUBLIC", "OPEN")
ACTS = [
    *[act for target in TARGETS for act in _about_targets(target)],
    *[act for target in ("PRIVATE", "PUBLIC") for name in ("plain", "ringed", "twice", "foreign")
      for act in _about_products(f"{target}/{name}")],
    *[act for target in ("PRIVATE", "PUBLIC") for name in ("plain", "ringed", "foreign", "target")
      for act in _about_jobs(f"{target}/{name}")],
    *_about_groups(),
    *_about_people(),
]  # fmt: skip
