"""One attempt at one job, as its verb sees it: report progress, and end well in the transaction of the effect."""

from __future__ import annotations

import time
from typing import Any

import asyncpg

from tomgql.errors import Conflict
from tomgql.jobs import ledger
from tomgql.jobs.ledger import Claim
from tomgql.store.transaction import Transaction, transaction

REPORT_PAUSE_S = 0.5
"""Progress is written at most this often: every report is a transaction and an event."""


class JobRun:
    """A claimed attempt. ``ended`` says that the verb wrote the outcome itself."""

    def __init__(self, writes: asyncpg.Pool, claim: Claim) -> None:
        self.claim = claim
        self.ended = False
        self._writes = writes
        self._last_report = -REPORT_PAUSE_S

    async def report(self, progress: float, message: str) -> None:
        """Tell how far the job is (0 to 1) and what it does; reports that follow too fast are dropped."""
        now = time.monotonic()
        if now - self._last_report < REPORT_PAUSE_S:
            return
        self._last_report = now
        async with transaction(self._writes) as tx:
            await ledger.report(tx, self.claim, progress, message)

    async def succeed(self, tx: Transaction, result: dict[str, Any], message: str) -> None:
        """End the job well as the last step of its effect's transaction: both happen, or neither.

        Raises Conflict, and so rolls the effect back, when another attempt took over or the job was cancelled.
        """
        if not await ledger.succeed(tx, self.claim, result, message):
            raise Conflict("This attempt was taken over by another.")
        self.ended = True

    async def wait(self, tx: Transaction, seconds: float, message: str, progress: float | None = None) -> None:
        """Put the job aside until its next step is due, in the transaction of what this one did; raises as above."""
        if not await ledger.wait(tx, self.claim, seconds, message, progress=progress):
            raise Conflict("This attempt was taken over by another.")
        self.ended = True

    async def fail(self, tx: Transaction, code: str, message: str) -> None:
        """End the job badly in the transaction of what it did; it may be tried again. Raises as above."""
        if not await ledger.fail(tx, self.claim, code, message, retryable=True):
            raise Conflict("This attempt was taken over by another.")
        self.ended = True
