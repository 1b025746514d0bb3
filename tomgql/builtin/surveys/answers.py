"""What services answer when something is wrong, said in one way: busy, down, or refused with their words.

A status of 200 is no success: services answer their login and error pages with it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from tomgql.domain.cells import clean_text
from tomgql.errors import UpstreamBusy, UpstreamDown, UpstreamRefused
from tomgql.plugins.surveys import Answer

SHOWN_CHARACTERS = 500
"""How much of an answer an error shows."""

TITLE_BYTES = 4_096
"""How far into a web page its title is looked for."""

DEEPEST = 5
"""Levels of a JSON body whose texts are shown."""

_BUSY = (429, 503)
_WAIT = re.compile(r"available in (\d+(?:\.\d+)?) (second|minute|hour)", re.IGNORECASE)
_UNIT_S = {"second": 1.0, "minute": 60.0, "hour": 3600.0}
_TAG = re.compile(r"<[^<>]*>")
_TITLE = re.compile(r"<title[^>]*>([^<]*)", re.IGNORECASE)


def require(answer: Answer, good: Collection[int] = (200,), *, html: bool = False) -> Answer:
    """The answer, if its status is good and it is no web page, which only some services mean (``html``).

    Raises `UpstreamBusy` for 429 and 503, `UpstreamDown` for other server errors, `UpstreamRefused` for the rest.
    """
    if answer.status in _BUSY:
        raise UpstreamBusy(words_of(answer), **_when(answer))
    if answer.status >= 500:
        raise UpstreamDown(f"HTTP {answer.status}: {words_of(answer)}")
    if answer.status in (401, 403):
        raise UpstreamRefused(f"It does not accept our credentials (HTTP {answer.status}): {words_of(answer)}")
    if 300 <= answer.status < 400 and answer.status not in good:
        raise UpstreamRefused(f"It sends us to another page (HTTP {answer.status}), most likely to sign in.")
    if answer.status not in good:
        raise UpstreamRefused(f"HTTP {answer.status}: {words_of(answer)}")
    if answer.is_html and not html:
        raise UpstreamRefused(f"It answers with a web page instead of data: {words_of(answer)}")
    return answer


def words_of(answer: Answer) -> str:
    """What an answer says, for people: the texts of JSON or XML, the title of a web page, else its beginning."""
    if answer.is_html:
        title = _TITLE.search(answer.content[:TITLE_BYTES].decode("utf-8", "replace"))
        return f'a web page, "{clean_text(title[1].strip())[:100]}".' if title else "a web page."
    try:
        said = "; ".join(_texts(orjson.loads(answer.content), ""))
    except orjson.JSONDecodeError:
        said = _TAG.sub(" ", answer.text) if answer.text.lstrip().startswith("<") else answer.text
    said = clean_text(" ".join(said.split()))[:SHOWN_CHARACTERS]
    return said or "without a word."


def _texts(body: Any, place: str, depth: int = 0) -> list[str]:
    """Texts of a JSON body with the names they stand under, as of Django REST framework's errors."""
    if depth > DEEPEST:
        return ["..."]
    if isinstance(body, Mapping):
        names = {"detail": "", "non_field_errors": ""}
        return [text for name, value in body.items() for text in _texts(value, names.get(name, str(name)), depth + 1)]
    if isinstance(body, list):
        return [text for value in body for text in _texts(value, place, depth + 1)]
    return [f"{place}: {body}" if place else str(body)]


def _when(answer: Answer) -> dict[str, Any]:
    """Seconds until the service may be asked again, from its header or its words; empty when it does not say."""
    header = answer.headers.get("retry-after", "").strip()
    if header.isascii() and header.isdigit():
        return {"seconds": float(header)}
    if header:
        try:
            return {"seconds": (parsedate_to_datetime(header).astimezone(UTC) - datetime.now(UTC)).total_seconds()}
        except (ValueError, OverflowError):
            pass
    said = _WAIT.search(answer.text[:SHOWN_CHARACTERS])
    return {"seconds": float(said[1]) * _UNIT_S[said[2].lower()] + 1.0} if said else {}
