"""A subscription that goes on: it reconnects, and resumes behind the last event that the caller took.

The server replays what lies behind a cursor, once and in order; so a cursor that moves with the caller, and with
nothing else, is all that exactly-once needs. Without a cursor to begin with, the place where the log ends is asked
first: else a connection that is lost before its first event would lose what came meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from tomgql.client.documents import Stream
from tomgql.client.errors import INTERNAL, TRANSIENT, ClientError, Refused, Unreachable, refused
from tomgql.client.http import Http
from tomgql.client.pauses import Pauses
from tomgql.client.socket import connected

logger = logging.getLogger(__name__)

LATEST = "{ server { latestCursor } }"
"""Where the event log ends."""

BUGS_IN_A_ROW = 5
"""Internal errors of the server with no event between them after which it is given up."""

GOOD_S = 60.0
"""A connection that has held so long counts as one that works."""


class Following:
    """One subscription over as many connections as it takes."""

    def __init__(
        self,
        http: Http,
        stream: Stream,
        variables: dict[str, Any],
        after: str | None,
        interrupted: Callable[[ClientError | None], Awaitable[None]] | None = None,
    ) -> None:
        self.cursor = after
        self._http = http
        self._stream = stream
        self._variables = variables
        self._pauses = Pauses()
        self._bugs = 0
        self._interrupted = interrupted
        self._is_down = False

    async def events(self) -> AsyncGenerator[dict[str, Any], None]:
        """The data of each event. Raises what no retry mends: Refused and below, AnswerTooLarge, InvalidCall."""
        while True:
            began = time.monotonic()
            try:
                async with aclosing(self._one_connection()) as events:
                    async for data in events:
                        # Only what the caller is given counts as taken; what a broken connection held is sent again.
                        self.cursor = self._stream.cursor_of(data)
                        self._pauses.reset()
                        self._bugs = 0
                        yield data
            except (Unreachable, Refused) as error:
                self._raise_what_lasts(error)
                reason = error
            if time.monotonic() - began > GOOD_S:
                self._pauses.reset()
            await self._pause(reason)

    async def _one_connection(self) -> AsyncGenerator[dict[str, Any], None]:
        if self.cursor is None:
            self.cursor = (await self._http.ask(LATEST))["server"]["latestCursor"]
        async with connected(self._http) as socket:
            await socket.subscribe(self._stream.document, {**self._variables, self._stream.variable: self.cursor})
            if self._is_down:
                await self._tell(None)
            while True:
                yield _data_of(await socket.next())

    def _raise_what_lasts(self, error: ClientError) -> None:
        if error.code == INTERNAL:
            self._bugs += 1
        passes = isinstance(error, Unreachable) or error.code in TRANSIENT
        if not passes and not (error.code == INTERNAL and self._bugs < BUGS_IN_A_ROW):
            raise error

    async def _tell(self, reason: ClientError | None) -> None:
        self._is_down = reason is not None
        if self._interrupted is not None:
            await self._interrupted(reason)

    async def _pause(self, reason: ClientError) -> None:
        pause_s = self._pauses.next()
        logger.warning("stream interrupted: %s Trying again in %.1f s.", reason, pause_s)
        await self._tell(reason)
        await asyncio.sleep(pause_s)


def _data_of(message: dict[str, Any]) -> dict[str, Any]:
    """The data of an event that came whole; raises Refused for errors, Unreachable for a stream that just ends."""
    payload = message.get("payload")
    if message["type"] == "complete":
        raise Unreachable("The server ended the stream without a reason.")
    if message["type"] == "error":
        raise refused(payload)
    data = payload.get("data") if isinstance(payload, dict) else None
    if not isinstance(data, dict) or (isinstance(payload, dict) and payload.get("errors")):
        raise refused(payload.get("errors") if isinstance(payload, dict) else None, data)
    return data
