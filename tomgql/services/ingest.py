"""Measured facts into the table: COPY, then identity decides new, revision or nothing (DESIGN D9).

One road for processors, mutations and, later, streams: staged rows (`tomgql.domain.staging`) go into a
temporary table by COPY, and a few set-based statements sort them out. Writers of one target take turns on its row.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import asyncpg

from tomgql.access.principal import Principal
from tomgql.domain.staging import STAGED_COLUMNS
from tomgql.errors import InvalidInput, NotFound
from tomgql.events.log import DATA_PER_EVENT
from tomgql.services import kept_decisions
from tomgql.services.occurrences import NOBODY, meets, product_audiences, settle_occurrences
from tomgql.store.plans import in_order_of_index
from tomgql.store.sql import Parameters
from tomgql.store.transaction import Transaction

logger = logging.getLogger(__name__)

STORED_COLUMNS = [name for name, _ in STAGED_COLUMNS if name != "row"]
"""Staged columns that are stored as they are; the row number is for reports."""

_SORTED_BY = ("identity", "content", "mjd", "beside")
"""What rows are sorted out by stands first in the staged table, where PostgreSQL finds it soonest."""

_DEFAULTS = {"source_name": "''", "source_location": "''", "reported": "'{}'", "time_quality": "'assumed'"}
"""What a null in a staged column means where the table wants a value."""


@dataclass(frozen=True)
class Recorded:
    """What became of staged rows: counts, and the outcome of each row as ``(row, outcome, datum key)``."""

    created: int
    revised: int
    unchanged: int
    skipped: int = 0


@dataclass(frozen=True)
class Origin:
    """Whose data they are: the target, who brings them, and the product and job they come from, if any."""

    target_id: int
    actor: Principal
    data_product_id: int | None = None
    job_id: int | None = None


async def record_data(
    tx: Transaction, origin: Origin, staged: BinaryIO | str, *, revise: bool = True, undo: bool = False
) -> Recorded:
    """Write staged rows (`tomgql.domain.staging`: an open stream, or the path of a file) as reduced data of one target.

    Same identity and content: nothing happens, in whatever order several of one identity come
    (`tomgql.services.occurrences`). Same identity, other content: a new revision, the old one kept, unless
    ``revise`` is false. A disabled datum stays disabled. ``undo`` counts without writing. Call `announce_data` last.

    Idempotent by identity. Raises NotFound when the target is gone.
    """
    if await tx.value("select id from targets where id = $1 for no key update", origin.target_id) is None:
        raise NotFound("The target was deleted meanwhile.")
    with _storable():
        await _stage(tx, staged)
        await _set_apart(tx, origin)
        await _sort_out(tx, origin.target_id, undo=undo)
        await tx.execute("analyze staged_outcomes")  # a fresh table looks small, and joins to it by nested loops
    counts = await tx.rows("select outcome, count(*) as n from staged_outcomes group by outcome")
    by_outcome: dict[str, int] = {row["outcome"]: row["n"] for row in counts}
    if not revise:
        await tx.execute("update staged_outcomes set outcome = 'SKIPPED' where outcome = 'REVISED'")
    if not undo:
        with _storable():
            await _write(tx, origin, revise=revise and "REVISED" in by_outcome)
        await kept_decisions.apply(tx, origin.target_id, origin.data_product_id)
    revised = by_outcome.get("REVISED", 0)
    return Recorded(
        created=by_outcome.get("CREATED", 0),
        revised=revised if revise else 0,
        unchanged=by_outcome.get("UNCHANGED", 0),
        skipped=0 if revise else revised,
    )


_UNSTORABLE = (
    asyncpg.DataError,
    asyncpg.CheckViolationError,
    asyncpg.NotNullViolationError,
    asyncpg.ProtocolViolationError,  # a field of COPY that is shorter than its type; no matter of the connection
)
"""What PostgreSQL says of staged rows that are wrong."""


@contextmanager
def _storable() -> Iterator[None]:
    """A processor of anybody's may yield what the table refuses: that is its mistake, and no bug of ours."""
    try:
        yield
    except _UNSTORABLE as error:
        logger.warning("staged rows refused: %s", error)
        raise InvalidInput("The data hold a value that cannot be stored: out of range, too long or missing.") from error


