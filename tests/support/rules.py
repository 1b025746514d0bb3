"""The rules of access as a small Python model: what the matrix tests expect, written without looking at the SQL.

From the contract: OPEN is for anyone, PUBLIC for who is signed in, PRIVATE for holders of a grant. A product in
groups that name user groups is for members of one of those, its uploader and administrators, if they see the target.
A datum follows its product, else its target. A job is for its creator, administrators, who sees its product, or, when
it is about no product, who may change its target.
"""

from __future__ import annotations

from dataclasses import dataclass, field

ALL = frozenset({"read", "write", "admin"})
GRANTED = frozenset({"VIEW", "CHANGE", "DELETE", "SHARE"})


@dataclass(frozen=True)
class Actor:
    """Somebody with one token; ``user`` None signs in as nobody."""

    name: str
    user: str | None
    scopes: frozenset[str] = ALL
    user_is_admin: bool = False

    @property
    def admin(self) -> bool:
        return self.user_is_admin and "admin" in self.scopes


@dataclass(frozen=True)
class Product:
    label: str
    target: str
    uploader: str
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Datum:
    label: str
    target: str
    product: str | None
    job: str


@dataclass(frozen=True)
class Job:
    label: str
    target: str
    product: str | None
    creator: str


@dataclass
class World:
    """Everything that exists, by label, and who holds what."""

    access: dict[str, str] = field(default_factory=dict)
    grants: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    group_grants: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    members: dict[str, tuple[str, ...]] = field(default_factory=dict)
    named: dict[str, tuple[str, ...]] = field(default_factory=dict)
    maker: dict[str, str] = field(default_factory=dict)
    products: dict[str, Product] = field(default_factory=dict)
    data: dict[str, Datum] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    observations: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    users: tuple[str, ...] = ()

    def holds(self, who: Actor, right: str, target: str) -> bool:
        """A right on a target beyond what its access gives."""
        if who.admin:
            return True
        if who.user is None:
            return False
        through = [rights for (name, group), rights in self.group_grants.items() if name == target
                   and who.user in self.members[group]]  # fmt: skip
        return any(right in rights for rights in [self.grants.get((target, who.user), frozenset()), *through])

    def sees_target(self, who: Actor, target: str) -> bool:
        access = self.access[target]
        if access == "OPEN" or (access == "PUBLIC" and who.user is not None):
            return True
        return self.holds(who, "VIEW", target)

    def sees_product(self, who: Actor, label: str) -> bool:
        product = self.products[label]
        if not self.sees_target(who, product.target):
            return False
        naming = [group for group in product.groups if self.named[group]]
        if not naming or who.admin or (who.user is not None and who.user == product.uploader):
            return True
        return any(who.user in self.members[each] for group in naming for each in self.named[group])

    def sees_datum(self, who: Actor, label: str) -> bool:
        datum = self.data[label]
        if datum.product is not None:
            return self.sees_product(who, datum.product)
        return self.sees_target(who, datum.target)

    def sees_observation(self, who: Actor, label: str) -> bool:
        return self.sees_target(who, self.observations[label])

    def deletes_product(self, who: Actor, label: str) -> bool:
        product = self.products[label]
        mine = product.uploader == who.user and self.holds(who, "CHANGE", product.target)
        return mine or self.holds(who, "DELETE", product.target)

    def sees_job(self, who: Actor, label: str) -> bool:
        job = self.jobs[label]
        if who.admin or (who.user is not None and job.creator == who.user):
            return True
        if job.product is not None:
            return self.sees_product(who, job.product)
        return self.holds(who, "CHANGE", job.target)

    def steers_job(self, who: Actor, label: str) -> bool:
        job = self.jobs[label]
        return job.creator == who.user or self.holds(who, "CHANGE", job.target)

    def sees_user_group(self, who: Actor, label: str) -> bool:
        return who.admin or (who.user is not None and who.user in self.members[label])

    def sees_product_group(self, who: Actor, label: str) -> bool:
        if who.admin:
            return True
        if who.user is None:
            return False
        return self.maker[label] == who.user or any(who.user in self.members[group] for group in self.named[label])

    def manages_product_group(self, who: Actor, label: str) -> bool:
        return who.admin or (who.user is not None and self.maker[label] == who.user)

    def sees_token(self, who: Actor, label: str) -> bool:
        return who.admin or (who.user is not None and self.tokens[label] == who.user)

    def sees_user(self, who: Actor, _label: str) -> bool:
        return who.user is not None

    def everything(self, kind: str) -> list[str]:
        """Labels of all things of a kind, in the spelling of the roads."""
        return list({
            "targets": self.access, "products": self.products, "data": self.data, "jobs": self.jobs,
            "user_groups": self.members, "product_groups": self.named, "tokens": self.tokens,
            "users": dict.fromkeys(self.users), "observations": self.observations,
        }[kind])  # fmt: skip

    def sees(self, who: Actor, kind: str, label: str) -> bool:
        """Whether the actor may see a thing at all, whatever the road."""
        return {
            "targets": self.sees_target, "products": self.sees_product, "data": self.sees_datum,
            "jobs": self.sees_job, "user_groups": self.sees_user_group, "product_groups": self.sees_product_group,
            "tokens": self.sees_token, "users": self.sees_user, "observations": self.sees_observation,
        }[kind](who, label)  # fmt: skip
