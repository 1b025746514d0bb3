"""What every GraphQL type here is made of: nodes, connections, common arguments."""

from __future__ import annotations

from typing import Annotated, Any, Generic, TypeVar

import strawberry

from tomgql.reading.rows import Row

NodeType = TypeVar("NodeType")

First = Annotated[
    int | None,
    strawberry.argument(
        description="How many at most: 100 when not given; 0 gives none; negative values and values above the list's"
        " cap (10,000 targets, 100,000 reduced data, else 1,000) are refused."
    ),
]
After = Annotated[str | None, strawberry.argument(description="Only what lies behind this cursor of this list.")]
Last = Annotated[int | None, strawberry.argument(description="How many at most, counted from the list's end.")]
Before = Annotated[str | None, strawberry.argument(description="Only what lies before this cursor of this list.")]
Id = Annotated[strawberry.ID, strawberry.argument(description="An id as the field `id` gives it.")]


def described(what: str) -> Any:
    """A field with a description."""
    return strawberry.field(description=what)


@strawberry.interface(description="Something with an id that is unique over all types.")
class Node:
    @strawberry.field(description="Opaque id, unique over all types; accepted wherever an id is asked for.")
    def id(self, root: strawberry.Parent[Row]) -> strawberry.ID:
        return strawberry.ID(root.public_id)


class OfRow:
    """Lets graphql-core tell which object type a fetched row is."""

    @classmethod
    def is_type_of(cls, obj: Any, _info: Any) -> bool:
        """Whether the row is of this type."""
        return isinstance(obj, Row) and obj.type_name == cls.__name__


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = described("Whether more follows behind this page.")
    has_previous_page: bool = described("Whether something lies before this page.")
    start_cursor: str | None = described("Cursor of the first item; null for an empty page.")
    end_cursor: str | None = described("Cursor of the last item; give it as `after` for the next page.")


@strawberry.type(description="One item of a list with its cursor.")
class Edge(Generic[NodeType]):
    node: NodeType = described("The item.")
    cursor: str = described("Position of the item in this list, under its filter and in its order; refused elsewhere.")


@strawberry.type(description="One page of a list, after the Relay connection specification.")
class Connection(Generic[NodeType]):
    edges: list[Edge[NodeType]] = described("The items with their cursors.")
    nodes: list[NodeType] = described("The items.")
    page_info: PageInfo = described("Where the page stands.")
    total_count: int = described("Number of items of the whole list; counted only when asked for.")
