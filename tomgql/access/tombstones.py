"""What is kept of a deleted target or data product: its last row and who saw it, in the event that announces the end.

Rights cannot be asked of a row that is gone, so the event carries them: the target's access, and the users and user
groups that held a grant; of a product, the user groups that its product groups named. Memberships are still read when
the event is delivered.
"""

from __future__ import annotations

from tomgql.access.predicates import my_groups, target_id_visible_to
from tomgql.access.principal import Principal
from tomgql.store.sql import Bind

TARGET_TOMBSTONE = """
select jsonb_build_object(
    'row', to_jsonb(t),
    'users', (select coalesce(jsonb_agg(g.user_id), '[]') from target_grants g
              where g.target_id = t.id and g.user_id is not null),
    'user_groups', (select coalesce(jsonb_agg(g.user_group_id), '[]') from target_grants g
                    where g.target_id = t.id and g.user_group_id is not null))
from targets t where t.id = $1
"""
"""The tombstone of a target; ask before it is deleted."""

PRODUCT_TOMBSTONE = """
select jsonb_build_object(
    'row', to_jsonb(p),
    'user_groups', (select jsonb_agg(distinct gu.user_group_id) from data_product_group_products gp
                    join data_product_group_user_groups gu on gu.group_id = gp.group_id
                    where gp.data_product_id = p.id))
from data_products p where p.id = $1
"""
"""The tombstone of a data product; ``user_groups`` is null where no product group hid it."""


def gone_target_visible_to(actor: Principal, event: str, bind: Bind) -> str:
    """Whether the actor saw the target whose end the event with this alias announces."""
    if actor.is_admin:
        return "true"
    access = f"{event}.tombstone #>> '{{row,access}}'"
    if actor.is_anonymous:
        return f"{access} = 'OPEN'"
    user = bind(actor.user_id, "bigint")
    return (
        f"({access} in ('OPEN', 'PUBLIC') or {event}.tombstone -> 'users' @> to_jsonb({user})"
        f" or {_in_its_groups(actor, event, bind)})"
    )


def gone_product_visible_to(actor: Principal, event: str, bind: Bind) -> str:
    """Whether the actor sees the target, and saw the product whose end the event with this alias announces."""
    if actor.is_admin:
        return "true"
    target = target_id_visible_to(actor, f"{event}.target_id", bind)
    free = f"{event}.tombstone ->> 'user_groups' is null"
    if actor.is_anonymous:
        return f"{target} and {free}"
    uploader = f"{event}.tombstone #> '{{row,uploaded_by_id}}' = to_jsonb({bind(actor.user_id, 'bigint')})"
    return f"{target} and ({free} or {uploader} or {_in_its_groups(actor, event, bind)})"


def _in_its_groups(actor: Principal, event: str, bind: Bind) -> str:
    groups = f"jsonb_array_elements_text({event}.tombstone -> 'user_groups')"
    return f"exists (select from {groups} k where k::bigint in {my_groups(actor, bind)})"


GONE = {"targets": gone_target_visible_to, "data_products": gone_product_visible_to}
"""Resource -> who saw what is gone."""
