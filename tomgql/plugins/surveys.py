"""What a survey service must offer: ask the world for data of one target, one short step at a time.

A service is a small machine of states. `step` is called with the state that the step before left, makes one or a few
requests through `SurveyQuery.http`, and says how it goes on; its answer is stored before the next step, so a query
goes on where it was after a crash of worker, queue or database. No step waits: it answers `Later`. Register it::

    [project.entry-points."tomgql.surveys"]
    mysurvey = "mypackage.survey:MySurvey"

Its code runs in the worker, with the rights of tomgql itself: install only what you trust.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, runtime_checkable
from urllib.parse import urlsplit

import orjson
from pydantic import BaseModel, ConfigDict

from tomgql.errors import UpstreamRefused
from tomgql.plugins.contracts import common_faults

State = Mapping[str, Any]
"""What a service remembers of a query between its steps: JSON, empty at first; secrets do not belong into it."""

MAIN = "main"
"""Name of the address of a service that has only one."""

_WORD = re.compile(r"[a-z][a-z0-9_]{0,49}")


class Parameters(BaseModel):
    """Base of the parameters of services: unknown names, other kinds of values, NaN and infinities are refused.

    Fields carry defaults and descriptions, with units, from which a front end can build its form.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True)
class SurveyTarget:
    """What is known of a target: names, the main one first; ICRS in degrees, None for moving ones.

    Proper motions in mas/yr, the one in right ascension times cos(declination); ``epoch`` is the Julian year of the
    position, 2000 where nobody said. ``scheme`` names the kind of orbital elements of a moving target.
    """

    id: str
    names: tuple[str, ...]
    type: str
    ra_deg: float | None = None
    dec_deg: float | None = None
    epoch: float | None = None
    proper_motion_ra_mas_yr: float | None = None
    proper_motion_dec_mas_yr: float | None = None
    scheme: str | None = None


@dataclass(frozen=True)
class Answer:
    """What a server answered. Names of headers are in lower case; ``address`` is the one that was asked."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    address: str

    @property
    def text(self) -> str:
        """The content as UTF-8; what is none is replaced."""
        return self.content.decode("utf-8", "replace")

    @property
    def is_html(self) -> bool:
        """Whether it is a web page, whatever its headers say."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return kind == "text/html" or bool(re.match(rb"\s*<(?:!doctype\s+html|html|head)\b", self.content[:500], re.I))

    def json(self) -> Any:
        """The content as JSON. Raises `UpstreamRefused` for anything else."""
        try:
            return orjson.loads(self.content)
        except orjson.JSONDecodeError:
            kind = "a web page" if self.is_html else f'"{self.text[:200]}"'
            raise UpstreamRefused(f"The answer is no JSON but {kind} (HTTP {self.status}).") from None


class Http(Protocol):
    """Requests to a service's own hosts, within the limits of this site and of the service."""

    async def request(
        self,
        method: str,
        address: str,
        *,
        params: Mapping[str, Any] | None = None,
        form: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        basic: tuple[str, str] | None = None,
        timeout_s: float | None = None,
        once: bool = False,
    ) -> Answer:
        """One request; ``params`` go into the address, ``form`` or ``json`` into the body, ``basic`` is HTTP Basic.

        A request that should do nothing, as any GET, is sent again where its connection breaks off before the answer;
        ``once`` is for those that do something all the same.
        Statuses are the caller's to judge. Redirects are followed for GET on the same host only; others are answered
        as they come. Raises `UpstreamDown` when the server does not answer in time or breaks off, `UpstreamRefused`
        for addresses of other hosts and answers that are too large, and `UpstreamBusy` when the service's limit of
        requests is used up just now.
        """
        ...


@dataclass(frozen=True)
class SurveyQuery:
    """One query: whom it is about, what was asked, and what it may use.

    ``key`` is the same at every step, and no other query's: where a service keeps a comment, it tells our requests
    apart. ``interrupted``: the step before this one may have been made although nobody knows what came of it; look
    before anything is submitted again. ``addresses`` end without a slash.
    """

    key: str
    target: SurveyTarget
    parameters: Any
    http: Http
    addresses: Mapping[str, str]
    credentials: Mapping[str, str] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def address(self) -> str:
        """The only address of a service that has one."""
        return self.addresses[MAIN]


@dataclass(frozen=True)
class SurveyFile:
    """A file that a service gave; it becomes a data product and is read as an upload would be.

    ``address`` and ``remote_id`` say where it came from. ``processor`` and ``options`` as for an upload.
    """

    name: str
    content: bytes
    data_product_type: str = "photometry"
    processor: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    address: str = ""
    remote_id: str = ""


