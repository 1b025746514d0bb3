"""What a service may use of ours: its addresses, and requests within its limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tomgql.errors import InvalidInput, UpstreamBusy
from tomgql.outbound import Asked, origin
from tomgql.plugins.resolvers import NameResolver
from tomgql.plugins.surveys import MAIN, Answer, SurveyService, is_base_address
from tomgql.runtime import Runtime
from tomgql.settings import Settings

SHARE_OF_STEP = 0.8
"""How much of the time of a step one request may take, so that what was slow can still be said."""

AskedService = SurveyService | NameResolver
"""What asks other people's servers, by its addresses and its secrets, as often as it may."""


def addresses_of(settings: Settings, plugin: AskedService) -> dict[str, str]:
    """Base addresses of a service by name: the site's, else its own. Raises InvalidInput for one that is none."""
    found = {}
    for name, usual in plugin.addresses.items():
        setting = plugin.name if name == MAIN else f"{plugin.name}.{name}"
        found[name] = settings.survey_addresses.get(setting, usual).rstrip("/")
        if not is_base_address(found[name]):
            raise InvalidInput(f'TOMGQL_SURVEY_ADDRESSES: "{setting}" must be an http or https address without query.')
    return found


@dataclass(frozen=True)
class PacedHttp:
    """`tomgql.plugins.surveys.Http` for one service: only its hosts, not more often than it allows.

    ``limit_bytes`` of an answer are the site's where nothing else is said.
    """

    rt: Runtime
    plugin: AskedService
    addresses: Mapping[str, str]
    limit_bytes: int | None = None

    async def request(
        self,
        method: str,
        address: str,
        *,
        params: Mapping[str, Any] | None = None,
        form: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        basic: tuple[str, str] | None = None,
        timeout_s: float | None = None,
        once: bool = False,
    ) -> Answer:
        """See `tomgql.plugins.surveys.Http.request`."""
        wait_s = await self.rt.pacing.reserve(self.plugin.name, self.plugin.requests_per_minute)
        if wait_s > 0:
            allowed = f"{self.plugin.requests_per_minute:g} requests a minute"
            raise UpstreamBusy(f"{self.plugin.title} may be asked {allowed} by all of us.", seconds=wait_s)
        settings = self.rt.settings
        longest_s = SHARE_OF_STEP * settings.survey_step_s
        answered = await self.rt.outbound.ask(
            Asked(method, address, params, form, json, headers or {}, basic, once=once),
            origins={origin(each) for each in self.addresses.values()},
            limit_bytes=self.limit_bytes or settings.survey_answer_bytes,
            limit_s=min(timeout_s or longest_s, longest_s),
        )
        return Answer(**vars(answered))
