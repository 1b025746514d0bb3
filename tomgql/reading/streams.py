"""The event log as a subscriber reads it: behind a cursor, in commit order, for ever.

Replay and live are the same table read in the same order, so there is no gap and no repeat between them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from tomgql.events import log
from tomgql.events.hub import Hub
from tomgql.events.log import LoggedEvent
from tomgql.reading.execute import ReadSession
from tomgql.reading.relation import Pin, Relation, one
from tomgql.runtime import Runtime

EVENTS_PER_READ = 100
"""Events that one subscriber takes from the log at a time."""


@dataclass(frozen=True)
class StreamedEvent:
    """One event with its public cursor; ``first_of_batch`` says that the log was read anew before it."""

    cursor: str
    event: LoggedEvent
    first_of_batch: bool

    @property
    def data(self) -> Relation:
        """The reduced data that the event announces."""
        places = ((self.event.target_id, "bigint"), (self.event.data_ids, "bigint[]"))
        return Relation("reduced_data", (Pin("{row}.target_id = {0} and {row}.id = any({1})", places),))

    @property
    def target(self) -> Relation:
        """The target that the event is about; as it last was when the event announces its end."""
        if self.event.topic == "targets" and self._is_end:
            return Relation("targets", gone=self.event.id)
        return one("targets", (self.event.target_id or 0,))

    @property
    def data_product(self) -> Relation | None:
        """The data product that the event is about; as it last was when the event announces its end."""
        key = self.event.data_product_id
        if self.event.topic == "data_products" and self._is_end:
            return Relation("data_products", gone=self.event.id)
        return None if key is None else one("data_products", (key,))

    @property
    def _is_end(self) -> bool:
        return self.event.change == "DELETED"

    @property
    def job(self) -> Relation:
        """The job that the event is about."""
        return one("jobs", (self.event.job_id or 0,))


async def reach(rt: Runtime, session: ReadSession) -> tuple[str, str]:
    """Oldest and latest cursor of the log, as of what the session sees."""
    async with session.connection() as connection:
        horizon = await log.horizon(connection)
    oldest, latest = (log.encode_cursor(place, rt.instance_id) for place in (horizon.oldest, horizon.latest))
    return oldest, latest


@dataclass
class Feed:
    """One reader's way through the log.

    ``place`` is the id up to which everything has been handled, None before the start. ``start`` is a cursor that
    goes before the one that the subscription's document gives. ``ends`` makes it end where the log ends just now.
    ``resumed_by`` is the name of the variable that the document takes its cursor from, once that is known. ``begun`` is
    called when it is clear that a stream begins.
    """

    place: int | None = None
    start: str | None = None
    ends: bool = False
    now: StreamedEvent | None = None
    resumed_by: str | None = None
    begun: Callable[[], None] = lambda: None

    async def events(self, rt: Runtime, topics: Sequence[str], after: str | None) -> AsyncIterator[StreamedEvent]:
        """Events of these topics behind the place, or behind a cursor; from now on when there is neither.

        Raises InvalidCursor, CursorExpired; the latter also when a slow reader is overtaken by the log's end.
        """
        if self.place is None:
            self.place = await _place_of(rt, self.start if self.start is not None else after)
        self.begun()
        while True:
            bell = rt.hub.bell()
            events = await rt.tail.after(topics, self.place, EVENTS_PER_READ)
            for number, event in enumerate(events):
                self.now = StreamedEvent(log.encode_cursor(event.id, rt.instance_id), event, number == 0)
                yield self.now
                self.place = event.id  # asked for the next one: this one was dealt with
            if not events:
                if self.ends:
                    return
                await Hub.wait(bell)


async def _place_of(rt: Runtime, cursor: str | None) -> int:
    horizon = await log.horizon(rt.reads)
    return horizon.latest if cursor is None else log.decode_cursor(cursor, rt.instance_id, horizon)


def cursor_at(rt: Runtime, place: int) -> str:
    """The public cursor of a place in the log."""
    return log.encode_cursor(place, rt.instance_id)
