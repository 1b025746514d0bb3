"""What a share consists of, as SQL: chosen with the sharer's rights, and put into the ledger set by set.

A million data never pass through this process. What is at the destination with the same content already is counted and
left alone; what came from the destination's own account is left out, so that nothing goes back where it came from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from tomgql.access import predicates
from tomgql.access.principal import Principal
from tomgql.store.sql import Bind, Parameters

DataFilter = Callable[[Principal, Mapping[str, Any], str, Bind], str]
"""Given actor, filter, alias and bind, SQL that says whether a reduced datum is meant: as in queries."""

@dataclass(frozen=True)
class HowRead:
    """What sharing takes from reads: the filter of reduced data as in queries, and records as SQL of ``{row}``."""

    data_filter: DataFilter
    target_record: str
    product_record: str
    datum_record: str


KINDS = {"target": "targets", "data_product": "dataProducts", "reduced_datum": "reducedData"}
"""Kinds of items, in the order in which they go, and what counts of them are called."""

UNSAID = (
    "id", "access", "created_by_id", "created", "modified", "revision", "road_id", "global_id", "peer_bag", "position",
)  # fmt: skip
"""Columns of a target that are this installation's own affair: they do not make it another one."""


@dataclass(frozen=True)
class Request:
    """What is to be shared: keys, and the filter of reduced data as a query has it.

    ``where`` narrows the data of the targets that are named; where none are, it chooses among all.
    """

    targets: Sequence[int] = ()
    target_list: int | None = None
    data_products: Sequence[int] = ()
    where: Mapping[str, Any] | None = None
    include_data: bool = True
    resend: bool = False

    def to_json(self) -> dict[str, Any]:
        """As a share's row keeps it."""
        return {**asdict(self), "targets": list(self.targets), "data_products": list(self.data_products)}


@dataclass(frozen=True)
class Giving:
    """Who gives to which destination, and by which job: what all statements about items have in common.

    ``takes_disabled``: the destination is told of data that were taken out of use, too.
    """

    actor: Principal
    destination: str
    peer_id: int | None
    how: HowRead
    job_id: int | None = None
    rule_id: int | None = None
    takes_disabled: bool = False
    sends_targets: bool = True
    sends_data: bool = True


@dataclass
class Counted:
    """How many items of each kind there are, and how many of all are at the destination as they are."""

    items: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    unchanged: int = 0

    @property
    def total(self) -> int:
        """Items of all kinds."""
        return sum(self.items.values())


def by_job(giving: Giving, job_id: int) -> Giving:
    """The same, by this job."""
    return replace(giving, job_id=job_id)


def content_of_target(row: str) -> str:
    """SQL of a digest of what is said of a target: its columns and its names."""
    without = ", ".join(f"'{name}'" for name in UNSAID)
    names = f"(select json_agg(n.name order by n.name) from target_names n where n.target_id = {row}.id)"
    return f"md5((to_jsonb({row}) - array[{without}])::text || coalesce({names}::text, ''))::uuid"


def content_of_product(row: str) -> str:
    """SQL of a digest of what is said of a data product."""
    return (
        f"md5(concat_ws('/', {row}.sha256, {row}.data_product_type, {row}.file_name, {row}.product_id,"
        f" {row}.extra_data))::uuid"
    )


def content_of_datum(row: str, takes_disabled: bool) -> str:
    """SQL of what tells a datum's state: its content, and what was decided of it where that goes, too."""
    if not takes_disabled:
        return f"{row}.content"
    return (
        f"case when {row}.flag_revision = 0 then {row}.content"
        f" else md5({row}.content::text || {row}.flag_revision || {row}.disabled)::uuid end"
    )


async def preview(connection: Any, giving: Giving, request: Request) -> Counted:
    """What would go, without a change."""
    counted = Counted()
    for kind, build in _chosen(giving, request):
        parameters = Parameters()
        chosen = build(parameters.bind)
        same = "false" if request.resend else "l.state = 'SENT' and l.content = c.content"
        row = await connection.fetchrow(
            f"select count(*) as items, count(*) filter (where {same}) as unchanged from ({chosen}) c"
            f" left join share_ledger l on l.destination = {parameters.bind(giving.destination, 'text')}"
            f" and l.subject_kind = '{kind}' and l.subject_global_id = c.global_id",
            *parameters.values,
        )
        counted.items[kind] += row["items"]
        counted.unchanged += row["unchanged"]
    return counted


async def expand(connection: Any, giving: Giving, request: Request) -> Counted:
    """Put the items into the ledger; what is there already goes over to this job, unless it is unchanged."""
    counted = Counted()
    for kind, build in _chosen(giving, request):
        parameters = Parameters()
        row = await connection.fetchrow(
            put(kind, giving, build(parameters.bind), parameters.bind, resend=request.resend), *parameters.values
        )
        counted.items[kind] += row["items"]
        counted.unchanged += row["items"] - row["queued"]
    counted.items["target"] += await add_targets(connection, giving)
    return counted


def put(kind: str, giving: Giving, chosen: str, bind: Bind, *, resend: bool) -> str:
    """A statement that queues chosen items (global_id, target_id, id, content); says how many, and how many queued."""
    changed = "true" if resend else "l.state <> 'SENT' or l.content is distinct from excluded.content"
    return (
        f"with chosen as materialized ({chosen}), put as (insert into share_ledger as l (destination, subject_kind,"
        " subject_global_id, target_id, subject_id, content, job_id, continuous_share_id)"
        f" select {bind(giving.destination, 'text')}, '{kind}', c.global_id, c.target_id, c.id, c.content,"
        f" {bind(giving.job_id, 'bigint')}, {bind(giving.rule_id, 'bigint')} from chosen c order by c.target_id, c.id"
        " on conflict (destination, subject_kind, subject_global_id) do update set target_id = excluded.target_id,"
        " subject_id = excluded.subject_id, content = excluded.content, job_id = excluded.job_id,"
        " continuous_share_id = excluded.continuous_share_id, state = 'QUEUED', attempts = 0, due = now(),"
        f" answer = null where {changed} returning 1)"
        " select (select count(*) from chosen) as items, (select count(*) from put) as queued"
    )


