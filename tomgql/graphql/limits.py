"""Limits on documents and on time, from the settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from strawberry.extensions import MaxAliasesLimiter, MaxTokensLimiter, QueryDepthLimiter, SchemaExtension

from tomgql.graphql.errors import ShapeErrors
from tomgql.settings import Settings


class FreshBudget(SchemaExtension):
    """Gives every operation its own budget of slow reads; operations of one WebSocket share a context."""

    def on_execute(self) -> Iterator[None]:
        """See strawberry."""
        self.execution_context.context.reads.renew()
        yield


def extensions(settings: Settings) -> list[Any]:
    """The schema's extensions; tokens first, since counting them is what keeps every other check cheap."""
    return [
        ShapeErrors,
        FreshBudget,
        lambda: MaxTokensLimiter(max_token_count=settings.max_query_tokens),
        lambda: QueryDepthLimiter(max_depth=settings.max_query_depth),
        lambda: MaxAliasesLimiter(max_alias_count=settings.max_query_aliases),
    ]