@dataclass(frozen=True)
class Going:
    """The next step follows at once. ``progress`` is 0 to 1."""

    state: State
    message: str = ""
    progress: float | None = None


@dataclass(frozen=True)
class Later:
    """The next step is due in so many seconds; ``why`` is for people. Without ``state`` it stays as it was."""

    seconds: float
    why: str
    state: State | None = None
    progress: float | None = None


@dataclass(frozen=True)
class Result:
    """What came of it, perhaps nothing: ``message`` says so. With ``state``, one more step tidies up.

    The files are stored in the transaction that stores the state: once, whatever happens.
    """

    files: tuple[SurveyFile, ...] = ()
    message: str = ""
    state: State | None = None


Step = Going | Later | Result


@runtime_checkable
class SurveyService(Protocol):
    """A service that answers queries for one target.

    ``name`` as it stands in queries, ``title`` and ``description`` for people, ``version`` is kept with what it gave.
    ``addresses``: base addresses by name, `MAIN` for the only one; a site may set others. ``credentials``: names of
    the secrets it needs. ``parameters``: a `Parameters`, whose JSON schema clients see. ``requests_per_minute`` is
    kept by all workers together; a query that is not done after ``time_limit_s`` fails.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    version: ClassVar[str]
    addresses: ClassVar[Mapping[str, str]]
    credentials: ClassVar[tuple[str, ...]]
    parameters: ClassVar[type[Parameters]]
    requests_per_minute: ClassVar[float]
    time_limit_s: ClassVar[float]

    def refusal(self, target: SurveyTarget, parameters: Any) -> str | None:
        """Why the target cannot be asked about (no position, out of the sky), a sentence; None when it can."""
        ...

    async def step(self, query: SurveyQuery, state: State) -> Step:
        """One short step.

        Raises `tomgql.errors.UpstreamBusy` with ``seconds=`` to be called again then, `UpstreamDown` to be called
        again after a growing pause, and `UpstreamRefused` with the service's words to fail the query.
        """
        ...

    async def withdraw(self, query: SurveyQuery, state: State) -> None:
        """Take back what was submitted, of a query that was cancelled, failed, or lost its target.

        Not called where the service says ``withdraws = False``, because it submits nothing, or nothing can be done.
        """
        ...


def withdraws(service: SurveyService) -> bool:
    """Whether a service takes back what was submitted."""
    return bool(getattr(service, "withdraws", True))


def check_survey(service: Any) -> list[str]:
    """What keeps a service from meeting the contract: one sentence a fault, an empty list when it is sound."""
    attributes = ("description", "addresses", "credentials", "parameters", "requests_per_minute", "time_limit_s")
    faults = common_faults(service, attributes, ("refusal", "step", "withdraw"))
    if faults:
        return faults
    if not (isinstance(service.parameters, type) and issubclass(service.parameters, Parameters)):
        faults.append("parameters is no subclass of Parameters")
    return faults + place_faults(service, attributes[-2:])


def place_faults(plugin: Any, positive: tuple[str, ...]) -> list[str]:
    """What is wrong with the addresses, credentials and numbers of what asks other people's servers."""
    faults = [f"{name} is no positive number" for name in positive if not _positive(getattr(plugin, name))]
    names = plugin.credentials
    if not isinstance(names, (tuple, list)) or not all(
        isinstance(each, str) and _WORD.fullmatch(each) for each in names
    ):
        faults.append("credentials is no tuple of lower-case words")
    return faults + _address_faults(plugin.addresses)


def _is_word(name: Any) -> bool:
    return isinstance(name, str) and _WORD.fullmatch(name) is not None


def _positive(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < float("inf")


def _address_faults(addresses: Any) -> list[str]:
    if not isinstance(addresses, Mapping) or not addresses:
        return ["addresses is no mapping of names to addresses"]
    return [f'addresses holds "{address}"' for address in addresses.values() if not is_base_address(address)]


def is_base_address(address: Any) -> bool:
    """Whether it is an http or https address with a host and without a query, a user or a slash at its end."""
    if not isinstance(address, str):
        return False
    try:
        parts = urlsplit(address)
        plain = not (parts.query or parts.fragment or parts.username or parts.password or address.endswith("/"))
        return parts.scheme in ("http", "https") and bool(parts.hostname) and plain
    except ValueError:
        return False
