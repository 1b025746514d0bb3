"""What waits for one subscriber: bounded, so that who does not read costs little and holds up nobody."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from tomgql.errors import SlowConsumer

MOST_FRAMES = 1_000
"""Frames that wait for one subscriber at most."""

MOST_BYTES = 8 * 1024 * 1024
"""Characters of frames that wait for one subscriber at most; frames are shared, so a crowd of equals costs one."""


@dataclass(frozen=True)
class Frame:
    """One event as a subscriber gets it: its place in the log, its public cursor, and a finished JSON result."""

    event_id: int
    cursor: str
    text: str


class Mailbox:
    """Frames for one subscriber, put by a shared source that never waits, taken by the subscriber's own task.

    ``token_id`` says by which token the subscriber signed in; None for nobody.
    """

    def __init__(self, token_id: int | None = None) -> None:
        self.token_id = token_id
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._end: Exception | None = None
        self._rung = asyncio.Event()

    def put(self, frame: Frame) -> bool:
        """Add a frame; false, and the end is near, when the box is full. What lies in it is still delivered."""
        if self._end is not None:
            return False
        if len(self._frames) >= MOST_FRAMES or self._bytes + len(frame.text) > max(MOST_BYTES, len(frame.text)):
            self._end = SlowConsumer(
                "The events came faster than they were taken; subscribe again with `after` the cursor given here."
            )
            self._rung.set()
            return False
        self._frames.append(frame)
        self._bytes += len(frame.text)
        self._rung.set()
        return True

    def end(self, reason: Exception) -> None:
        """Deliver nothing more: what waits was read with rights, or by a server, that are no more."""
        self._frames.clear()
        self._end = reason
        self._rung.set()

    async def take(self) -> Frame:
        """The next frame, waited for; raises the reason of the end when there is none left."""
        while not self._frames:
            if self._end is not None:
                raise self._end
            self._rung.clear()
            await self._rung.wait()
        frame = self._frames.popleft()
        self._bytes -= len(frame.text)
        return frame
