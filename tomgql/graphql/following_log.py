"""The event log as subscriptions follow it: behind a cursor, with the rights that the subscriber has by then."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

import strawberry
from graphql import Node, VariableNode, Visitor, visit

from tomgql.graphql.context import Info
from tomgql.graphql.scalars import Cursor
from tomgql.reading.streams import StreamedEvent

After = Annotated[
    Cursor | None,
    strawberry.argument(
        description="Replay everything later than this cursor, then go live; without it the stream starts now. A"
        " cursor older than the log is answered by an error of code CURSOR_EXPIRED."
    ),
]


async def follow(info: Info, topics: Sequence[str], after: str | None) -> AsyncIterator[StreamedEvent]:
    """Events of these topics; before each batch the actor's rights are looked up anew."""
    context = info.context
    context.feed.resumed_by = _variable_of_after(info)
    async for streamed in context.feed.events(context.rt, topics, after):
        if streamed.first_of_batch:
            await context.refresh()
        context.reads.renew()
        yield streamed


def _variable_of_after(info: Info) -> str | None:
    """The variable that gives the cursor and nothing else."""
    given = [each for node in info._raw_info.field_nodes for each in node.arguments or () if each.name.value == "after"]
    if not given or not isinstance(given[0].value, VariableNode):
        return None
    name = given[0].value.name.value
    parts = [info._raw_info.operation, *info._raw_info.fragments.values()]
    definition_and_use = 2
    return name if sum(_mentions(part, name) for part in parts) == definition_and_use else None


def _mentions(part: Node, name: str) -> int:
    found = []

    class Mentions(Visitor):
        def enter_variable(self, node: VariableNode, *_place: Any) -> None:
            if node.name.value == name:
                found.append(node)

    visit(part, Mentions())
    return len(found)