async def withdraw_missing(tx: Transaction, origin: Origin, *, undo: bool = False) -> int:
    """Disable what earlier readings of this product recorded and this one, just recorded, does not hold.

    Else a file read again with corrected options would leave its wrong data among the right ones. Nothing is deleted,
    and a later reading that holds them again, of this product or another, enables them and makes them its own. Returns
    how many; call before `announce_data`. ``undo`` counts without writing.
    """
    async with in_order_of_index(tx):
        rows = await tx.rows(_MISSING, origin.target_id, origin.data_product_id)
    missing = [row["id"] for row in rows]
    await tx.execute("update staged_outcomes set outcome = 'ENABLED' where outcome = 'UNCHANGED' and withdrawn")
    if undo:
        return len(missing)
    await _withdraw(tx, origin, missing)
    await _bring_back(tx, origin, await _keys(tx, "outcome = 'ENABLED' or outcome = 'REVISED' and withdrawn"))
    return len(missing)


# Keys are drawn while the target is held: what has one from the first just drawn on was created just now, and need not
# be compared. The sum keeps that from being looked up by key, among all the data of the target.
_MISSING = """
    insert into staged_outcomes (id, outcome) select id, 'DISABLED' from (
        select id from (
            select id from reduced_data
            where target_id = $1 and data_product_id between $2 and $2 and job_id is not null and not disabled
                and id < coalesce((select min(id) from staged_outcomes where outcome = 'CREATED'), id + 1)
            order by data_product_id
        ) before
        except select o.id from staged_outcomes o) missing
    returning id
"""


async def _keys(tx: Transaction, condition: str) -> list[int]:
    """Keys of the data with an outcome.

    The table of data is then asked for these keys, never joined: of a target that is new its statistics know nothing,
    and a join would read all of the target again for every row.
    """
    return list(await tx.value(f"select coalesce(array_agg(id), '{{}}') from staged_outcomes where {condition}"))


async def _withdraw(tx: Transaction, origin: Origin, keys: list[int]) -> None:
    if keys:
        await tx.execute(
            "update reduced_data set disabled = true, withdrawn = true, modified = now()"
            " where target_id = $1 and id = any($2::bigint[])",
            origin.target_id,
            keys,
        )


async def _bring_back(tx: Transaction, origin: Origin, keys: list[int]) -> None:
    """Data of this product from now on: the one that they came from does not hold them any more."""
    if keys:
        await tx.execute(
            "update reduced_data set disabled = false, withdrawn = false, data_product_id = $3, job_id = $4,"
            " modified = now() where target_id = $1 and id = any($2::bigint[])",
            origin.target_id,
            keys,
            origin.data_product_id,
            origin.job_id,
        )


async def announce_data(tx: Transaction, origin: Origin) -> None:
    """Append the events of what `record_data` wrote in this transaction; last but for the job's own event."""
    await tx.execute(
        "insert into events (topic, change, target_id, data_product_id, job_id, data_ids)"
        " select 'reduced_data', outcome, $1, $2, $3, ids[first : first + $4::int - 1]"
        " from (select outcome, array_agg(id order by id) as ids from staged_outcomes"
        "  where outcome in ('CREATED', 'REVISED', 'DISABLED', 'ENABLED') group by outcome) changed,"
        " generate_series(1, cardinality(ids), $4::int) as first order by ids[first]",
        origin.target_id,
        origin.data_product_id,
        origin.job_id,
        DATA_PER_EVENT,
    )


async def outcomes(tx: Transaction, limit: int) -> list[tuple[int, str, int | None]]:
    """Row number, outcome and datum key of staged rows, in file order."""
    rows = await tx.rows('select "row", outcome, id from staged_outcomes order by "row" limit $1', limit)
    return [(row["row"], row["outcome"], row["id"]) for row in rows]


async def changed_keys(tx: Transaction) -> list[int]:
    """Keys of the data created or revised in this transaction."""
    rows = await tx.rows("select id from staged_outcomes where outcome in ('CREATED', 'REVISED') order by \"row\"")
    return [row["id"] for row in rows]


