"""Sharing, with its filters: where the verbs of sharing and the filters of reads meet.

Services know nothing of how a query is read, and the filter of a share must mean what it means in a query; so whoever
has shares made, shown or delivered goes through here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tomgql.access.principal import Principal
from tomgql.jobs.run import JobRun
from tomgql.jobs.specs import DeliverChanges, ShareOut
from tomgql.plugins.sandbox import Sandbox
from tomgql.reading.catalog.records import DATUM_RECORD, PRODUCT_RECORD, TARGET_RECORD
from tomgql.reading.filters import Filter
from tomgql.runtime import Runtime
from tomgql.services import share_following, share_jobs, shares
from tomgql.services.share_items import HowRead
from tomgql.services.shares import NewShare, Shared
from tomgql.store.sql import Bind


async def share(rt: Runtime, actor: Principal, new: NewShare) -> Shared:
    """See `tomgql.services.shares.share`."""
    return await shares.share(rt, actor, new, HOW_READ)


async def share_out(rt: Runtime, _sandbox: Sandbox, run: JobRun, _spec: ShareOut) -> None:
    """See `tomgql.services.share_jobs.share_out`."""
    await share_jobs.share_out(rt, run, HOW_READ)


async def deliver_changes(rt: Runtime, _sandbox: Sandbox, run: JobRun, spec: DeliverChanges) -> None:
    """See `tomgql.services.share_jobs.deliver_changes`."""
    await share_jobs.deliver_changes(rt, run, spec, HOW_READ)


async def follow_shares(rt: Runtime) -> bool:
    """See `tomgql.services.share_following.follow_shares`."""
    return await share_following.follow_shares(rt, HOW_READ)


def _data_filter(actor: Principal, where: Mapping[str, Any], row: str, bind: Bind) -> str:
    """SQL of a filter of reduced data, as a query of the actor has it. Raises InvalidInput, QueryTooCostly."""
    return Filter(bind, actor).where("ReducedDatumWhere", row, where)


HOW_READ = HowRead(_data_filter, *(str(each.sql) for each in (TARGET_RECORD, PRODUCT_RECORD, DATUM_RECORD)))
"""Filters and records as queries have them."""
