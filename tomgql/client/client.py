"""The client: one object a server and an actor, with a method for each thing that scripts and federated TOMs do."""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from tomgql.client import documents, downloads, light_curves, transfer, uploads, waiting
from tomgql.client.errors import ClientError, PayloadErrors, ServerError
from tomgql.client.http import Http
from tomgql.client.streams import Following
from tomgql.client.transfer import Progress

if TYPE_CHECKING:
    from astropy.table import QTable

REQUEST_S = 90.0
"""Seconds for one request: the server's own limit of 60 s and the way there and back."""

MESSAGE_BYTES = 128 * 1024 * 1024
"""Largest answer or event that is taken: the server's own limit of an answer."""


class Client:
    """Speaks to one server as one actor; anonymous without a token. Safe to use from many tasks of one event loop."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout_s: float = REQUEST_S,
        max_message_bytes: int = MESSAGE_BYTES,
        tls: ssl.SSLContext | None = None,
        public_only: bool = False,
    ) -> None:
        """Raises InvalidCall. ``url`` is the site's address; ``tls`` is for a certificate authority of one's own.

        ``public_only`` refuses hosts of private networks and of this machine, whatever a name is resolved to.
        """
        self._http = Http(
            url, token, timeout_s=timeout_s, max_bytes=max_message_bytes, tls=tls or True, public_only=public_only
        )

    def __repr__(self) -> str:
        return f"<Client of {self._http.endpoint.origin()}>"

    async def __aenter__(self) -> Self:
        self._http.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def query(self, document: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The data of an answer without errors; else raises Refused, whose ``data`` is what came in spite of them."""
        return await self._http.ask(document, dict(variables or {}))

    async def mutate(
        self, document: str, variables: Mapping[str, Any] | None = None, *, raise_errors: bool = True
    ) -> dict[str, Any]:
        """The data of a mutation. Payloads are asked for their errors even where the document does not.

        Raises PayloadErrors when any payload holds some, unless asked not to; Refused like `query`. Not repeated by
        itself: give an ``idempotencyKey`` and call again.
        """
        document, payloads = documents.mutation(document)
        data = await self._http.ask(document, dict(variables or {}))
        found = [each for key in payloads for each in (data.get(key) or {}).get("errors") or ()]
        if found and raise_errors:
            raise PayloadErrors([ServerError.read(each) for each in found], data)
        return data

    async def subscribe(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
        *,
        after: str | None = None,
        interrupted: Callable[[ClientError | None], Awaitable[None]] | None = None,
    ) -> AsyncGenerator[dict[str, Any], None]:
        """The data of each event behind ``after``, or from now on; reconnects and resumes for ever.

        ``interrupted`` is told why each time a connection is lost, and None when there is one again.

        Each event once, in order. The root field must select `cursor`. What no retry mends is raised: Refused and
        below (NotSignedIn, CursorExpired), AnswerTooLarge, InvalidCall. Each stream has a connection of its own; a
        caller that leaves early closes it by `contextlib.aclosing`.
        """
        stream = documents.stream(document)
        given = dict(variables or {})
        following = Following(self._http, stream, given, after or given.get(stream.variable), interrupted)
        async with aclosing(following.events()) as events:
            async for data in events:
                yield data

    async def upload(
        self,
        source: str | os.PathLike[str] | bytes,
        *,
        target: str,
        data_product_type: str = "photometry",
        options: Mapping[str, Any] | None = None,
        file_name: str | None = None,
        progress: Progress | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Send a file, streamed from disk, or bytes; returns its `dataProduct`, its `job` and `alreadyExists`.

        ``more`` holds further fields of UploadDataProductInput, such as productId, groups, processor or
        idempotencyKey. Raises PayloadErrors, Refused, Unreachable, InvalidCall. A file beyond 16 MiB goes
        on after a cut, where it was; a smaller one is not repeated by itself.
        """
        fields = {"target": target, "dataProductType": data_product_type, "options": options, **(more or {})}
        with transfer.opened(source, file_name, progress) as content:
            return await uploads.send(self._http, content, fields)

    async def wait(self, job_id: str, *, timeout_s: float | None = None) -> dict[str, Any]:
        """The job once it has succeeded, its `result` with it; raises JobFailed with its message, Refused."""
        return await waiting.ended(self._http, job_id, timeout_s)

    async def download(
        self, data_product: str, path: str | os.PathLike[str], *, progress: Progress | None = None
    ) -> Path:
        """Fetch a data product's file, go on where it was interrupted, check its SHA-256; returns where it lies.

        A directory as ``path`` keeps the product's own file name. Raises DamagedDownload, Refused, Unreachable.
        """
        return await downloads.fetch(self._http, data_product, path, progress)

    async def light_curve(
        self,
        target: str | None = None,
        *,
        name: str | None = None,
        where: Mapping[str, Any] | None = None,
        flux_unit: str = "UJY",
        system: str = "AB",
        time_scale: str = "UTC",
        n_sigma: float = 3.0,
        bin_days: float | None = None,
        max_points: int | None = None,
    ) -> QTable:
        """All photometry of a target, by its id or by ``name``, as an astropy QTable ordered by time.

        `time` is a Time in the asked scale; fluxes have the asked unit, magnitudes mag, with their system in ``meta``;
        columns are masked where a value is not known. Arguments as of the field `lightCurve`.
        """
        asked = {"where": where, "fluxUnit": flux_unit, "system": system, "timeScale": time_scale, "nSigma": n_sigma}
        thinned = {"binDays": bin_days, "maxPoints": max_points}
        return await light_curves.read(self._http, {"id": target, "name": name, **asked, **thinned})
