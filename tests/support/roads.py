"""Every way by which a read may reach a thing, and what its parents' visibility takes away on that way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.rules import Actor, World

Reach = Callable[[World, Actor, str], bool]


@dataclass(frozen=True)
class Road:
    """``query`` asks once for all; ``each`` once for every thing, with its id or label for ``ID`` or ``LABEL``.

    ``found`` is where the ids are in the answer, ``counts`` where numbers are that must add up to as many.
    ``reach`` says whether the road leads to a thing that may be seen.
    """

    name: str
    kind: str
    found: str
    query: str = ""
    each: str = ""
    counts: str = ""
    once: bool = True
    reach: Reach = lambda _world, _who, _label: True


def pluck(value: Any, path: str) -> list[Any]:
    """The values at a dotted path, through lists; ``*`` is every value of an object; nulls are left out."""
    if value is None:
        return []
    if isinstance(value, list):
        return [found for each in value for found in pluck(each, path)]
    if not path:
        return [value]
    first, _, rest = path.partition(".")
    inner = list(value.values()) if first == "*" else [value.get(first)]
    return [found for each in inner for found in pluck(each, rest)]


def _in_visible_group(world: World, who: Actor, product: str | None) -> bool:
    if product is None:
        return False
    return any(world.sees_product_group(who, group) for group in world.products[product].groups)


def _datum_in_visible_group(world: World, who: Actor, datum: str) -> bool:
    return _in_visible_group(world, who, world.data[datum].product)


def _datum_has_product(world: World, _who: Actor, datum: str) -> bool:
    return world.data[datum].product is not None


def _holds_visible_product(world: World, who: Actor, group: str) -> bool:
    return any(group in product.groups and world.sees_product(who, label) for label, product in world.products.items())


def _named_by_visible_group(world: World, who: Actor, user_group: str) -> bool:
    return any(user_group in named and world.sees_product_group(who, group) for group, named in world.named.items())


def _named_by_group_of_visible_product(world: World, who: Actor, user_group: str) -> bool:
    return any(
        user_group in named and world.sees_product_group(who, group) and _holds_visible_product(world, who, group)
        for group, named in world.named.items()
    )


def _in_visible_user_group(world: World, who: Actor, user: str) -> bool:
    return any(user in members and world.sees_user_group(who, group) for group, members in world.members.items())


def _of_visible_job(attribute: str) -> Reach:
    def reach(world: World, who: Actor, label: str) -> bool:
        return any(getattr(job, attribute) == label and world.sees_job(who, each) for each, job in world.jobs.items())

    return reach


def _of_visible_datum(attribute: str) -> Reach:
    def reach(world: World, who: Actor, label: str) -> bool:
        return any(getattr(each, attribute) == label and world.sees_datum(who, each.label)
                   for each in world.data.values())  # fmt: skip

    return reach


def _product_of_recording_job(world: World, who: Actor, product: str) -> bool:
    return any(
        world.jobs[each.job].product == product and world.sees_datum(who, each.label) and world.sees_job(who, each.job)
        for each in world.data.values()
    )


def _uploader_of_visible_product(world: World, who: Actor, user: str) -> bool:
    return any(each.uploader == user and world.sees_product(who, label) for label, each in world.products.items())


def _job_of_visible_target(world: World, who: Actor, job: str) -> bool:
    return world.sees_target(who, world.jobs[job].target)


def _job_of_visible_product(world: World, who: Actor, job: str) -> bool:
    product = world.jobs[job].product
    return product is not None and world.sees_product(who, product)


def _mine(world: World, who: Actor, group: str) -> bool:
    return who.user in world.members[group]


def _roots(kind: str, plural: str, single: str = "") -> list[Road]:
    roads = [
        Road(f"{plural}-list", kind, f"{plural}.nodes.id", f"{{ {plural} {{ nodes {{ id }} totalCount }} }}",
             counts=f"{plural}.totalCount"),
        Road(f"{plural}-edges", kind, f"{plural}.edges.node.id",
             f"{{ {plural} {{ edges {{ cursor node {{ id }} }} pageInfo {{ endCursor }} }} }}"),
        Road(f"{plural}-count", kind, "", f"{{ {plural}(first: 0) {{ totalCount }} }}", counts=f"{plural}.totalCount"),
    ]  # fmt: skip
    if single:
        roads.append(Road(f"{single}-by-id", kind, "*.id", each=f'{single}(id: "ID") {{ id }}'))
    return roads


def _nodes(kind: str) -> list[Road]:
    return [
        Road(f"node-{kind}", kind, "*.id", each='node(id: "ID") { __typename id }'),
        Road(f"nodes-{kind}", kind, "nodes.id", "{ nodes(ids: IDS) { id } }"),
    ]


ROADS = [
    *_roots("targets", "targets", "target"),
    *_roots("products", "dataProducts", "dataProduct"),
    *_roots("data", "reducedData", "reducedDatum"),
    *_roots("jobs", "jobs", "job"),
    *_roots("observations", "observations"),
    *_roots("user_groups", "userGroups"),
    *_roots("product_groups", "dataProductGroups"),
    *[road for kind in ("targets", "products", "data", "jobs", "user_groups", "product_groups", "tokens", "users",
                 "observations")
      for road in _nodes(kind)],
    Road("target-by-name", "targets", "*.id", each='target(name: "sn LABEL") { id }'),
    Road("targets-where-id", "targets", "targets.nodes.id",
         "{ targets(where: {id: {in: IDS}}) { nodes { id } totalCount } }", counts="targets.totalCount"),
    Road("products-where-id", "products", "dataProducts.nodes.id",
         "{ dataProducts(where: {id: {in: IDS}}) { nodes { id } totalCount } }", counts="dataProducts.totalCount"),
    Road("data-where-id", "data", "reducedData.nodes.id",
         "{ reducedData(where: {id: {in: IDS}}) { nodes { id } totalCount } }", counts="reducedData.totalCount"),
    Road("target>dataProducts", "products", "targets.nodes.dataProducts.nodes.id",
         "{ targets { nodes { dataProducts { nodes { id } totalCount } } } }",
         counts="targets.nodes.dataProducts.totalCount"),
    Road("target>reducedData", "data", "targets.nodes.reducedData.nodes.id",
         "{ targets { nodes { reducedData { nodes { id } totalCount } } } }",
         counts="targets.nodes.reducedData.totalCount"),
    Road("target>reducedData-edges", "data", "targets.nodes.reducedData.edges.node.id",
         "{ targets { nodes { reducedData { edges { node { id } } totalCount } } } }",
         counts="targets.nodes.reducedData.totalCount"),
    Road("target>lightCurve", "data", "targets.nodes.lightCurve.id",
         "{ targets { nodes { lightCurve { id count } } } }",
         counts="targets.nodes.lightCurve.count"),
    Road("target>dataProducts>reducedData", "data", "targets.nodes.dataProducts.nodes.reducedData.nodes.id",
         "{ targets { nodes { dataProducts { nodes { reducedData { nodes { id } totalCount } } } } } }",
         counts="targets.nodes.dataProducts.nodes.reducedData.totalCount", reach=_datum_has_product),
    Road("group>dataProducts", "products", "dataProductGroups.nodes.dataProducts.nodes.id",
         "{ dataProductGroups { nodes { dataProducts { nodes { id } } } } }", once=False, reach=_in_visible_group),
    Road("group>dataProducts>reducedData", "data", "dataProductGroups.nodes.dataProducts.nodes.reducedData.nodes.id",
         "{ dataProductGroups { nodes { dataProducts { nodes { reducedData { nodes { id } } } } } } }", once=False,
         reach=_datum_in_visible_group),
    Road("group>userGroups", "user_groups", "dataProductGroups.nodes.userGroups.id",
         "{ dataProductGroups { nodes { userGroups { id name } } } }", once=False, reach=_named_by_visible_group),
    Road("dataProduct>groups", "product_groups", "dataProducts.nodes.groups.id",
         "{ dataProducts { nodes { groups { id name } } } }", once=False, reach=_holds_visible_product),
    Road("dataProduct>groups>userGroups", "user_groups", "dataProducts.nodes.groups.userGroups.id",
         "{ dataProducts { nodes { groups { userGroups { id } } } } }", once=False,
         reach=_named_by_group_of_visible_product),
    Road("dataProduct>groups>userGroups>members", "users", "dataProducts.nodes.groups.userGroups.members.id",
         "{ dataProducts { nodes { groups { userGroups { members { id username } } } } } }", once=False,
         reach=lambda world, who, user: any(
             user in members and world.sees_user_group(who, group)
             and _named_by_group_of_visible_product(world, who, group) for group, members in world.members.items())),
    Road("userGroup>members", "users", "userGroups.nodes.members.id", "{ userGroups { nodes { members { id } } } }",
         once=False, reach=_in_visible_user_group),
    Road("viewer>userGroups", "user_groups", "viewer.userGroups.id", "{ viewer { userGroups { id } } }", reach=_mine),
    Road("viewer>user", "users", "viewer.user.id", "{ viewer { user { id } } }",
         reach=lambda _world, who, user: who.user == user),
    Road("target>jobs", "jobs", "targets.nodes.jobs.nodes.id",
         "{ targets { nodes { jobs { nodes { id message } totalCount } } } }",
         counts="targets.nodes.jobs.totalCount", reach=_job_of_visible_target),
    Road("dataProduct>processing", "jobs", "dataProducts.nodes.processing.id",
         "{ dataProducts { nodes { processing { id } } } }", reach=_job_of_visible_product),
    Road("target>observations", "observations", "targets.nodes.observations.nodes.id",
         "{ targets { nodes { observations { nodes { id } totalCount } } } }",
         counts="targets.nodes.observations.totalCount"),
    Road("dataProduct>observation", "observations", "dataProducts.nodes.observation.id",
         "{ dataProducts { nodes { observation { id } } } }",
         reach=lambda world, who, label: world.sees_product(who, f"{label}/plain")),
    Road("observation>dataProducts", "products", "observations.nodes.dataProducts.nodes.id",
         "{ observations { nodes { dataProducts { nodes { id } totalCount } } } }",
         counts="observations.nodes.dataProducts.totalCount",
         reach=lambda _world, _who, label: label.endswith("/plain")),
    Road("job>target", "targets", "jobs.nodes.target.id", "{ jobs { nodes { target { id } } } }", once=False,
         reach=_of_visible_job("target")),
    Road("job>dataProduct", "products", "jobs.nodes.dataProduct.id", "{ jobs { nodes { dataProduct { id } } } }",
         reach=_of_visible_job("product")),
    Road("job>dataProduct>target>dataProducts", "products", "jobs.nodes.dataProduct.target.dataProducts.nodes.id",
         "{ jobs { nodes { dataProduct { target { dataProducts { nodes { id } } } } } } }", once=False,
         reach=lambda world, who, label: any(
             job.product is not None and job.target == world.products[label].target
             and world.sees_job(who, each) and world.sees_product(who, job.product)
             for each, job in world.jobs.items())),
    Road("job>createdBy", "users", "jobs.nodes.createdBy.id", "{ jobs { nodes { createdBy { id } } } }", once=False,
         reach=_of_visible_job("creator")),
    Road("reducedDatum>target", "targets", "reducedData.nodes.target.id", "{ reducedData { nodes { target { id } } } }",
         once=False, reach=_of_visible_datum("target")),
    Road("reducedDatum>dataProduct", "products", "reducedData.nodes.dataProduct.id",
         "{ reducedData { nodes { dataProduct { id } } } }", reach=_of_visible_datum("product")),
    Road("reducedDatum>job", "jobs", "reducedData.nodes.job.id", "{ reducedData { nodes { job { id } } } }", once=False,
         reach=_of_visible_datum("job")),
    Road("reducedDatum>job>dataProduct", "products", "reducedData.nodes.job.dataProduct.id",
         "{ reducedData { nodes { job { dataProduct { id } } } } }", once=False, reach=_product_of_recording_job),
    Road("reducedDatum>job>createdBy", "users", "reducedData.nodes.job.createdBy.id",
         "{ reducedData { nodes { job { createdBy { id } } } } }", once=False,
         reach=lambda world, who, user: any(
             world.jobs[each.job].creator == user and world.sees_datum(who, each.label)
             and world.sees_job(who, each.job) for each in world.data.values())),
    Road("dataProduct>uploadedBy", "users", "dataProducts.nodes.uploadedBy.id",
         "{ dataProducts { nodes { uploadedBy { id } } } }", once=False, reach=_uploader_of_visible_product),
    Road("reducedDatum>job>dataProduct>uploadedBy", "users", "reducedData.nodes.job.dataProduct.uploadedBy.id",
         "{ reducedData { nodes { job { dataProduct { uploadedBy { id } } } } } }", once=False,
         reach=lambda world, who, user: any(
             product.uploader == user and world.sees_product(who, label)
             and _product_of_recording_job(world, who, label) for label, product in world.products.items())),
    Road("reducedDatum>target>jobs>createdBy", "users", "reducedData.nodes.target.jobs.nodes.createdBy.id",
         "{ reducedData { nodes { target { jobs { nodes { createdBy { id } } } } } } }", once=False,
         reach=lambda world, who, user: any(
             job.creator == user and world.sees_job(who, each) and world.sees_target(who, job.target)
             for each, job in world.jobs.items())),
]  # fmt: skip
"""Every road of a read. ``once`` is false where a thing may be met several times."""
