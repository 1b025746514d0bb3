"""Who may see and do what, as SQL: the only place that knows (DESIGN D5, D10).

Every function returns a boolean SQL expression about one row of one table, whose alias is given. Reads put it at
every node, writes into their guard, subscriptions into every event. Memberships and grants are read when the
statement runs, so a change of rights acts on the next read. ``bind`` adds a value to the statement's parameters.

- Target: OPEN to anyone, PUBLIC to any signed-in user, PRIVATE to holders of a grant; administrators see all.
- Data product: follows its target; when it lies in product groups that name user groups, only members of at least
  one of those, its uploader and administrators see it.
- Observation: follows its target.
- Reduced datum: follows its product, or its target if it has none; so does each of its older revisions.
- Target list: its maker, administrators, and whoever may see one of its targets.
- Harvest rule: its maker, administrators, and whoever may change its target.
- Destination: administrators, and members of the user groups that have the right to share with it.
- Share and its items: its maker and administrators. Continuous share: these, and whoever may SHARE its target.
- Peer subscription: administrators.
- Job: its creator, administrators, and whoever may see the data product it is about, or may change its target.
"""

from __future__ import annotations

from tomgql.access.principal import Principal
from tomgql.store.sql import Bind

VIEW = "VIEW"
CHANGE = "CHANGE"
DELETE = "DELETE"
SHARE = "SHARE"


def my_groups(actor: Principal, bind: Bind) -> str:
    """The ids of the user groups that the actor belongs to, as a subselect."""
    return f"(select m.user_group_id from memberships m where m.user_id = {bind(actor.user_id, 'bigint')})"


def _granted_targets(actor: Principal, permission: str, bind: Bind) -> str:
    # Uncorrelated, so that PostgreSQL computes the set once a statement and not once a row.
    return (
        f"(select g.target_id from target_grants g where {bind(permission, 'text')} = any(g.permissions)"
        f" and (g.user_id = {bind(actor.user_id, 'bigint')} or g.user_group_id in {my_groups(actor, bind)}))"
    )


def target_visible_to(actor: Principal, target: str, bind: Bind) -> str:
    """Whether the actor may see the target."""
    if actor.is_admin:
        return "true"
    if actor.is_anonymous:
        return f"{target}.access = 'OPEN'"
    return f"({target}.access in ('OPEN', 'PUBLIC') or {target}.id in {_granted_targets(actor, VIEW, bind)})"


def target_allows(actor: Principal, target: str, permission: str, bind: Bind) -> str:
    """Whether the actor holds ``permission`` (VIEW, CHANGE, DELETE or SHARE) on the target."""
    if permission == VIEW:
        return target_visible_to(actor, target, bind)
    if actor.is_admin:
        return "true"
    if actor.is_anonymous:
        return "false"
    return f"({target}.id in {_granted_targets(actor, permission, bind)})"


def target_id_visible_to(actor: Principal, target_id: str, bind: Bind) -> str:
    """Whether the actor may see the target that the expression ``target_id`` names."""
    if actor.is_admin:
        return "true"
    return f"{target_id} in (select v.id from targets v where {target_visible_to(actor, 'v', bind)})"


def hidden_products(actor: Principal, bind: Bind) -> str:
    """The ids of products that product groups hide from the actor, as a subselect."""
    restricted = (
        "select gp.data_product_id from data_product_group_products gp"
        " join data_product_group_user_groups gu on gu.group_id = gp.group_id"
    )
    if actor.is_anonymous:
        return f"({restricted})"
    return (
        f"({restricted} join data_products hp on hp.id = gp.data_product_id"
        f" where hp.uploaded_by_id is distinct from {bind(actor.user_id, 'bigint')}"
        f" group by gp.data_product_id having not bool_or(gu.user_group_id in {my_groups(actor, bind)}))"
    )


def product_id_shown_to(actor: Principal, product_id: str, bind: Bind) -> str:
    """Whether no product group hides the product, whose target is known to be visible, from the actor."""
    if actor.is_admin:
        return "true"
    return f"({product_id} is null or {product_id} not in {hidden_products(actor, bind)})"


def audiences(targets: str) -> str:
    """Who sees each restricted product of targets, as a JSON object of texts by the product's id, in one subselect.

    ``targets`` is an array of ids. Products that nothing restricts are left out: those who see the target see them.
    """
    return (
        "(select coalesce(jsonb_object_agg(r.id, r.audience), '{}') from (select p.id, concat_ws(' ', p.uploaded_by_id,"
        "  'and', string_agg(distinct gu.user_group_id::text, ' ' order by gu.user_group_id::text)) as audience"
        " from data_products p join data_product_group_products gp on gp.data_product_id = p.id"
        " join data_product_group_user_groups gu on gu.group_id = gp.group_id"
        f" where p.target_id = any({targets}) group by p.id) r)"
    )


