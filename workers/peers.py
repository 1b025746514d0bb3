"""The worker's following of other tomgql servers: each in a task of its own, as long as nobody else does."""

from __future__ import annotations

import asyncio
import logging

from tomgql.runtime import Runtime
from tomgql.services.federation.claims import Claim, claim_one
from tomgql.services.federation.following import follow
from tomgql.store.connection import DATABASE_ERRORS, outlive

logger = logging.getLogger(__name__)

PEERS_S = 1.0
"""Pause between two looks for servers that nobody follows."""

LOST = DATABASE_ERRORS
"""Errors after which another attempt is made."""


async def follow_peers(rt: Runtime) -> None:
    """Follow other servers, each in a task of its own, as long as nobody else does."""
    running: set[asyncio.Task[None]] = set()
    try:
        while True:
            try:
                while len(running) < rt.settings.worker_max_peers and (claim := await claim_one(rt)) is not None:
                    task = asyncio.create_task(_follow(rt, claim), name=f"peer {claim.name}")
                    running.add(task)
                    task.add_done_callback(running.discard)
            except LOST as error:
                outlive(error)
                logger.warning("peers: %s", error)
            await asyncio.sleep(PEERS_S)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _follow(rt: Runtime, claim: Claim) -> None:
    try:
        await follow(rt, claim)
    except LOST as error:
        outlive(error)
        logger.warning("peer %s: %s", claim.name, error)
