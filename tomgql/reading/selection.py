"""The selected fields below a relation, as the compiler sees them.

The only module of `reading` that touches graphql-core: fragments, aliases, merging, @skip/@include and argument
coercion are its work, asked through the running executor. The names used here are semi-private, hence the pins in
``pyproject.toml`` and the contract test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from graphql import GraphQLObjectType, GraphQLOutputType, get_named_type, get_nullable_type, is_list_type
from graphql.execution.values import get_argument_values

Shape = Literal["one", "list", "connection", "light_curve"]


class NotCompilable(Exception):  # noqa: N818 - a turn in the road, not an error
    """This selection holds something that SQL cannot say; the slow path serves it."""


@dataclass(frozen=True)
class Selected:
    """One selected field: response key, field name, its type and coerced arguments."""

    key: str
    name: str
    type: GraphQLOutputType
    arguments: Mapping[str, Any]
    details: list[Any]

    @property
    def place(self) -> tuple[int, ...]:
        """Where in the document the field stands: equal where the same selection is met on several types."""
        return tuple(id(each.node) for each in self.details)

    @property
    def named_type(self) -> Any:
        """The field's type without its list and non-null wrappers."""
        return get_named_type(self.type)

    @property
    def shape(self) -> Shape:
        """How the field is answered, from its type."""
        name = self.named_type.name
        if name == "LightCurve":
            return "light_curve"
        if name.endswith("Connection"):
            return "connection"
        return "list" if is_list_type(get_nullable_type(self.type)) else "one"


class Selections:
    """Selections of one running operation."""

    def __init__(self, executor: Any) -> None:
        self._executor = executor

    def fields(self, object_type: GraphQLObjectType, details: list[Any]) -> list[Selected]:
        """The fields selected on an object type; raises NotCompilable for @defer."""
        collected = self._executor.collect_subfields(object_type, details)
        if collected.new_defer_usages:
            raise NotCompilable("@defer")
        return [self._selected(object_type, key, each) for key, each in collected.grouped_field_set.items()]

    def _selected(self, object_type: GraphQLObjectType, key: str, details: list[Any]) -> Selected:
        node = details[0].node
        name = node.name.value
        if name == "__typename":
            return Selected(key, name, object_type, {}, details)
        field = object_type.fields[name]
        return Selected(key, name, field.type, self.arguments(field, details), details)

    def arguments(self, field: Any, details: list[Any]) -> Mapping[str, Any]:
        """Coerced arguments of a field, defaults included; enums as their plain values."""
        values = get_argument_values(
            field, details[0].node, self._executor.variable_values, details[0].fragment_variable_values
        )
        return {name: plain(value) for name, value in values.items()}

    def possible_type(self, name: str) -> GraphQLObjectType:
        """The object type of this name."""
        found = self._executor.schema.get_type(name)
        assert isinstance(found, GraphQLObjectType)  # noqa: S101 - the catalogue names types of the schema
        return found


def plain(value: Any) -> Any:
    """An argument with enums replaced by their plain values, all the way down."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return getattr(value, "value", value)
