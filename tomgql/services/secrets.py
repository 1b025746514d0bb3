"""Secrets of other people's servers: what may be one, how stored ones are opened, and texts without them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from itertools import permutations
from urllib.parse import quote, quote_plus

from tomgql.errors import InvalidInput
from tomgql.services.sealing import Unreadable, unseal
from tomgql.settings import Settings

LONGEST_SECRET = 4_000
"""Characters of one secret."""

NO_SECRET = f"Secrets are texts of 1 to {LONGEST_SECRET} characters."
"""What is said of something else."""

_SHORTEST_HIDDEN, _SHORTEST_CUT = 4, 8
"""Characters from which a secret, and the beginning of one, is taken out of texts; shorter ones stand in any text."""

_YARL_SAFE = "/+@:!$'()*,-._~"
"""Characters that aiohttp leaves as they are in addresses."""


def require_secrets(secrets: Mapping[str, str], path: Sequence[str]) -> None:
    """Raises InvalidInput for secrets that cannot be kept."""
    if not all(0 < len(each) <= LONGEST_SECRET for each in secrets.values()):
        raise InvalidInput(NO_SECRET, path=path)
    try:
        "".join(secrets.values()).encode()
    except UnicodeEncodeError:
        raise InvalidInput("A secret holds half of a surrogate pair.", path=path) from None


def opened(settings: Settings, sealed: bytes, set_by: str, path: Sequence[str]) -> dict[str, str]:
    """Stored secrets; ``set_by`` is the mutation that sets them. Raises InvalidInput, Unavailable."""
    try:
        secrets: dict[str, str] = unseal(settings, sealed)
    except Unreadable:
        raise InvalidInput(
            f"Stored credentials cannot be read with this site's key; set them again with `{set_by}`.", path=path
        ) from None
    return secrets


def without_secrets(text: str, secrets: Mapping[str, str]) -> str:
    """The text with every secret taken out, in the spellings of addresses, pages, JSON and Basic, also cut short."""
    pairs = permutations(secrets.values(), 2)
    basic = [base64.b64encode(f"{first}:{second}".encode()).decode() for first, second in pairs]
    forms = {form for secret in [*secrets.values(), *basic] for form in _spellings(secret)}
    for form in sorted(forms, key=len, reverse=True):
        if len(form) >= _SHORTEST_HIDDEN:
            text = _hide(text, form)
    return text


def _spellings(secret: str) -> set[str]:
    escaped, in_json = escape(secret), json.dumps(secret)[1:-1]
    addresses = {quote(secret, safe=safe) for safe in ("", "/", "+", "/+", _YARL_SAFE)} | {quote_plus(secret)}
    return {secret, *addresses, escaped, escaped.replace("/", "&#x2F;"), in_json, in_json.replace("/", "\\/")}


def _hide(text: str, form: str) -> str:
    """Without the form, and without a long beginning of it: who shortens a text may cut a secret in two."""
    least = max(_SHORTEST_CUT, len(form) * 2 // 3)
    for length in (len(form), *range(len(form) - 1, least - 1, -1)):
        if form[:least].lower() not in text.lower():
            return text
        text = re.sub(re.escape(form[:length]) + "=*", "***", text, flags=re.IGNORECASE)  # "=" ends Base64
    return text
