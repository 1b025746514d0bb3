"""JSON bodies, and fields of them held against what Django REST Framework asks, in its words."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request

from tomgql.domain.cells import clean_text
from tomgql.web.tomtoolkit.entrance import Refused

LARGEST_KEY = 2**63 - 1
"""The largest key of a row."""

_NUMBER = re.compile(r"\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*")


async def json_object(request: Request) -> dict[str, Any]:
    """The body; NaN, half surrogate pairs and endless nesting are no JSON. Raises Refused."""
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/json":
        raise HTTPException(415, f'Unsupported media type "{clean_text(media_type)[:100]}" in request.')
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise Refused(detail=f"JSON parse error - {error}") from None
    if not isinstance(body, dict):
        raise Refused(non_field_errors=[f"Invalid data. Expected a dictionary, but got {type(body).__name__}."])
    return body


class Fields:
    """Fields of one object; what is wrong is gathered, and `finish` refuses it all at once."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.body = body
        self.errors: dict[str, Any] = {}

    def wrong(self, name: str, message: str) -> None:
        """Say of a field what is wrong with it."""
        self.errors.setdefault(name, []).append(message)

    def finish(self) -> None:
        """Raises Refused when any field is wrong."""
        if self.errors:
            raise Refused(**self.errors)

    def text(self, name: str, longest: int, *, required: bool = False) -> str:
        """A text without blanks around it; empty where there is none."""
        value = self.body.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            if required:
                self.wrong(name, _missing(name in self.body, value))
            return ""
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            self.wrong(name, "Not a valid string.")
            return ""
        text = str(value).strip()
        if len(text) > longest:
            self.wrong(name, f"Ensure this field has no more than {longest} characters.")
        if "\x00" in text:
            self.wrong(name, "Null characters are not allowed.")
        return text

    def number(self, name: str) -> float | None:
        """A finite number, also one that is written as text; None where there is none."""
        value = self.body.get(name)
        if value is None or value == "":
            return None
        plain = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not plain and not (isinstance(value, str) and _NUMBER.fullmatch(value)):
            self.wrong(name, "A valid number is required.")
            return None
        number = float(value)
        if not math.isfinite(number):
            self.wrong(name, "A valid number is required.")
            return None
        return number

    def choice(self, name: str, known: Sequence[str], default: str) -> str:
        """One of the words that are known."""
        value = self.body.get(name, default)
        if value not in known:
            shown = value if isinstance(value, str) else type(value).__name__
            self.wrong(name, f'"{clean_text(shown)[:60]}" is not a valid choice.')
            return default
        return str(value)

    def key(self, name: str) -> int | None:
        """The key of a row, as a number or its text."""
        value = self.body.get(name)
        if value is None or value == "":
            self.wrong(name, _missing(name in self.body, value))
            return None
        key = _key(value)
        if key is None:
            self.wrong(name, f"Incorrect type. Expected pk value, received {type(value).__name__}.")
        return key

    def objects(self, name: str, most: int) -> list[Mapping[str, Any]]:
        """A list of objects; empty where there is none."""
        value = self.body.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            self.wrong(name, "Expected a list of items, each of them a dictionary.")
            return []
        if len(value) > most:
            self.wrong(name, f"Ensure this field has no more than {most} elements.")
            return []
        return value


def read_key(text: str) -> int | None:
    """The key in a path or a query; None when it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= LARGEST_KEY else None


def _key(value: Any) -> int | None:
    if isinstance(value, str):
        return read_key(value.strip())
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_KEY:
        return value
    return None


def invalid_key(value: Any) -> str:
    """What is said of a key of something that is not there, or that who asks may not change."""
    return f'Invalid pk "{value}" - object does not exist.'


def _missing(there: bool, value: Any) -> str:
    if not there:
        return "This field is required."
    return "This field may not be null." if value is None else "This field may not be blank."
