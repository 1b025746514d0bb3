"""What GraphQL fields mean in SQL: one module a noun, as data."""

from __future__ import annotations

from tomgql.reading.catalog.data import REDUCED_DATA, REVISIONS
from tomgql.reading.catalog.harvests import HARVEST_RULES
from tomgql.reading.catalog.jobs import JOBS
from tomgql.reading.catalog.model import Embedded, Field, Link, OrderKey, Resource, RowContext
from tomgql.reading.catalog.observations import OBSERVATIONS
from tomgql.reading.catalog.peers import PEER_REFUSALS, PEER_SUBSCRIPTIONS
from tomgql.reading.catalog.people import TOKENS, USER_GROUPS, USERS
from tomgql.reading.catalog.products import DATA_PRODUCT_GROUPS, DATA_PRODUCTS, INGEST_NOTES
from tomgql.reading.catalog.shares import CONTINUOUS_SHARES, SHARE_ITEMS, SHARES
from tomgql.reading.catalog.summaries import BAND_SUMMARIES, DATA_TYPE_SUMMARIES, TARGET_SUMMARIES
from tomgql.reading.catalog.targets import TARGET_LISTS, TARGETS

RESOURCES: dict[str, Resource] = {
    resource.name: resource
    for resource in (
        TARGETS,
        TARGET_LISTS,
        DATA_PRODUCTS,
        DATA_PRODUCT_GROUPS,
        INGEST_NOTES,
        REDUCED_DATA,
        REVISIONS,
        TARGET_SUMMARIES,
        BAND_SUMMARIES,
        DATA_TYPE_SUMMARIES,
        OBSERVATIONS,
        JOBS,
        HARVEST_RULES,
        SHARES,
        SHARE_ITEMS,
        CONTINUOUS_SHARES,
        PEER_SUBSCRIPTIONS,
        PEER_REFUSALS,
        USERS,
        USER_GROUPS,
        TOKENS,
    )
}
"""Every resource by name."""

__all__ = ["RESOURCES", "Embedded", "Field", "Link", "OrderKey", "Resource", "RowContext"]
