"""A double of a TOM Toolkit that receives: it answers as releases 2.32.4 and 3.1.0 were seen to.

The real ones are shared with by `python -m tests.peers`; this one has bad days, and is here in a moment.
"""

from __future__ import annotations

import base64
import csv
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from typing import Any

from aiohttp import web
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartParser

from tests.support.survey_doubles import Heard, ServiceDouble
from tomgql.domain.names import simplify_name

USERNAME, PASSWORD = "tomgql", "a secret of theirs"
STOCK_TYPES = ("photometry", "fits_file", "spectroscopy", "image_file")
HIDDEN_PAGE = "<!doctype html><html><head><title>Server Error (500)</title></head><body></body></html>"
"""What Django says of a failure to everybody but developers."""

SPELLING_OF_3X = {"magnitude": "brightness", "error": "brightness_error", "filter": "bandpass"}
SESSION = "a-session-of-theirs"


@dataclass
class ToolkitDouble(ServiceDouble):
    """Targets, data and products as they came; ``major`` is the release's number, ``debug`` that of Django."""

    major: int = 3
    debug: bool = False
    targets: dict[str, dict[str, Any]] = field(default_factory=dict)
    hidden_names: set[str] = field(default_factory=set)
    """Names of targets that the account may not see."""
    read_only: set[str] = field(default_factory=set)
    """Targets that the account may not change."""
    data: list[dict[str, Any]] = field(default_factory=list)
    products: list[dict[str, Any]] = field(default_factory=list)
    file_limit_bytes: int = 1_000_000
    has_sessions: bool = True
    """Whether its login page is where it is in a stock site."""
    takes_sessions: bool = True
    """Whether its protection against forged requests is the stock one."""
    passwords_checked: int = 0

    async def answer(self, heard: Heard) -> web.StreamResponse:
        if heard.path == "/accounts/login/" and self.has_sessions:
            return self._sign_in(await parts_of(heard), _cookies(heard))
        refused = self._unauthorized(heard)
        if refused is not None:
            return refused
        kind, _, key = heard.path.removeprefix("/api/").strip("/").partition("/")
        if kind == "targets":
            return self._targets(heard, key)
        if kind == "reduceddatums":
            return self._data(heard) if heard.method == "GET" else self._datum(json.loads(heard.content))
        if kind == "dataproducts":
            return self._products(heard) if heard.method == "GET" else self._product(await parts_of(heard))
        return web.Response(status=404, text="<!doctype html><title>Page not found</title>", content_type="text/html")

    def _sign_in(self, form: dict[str, Any], cookies: Mapping[str, str]) -> web.Response:
        """The form of django.contrib.auth in 2.x, of django-allauth in 3.x."""
        self.passwords_checked += 1
        username = form["username" if self.major == 2 else "login"]
        forged = form["csrfmiddlewaretoken"] != cookies.get("csrftoken")
        if forged or (username, form["password"]) != (USERNAME, PASSWORD):
            return web.Response(text="<!doctype html><title>Sign in</title>", content_type="text/html")
        response = web.Response(status=302, headers={"Location": "/"})
        response.set_cookie("csrftoken", "another")
        response.set_cookie("sessionid", SESSION, httponly=True)
        return response

    def _unauthorized(self, heard: Heard) -> web.Response | None:
        """A session goes before a password, as in Django REST Framework's default."""
        cookies = _cookies(heard)
        if cookies.get("sessionid") == SESSION:
            token = cookies.get("csrftoken", "")
            forged = len(token) != 32 or heard.headers.get("X-CSRFToken") != token or not self.takes_sessions
            words = "CSRF Failed: CSRF token missing."
            return web.json_response({"detail": words}, status=403) if forged and heard.method != "GET" else None
        self.passwords_checked += 1
        login = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
        if heard.headers.get("Authorization") == f"Basic {login}":
            return None
        return web.json_response({"detail": "Invalid username/password."}, status=401)

    def _targets(self, heard: Heard, key: str) -> web.Response:
        if heard.method == "POST":
            return self._create(json.loads(heard.content))
        if not key:
            wanted = simplify_name(heard.params["name_fuzzy"])
            found = [each for each in self.targets.values() if wanted in map(simplify_name, _names(each))]
            return web.json_response({"count": len(found), "next": None, "previous": None, "results": found})
        if key not in self.targets or (heard.method == "PATCH" and key in self.read_only):
            return web.json_response({"detail": "No Target matches the given query."}, status=404)
        target = self.targets[key]
        if heard.method == "PATCH":
            target["target_lists"] = [*target["target_lists"], *json.loads(heard.content)["target_lists"]]
            return web.json_response({**target, "message": "Target successfully updated."})
        return web.json_response(target)

    def _create(self, body: dict[str, Any]) -> web.Response:
        taken = {name for target in self.targets.values() for name in _names(target)} | self.hidden_names
        if body["name"] in taken:
            return web.json_response({"name": ["target with this Name already exists."]}, status=400)
        wrong = {
            str(at): {"name": ["target name with this Name already exists."]}
            for at, alias in enumerate(body["aliases"])
            if alias["name"] in taken
        }
        if wrong:
            return web.json_response({"aliases": wrong}, status=400)
        missing = [name for name in ("ra", "dec") if body["type"] == "SIDEREAL" and body[name] is None]
        if missing:
            words = f"The following fields are required for SIDEREAL targets: {missing}"
            return web.json_response({"non_field_errors": [words]}, status=400)
        key = len(self.targets) + 1
        self.targets[str(key)] = {**body, "id": key}
        return web.json_response({**body, "id": key, "message": "Target successfully uploaded."}, status=201)

    def _datum(self, body: dict[str, Any]) -> web.Response:
        key = str(body["target"])
        if key not in self.targets or key in self.read_only:
            return web.json_response({"target": [f'Invalid pk "{key}" - object does not exist.']}, status=400)
        if self.major == 2 and body["data_type"] not in STOCK_TYPES:
            return self._page("ValidationError", ["Not a valid DataProduct type."])
        if any(self._same(body, each) for each in self.data):
            if self.major == 2:
                return self._page("ValidationError", [f"ReducedDatum already exists: {body['data_type']} data"])
            first = next(each for each in self.data if _moment(each) == _moment(body))
            told = {"message": "Data already exists. Skipping upload.", "already_exists": True}
            return web.json_response({**self._listed(first), **told})
        self.data.append(body)
        return web.json_response({**body, "message": "Data successfully uploaded."}, status=201)

    def _same(self, one: dict[str, Any], other: dict[str, Any]) -> bool:
        """Whether two data are one there: 2.x compares the whole value, 3.x some columns of photometry."""
        if self.major == 2 or one["data_type"] != "photometry":
            return all(one[name] == other[name] for name in ("target", "data_type", "timestamp", "value"))
        pairs = [(one["value"].get(name), other["value"].get(name)) for name in ("magnitude", "limit")]
        measured = any(ours is not None and ours == theirs for ours, theirs in pairs)
        return _moment(one) == _moment(other) and measured

    def _listed(self, datum: dict[str, Any]) -> dict[str, Any]:
        """A datum as the release lists it: 3.x in its own spelling, and no limit."""
        if self.major == 2 or datum["data_type"] != "photometry":
            return datum
        empty = {"brightness": None, "brightness_error": None, "unit": "", "telescope": "", "instrument": ""}
        value = {SPELLING_OF_3X.get(name, name): cell for name, cell in datum["value"].items() if name != "limit"}
        return {**datum, "data_product": None, "value": {**empty, **value}}

    def _data(self, heard: Heard) -> web.Response:
        offset, limit = (int(heard.params[name]) for name in ("offset", "limit"))
        where = {"target": heard.params["target__id"], "data_type": heard.params["data_type"]}
        if "data_product__id" in heard.params:
            where["data_product"] = heard.params["data_product__id"]
        rows = [each for each in self.data if all(str(each[name]) == value for name, value in where.items())]
        more = f"{self.address}{heard.path}?offset={offset + limit}" if offset + limit < len(rows) else None
        listed = [self._listed(each) for each in rows[offset : offset + limit]]
        return web.json_response({"count": len(rows), "next": more, "results": listed})

    def _products(self, heard: Heard) -> web.Response:
        wanted = heard.params["target_name"].lower()
        keys = {key for key, each in self.targets.items() if any(wanted in name.lower() for name in _names(each))}
        listed = [{**each, "target": int(each["target"]), "file": None} for each in self.products
                  if each["target"] in keys]  # fmt: skip
        return web.json_response({"count": len(listed), "next": None, "results": listed})

    def _product(self, parts: dict[str, Any]) -> web.Response:
        if len(parts["file"]["content"]) > self.file_limit_bytes:
            return web.json_response({"detail": "Request body exceeded the limit."}, status=413)
        if parts["target"] not in self.targets:
            words = f'Invalid pk "{parts["target"]}" - object does not exist.'
            return web.json_response({"target": [words]}, status=400)
        if parts["data_product_type"] not in STOCK_TYPES:
            return web.json_response({"data_product_type": ["Not a valid data_product_type."]}, status=400)
        known = [each for each in self.products if each["product_id"] == parts["product_id"]]
        if known and self.major == 2:
            words = "data product with this product id already exists."
            return web.json_response({"product_id": [words]}, status=400)
        if known:
            return web.json_response({"id": known[0]["id"], "already_exists": True, "message": "Skipping upload."})
        if b"unreadable" in parts["file"]["content"]:
            words = "There was an error in processing your DataProduct into         individual ReducedDatum objects."
            return web.json_response({"Data processing error": words}, status=500)
        self.products.append({**parts, "id": len(self.products) + 1})
        if parts["data_product_type"] == "photometry":
            self._read_file(self.products[-1])
        told = {"id": len(self.products), "message": "Data product successfully uploaded."}
        return web.json_response(told, status=201)

    def _read_file(self, product: dict[str, Any]) -> None:
        """Data of a file with the columns time (MJD), magnitude, error and filter, as the stock processor reads it."""
        for row in csv.DictReader(product["file"]["content"].decode().splitlines()):
            moment = datetime(1858, 11, 17, tzinfo=UTC) + timedelta(days=float(row["time"]))
            value = {name: cell if name == "filter" else float(cell) for name, cell in row.items()}
            self.data.append(
                {"target": product["target"], "data_type": "photometry", "timestamp": moment.isoformat(),
                 "value": value, "data_product": product["id"], "source_name": "Peer"}
            )  # fmt: skip

    def _page(self, error: str, value: Any) -> web.Response:
        """Django's page of a failure: what developers see holds the request's headers and the settings."""
        if not self.debug:
            return web.Response(status=500, text=HIDDEN_PAGE, content_type="text/html")
        rest = f"\nRequest Method: POST\nMETA:\nHTTP_AUTHORIZATION = '{PASSWORD}'\n"
        text = f"{error} at /api/reduceddatums/\n{value}\n{rest}"
        return web.Response(status=500, text=text, content_type="text/plain")


async def parts_of(heard: Heard) -> dict[str, Any]:
    """The parts of a form by name: texts, and of files their name and content."""

    async def content() -> AsyncIterator[bytes]:
        yield heard.content

    form = await MultiPartParser(Headers(heard.headers), content()).parse()
    return {
        name: {"name": part.filename, "content": await part.read()} if isinstance(part, UploadFile) else part
        for name, part in form.items()
    }


def _names(target: dict[str, Any]) -> list[str]:
    return [target["name"], *(alias["name"] for alias in target["aliases"])]


def _moment(datum: dict[str, Any]) -> tuple[Any, ...]:
    """By what 3.x finds a datum that may be another one."""
    value = datum["value"]
    return datum["target"], datum["data_type"], datum["timestamp"], value.get("filter"), value.get("instrument")


def _cookies(heard: Heard) -> dict[str, str]:
    return {name: morsel.value for name, morsel in SimpleCookie(heard.headers.get("Cookie", "")).items()}
