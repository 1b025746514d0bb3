"""What the brokers of ZTF's alerts share: the object that a target is there, by its ZTF name or by its position.

A target with a ZTF name among its names is asked for by it; any other by a small cone, of which the nearest object
is taken. Nothing is submitted, so every step may be made again.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar

from pydantic import Field

from tomgql.builtin.processors.json_tables import mappings
from tomgql.builtin.surveys.names import file_stem
from tomgql.domain.positions import separation_arcsec
from tomgql.errors import UpstreamRefused
from tomgql.plugins.surveys import Answer, Going, Parameters, Result, State, Step, SurveyFile, SurveyQuery, SurveyTarget

_ZTF_NAME = re.compile(r"ZTF\d\d[a-z]{7}")
_PLAIN_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class BrokerParameters(Parameters):
    """What to ask a broker for."""

    radius_arcsec: float = Field(
        1.5, gt=0, le=60,
        description="Radius within which the nearest object is the target, arcsec; for targets without a ZTF name.",
    )  # fmt: skip


class ZtfBroker(ABC):
    """A broker that is asked for one object's light curve; subclasses say how."""

    name: ClassVar[str]
    title: ClassVar[str]
    credentials: ClassVar[tuple[str, ...]] = ()
    parameters: ClassVar[type[Parameters]] = BrokerParameters
    requests_per_minute: ClassVar[float] = 60.0
    time_limit_s: ClassVar[float] = 86_400.0
    withdraws: ClassVar[bool] = False

    def refusal(self, target: SurveyTarget, parameters: BrokerParameters) -> str | None:
        """A ZTF name or a position is needed."""
        if ztf_name(target) is None and target.ra_deg is None:
            return "the target has neither a ZTF name (ZTF18abcdefg) among its names nor a position."
        return None

    async def step(self, query: SurveyQuery, state: State) -> Step:
        """Find the object, or fetch its light curve."""
        if "object" in state:
            return await self.fetch(query, state)
        found = await self.find(query, ztf_name(query.target))
        if found is None:
            return Result((), f"{self.title} has no such object.")
        return Going({"object": found}, f"It is {found} at {self.title}.", 0.3)

    async def withdraw(self, query: SurveyQuery, state: State) -> None:  # noqa: B027 - nothing is what it does
        """Nothing was submitted."""

    async def find(self, query: SurveyQuery, name: str | None) -> str | None:
        """What the broker calls the object of this ZTF name, else the nearest one; None when there is none.

        Raises Upstream.
        """
        return name or await self.nearest(query)

    @abstractmethod
    async def nearest(self, query: SurveyQuery) -> str | None:
        """The object nearest to the target within the radius. Raises Upstream."""

    @abstractmethod
    async def fetch(self, query: SurveyQuery, state: State) -> Step:
        """The light curve of ``state["object"]``. Raises Upstream."""

    def nothing(self, state: State) -> Result:
        """The end of a query that found nothing, which is no failure."""
        return Result((), f"{self.title} has no data of {state['object']}.")

    def result(self, query: SurveyQuery, state: State, answer: Answer, **more: Any) -> Result:
        """The answer as a file; ``more`` are facts of the `SurveyFile`."""
        file = SurveyFile(
            name=f"{self.name}_{file_stem(query.target)}_{state['object']}.json",
            content=answer.content,
            processor=self.name,
            address=answer.address,
            remote_id=str(state["object"]),
            **more,
        )
        return Result((file,), f"The light curve of {state['object']} from {self.title}.")


def ztf_name(target: SurveyTarget) -> str | None:
    """The first of the target's names that is one of ZTF's objects."""
    return next((name for name in target.names if _ZTF_NAME.fullmatch(name)), None)


def nearest_of(query: SurveyQuery, rows: Any, *, name: str, ra: str, dec: str) -> str | None:
    """The name of the nearest row within the radius, from columns of these names; None without any.

    The separation is worked out here: not every broker sorts, or tells it.
    """
    target, found = query.target, []
    for row in mappings(rows):
        try:
            at = float(row[ra]), float(row[dec])
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
        found.append((float(separation_arcsec(*at, target.ra_deg or 0.0, target.dec_deg or 0.0)), row.get(name)))
    return closest(query, found)


def closest(query: SurveyQuery, found: Iterable[tuple[float, Any]]) -> str | None:
    """The name at the least separation, arcsec, within the radius. Raises UpstreamRefused for what is no name."""
    near = [(apart, str(each)) for apart, each in found if apart <= query.parameters.radius_arcsec]
    return plain_id(min(near)[1]) if near else None


def plain_id(text: str) -> str:
    """The text, if it may stand in an address. Raises UpstreamRefused."""
    if not _PLAIN_ID.fullmatch(text) or not text.strip("."):
        raise UpstreamRefused(f'It calls the object "{text[:100]}", which is no name of one.')
    return text


def content_of(answer: Answer) -> Any:
    """The answer as JSON; None where it has no content at all, which is how some services say that they have nothing.

    Raises `UpstreamRefused` for what is no JSON.
    """
    return answer.json() if answer.content.strip() else None
