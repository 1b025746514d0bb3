"""Every error that the client raises on purpose, as one tree.

::

    ClientError              code, message, path
    +- InvalidCall           the caller must change the call; nothing was sent
    +- Unreachable           no answer, or not one of a tomgql server; trying again may help
    +- AnswerTooLarge        an answer or a message exceeds the client's limit
    +- Refused               the server answered with errors: `errors`, `data`
    |  +- NotSignedIn        no token, or one that is wrong, expired or revoked
    |  +- CursorExpired      the event log does not reach back to the cursor: take a new snapshot
    +- PayloadErrors         a mutation answered with expected failures: `errors`, `data`
    +- JobFailed             a job ended in FAILED or CANCELLED: `job`
    +- DamagedDownload       what arrived is not what the server keeps

``code`` is the server's own where the server spoke, such as NOT_FOUND.
"""

# ruff: noqa: N818 - errors are named by what is wrong, without a suffix

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class ClientError(Exception):
    """Base of all errors that the client raises on purpose."""

    code: str = "CLIENT_ERROR"

    def __init__(self, message: str, *, code: str | None = None, path: Sequence[str | int] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = None if path is None else list(path)
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return f"{self.message} [{self.code}]"


class InvalidCall(ClientError):
    """The call cannot be sent as it is; the message says what would be right."""

    code = "INVALID_CALL"


class Unreachable(ClientError):
    """The server did not answer, or something that is no tomgql server did; trying again may help."""

    code = "UNREACHABLE"


class AnswerTooLarge(ClientError):
    """An answer or a message holds more bytes than the client takes."""

    code = "ANSWER_TOO_LARGE"


@dataclass(frozen=True)
class ServerError:
    """One error as the server told it; ``path`` is the input field's where it is one, else the answer's."""

    code: str
    message: str
    path: tuple[str | int, ...] | None = None

    @classmethod
    def read(cls, given: Any) -> ServerError:
        """From a GraphQL error or a payload's UserError, whatever of it is there."""
        given = given if isinstance(given, dict) else {}
        more = given.get("extensions") if isinstance(given.get("extensions"), dict) else {}
        path = more.get("path", given.get("path"))
        return cls(
            code=str(more.get("code", given.get("code", "UNKNOWN"))),
            message=str(given.get("message", "The server gave no message.")),
            path=tuple(path) if isinstance(path, list) else None,
        )


class ServerSaid(ClientError):
    """The server's errors, all of them in ``errors``, and what came beside them in ``data``."""

    def __init__(self, errors: Sequence[ServerError], data: Any = None) -> None:
        first = errors[0]
        super().__init__(first.message, code=first.code, path=first.path)
        self.errors = list(errors)
        self.data = data


class Refused(ServerSaid):
    """The answer holds top-level errors."""


class NotSignedIn(Refused):
    """There is no token, or it is wrong, has expired or was revoked."""


class CursorExpired(Refused):
    """The event log does not reach back to the cursor: query the data anew, then subscribe behind that."""


class PayloadErrors(ServerSaid):
    """A mutation's payload holds errors: expected failures, each with the input's path."""


class JobFailed(ClientError):
    """A job has failed or was cancelled; ``job`` is what the server tells of it."""

    def __init__(self, job: dict[str, Any]) -> None:
        error = job.get("error") or {}
        code = error.get("code") or job["state"]
        super().__init__(error.get("message") or job.get("message") or f"The job ended as {job['state']}.", code=code)
        self.job = job


class DamagedDownload(ClientError):
    """What arrived has another length or checksum than the server names; nothing was kept."""

    code = "DAMAGED_DOWNLOAD"


_CLASSES: dict[str, type[Refused]] = {
    "NOT_AUTHENTICATED": NotSignedIn,
    "UNAUTHENTICATED": NotSignedIn,
    "CURSOR_EXPIRED": CursorExpired,
}

TRANSIENT: frozenset[str] = frozenset(
    {"SLOW_CONSUMER", "GOING_AWAY", "STREAM_ENDED", "TOO_MANY_STREAMS", "UNAVAILABLE", "RATE_LIMITED"}
)
"""Codes by which a server says that the same request will be served later, here or by another process."""

INTERNAL = "INTERNAL"
"""Code of a bug of the server: it may pass, but not for ever."""

NOT_SIGNED_IN = "NOT_AUTHENTICATED"
"""Code of a refused sign-in."""


def refused(errors: Any, data: Any = None) -> Refused:
    """The error that a list of GraphQL errors stands for."""
    read = [ServerError.read(each) for each in errors] if isinstance(errors, list) else []
    read = read or [ServerError("UNKNOWN", "The server answered with errors that cannot be read.")]
    return _CLASSES.get(read[0].code, Refused)(read, data)
