"""Who may see what, after the contract and DESIGN D5 and D10; nothing of this was read from the predicates.

OPEN is for anyone, PUBLIC for who is signed in, PRIVATE for holders of a grant. A product in groups that name user
groups is for members of one of those, its uploader and administrators, if they see the target. A datum follows its
product, else its target; an observation follows its target. A list is for its maker and who sees one of its targets.
A job is for its creator, for who sees its product, or, when it is about none, for who may change its target.
Administrators see everything.
"""

from __future__ import annotations

from functools import cached_property

from tests.oracle.naive.sky import Row, Sky
from tomgql.access.principal import Principal

RIGHTS = ("VIEW", "CHANGE", "DELETE", "SHARE")
"""Every right on a target, in the order of the enumeration."""


class Asker:
    """Somebody who looks at a sky."""

    def __init__(self, sky: Sky, actor: Principal) -> None:
        self.sky, self.actor = sky, actor
        self.user = actor.user_id
        self.signed_in = actor.user_id is not None
        self.admin = actor.is_admin
        self._seen: dict[str, list[Row]] = {}

    def rows(self, table: str) -> list[Row]:
        """Every row of a table that may be seen, by key."""
        if table not in self._seen:
            self._seen[table] = [row for row in self.sky.tables[table] if self.sees(row)]
        return self._seen[table]

    def one(self, table: str, key: int | None) -> Row | None:
        """The row with this key, if there is one that may be seen."""
        row = self.sky.by_key.get((table, key)) if key is not None else None
        return row if row is not None and self.sees(row) else None

    def by_id(self, public_id: str, table: str | None = None) -> Row | None:
        """The row with this public id, if there is one, of this table, that may be seen."""
        row = self.sky.by_public_id.get(public_id)
        fits = row is not None and table in (None, row.table) and self.sees(row)
        return row if fits else None

    def sees(self, row: Row) -> bool:
        """Whether a thing may be seen."""
        return self.admin or bool(getattr(self, f"_sees_{row.table}")(row))

    def holds(self, right: str, target: Row) -> bool:
        """Whether the asker has a right on a target."""
        if right == "VIEW":
            return self.sees(target)
        return self.admin or target.id in self._granted[right]

    @cached_property
    def my_groups(self) -> set[int]:
        """Keys of the user groups that the asker belongs to."""
        return {each.user_group_id for each in self.sky.tables["memberships"] if self._is_me(each.user_id)}

    def _is_me(self, user: int | None) -> bool:
        return self.signed_in and user == self.user

    @cached_property
    def _granted(self) -> dict[str, set[int]]:
        mine = [
            grant
            for grant in self.sky.tables["target_grants"]
            if self._is_me(grant.user_id) or grant.user_group_id in self.my_groups
        ]
        return {right: {each.target_id for each in mine if right in each.permissions} for right in RIGHTS}

    def _sees_targets(self, target: Row) -> bool:
        if target.access == "OPEN" or (target.access == "PUBLIC" and self.signed_in):
            return True
        return target.id in self._granted["VIEW"]

    def _sees_target_lists(self, listed: Row) -> bool:
        members = self.sky.linked("target_list_members", "target_list_id", listed.id, "target_id")
        return self._is_me(listed.created_by_id) or any(self.one("targets", each) for each in members)

    def _sees_data_products(self, product: Row) -> bool:
        if self.one("targets", product.target_id) is None:
            return False
        groups = self.sky.linked("data_product_group_products", "data_product_id", product.id, "group_id")
        named = {each for group in groups for each in self._named_by(group)}
        return not named or self._is_me(product.uploaded_by_id) or bool(named & self.my_groups)

    def _named_by(self, group: int) -> list[int]:
        return self.sky.linked("data_product_group_user_groups", "group_id", group, "user_group_id")

    def _sees_data_product_groups(self, group: Row) -> bool:
        return self._is_me(group.created_by_id) or bool(self.my_groups & set(self._named_by(group.id)))

    def _sees_reduced_data(self, datum: Row) -> bool:
        if datum.data_product_id is not None:
            return self.one("data_products", datum.data_product_id) is not None
        return self.one("targets", datum.target_id) is not None

    def _sees_observations(self, observation: Row) -> bool:
        return self.one("targets", observation.target_id) is not None

    def _sees_jobs(self, job: Row) -> bool:
        if self._is_me(job.created_by_id):
            return True
        if job.data_product_id is not None:
            return self.one("data_products", job.data_product_id) is not None
        return job.target_id in self._granted["CHANGE"]

    def _sees_harvest_rules(self, rule: Row) -> bool:
        return self._is_me(rule.created_by_id) or rule.target_id in self._granted["CHANGE"]

    def _sees_peer_subscriptions(self, _subscription: Row) -> bool:
        return False  # administrators alone do, who see everything

    def _sees_shares(self, share: Row) -> bool:
        return self._is_me(share.created_by_id)

    def _sees_share_ledger(self, item: Row) -> bool:
        job = self.sky.by_key.get(("jobs", item.job_id))
        return job is not None and self._is_me(job.created_by_id)

    def _sees_continuous_shares(self, share: Row) -> bool:
        return self._is_me(share.created_by_id) or share.target_id in self._granted["SHARE"]

    def _sees_users(self, user: Row) -> bool:
        return self.signed_in and bool(user.is_active)

    def _sees_user_groups(self, group: Row) -> bool:
        return group.id in self.my_groups

    def _sees_tokens(self, token: Row) -> bool:
        return self._is_me(token.user_id)
