"""What a resolver finds in ``info.context``."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

from strawberry.types import Info as StrawberryInfo

from tomgql.access.principal import Principal
from tomgql.errors import TomError
from tomgql.graphql.inbox import Inbox
from tomgql.reading.execute import ReadSession, reading_as
from tomgql.reading.streams import Feed
from tomgql.runtime import Runtime
from tomgql.services import accounts


@dataclass
class Context:
    """One request, or one WebSocket: the runtime, who asks, their reads, the messages that come.

    ``turns`` are of the connection, where operations share one.

    ``refusal`` is what was wrong with the credentials of a socket's handshake; its connection_init decides. ``feed``
    is the way of the request's subscription through the event log. ``changes`` says of an operation that runs that it
    is a mutation.
    """

    rt: Runtime
    actor: Principal
    reads: ReadSession
    inbox: Inbox | None = None
    turns: asyncio.Semaphore | None = None
    connection_params: dict[str, Any] | None = None
    refusal: TomError | None = None
    feed: Feed = field(default_factory=Feed)
    changes: bool = False

    def for_stream(self, actor: Principal, feed: Feed) -> Context:
        """A context of its own for one operation that answers more than once."""
        return Context(rt=self.rt, actor=actor, reads=reading_as(self.rt, actor), feed=feed)

    async def refreshed(self) -> Principal:
        """Who asks, looked up anew: for operations that outlive a change of rights."""
        if self.actor.token_id is None:
            return self.actor
        return await accounts.principal_of_session(self.rt, self.actor.token_id)

    async def refresh(self) -> None:
        """Go on as who asks is now; raises NotAuthenticated when the token has ended."""
        actor = await self.refreshed()
        if actor != self.actor:
            self.actor = actor
            self.reads = replace(self.reads, reader=replace(self.reads.reader, actor=actor))


Info = StrawberryInfo[Context, None]
"""The ``info`` argument of our resolvers."""
