"""Limits on documents and on time, from the settings."""

from __future__ import annotations

from typing import Any

from strawberry.extensions import MaxAliasesLimiter, MaxTokensLimiter, QueryDepthLimiter

from tomgql.graphql.errors import ShapeErrors
from tomgql.settings import Settings


def extensions(settings: Settings) -> list[Any]:
    """The schema's extensions; tokens first, since counting them is what keeps every other check cheap."""
    return [
        ShapeErrors,
        lambda: MaxTokensLimiter(max_token_count=settings.max_query_tokens),
        lambda: QueryDepthLimiter(max_depth=settings.max_query_depth),
        lambda: MaxAliasesLimiter(max_alias_count=settings.max_query_aliases),
    ]