def product_deletable_by(actor: Principal, product: str, bind: Bind) -> str:
    """Whether the actor may delete the data product: with DELETE on its target, or CHANGE on it as its uploader."""
    if actor.is_admin:
        return "true"
    if actor.is_anonymous:
        return "false"
    mine = f"{product}.uploaded_by_id = {bind(actor.user_id, 'bigint')}"
    return (
        f"({product}.target_id in {_granted_targets(actor, DELETE, bind)}"
        f" or ({mine} and {product}.target_id in {_granted_targets(actor, CHANGE, bind)}))"
    )


def product_visible_to(actor: Principal, product: str, bind: Bind) -> str:
    """Whether the actor may see the data product."""
    return _both(
        target_id_visible_to(actor, f"{product}.target_id", bind), product_id_shown_to(actor, f"{product}.id", bind)
    )


def product_id_visible_to(actor: Principal, product_id: str, bind: Bind) -> str:
    """Whether the actor may see the data product that the expression ``product_id`` names."""
    if actor.is_admin:
        return "true"
    return f"{product_id} in (select vp.id from data_products vp where {product_visible_to(actor, 'vp', bind)})"


def datum_visible_to(actor: Principal, datum: str, bind: Bind) -> str:
    """Whether the actor may see the reduced datum."""
    return _both(
        target_id_visible_to(actor, f"{datum}.target_id", bind),
        product_id_shown_to(actor, f"{datum}.data_product_id", bind),
    )


def revision_shown_to(actor: Principal, product_id: str, bind: Bind) -> str:
    """Whether the actor, who sees the datum, may see an older revision that came from this product, or from none.

    Of a product that is gone nobody can say any more whom it was hidden from: its revisions are gone with it.
    """
    there = f"({product_id} is null or exists (select from data_products rp where rp.id = {product_id}))"
    return _both(there, product_id_shown_to(actor, product_id, bind))


def revision_visible_to(actor: Principal, revision: str, bind: Bind) -> str:
    """Whether the actor may see an older revision of a datum: it follows the product that it came from."""
    return _both(
        target_id_visible_to(actor, f"{revision}.target_id", bind),
        revision_shown_to(actor, f"{revision}.data_product_id", bind),
    )


def observation_visible_to(actor: Principal, observation: str, bind: Bind) -> str:
    """Whether the actor may see the observation: it follows its target."""
    return target_id_visible_to(actor, f"{observation}.target_id", bind)


def datum_changeable_by(actor: Principal, datum: str, bind: Bind) -> str:
    """Whether the actor, who sees the reduced datum, may change it: as who may CHANGE its target may."""
    if actor.is_admin:
        return "true"
    return "false" if actor.is_anonymous else f"({datum}.target_id in {_granted_targets(actor, CHANGE, bind)})"


def target_list_visible_to(actor: Principal, target_list: str, bind: Bind) -> str:
    """Whether the actor may see the target list: its maker, and whoever may see one of its targets."""
    if actor.is_admin:
        return "true"
    shown = (
        f"{target_list}.id in (select lm.target_list_id from target_list_members lm join targets lt"
        f" on lt.id = lm.target_id where {target_visible_to(actor, 'lt', bind)})"
    )
    if actor.is_anonymous:
        return shown
    return f"({target_list}.created_by_id = {bind(actor.user_id, 'bigint')} or {shown})"


def target_list_managed_by(actor: Principal, target_list: str, bind: Bind) -> str:
    """Whether the actor may change the target list: its maker and administrators do."""
    return _made_by(actor, target_list, bind)


def job_visible_to(actor: Principal, job: str, bind: Bind) -> str:
    """Whether the actor may see the job."""
    if actor.is_admin:
        return "true"
    shown = product_id_visible_to(actor, f"{job}.data_product_id", bind)
    about_product = f"({job}.data_product_id is not null and {shown})"
    if actor.is_anonymous:
        return about_product
    about_target = f"({job}.data_product_id is null and {job}.target_id in {_granted_targets(actor, CHANGE, bind)})"
    return f"({job}.created_by_id = {bind(actor.user_id, 'bigint')} or {about_product} or {about_target})"


def job_cancellable_by(actor: Principal, job: str, bind: Bind) -> str:
    """Whether the actor may cancel or retry the job: its creator, and whoever may change its target."""
    if actor.is_admin:
        return "true"
    if actor.is_anonymous:
        return "false"
    return (
        f"({job}.created_by_id = {bind(actor.user_id, 'bigint')}"
        f" or {job}.target_id in {_granted_targets(actor, CHANGE, bind)})"
    )