async def count_changes(tx: Transaction) -> dict[str, int]:
    """How many data this transaction CREATED, REVISED, DISABLED and ENABLED; only outcomes that occur."""
    rows = await tx.rows(
        "select outcome, count(*) as n from staged_outcomes"
        " where outcome in ('CREATED', 'REVISED', 'DISABLED', 'ENABLED') group by outcome"
    )
    return {row["outcome"]: row["n"] for row in rows}


async def _stage(tx: Transaction, staged: BinaryIO | str) -> None:
    for table in ("staged_outcomes", "staged"):
        await tx.execute(f"drop table if exists pg_temp.{table}")
    await tx.execute("set local work_mem = '64MB'")  # sorts and joins of 100,000 rows then write no files
    others = ", ".join(name for name in STORED_COLUMNS if name not in _SORTED_BY)
    await tx.execute(  # of the types that are stored: to convert texts costs a twentieth of the insert
        "create temporary table staged on commit drop as"
        f' select null::bigint as place, null::bigint as "row", {", ".join(_SORTED_BY)}, {others}'
        " from reduced_data with no data"
    )
    await tx.execute(
        "alter table staged alter place set not null, alter place add generated always as identity (cache 1000)"
    )
    names = [name for name, _ in STAGED_COLUMNS]
    await tx.connection.copy_to_table("staged", source=staged, columns=names, format="binary", schema_name="pg_temp")
    # 300 rows tell the planner enough of both tables: that keys are distinct, and which outcome is frequent.
    await tx.execute("set local default_statistics_target = 1")
    await tx.execute("analyze staged (identity, place)")  # what is joined by; all columns would take thrice the time


async def _set_apart(tx: Transaction, origin: Origin) -> None:
    """Give rows that share an identity with others, or with data of another audience, the one that is theirs."""
    audiences = await product_audiences(tx, origin.target_id)
    if audiences:
        await _set_beside_others(tx, origin, audiences)
    await settle_occurrences(tx, origin, audiences)


async def _set_beside_others(tx: Transaction, origin: Origin, audiences: Mapping[str, str]) -> None:
    """Give rows that meet data which other people see, or which the actor does not, an identity of their own.

    Else the outcome would tell what is hidden, a revision would overwrite it or take it out of its group, and a file in
    a group would take what everybody saw into hiding.
    """
    parameters = Parameters()
    bind = parameters.bind
    own = audiences.get(str(origin.data_product_id))
    met = meets(origin, audiences, "d.data_product_id", bind)
    target, holder = bind(origin.target_id, "bigint"), bind(origin.actor.user_id or NOBODY, "bigint")
    salt = bind(str(origin.actor.user_id) if own is None else f"those who see {own}", "text")
    async with in_order_of_index(tx):
        await tx.execute(
            f"update staged m set identity = {identity_apart('m.identity', salt)},"
            f" beside = coalesce(m.beside, m.identity), apart_for = {holder}"
            " from (select place, identity from staged) s cross join lateral"
            f" (select data_product_id from reduced_data where target_id = {target} and {_THE_SAME}) d"
            f" where m.place = s.place and not ({met})",
            *parameters.values,
        )


def identity_apart(identity: str, holder: str) -> str:
    """SQL for an identity beside the same one of data that may not be met; ``holder`` says whose it is to be."""
    return _uuid_of(f"{identity}::text || ' beside hidden data, for ' || {holder}")


def superseded_record(datum: str) -> str:
    """SQL for what a superseded revision keeps of a datum."""
    return f"to_jsonb({datum}) - array['id', 'target_id', 'identity', 'beside', 'apart_for', 'global_id']"


def _uuid_of(text: str) -> str:
    """SQL for a UUID of version 8 (RFC 9562: custom content) from the SHA-256 of a text expression."""
    digest = f"substr(sha256(convert_to({text}, 'UTF8')), 1, 16)"
    for bit, value in _VERSION_BITS:
        digest = f"set_bit({digest}, {bit}, {value})"
    return f"encode({digest}, 'hex')::uuid"