async def add_targets(connection: Any, giving: Giving) -> int:
    """Queue the targets of the job's items that are not at the destination yet: nothing can hang on them else.

    Also those that came from the destination itself: what it calls them is known only once it was asked. How many.
    """
    if not giving.sends_targets:
        return 0
    parameters = Parameters()
    bind = parameters.bind
    job = bind(giving.job_id, "bigint")
    chosen = (
        f"select t.global_id, t.id as target_id, t.id, {content_of_target('t')} as content from targets t"
        f" where t.id in (select i.target_id from share_ledger i where i.job_id = {job}"
        "  and i.state = 'QUEUED' and i.subject_kind <> 'target')"
        f" and not exists (select from share_ledger s where s.destination = {bind(giving.destination, 'text')}"
        "  and s.subject_kind = 'target' and s.subject_global_id = t.global_id"
        f"  and (s.state = 'SENT' or (s.state = 'QUEUED' and s.job_id = {job})))"
    )
    row = await connection.fetchrow(put("target", giving, chosen, bind, resend=True), *parameters.values)
    return int(row["queued"])


def _chosen(giving: Giving, request: Request) -> list[tuple[str, Callable[[Bind], str]]]:
    """For each kind of item that is asked for, what builds its SELECT."""
    named = bool(request.targets) or request.target_list is not None
    found: list[tuple[str, Callable[[Bind], str]]] = []
    if named and giving.sends_targets:
        found.append(("target", lambda bind: targets(giving, _named(request, giving, "t.id", bind), bind)))
    if request.data_products:
        keys = list(request.data_products)
        found.append(
            ("data_product", lambda bind: products(giving, f"p.id = any({bind(keys, 'bigint[]')})", bind))
        )
    if request.where is not None or (named and request.include_data):
        found.append(("reduced_datum", lambda bind: data(giving, _data_condition(giving, request, named, bind), bind)))
    return found


def _named(request: Request, giving: Giving, target_id: str, bind: Bind) -> str:
    listed = (
        "select m.target_id from target_list_members m join target_lists l on l.id = m.target_list_id"
        f" where l.id = {bind(request.target_list, 'bigint')}"
        f" and {predicates.target_list_visible_to(giving.actor, 'l', bind)}"
    )
    return f"({target_id} = any({bind(list(request.targets), 'bigint[]')}) or {target_id} in ({listed}))"


def _data_condition(giving: Giving, request: Request, named: bool, bind: Bind) -> str:
    parts = [_named(request, giving, "d.target_id", bind)] if named else []
    if request.where is not None:
        parts.append(giving.how.data_filter(giving.actor, request.where, "d", bind))
    return " and ".join(f"({part})" for part in parts)


def targets(giving: Giving, condition: str, bind: Bind) -> str:
    """Targets that meet a condition about ``t``, that the actor may share, and that did not come from over there."""
    peer = bind(giving.peer_id, "bigint")
    return (
        f"select t.global_id, t.id as target_id, t.id, {content_of_target('t')} as content from targets t"
        f" where {condition} and {predicates.target_allows(giving.actor, 't', predicates.SHARE, bind)}"
        f" and {predicates.target_visible_to(giving.actor, 't', bind)}"
        f" and ({peer} is null or t.created_by_id is distinct from {peer})"
    )


def products(giving: Giving, condition: str, bind: Bind) -> str:
    """Data products that meet a condition about ``p``, as `targets`."""
    peer = bind(giving.peer_id, "bigint")
    return (
        f"select p.global_id, p.target_id, p.id, {content_of_product('p')} as content from data_products p"
        f" where {condition} and {predicates.product_visible_to(giving.actor, 'p', bind)}"
        f" and {target_shared(giving, 'p.target_id', bind)}"
        f" and ({peer} is null or p.uploaded_by_id is distinct from {peer})"
    )


def data(giving: Giving, condition: str, bind: Bind) -> str:
    """Reduced data that meet a condition about ``d``, as `targets`; disabled ones only where they are taken."""
    peer = bind(giving.peer_id, "bigint")
    in_use = "true" if giving.takes_disabled else "not d.disabled"
    return (
        "select distinct on (d.global_id) d.global_id, d.target_id, d.id,"
        f" {content_of_datum('d', giving.takes_disabled)} as content from reduced_data d"
        f" where {condition} and {in_use} and {predicates.datum_visible_to(giving.actor, 'd', bind)}"
        f" and {target_shared(giving, 'd.target_id', bind)} and ({peer} is null or not exists ("
        f" select from jobs fj where fj.id = d.job_id and fj.created_by_id = {peer}) and not exists ("
        f" select from data_products fp where fp.id = d.data_product_id and fp.uploaded_by_id = {peer}))"
    )


def target_shared(giving: Giving, target_id: str, bind: Bind) -> str:
    """Whether the actor may SHARE the target that the expression ``target_id`` names."""
    allowed = predicates.target_allows(giving.actor, "st", predicates.SHARE, bind)
    if allowed == "true":
        return "true"
    return f"{target_id} in (select st.id from targets st where {allowed})"
