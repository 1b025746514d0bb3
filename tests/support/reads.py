"""Queries run in this process, with the session that read them: statements can be counted, the slow path forced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
import strawberry

from tests.support.site import Site
from tomgql.access.principal import ALL_SCOPES, Principal
from tomgql.graphql.context import Context
from tomgql.graphql.schema import build_schema
from tomgql.reading.execute import ReadSession, reading_as

ADMIN = Principal(1, "admin", is_admin=True, scopes=ALL_SCOPES)
"""Sees everything; for reads that do not ask which user it is."""


class CountingSession(ReadSession):
    """Also knows which statements fetched rows for the slow path."""

    fetched = 0

    async def rows(self, sql: str, values: list[Any]) -> list[Any]:
        """See ReadSession."""
        self.fetched += 1
        return await super().rows(sql, values)


@dataclass
class Answer:
    """An answer as JSON, and how it was read."""

    data: Any
    errors: list[Any]
    session: CountingSession

    @property
    def codes(self) -> list[str]:
        """Codes of the errors."""
        return [error.extensions["code"] for error in self.errors]


class Reads:
    """Runs queries against one site's database."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.most_bytes = site.settings.max_answer_bytes
        self.schema: strawberry.Schema = build_schema(site.settings)

    def __repr__(self) -> str:
        return "reads"

    async def answer(
        self, document: str, variables: dict[str, Any] | None = None, actor: Principal = ADMIN, *, slow: bool = False
    ) -> Answer:
        """The whole answer."""
        plain = reading_as(self.site.rt, actor)
        session = CountingSession(plain.pool, plain.reader, slow_only=slow, most_bytes=self.most_bytes)
        context = Context(self.site.rt, actor, session)
        result = await self.schema.execute(document, variables, context_value=context)
        return Answer(orjson.loads(orjson.dumps(result.data)), list(result.errors or ()), session)  # type: ignore[union-attr]

    async def data(
        self, document: str, variables: dict[str, Any] | None = None, actor: Principal = ADMIN, *, slow: bool = False
    ) -> Any:
        """The data of an answer without errors."""
        answer = await self.answer(document, variables, actor, slow=slow)
        assert not answer.errors, answer.errors
        return answer.data
