"""Statements that find rows by an index whatever the planner believes.

Statistics know nothing of a target that is new. To the planner all indexes that begin with the target are then equal,
and it may read all of the target's data through one of them, once or even once for each row that is looked up.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tomgql.store.transaction import Transaction

_OFF = ("enable_seqscan", "enable_bitmapscan", "enable_sort", "enable_memoize")
"""Settings to be turned off. jit is off anyway, which the high price of these would call for up to PostgreSQL 17."""


@asynccontextmanager
async def in_order_of_index(tx: Transaction) -> AsyncIterator[None]:
    """Within, rows come in an ``order by`` from an index that has this order, and are never sorted into it.

    A column that is compared with ``=`` has no order any more; ``between x and x`` leaves it one.
    """
    for setting in _OFF:
        await tx.execute(f"set local {setting} = off")
    yield
    for setting in _OFF:
        await tx.execute(f"set local {setting} to default")
