"""Requests to a TOM Toolkit, and what its answers mean.

What its server says of one item: 400 with Django REST Framework's errors, 413, and 500 with a page of Django's, of
which only the first two lines are read: with DEBUG on, the rest shows the request's headers and the server's settings.
Everything else that is no success concerns all items: see `tomgql.builtin.surveys.answers.require`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tomgql.builtin.destinations.toolkit_sessions import Sessions
from tomgql.builtin.surveys.answers import require, words_of
from tomgql.domain.cells import clean_text
from tomgql.errors import UpstreamRefused
from tomgql.plugins.destinations import Delivery, FilePart, Refused, TargetGone
from tomgql.plugins.surveys import Answer

CALL_S = 120.0
"""Longest call without a file: a site of millions of targets needs up to 55 s to look for a name (tom_base PR 1388)."""

SHOWN_CHARACTERS = 300
"""How much of a page of Django's is shown."""

OF_ONE_ITEM = (400, 413, 500)
"""Statuses that say something of what was sent, not of the place it was sent to."""


@dataclass(frozen=True)
class Toolkit:
    """A TOM Toolkit at the delivery's address, asked with its user and password, and in a session if ``sessions``."""

    delivery: Delivery
    sessions: Sessions | None = None

    @property
    def username(self) -> str:
        """The account there."""
        return self.delivery.credentials["username"]

    async def get(self, *path: str, **params: Any) -> Any:
        """The JSON of a list or of one object."""
        return require(await self._ask("GET", path, params=params)).json()

    async def get_or_none(self, *path: str) -> Any:
        """The JSON of one object; None when it is not there, or hidden from the account."""
        answer = await self._ask("GET", path)
        return None if answer.status == 404 and not answer.is_html else require(answer).json()

    async def send(self, method: str, *path: str, json: Any) -> Answer:
        """The answer to an object, whatever it says of that."""
        return _of_item(await self._ask(method, path, json=json))

    async def send_file(self, *path: str, parts: Sequence[tuple[str, str] | FilePart]) -> Answer:
        """The answer to a form with a file, which the server may read before it answers."""
        return _of_item(await self._ask("POST", path, parts=parts, timeout_s=None))

    async def _ask(self, method: str, path: Sequence[str], **asked: Any) -> Answer:
        address = "/".join([self.delivery.address, "api", *(quote(part, safe="") for part in path), ""])
        basic = (self.username, self.delivery.credentials["password"])
        session = {} if self.sessions is None else await self.sessions.headers(self.delivery)
        headers = {"Accept": "application/json", **session}
        given = {"timeout_s": CALL_S, "basic": basic, "headers": headers, **asked}
        answer = await self.delivery.http.request(method, address, **given)
        if answer.status == 403 and self.sessions is not None and session:
            self.sessions.refused(self.delivery)
            return await self._ask(method, path, **asked)
        return answer


def _of_item(answer: Answer) -> Answer:
    """The answer, unless it says that nothing at all is taken there."""
    if answer.status == 404 and not answer.is_html:
        return answer
    if answer.status in OF_ONE_ITEM and not (answer.status == 400 and answer.is_html):
        return answer
    return require(answer, (200, 201))


def is_taken(answer: Answer) -> bool:
    """Whether the item was stored, or was there already. Raises UpstreamRefused for a 200 that is no JSON object."""
    if answer.status == 200:
        object_of(answer)
    return answer.status in (200, 201)


def object_of(answer: Answer) -> dict[str, Any]:
    """The object that was answered. Raises UpstreamRefused for anything else."""
    found = answer.json()
    if not isinstance(found, dict):
        raise UpstreamRefused(f"The answer is no JSON object (HTTP {answer.status}); is this a TOM Toolkit?")
    return found


def said(answer: Answer) -> str:
    """What the server says to its users of an item that it took; empty when nothing."""
    found = answer.json() if answer.status == 200 else {}
    message = found.get("message") if isinstance(found, dict) else None
    return clean_text(message)[:SHOWN_CHARACTERS] if isinstance(message, str) else ""


def refusal(answer: Answer) -> Refused:
    """Why the item was not taken. Only what broke down without a reason may go better the next time."""
    if answer.status != 500:
        return Refused(f"HTTP {answer.status}: {words_of(answer)}")
    words = page_words(answer)
    return Refused(f"HTTP 500: {words}", lasting=words.startswith(("ValidationError", "IntegrityError", "TypeError")))


def page_words(answer: Answer) -> str:
    """What a page of Django's says: the error and its words where DEBUG is on, else its title."""
    if answer.is_html or not answer.headers.get("content-type", "").startswith("text/plain"):
        return words_of(answer)[:SHOWN_CHARACTERS]
    lines = answer.text[: 10 * SHOWN_CHARACTERS].splitlines()[:2]
    return clean_text(": ".join(line.strip() for line in lines if line.strip()))[:SHOWN_CHARACTERS]


def errors_of(answer: Answer) -> Mapping[str, Any]:
    """Django REST Framework's errors by field; empty where it says none."""
    found = answer.json() if answer.status == 400 and not answer.is_html else {}
    return found if isinstance(found, dict) else {}


def require_target(answer: Answer, remote_id: str) -> Answer:
    """The answer, unless it says that the target is not there, or may not be changed. Raises TargetGone."""
    if any("object does not exist" in str(error) for error in _texts(errors_of(answer).get("target"))):
        raise TargetGone(f"There is no target {remote_id} there that the account may change: {words_of(answer)}")
    return answer


def _texts(errors: Any) -> list[Any]:
    return errors if isinstance(errors, list) else [errors]
