"""Ask name resolvers who is meant by a name. It reads nothing of ours but secrets, and changes nothing.

All are asked at once, each within its limits; one that fails says why and takes nothing from the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from math import isfinite
from typing import Any

from tomgql.access import guard
from tomgql.access.principal import Principal
from tomgql.domain.cells import clean_text
from tomgql.errors import InvalidInput, ServiceFailed, TomError, Unavailable, UpstreamDown
from tomgql.plugins.resolvers import Candidate, NameQuery, NameResolver, Orbit
from tomgql.runtime import OUTAGES, Runtime
from tomgql.services.strangers_code import in_its_words
from tomgql.services.survey_calls import PacedHttp, addresses_of
from tomgql.services.survey_credentials import configured_services, find_credentials
from tomgql.services.target_checks import COMMON_ELEMENTS, REQUIRED_ELEMENTS

LONGEST_NAME = 100
"""Characters of a name that is asked for."""

MOST_SERVICES = 20
"""Resolvers that one call may name."""

MOST_CANDIDATES, MOST_ALIASES = 20, 200
"""Candidates of one resolver, and other names of one candidate, that are told."""

LONGEST_TEXT = 200
"""Characters of a text of a candidate that are told."""

ANSWER_S = 20.0
"""How long one resolver may take, all its requests together; a third of what a client's request may."""

ANSWER_BYTES = 2 * 1024 * 1024
"""Largest answer of a resolver: it is read in a web process, beside other people's requests."""


@dataclass(frozen=True)
class Found:
    """A candidate and which resolver told it."""

    service: str
    candidate: Candidate


@dataclass(frozen=True)
class Failure:
    """Why a resolver gave nothing, in words for people."""

    service: str
    code: str
    message: str


@dataclass(frozen=True)
class Resolved:
    """What all that were asked told, in their order."""

    services: tuple[str, ...]
    found: tuple[Found, ...]
    failures: tuple[Failure, ...]


async def resolve_target(rt: Runtime, actor: Principal, name: str, services: Sequence[str] | None) -> Resolved:
    """Ask the named resolvers, or all whose secrets are there for the actor, about a name.

    Permission: anyone signed in. Raises NotAuthenticated, UnknownPlugin, and InvalidInput for names that are none.
    """
    user_id = guard.require_user(actor)
    wanted = _checked_name(name)
    if services is None:
        services = sorted(await configured_services(rt, actor, rt.resolvers))
    elif len(services) > MOST_SERVICES:
        raise InvalidInput(f"`services` names more than {MOST_SERVICES} resolvers.", path=["services"])
    plugins = [rt.resolvers.locate(each).plugin for each in dict.fromkeys(services)]
    answers = await asyncio.gather(*(_answer(rt, user_id, plugin, wanted) for plugin in plugins))
    return Resolved(
        services=tuple(plugin.name for plugin in plugins),
        found=tuple(each for answer in answers if not isinstance(answer, Failure) for each in answer),
        failures=tuple(answer for answer in answers if isinstance(answer, Failure)),
    )


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise InvalidInput(f"`name` must have 1 to {LONGEST_NAME} printable characters.", path=["name"])
    return name


async def _answer(rt: Runtime, user_id: int, plugin: NameResolver, name: str) -> list[Found] | Failure:
    try:
        candidates = await _ask(rt, user_id, plugin, name)
    except TomError as error:
        return Failure(plugin.name, error.code, error.message)
    except OUTAGES:
        return Failure(plugin.name, Unavailable.code, "A part of this server cannot be reached just now.")
    return [Found(plugin.name, candidate) for candidate in candidates]


async def _ask(rt: Runtime, user_id: int, plugin: NameResolver, name: str) -> list[Candidate]:
    """What the resolver tells. Raises Upstream, ServiceFailed, and InvalidInput where secrets are missing."""
    addresses = addresses_of(rt.settings, plugin)
    secrets = await find_credentials(rt.settings, rt.reads.fetch, plugin, user_id)
    blocked_s = await rt.pacing.blocked(plugin.name, ANSWER_S)
    if blocked_s > 0:
        raise UpstreamDown(f"{plugin.title} does not answer; it is left alone for {blocked_s:.0f} more seconds.")
    query = NameQuery(name, PacedHttp(rt, plugin, addresses, ANSWER_BYTES), addresses, secrets)
    try:
        async with in_its_words(plugin, secrets, ANSWER_S):
            found = _checked(plugin, await plugin.resolve(query))
    except UpstreamDown:
        await rt.pacing.failed(plugin.name)
        raise
    except TomError:
        await rt.pacing.answered(plugin.name)
        raise
    await rt.pacing.answered(plugin.name)
    return found


def _checked(plugin: NameResolver, candidates: Any) -> list[Candidate]:
    """Only candidates, with texts that can be shown and numbers that can be; anything else of them is left out."""
    if not isinstance(candidates, Sequence) or not all(isinstance(each, Candidate) for each in candidates):
        raise ServiceFailed(f"{plugin.title}: it returned {type(candidates).__name__}, which are no candidates.")
    return [_told(each) for each in candidates[:MOST_CANDIDATES] if _text(each.name)]


def _told(candidate: Candidate) -> Candidate:
    name = _text(candidate.name) or ""
    aliases = dict.fromkeys(alias for each in candidate.aliases[:MOST_ALIASES] if (alias := _text(each)))
    numbers = {item.name: _number(getattr(candidate, item.name)) for item in fields(Candidate) if "float" in item.type}
    ra, dec = numbers["ra_deg"], numbers["dec_deg"]
    if ra is None or dec is None or not (0 <= ra < 360 and -90 <= dec <= 90):
        numbers |= {"ra_deg": None, "dec_deg": None}
    return replace(
        candidate,
        **numbers,
        name=name,
        aliases=tuple(alias for alias in aliases if alias != name),
        orbit=_whole(candidate.orbit),
        object_type=_text(candidate.object_type),
        address=_text(candidate.address),
    )


def _whole(orbit: Orbit | None) -> Orbit | None:
    """The orbit, if a target could have it."""
    if orbit is None or orbit.scheme not in REQUIRED_ELEMENTS:
        return None
    numbers = {item.name: _number(getattr(orbit, item.name)) for item in fields(Orbit)[1:]}
    needed = (*COMMON_ELEMENTS, *REQUIRED_ELEMENTS[orbit.scheme])
    return None if any(numbers[name] is None for name in needed) else Orbit(orbit.scheme, **numbers)


def _text(value: Any) -> str | None:
    return (" ".join(clean_text(value).split())[:LONGEST_TEXT] or None) if isinstance(value, str) else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and isfinite(value) else None
