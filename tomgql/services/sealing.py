"""Secrets at rest: encrypted by Fernet (https://github.com/fernet/spec) with a key of this site.

The key is derived from the setting ``credentials_key`` (HKDF, RFC 5869); without it nothing can be stored.
"""

from __future__ import annotations

import base64
from typing import Any

import orjson
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tomgql.errors import InvalidInput, Unavailable
from tomgql.settings import Settings


class Unreadable(InvalidInput):
    """A secret that was stored under another key."""


def seal(settings: Settings, value: Any) -> bytes:
    """JSON, encrypted. Raises Unavailable where this site has no key."""
    return _fernet(settings).encrypt(orjson.dumps(value))


def unseal(settings: Settings, sealed: bytes) -> Any:
    """What was sealed. Raises Unavailable where this site has no key, Unreadable where it has another."""
    try:
        return orjson.loads(_fernet(settings).decrypt(sealed))
    except InvalidToken:
        raise Unreadable("A stored secret cannot be read with this site's key; set it again.") from None


def _fernet(settings: Settings) -> Fernet:
    if settings.credentials_key is None:
        raise Unavailable(
            "This site cannot store secrets: its administrator must set TOMGQL_CREDENTIALS_KEY (16 characters or more)."
        )
    key = HKDF(SHA256(), 32, salt=None, info=b"tomgql survey credentials")
    return Fernet(base64.urlsafe_b64encode(key.derive(settings.credentials_key.get_secret_value().encode())))
