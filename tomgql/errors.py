"""Every error that tomgql raises on purpose, as one tree.

::

    TomError                   code, message safe to show, details, retry
    +- InvalidInput            the caller must change the request
    |  +- InvalidCoordinates
    |  +- InvalidUnit
    |  +- InvalidCursor
    |  +- CursorExpired
    |  +- UnreadableFile       names the processor and the place in the file
    |  |  +- ProcessorFailed   a processor broke down over a file
    |  +- UnknownPlugin        lists the known names
    |  +- QueryTooCostly       says cost and limit
    |  +- TooLarge
    +- NotAuthenticated
    +- NotFound                also for what exists but may not be seen
    +- NotAllowed              visible, but this act is refused; names the missing right
    +- Conflict
    |  +- DuplicateName
    |  +- StaleVersion
    |  +- JobNotCancellable
    +- Cancelled               a job that was asked to stop
    +- HookFailed              a hook says that it failed, or broke down
    +- Upstream                another service failed
    |  +- UpstreamBusy, UpstreamDown, UpstreamRefused, UpstreamTimeout
    +- ServiceFailed           a survey service's own code broke down
    +- ShareIncomplete         some items of a share were not taken
    +- Unavailable             a part of tomgql itself is not reachable just now
    |  +- FileStoreDown        jobs wait for it as long as it takes
    +- UploadStalled           a file that is being sent, of which nothing came for too long
    +- TooManyStreams          a subscription beyond a limit of this server
    +- StreamEnded             a subscription that must be resumed; details["cursor"] says where
    |  +- SlowConsumer, GoingAway
    Later                      not an error: a job's step that must be repeated

``code`` is stable and is what clients see in ``UserError.code`` and ``extensions.code``. ``message`` says what is
wrong, where, and what would be right; it never holds SQL, file paths of the server or a traceback. What is not in
this tree is a bug: it is logged with an id, and the client sees ``INTERNAL`` and that id.
"""

# ruff: noqa: N818 - errors are named by what is wrong, without a suffix

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar


class TomError(Exception):
    """Base of all errors that tomgql raises on purpose."""

    code: ClassVar[str] = "ERROR"
    http_status: ClassVar[int] = 400
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, path: Sequence[str] | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.path = list(path) if path is not None else None
        self.details = details


class InvalidInput(TomError):
    """The request cannot be served as it is; the message says what would be right."""

    code = "INVALID_INPUT"


class InvalidCoordinates(InvalidInput):
    """A position is missing, incomplete, unreadable or out of range."""

    code = "INVALID_COORDINATES"


class InvalidUnit(InvalidInput):
    """A unit is unknown or does not fit the quantity."""

    code = "INVALID_UNIT"


class InvalidCursor(InvalidInput):
    """A cursor was not made by this server for this list."""

    code = "INVALID_CURSOR"


class CursorExpired(InvalidInput):
    """A cursor is older than the event log reaches back."""

    code = "CURSOR_EXPIRED"


class UnreadableFile(InvalidInput):
    """A file's content cannot be read; the message names file, row or line, column and remedy."""

    code = "UNREADABLE_FILE"


class ProcessorFailed(UnreadableFile):
    """A processor broke down over a file; the file may be bad, the processor certainly is."""

    code = "PROCESSOR_FAILED"


class UnknownPlugin(InvalidInput):
    """A processor, service or destination of this name is not installed."""

    code = "UNKNOWN_PLUGIN"

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        listed = ", ".join(sorted(known)) or "none"
        super().__init__(f'There is no {kind} named "{name}". Known: {listed}.')


class QueryTooCostly(InvalidInput):
    """A query exceeds a limit of this server."""

    code = "QUERY_TOO_COSTLY"


class TooLarge(InvalidInput):
    """A body or a file exceeds a size limit."""

    code = "TOO_LARGE"
    http_status = 413


class NotAuthenticated(TomError):
    """No credentials, or wrong ones."""

    code = "NOT_AUTHENTICATED"
    http_status = 401


class NotFound(TomError):
    """Does not exist, or may not be seen by who asks."""

    code = "NOT_FOUND"
    http_status = 404


class NotAllowed(TomError):
    """May be seen, but this act is refused; the message names the missing right."""

    code = "NOT_ALLOWED"
    http_status = 403


class Conflict(TomError):
    """The act contradicts what is stored."""

    code = "CONFLICT"
    http_status = 409


class DuplicateName(Conflict):
    """A name is taken already, in this or a similar spelling."""

    code = "DUPLICATE_NAME"


class StaleVersion(Conflict):
    """What was to be changed has been changed by somebody else since it was read."""

    code = "STALE_VERSION"


class JobNotCancellable(Conflict):
    """A job that has ended cannot be cancelled."""

    code = "JOB_FINISHED"


class Cancelled(TomError):
    """A job was asked to stop."""

    code = "CANCELLED"
    http_status = 409


class ProcessingLimit(TomError):
    """Reading a file, or a hook, took more time or memory than this server grants, or crashed."""

    code = "PROCESSING_LIMIT"


class HookFailed(TomError):
    """A hook says what went wrong, or broke down; only its own job fails."""

    code = "HOOK_FAILED"


class Upstream(TomError):
    """Another service failed."""

    code = "UPSTREAM"
    http_status = 502
    retryable = True


class UpstreamBusy(Upstream):
    """Another service asks to come back later."""

    code = "UPSTREAM_BUSY"


class UpstreamDown(Upstream):
    """Another service does not answer."""

    code = "UPSTREAM_DOWN"


class UpstreamRefused(Upstream):
    """Another service refused; the message carries its words."""

    code = "UPSTREAM_REFUSED"
    retryable = False


class UpstreamTimeout(Upstream):
    """Another service was not done within the time that a query of it may take."""

    code = "UPSTREAM_TIMEOUT"
    retryable = False


class ServiceFailed(TomError):
    """The code of a survey service broke down; only its own query fails."""

    code = "SERVICE_FAILED"


class ShareIncomplete(TomError):
    """Some items of a share did not go, or were not taken; the others went, and what did not can be tried again."""

    code = "SHARE_INCOMPLETE"
    retryable = True


class Unavailable(TomError):
    """A part of tomgql itself cannot be reached just now."""

    code = "UNAVAILABLE"
    http_status = 503
    retryable = True


class FileStoreDown(Unavailable):
    """The file store does not answer, or not as it should; whatever needs it may be tried again until it does."""


class UploadStalled(TomError):
    """Nothing came for too long of a file that is being sent; what came is kept."""

    code = "UPLOAD_STALLED"
    http_status = 408
    retryable = True


class TooManyStreams(TomError):
    """A subscription beyond what this server serves at a time."""

    code = "TOO_MANY_STREAMS"
    http_status = 429
    retryable = True


class StreamEnded(TomError):
    """A subscription that was ended and is to be resumed; ``details["cursor"]`` says behind which event."""

    code = "STREAM_ENDED"
    retryable = True


class SlowConsumer(StreamEnded):
    """A subscriber that took its events more slowly than they came."""

    code = "SLOW_CONSUMER"


class GoingAway(StreamEnded):
    """This server is being stopped."""

    code = "GOING_AWAY"
    http_status = 503


class Later(Exception):
    """A job's step is to be repeated after ``seconds``; the job waits meanwhile."""

    def __init__(self, seconds: float, message: str = "") -> None:
        super().__init__(message)
        self.seconds = seconds
        self.message = message
