"""One S3 bucket, or what lies in it below a prefix: requests and what their failures mean.

The requests are obstore's (the Rust crate object_store): signed, retried, large files in parts. Its errors hold
addresses, bucket and keys, so they go to the log, and callers get our own. S3's error codes:
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store as Client

from tomgql.errors import FileStoreDown, Unavailable
from tomgql.settings import Settings

if TYPE_CHECKING:
    from obstore import ObjectMeta

logger = logging.getLogger(__name__)

PART_BYTES = 5 * 1024 * 1024
"""Bytes of a part of a large file, S3's least: the few that are under way are all that sending takes of memory."""

MOST_PARTS = 10_000
"""S3's limit of parts of one object."""

PARTS_AT_A_TIME = 2
"""Parts of one file that are under way at a time."""

REQUEST_TIMEOUT_S = 60
"""Longest single request: one part or block, so no file is too large for it."""

RETRIES: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=10)}
"""How a request is tried again; beyond that the store counts as away, which callers hear soon."""

CREDENTIALS = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", "InvalidToken", "ExpiredToken")
"""What S3 says of keys that are wrong, or may not do what we ask."""

METADATA_SERVICE = "169.254.169.254"
"""Where credentials are looked for when none are given: who is not on Amazon's machines has none there."""


@dataclass(frozen=True)
class Found:
    """An object: its key below the prefix, its size, and when its bytes came (seconds since 1970)."""

    key: str
    size_bytes: int
    modified: float


class Bucket:
    """The objects below a prefix of a bucket. Each verb raises FileStoreDown when S3 does not answer or refuses."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self.name = name

    async def list_some(self) -> None:
        """Look whether the bucket answers."""
        with _telling_of_outage():
            async for _ in obstore.list(self._client, chunk_size=1):
                break

    async def check(self) -> None:
        """Raises Unavailable, naming the setting to check, when S3 refuses us; S3 being away is only logged."""
        try:
            await self.list_some()
        except FileStoreDown as error:
            advice = _advice(self.name, str(error.__cause__))
            if advice is not None:
                raise Unavailable(advice) from error
            logger.warning("the file store is away; should it stay away, check TOMGQL_S3_ENDPOINT")

    async def find(self, key: str) -> Found | None:
        """The object of a key, if there is one."""
        with _telling_of_outage():
            try:
                return _found(await obstore.head_async(self._client, key))
            except FileNotFoundError:
                return None

    async def read(self, key: str, start: int, stop: int) -> bytes | None:
        """The bytes from ``start`` to before ``stop``; None where there is no object."""
        with _telling_of_outage():
            try:
                return bytes(await obstore.get_range_async(self._client, key, start=start, end=stop))
            except FileNotFoundError:
                return None

    async def send(self, key: str, path: Path, size: int) -> None:
        """Store a local file of ``size`` bytes, which is visible when it is whole; parts of a failed one are removed.

        A caller that is cancelled does not end it, since that would leave its parts in the bucket, unseen and paid for.
        """
        part_bytes = max(PART_BYTES, -(-size // MOST_PARTS))
        with _telling_of_outage():
            try:
                sending = obstore.put_async(
                    self._client, key, path, chunk_size=part_bytes, max_concurrency=PARTS_AT_A_TIME
                )
                await asyncio.shield(sending)
            except FileNotFoundError as error:  # what obstore makes of a bucket that is gone
                raise _down(error) from error

    async def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        with _telling_of_outage(), contextlib.suppress(FileNotFoundError):
            await obstore.delete_async(self._client, key)

    async def objects(self) -> AsyncIterator[Found]:
        """All objects below the prefix."""
        with _telling_of_outage():
            async for page in obstore.list(self._client):
                for meta in page:
                    yield _found(meta)


def open_bucket(settings: Settings) -> Bucket:
    """The bucket of the settings; what they leave open is looked for where Amazon's own tools look.

    Raises Unavailable when the settings contradict each other.
    """
    address = urlsplit(settings.files or "")
    if (settings.s3_access_key_id is None) != (settings.s3_secret_access_key is None):
        raise Unavailable("Set both TOMGQL_S3_ACCESS_KEY_ID and TOMGQL_S3_SECRET_ACCESS_KEY, or neither of them.")
    client = Client(
        address.netloc,
        prefix=address.path.strip("/") or None,
        retry_config=RETRIES,
        virtual_hosted_style_request=not settings.s3_path_style,
        client_options={
            "allow_http": (settings.s3_endpoint or "").startswith("http://"),
            "connect_timeout": "3s",
            "timeout": f"{REQUEST_TIMEOUT_S}s",
        },
        **_given(settings, address.netloc),
    )
    return Bucket(client, address.netloc)


def _given(settings: Settings, bucket: str) -> dict[str, Any]:
    secrets = {
        "access_key_id": settings.s3_access_key_id,
        "secret_access_key": settings.s3_secret_access_key,
        "session_token": settings.s3_session_token,
    }
    given: dict[str, Any] = {name: secret.get_secret_value() for name, secret in secrets.items() if secret is not None}
    if settings.s3_region is not None:
        given["region"] = settings.s3_region
    if settings.s3_endpoint is not None:
        given["endpoint"] = endpoint_of(settings.s3_endpoint, None if settings.s3_path_style else bucket)
    return given


def endpoint_of(address: str, bucket: str | None) -> str:
    """The address of an S3 server, with the bucket as the first part of its name if one is given."""
    scheme, rest = address.rstrip("/").split("://", 1)
    return f"{scheme}://{rest}" if bucket is None else f"{scheme}://{bucket}.{rest}"


def _advice(bucket: str, words: str) -> str | None:
    """What to check after such an error; None when S3 is only away."""
    code = _code(words)
    if code == "NoSuchBucket":
        return f'There is no bucket "{bucket}": check TOMGQL_FILES, and TOMGQL_S3_ENDPOINT for where it is.'
    if code in CREDENTIALS or METADATA_SERVICE in words:
        return (
            f'S3 does not let us into the bucket "{bucket}" ({code or "no credentials"}): check'
            " TOMGQL_S3_ACCESS_KEY_ID and TOMGQL_S3_SECRET_ACCESS_KEY (or AWS_ACCESS_KEY_ID and so on), which must"
            " be allowed to list it and to get, put and delete its objects."
        )
    if code == "AuthorizationHeaderMalformed" or "Received redirect" in words:
        return f'The bucket "{bucket}" is in another region: check TOMGQL_S3_REGION.'
    if code and "status code: 4" in words:
        return f'S3 refuses to list the bucket "{bucket}" ({code}): check TOMGQL_FILES and TOMGQL_S3_ENDPOINT.'
    return None


@contextlib.contextmanager
def _telling_of_outage() -> Iterator[None]:
    try:
        yield
    except BaseError as error:
        raise _down(error) from error


def _down(error: Exception) -> FileStoreDown:
    words = str(error)
    logger.warning("the file store does not serve us: %s %s", words.split("\n", 1)[0], _code(words))
    return FileStoreDown("The file store of this server cannot be reached just now; try again.")


def _code(words: str) -> str:
    """S3's code of an error; empty where it said none."""
    found = re.search(r"<Code>(\w+)</Code>", words)
    return "" if found is None else found[1]


def _found(meta: ObjectMeta) -> Found:
    return Found(meta["path"], meta["size"], meta["last_modified"].timestamp())
