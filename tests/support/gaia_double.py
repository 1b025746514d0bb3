"""A double of Gaia's two servers, after documentation and clients; nothing was recorded."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass

from aiohttp import web

from tests.support.survey_doubles import Heard, ServiceDouble
from tests.unit.processors.test_light_curves_documented import ALERT, BY_TRANSIT, SOURCE

TAP, DATA = "/tap-server/tap/sync", "/data-server/data"


def packed(**files: str) -> bytes:
    """A zip of files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.csv", text)
    return content.getvalue()


@dataclass
class GaiaDouble(ServiceDouble):
    """The alerts' server and the archive in one."""

    alert: str = ALERT
    has_epochs: bool = True
    content: bytes | None = None

    async def answer(self, heard: Heard) -> web.StreamResponse:
        if heard.path == "/alert/Gaia14adi/lightcurve.csv":
            return web.Response(text=self.alert, content_type="text/csv")
        if heard.path == TAP:
            names = ("source_id", "ra", "dec", "has_epoch_photometry")
            rows = [[1, 243.3002, -51.5, False], [int(SOURCE), 243.30005, -51.5, self.has_epochs]]
            return web.json_response({"metadata": [{"name": name} for name in names], "data": rows})
        if heard.path == DATA:
            name = f"EPOCH_PHOTOMETRY-{heard.params['ID']}"
            content = packed(**{name: BY_TRANSIT}) if self.content is None else self.content
            return web.Response(body=content, content_type="application/zip")
        return web.Response(status=404, text="<html><title>404</title></html>", content_type="text/html")
