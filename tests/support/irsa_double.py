"""A double of IRSA's light curves of ZTF, after IRSA's documentation; nothing was recorded."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from tests.support.survey_doubles import Heard, ServiceDouble
from tests.unit.processors.test_light_curves_documented import HEADER, ROWS


@dataclass
class IrsaDouble(ServiceDouble):
    """One star in two filters, a neighbour, and a flagged row."""

    rows: tuple[str, ...] = ROWS
    header: str = HEADER

    async def answer(self, heard: Heard) -> web.StreamResponse:
        return web.Response(text="\n".join([self.header, *self.rows, ""]), content_type="text/plain")
