"""Where the compiler hooks into strawberry: a resolver returns a `Relation`, and completion reads it from SQL.

Root arguments, fragments, aliases, merging, other root fields and errors keep working as usual. The method and its
signature are semi-private to graphql-core 3.3 and strawberry 0.341, hence the pins.
"""

from __future__ import annotations

from typing import Any

import orjson
from graphql import is_non_null_type
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from tomgql.reading.execute import read
from tomgql.reading.relation import Relation
from tomgql.reading.rows import Row
from tomgql.reading.selection import Selected, Selections


class CompilingExecutor(StrawberryGraphQLCoreExecutionContext):
    """Completes relations by one SQL statement each."""

    def complete_value(
        self, return_type: Any, field_details_list: Any, info: Any, path: Any, result: Any, position_context: Any
    ) -> Any:
        """See graphql-core; relations and finished JSON are ours."""
        if isinstance(result, Relation):
            return self._complete_relation(return_type, field_details_list, info, path, result, position_context)
        if isinstance(result, orjson.Fragment):
            return result
        return super().complete_value(return_type, field_details_list, info, path, result, position_context)

    def build_per_event_executor(self, payload: Any) -> Any:
        """See graphql-core 3.3; its copies share a memory of selections that every event adds to, so a stream that runs
        for long would fill the process."""
        executor = super().build_per_event_executor(payload)
        executor._relevant_sub_fields = {}
        return executor

    async def _complete_relation(
        self, return_type: Any, details: Any, info: Any, path: Any, relation: Relation, position_context: Any
    ) -> Any:
        field = info.parent_type.fields[info.field_name]
        arguments = Selections(self).arguments(field, details)
        selected = Selected(str(path.key), info.field_name, return_type, arguments, details)
        value = await read(info.context.reads, relation, selected, self)
        if isinstance(value, orjson.Fragment):
            return value
        if value is None and is_non_null_type(return_type):
            # Checked here: the null check of graphql-core saw our coroutine, not what it gives.
            raise TypeError(f"Cannot return null for non-nullable field {info.parent_type}.{info.field_name}.")
        completed = super().complete_value(return_type, details, info, path, value, position_context)
        return await completed if self.is_awaitable(completed) else completed


def read_field(source: Any, name: str) -> Any:
    """The default resolver: a column of a fetched row, or an attribute of an object."""
    return source[name] if isinstance(source, Row) else getattr(source, name)
