"""Addresses by which a file is fetched without credentials: for a while, with the rights that their holder has then.

A signature names the product, the token of who asked for it (nobody's for nobody), and its end. So revoking the token
ends its addresses, and what the holder may no longer see is not served.
"""

from __future__ import annotations

import time

from itsdangerous import BadData, URLSafeSerializer

from tomgql.access.principal import ANONYMOUS, Principal
from tomgql.errors import InvalidInput, NotAuthenticated
from tomgql.runtime import Runtime
from tomgql.services import accounts

LONGEST_S = 7 * 86400
"""Seconds that an address may be good for: a week, as with S3's."""


def sign_download(rt: Runtime, actor: Principal, data_product_id: int, expires_in_s: int) -> str:
    """The signature by which the actor, or who is given it, fetches a product's file; raises InvalidInput."""
    if not 1 <= expires_in_s <= LONGEST_S:
        raise InvalidInput(f"`expiresInSeconds` is from 1 to {LONGEST_S}.", path=["expiresInSeconds"])
    signed: str = _serializer(rt).dumps([data_product_id, actor.token_id, int(time.time()) + expires_in_s])
    return signed


async def holder_of(rt: Runtime, data_product_id: int, signature: str) -> Principal:
    """Who holds an address of a product, with the rights of this moment.

    Raises NotAuthenticated for a signature that is not ours, of another product, expired, or of a token that has ended.
    """
    try:
        product, token_id, end = _serializer(rt).loads(signature)
    except (BadData, ValueError, TypeError):
        product, token_id, end = None, None, 0
    if product != data_product_id or end <= time.time():
        raise NotAuthenticated("This address was not signed by this server, or has expired; ask for `signedUrl` anew.")
    return ANONYMOUS if token_id is None else await accounts.principal_of_session(rt, token_id)


def _serializer(rt: Runtime) -> URLSafeSerializer:
    return URLSafeSerializer(rt.signing_key, salt="tomgql file address")
