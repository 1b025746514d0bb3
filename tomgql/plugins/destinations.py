"""What a sharing destination must offer: give targets, data products and reduced data to another system.

A plug-in speaks one protocol (a *kind* of destination); a site configures any number of places of that kind, each with
its address, options and secrets. tomgql decides what goes, asks for rights when it goes, keeps the ledger, retries, and
calls the plug-in with one target at a time: first the target itself, then products, then data. A call may be repeated
after a crash although it was heard, so a destination must bear the same thing twice. Register it::

    [project.entry-points."tomgql.destinations"]
    mytom = "mypackage.mytom:MyTom"

Its code runs in the worker, with the rights of tomgql itself: install only what you trust.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, runtime_checkable

from tomgql.errors import UpstreamRefused
from tomgql.plugins.contracts import common_faults
from tomgql.plugins.surveys import Answer, Parameters

TARGETS, DATA_PRODUCTS, REDUCED_DATA = "targets", "data_products", "reduced_data"
CAPABILITIES = (TARGETS, DATA_PRODUCTS, REDUCED_DATA)
"""What a destination may be able to take."""

_WORD = re.compile(r"[a-z][a-z0-9_]{0,49}")


@dataclass(frozen=True)
class FilePart:
    """A file of a multipart body: its name there, and its bytes, which are opened anew for every attempt.

    Where ``size_bytes`` is known for every file, the body's length is told beforehand; many servers ask for that.
    """

    field: str
    file_name: str
    content: Callable[[], AsyncIterator[bytes]]
    content_type: str = "application/octet-stream"
    size_bytes: int | None = None


class DeliveryHttp(Protocol):
    """Requests to the destination's own host, within the limits of this site; connections are used again."""

    async def request(
        self,
        method: str,
        address: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        parts: Sequence[tuple[str, str] | FilePart] | None = None,
        content: Callable[[], AsyncIterator[bytes]] | None = None,
        headers: Mapping[str, str] | None = None,
        basic: tuple[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """One request; ``json``, ``parts`` (multipart/form-data) or ``content`` (raw bytes) go into the body.

        Statuses are the caller's to judge. Redirects are followed for GET on the same host only; others are answered as
        they come. Raises `UpstreamDown` when the server does not answer in time or breaks off, and `UpstreamRefused`
        for addresses of other hosts and answers that are too large.
        """
        ...


@dataclass(frozen=True)
class Sender:
    """Who gives: the TOM's name for people, its address if it has a public one, its id, and the sharing user's name."""

    tom_name: str
    address: str
    instance_id: str
    username: str


@dataclass(frozen=True)
class Delivery:
    """One act of giving to one place. ``address`` ends without a slash; ``message`` is the sharer's, perhaps empty."""

    address: str
    http: DeliveryHttp
    sender: Sender
    options: Any
    credentials: Mapping[str, str] = field(default_factory=dict)
    message: str = ""


@dataclass(frozen=True)
class SharedTarget:
    """A target that goes, with the names of the lists that it is put into over there.

    ``record`` has all that is kept of it, by the columns of `tomgql.store.tables.Target` (ICRS, degrees, mas/yr,
    parsec; the unit is in the name), ``extras`` among it; None where there is nothing.
    """

    global_id: str
    names: tuple[str, ...]
    list_names: tuple[str, ...]
    record: Mapping[str, Any]


@dataclass(frozen=True)
class SharedProduct:
    """A data product that goes, and how to read its file; ``record`` as of a target."""

    global_id: str
    file_name: str
    size_bytes: int
    sha256: str
    content: Callable[[], AsyncIterator[bytes]]
    record: Mapping[str, Any]


@dataclass(frozen=True)
class SharedDatum:
    """A reduced datum that goes.

    ``record`` has all that is kept of it, by the columns of `tomgql.store.tables.ReducedDatum`: ``data_type``, ``mjd``
    (UTC, middle of the exposure), signed ``flux_ujy`` and so on, and ``reported``, the row as it was reported, with its
    own names and units. ``product_global_id`` names the product that it came from.
    """

    global_id: str
    record: Mapping[str, Any]
    product_global_id: str | None = None


@dataclass(frozen=True)
class Sent:
    """It is there now, under this id over there if it told one. ``words`` are the destination's, for the ledger."""

    remote_id: str | None = None
    words: str = ""


@dataclass(frozen=True)
class Refused:
    """The destination does not take this item; ``words`` are its own. ``lasting``: again it would end the same."""

    words: str
    lasting: bool = True


Outcome = Sent | Refused


class TargetGone(UpstreamRefused):
    """The destination does not know the target's ``remote_id`` any more: it is given the target anew."""


@runtime_checkable
class DestinationKind(Protocol):
    """A kind of destination.

    ``name`` as it stands in a destination's `kind`; ``title`` and ``description`` for people. ``credentials``: names of
    the secrets it needs. ``options``: a `Parameters`, whose JSON schema clients see. ``capabilities``: which of
    `CAPABILITIES` it takes. ``data_at_once`` is how many data one call of `send_data` may hold, ``calls_at_once`` how
    many such calls run side by side.

    All `send_` methods may raise `tomgql.errors.UpstreamBusy` with ``seconds=`` and `UpstreamDown`: everything is tried
    again later, after a growing pause; and `UpstreamRefused` when nothing of ours is taken at all (a wrong password):
    the share fails with these words, and can be retried.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    version: ClassVar[str]
    credentials: ClassVar[tuple[str, ...]]
    options: ClassVar[type[Parameters]]
    capabilities: ClassVar[frozenset[str]]
    data_at_once: ClassVar[int]
    calls_at_once: ClassVar[int]

    async def send_target(self, delivery: Delivery, target: SharedTarget, remote_id: str | None) -> Outcome:
        """Find the target over there (``remote_id`` is what it was called last), create or change it."""
        ...

    async def send_product(
        self, delivery: Delivery, target: SharedTarget, remote_id: str, product: SharedProduct
    ) -> Outcome:
        """Give a file of the target that is ``remote_id`` over there. Raises `TargetGone`."""
        ...

    async def send_data(
        self, delivery: Delivery, target: SharedTarget, remote_id: str, data: Sequence[SharedDatum]
    ) -> Sequence[Outcome]:
        """Give data of the target that is ``remote_id`` over there; one outcome each, in their order.

        Raises `TargetGone`.
        """
        ...


def check_destination(kind: Any) -> list[str]:
    """What keeps a kind of destination from meeting the contract: one sentence a fault; empty when it is sound."""
    attributes = ("description", "credentials", "options", "capabilities", "data_at_once", "calls_at_once")
    faults = common_faults(kind, attributes, ("send_target", "send_product", "send_data"))
    if faults:
        return faults
    if not (isinstance(kind.options, type) and issubclass(kind.options, Parameters)):
        faults.append("options is no subclass of Parameters")
    able = kind.capabilities
    if not isinstance(able, frozenset) or not able or not able <= {*CAPABILITIES}:
        faults.append(f"capabilities is no frozenset of {', '.join(CAPABILITIES)}")
    names = kind.credentials
    if not isinstance(names, tuple) or not all(isinstance(each, str) and _WORD.fullmatch(each) for each in names):
        faults.append("credentials is no tuple of lower-case words")
    return faults + [f"{name} is no number from 1 on" for name in attributes[-2:] if not _counts(getattr(kind, name))]


def _counts(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
