"""HTTP connections that do not wait for ever: uvicorn has no limit on how long the head of a request may take.

From the beginning of a connection, and from the end of each answer, the next head must have come within a time; what
is left of the body that an answer did not wait for counts as none.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LONGEST_HEAD_BYTES = 65_536
"""Bytes of the head of a request, as uvicorn has it for its other parser; it is kept until it is whole."""


class HastyProtocol(HttpToolsProtocol):
    """A connection of uvicorn's that is closed when the head of a request does not come in time, or does not end."""

    head_timeout_s = 15.0
    _deadline: asyncio.TimerHandle | None = None
    _in_head = False
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See uvicorn."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """See uvicorn."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See uvicorn."""
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > LONGEST_HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The head of this request is too long.")

    def on_message_begin(self) -> None:
        """See uvicorn."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """See uvicorn."""
        self._in_head = False
        self._stop_waiting()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """See uvicorn."""
        super().on_response_complete()
        if self.cycle.response_complete:  # else the next request is here already
            self._await_head()

    def _await_head(self) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(self.head_timeout_s, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def protocol_of(head_timeout_s: float) -> type[HastyProtocol]:
    """The protocol with a time limit, in seconds, of a site's own."""
    return type("HastyProtocol", (HastyProtocol,), {"head_timeout_s": head_timeout_s})
