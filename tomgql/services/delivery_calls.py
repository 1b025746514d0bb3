"""What a destination of shares may use of ours: requests to its own host, within the limits of this site."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tomgql.outbound import Asked, origin
from tomgql.plugins.destinations import FilePart
from tomgql.plugins.surveys import Answer
from tomgql.runtime import Runtime


@dataclass(frozen=True)
class DestinationHttp:
    """`tomgql.plugins.destinations.DeliveryHttp` for the destination at ``address``, and no other host."""

    rt: Runtime
    address: str

    async def request(
        self,
        method: str,
        address: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        parts: Sequence[tuple[str, str] | FilePart] | None = None,
        content: Callable[[], AsyncIterator[bytes]] | None = None,
        headers: Mapping[str, str] | None = None,
        basic: tuple[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """See `tomgql.plugins.destinations.DeliveryHttp.request`; at most ``share_request_s`` of the settings."""
        settings = self.rt.settings
        answered = await self.rt.outbound.ask(
            Asked(method, address, params, None, json, headers or {}, basic, parts, content),
            origins={origin(self.address)},
            limit_bytes=settings.share_answer_bytes,
            limit_s=min(timeout_s or settings.share_request_s, settings.share_request_s),
            public_only=not settings.private_peers,
        )
        return Answer(**vars(answered))