_VERSION_BITS = ((52, 0), (53, 0), (54, 0), (55, 1), (68, 0), (69, 1), (70, 0), (71, 1))
"""The upper halves of bytes 6 and 8: 8 and 10. Within a byte PostgreSQL counts bits from the lowest."""


# A row that repeats an identity of its own file: the last one stands. Data of several kinds may share a row's number.
# New data get their keys here, in the order of time: to be told the keys that an insert drew, and find each one's row
# again, took a fifth of the insert. A rehearsal ($2) draws none.
_SORT_OUT = """
    create temporary table staged_outcomes on commit drop as
    select "row", place, identity, withdrawn, case when found is not null or $2 then found
        else nextval((select pg_get_serial_sequence('reduced_data', 'id')::regclass)) end as id, case
        when found is null then 'CREATED' when same then 'UNCHANGED' else 'REVISED' end as outcome
    from (
        select s."row", s.place, s.identity, d.withdrawn, d.id as found, d.content = s.content as same
        from (select distinct on (identity) "row", place, identity, content, mjd
            from staged order by identity, place desc) s
        left join lateral (select id, withdrawn, content from reduced_data where target_id = $1 and {which}) d on true
        order by s.mjd, s.place
    ) sorted
"""

_THE_SAME = "identity between s.identity and s.identity order by identity limit 1"
"""See `in_order_of_index`."""


async def _sort_out(tx: Transaction, target_id: int, *, undo: bool) -> None:
    """Tell of each row whether it is new, and of which datum it is a revision or says the same.

    Each row's datum is looked up by the index of identities: every other way takes the longer the more the target has.
    """
    async with in_order_of_index(tx):
        has_data = await tx.value("select true from reduced_data where target_id = $1 limit 1", target_id)
        await tx.execute(_SORT_OUT.format(which=_THE_SAME if has_data else "false"), target_id, undo)


async def _write(tx: Transaction, origin: Origin, *, revise: bool) -> None:
    values = [origin.target_id, origin.data_product_id, origin.job_id]
    if revised := await _keys(tx, "outcome = 'REVISED'") if revise else []:
        await tx.execute(
            "insert into reduced_data_revisions (target_id, datum_id, revision, record, superseded_by_job_id)"
            f" select d.target_id, d.id, d.revision, {superseded_record('d')}, $2"
            " from reduced_data d where d.target_id = $1 and d.id = any($3::bigint[])",
            origin.target_id,
            origin.job_id,
            revised,
        )
        await tx.execute("create index on staged_outcomes (id) where outcome = 'REVISED'")
        await tx.execute("create index on staged (place)")
        await tx.execute(_revise_sql(), *values, revised)
    await tx.execute(_create_sql(), *values)


def _expression(name: str) -> str:
    return f"coalesce(s.{name}, {_DEFAULTS[name]})" if name in _DEFAULTS else f"s.{name}"


def _revise_sql() -> str:
    changes = ", ".join(f"{name} = {_expression(name)}" for name in STORED_COLUMNS if name != "identity")
    return (
        f"update reduced_data d set {changes}, data_product_id = $2, job_id = $3, revision = d.revision + 1,"
        " modified = now() from staged s join staged_outcomes o on o.place = s.place and o.outcome = 'REVISED'"
        " where d.target_id = $1 and d.id = any($4::bigint[]) and d.id = o.id"
    )


def _create_sql() -> str:
    """Insert, under the keys drawn. globalId: from this installation, target and identity."""
    names = ", ".join(STORED_COLUMNS)
    expressions = ", ".join(_expression(name) for name in STORED_COLUMNS)
    here = "(select instance_id::text || $1::bigint::text from instance)"
    global_id = _uuid_of(f"{here} || s.identity::text")
    return (
        f"insert into reduced_data (id, target_id, data_product_id, job_id, global_id, {names})"
        f" select o.id, $1::bigint, $2::bigint, $3::bigint, {global_id}, {expressions} from staged s"
        " join staged_outcomes o on o.place = s.place and o.outcome = 'CREATED' order by o.id"
    )