def job_retryable_by(actor: Principal, job: str, bind: Bind) -> str:
    """Whether the actor may have the job run again: who may change its target now, whoever asked for it first."""
    if actor.is_admin:
        return "true"
    if actor.is_anonymous:
        return "false"
    return (
        f"({job}.target_id in {_granted_targets(actor, CHANGE, bind)}"
        f" or ({job}.target_id is null and {job}.created_by_id = {bind(actor.user_id, 'bigint')}))"
    )


def harvest_rule_visible_to(actor: Principal, rule: str, bind: Bind) -> str:
    """Whether the actor may see, change and delete the harvest rule: its maker, and who may change its target."""
    if actor.is_admin:
        return "true"
    if actor.is_anonymous:
        return "false"
    return (
        f"({rule}.created_by_id = {bind(actor.user_id, 'bigint')}"
        f" or {rule}.target_id in {_granted_targets(actor, CHANGE, bind)})"
    )


def destination_usable_by(actor: Principal, destination: str, bind: Bind) -> str:
    """Whether the actor may share with the destination whose name the expression ``destination`` gives."""
    if actor.is_admin:
        return "true"
    if actor.is_anonymous:
        return "false"
    return (
        f"{destination} in (select dg.destination from destination_grants dg"
        f" where dg.user_group_id in {my_groups(actor, bind)})"
    )


def share_visible_to(actor: Principal, share: str, bind: Bind) -> str:
    """Whether the actor may see the share and what became of its items: its maker and administrators do."""
    return _made_by(actor, share, bind)


def share_item_visible_to(actor: Principal, item: str, bind: Bind) -> str:
    """Whether the actor may see a row of the share ledger: the job that delivers it is the actor's own."""
    if actor.is_admin:
        return "true"
    if actor.is_anonymous:
        return "false"
    return f"{item}.job_id in (select sj.id from jobs sj where sj.created_by_id = {bind(actor.user_id, 'bigint')})"


def continuous_share_visible_to(actor: Principal, share: str, bind: Bind) -> str:
    """Whether the actor may see and delete the continuous share: its maker, and whoever may SHARE its target."""
    if actor.is_admin:
        return "true"
    if actor.is_anonymous:
        return "false"
    return (
        f"({share}.created_by_id = {bind(actor.user_id, 'bigint')}"
        f" or {share}.target_id in {_granted_targets(actor, SHARE, bind)})"
    )


def peer_subscription_visible_to(actor: Principal, _subscription: str, _bind: Bind) -> str:
    """Whether the actor may see and change what is followed of other servers: administrators do."""
    return "true" if actor.is_admin else "false"


def user_visible_to(actor: Principal, user: str, bind: Bind) -> str:
    """Whether the actor may see the user: signed-in users see each other's names."""
    return "false" if actor.is_anonymous else f"({user}.is_active or {bind(actor.is_admin, 'boolean')})"


def user_group_visible_to(actor: Principal, user_group: str, bind: Bind) -> str:
    """Whether the actor may see the user group: its members and administrators do."""
    if actor.is_admin:
        return "true"
    return "false" if actor.is_anonymous else f"{user_group}.id in {my_groups(actor, bind)}"


def user_group_managed_by(actor: Principal, user_group: str, bind: Bind) -> str:
    """Whether the actor may change the user group: its managers and administrators do."""
    if actor.is_admin:
        return "true"
    if actor.is_anonymous:
        return "false"
    return (
        f"exists (select from memberships m where m.user_group_id = {user_group}.id and m.role = 'MANAGER'"
        f" and m.user_id = {bind(actor.user_id, 'bigint')})"
    )


def product_group_visible_to(actor: Principal, product_group: str, bind: Bind) -> str:
    """Whether the actor may see the data product group: its maker, members of its user groups, administrators."""
    if actor.is_admin:
        return "true"
    if actor.is_anonymous:
        return "false"
    return (
        f"({product_group}.created_by_id = {bind(actor.user_id, 'bigint')} or {product_group}.id in"
        " (select gu.group_id from data_product_group_user_groups gu"
        f" where gu.user_group_id in {my_groups(actor, bind)}))"
    )


def product_group_managed_by(actor: Principal, product_group: str, bind: Bind) -> str:
    """Whether the actor may change the data product group: its maker and administrators do."""
    return _made_by(actor, product_group, bind)


def token_visible_to(actor: Principal, token: str, bind: Bind) -> str:
    """Whether the actor may see, and revoke, the token: its owner and administrators do."""
    if actor.is_admin:
        return "true"
    return "false" if actor.is_anonymous else f"{token}.user_id = {bind(actor.user_id, 'bigint')}"


def _made_by(actor: Principal, row: str, bind: Bind) -> str:
    if actor.is_admin:
        return "true"
    return "false" if actor.is_anonymous else f"{row}.created_by_id = {bind(actor.user_id, 'bigint')}"


def _both(first: str, second: str) -> str:
    return " and ".join(part for part in (first, second) if part != "true") or "true"
