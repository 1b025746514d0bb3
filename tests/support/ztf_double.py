"""A double of the ZTF forced-photometry service, after its description and working clients; nothing was recorded."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field

from aiohttp import web

from tests.support.files import DATA
from tests.support.survey_doubles import Heard, ServiceDouble

SECRETS = {"http_user": "everybody", "http_password": "open-sesame", "email": "a@example.org", "userpass": "xyz 12345"}
LIGHT_CURVE = "ztf_fps_lc_req69627_first14.txt"
COLUMNS = ("reqId", "ra", "dec", "startJD", "endJD", "created", "started", "ended", "exitcode", "lightcurve")


@dataclass
class ZtfDouble(ServiceDouble):
    """A table of requests: the first row is somebody's equal one of yesterday; ours ends after a few looks."""

    rows: list[dict[str, str]] = field(default_factory=list)
    looks: int = 0
    looks_until_done: int = 3
    exit_code: str = "0"
    result: bytes | None = None

    async def answer(self, heard: Heard) -> web.StreamResponse:
        basic = b64encode(f"{SECRETS['http_user']}:{SECRETS['http_password']}".encode()).decode()
        if heard.headers.get("Authorization") != f"Basic {basic}":
            page = "<html><title>401 Unauthorized</title></html>"
            return web.Response(status=401, text=page, content_type="text/html")
        if heard.path.endswith("_lc.txt"):
            content = (DATA / LIGHT_CURVE).read_bytes() if self.result is None else self.result
            return web.Response(body=content, content_type="text/plain")
        if (heard.params["email"], heard.params["userpass"]) != (SECRETS["email"], SECRETS["userpass"]):
            words = f"<html><body>Sorry, {heard.params['userpass']} is not known.</body></html>"
            return web.Response(text=words, content_type="text/html")
        return self._page(self._taken(heard.params) if heard.path.endswith("/requestForcedPhotometry.cgi") else
                          self._listed())  # fmt: skip

    def _page(self, rows: list[list[str]]) -> web.Response:
        cells = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
        page = f"<html><body><h2>ZTF</h2><table border=1>{cells}</table></body></html>"
        return web.Response(text=page if rows else "<html><body>No requests.</body></html>", content_type="text/html")

    def _taken(self, params: dict[str, str]) -> list[list[str]]:
        names = ("ra", "dec", "jdstart", "jdend")
        number = 69627 + self.counts("GET", "/cgi-bin/requestForcedPhotometry.cgi") - 1
        self.rows.append(
            {"reqId": str(number), "ra": f"{float(params['ra']):.5f}", "dec": f"{float(params['dec']):.5f}",
             "startJD": f"{float(params['jdstart']):.4f}", "endJD": f"{float(params['jdend']):.4f}",
             "created": "2022-01-26 13:00:00"}
        )  # fmt: skip
        return [[*names, "email"], [*(params[name] for name in names), params["email"]]]

    def _listed(self) -> list[list[str]]:
        self.looks += 1
        for row in self.rows:
            if self.looks >= self.looks_until_done:
                path = f"/ztf/ops/forcedphot/lc/0/69/forcedphotometry_req000{row['reqId']}_lc.txt"
                row |= {"started": "2022-01-26 13:30:00", "ended": "2022-01-26 13:57:47", "exitcode": self.exit_code,
                        "lightcurve": path if self.exit_code == "0" else ""}  # fmt: skip
        return [list(COLUMNS), *([row.get(name, "") for name in COLUMNS] for row in self.rows)] if self.rows else []
