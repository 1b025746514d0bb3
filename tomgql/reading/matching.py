"""How many rows of a relation the reader may see: whether an event concerns a subscriber."""

from __future__ import annotations

from tomgql.reading.catalog import RESOURCES
from tomgql.reading.execute import ReadSession
from tomgql.reading.relation import Relation
from tomgql.reading.rows import RowQuery


async def count_matching(session: ReadSession, relation: Relation) -> int:
    """Rows that match the relation's pins and filter and that the reader may see."""
    return await RowQuery(session, relation, RESOURCES[relation.resource]).count()
