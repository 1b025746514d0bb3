"""The code of survey services, name resolvers and destinations, run here: its errors end what it was asked alone."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import ClassVar, Protocol

from tomgql.errors import ServiceFailed, TomError, UpstreamDown
from tomgql.runtime import OUTAGES
from tomgql.services.secrets import without_secrets

logger = logging.getLogger(__name__)


class Named(Protocol):
    """Somebody's code, by its name and its title for people."""

    name: ClassVar[str]
    title: ClassVar[str]


@asynccontextmanager
async def in_its_words(plugin: Named, secrets: Mapping[str, str], limit_s: float) -> AsyncIterator[None]:
    """As `contained`, within so many seconds; raises UpstreamDown after them."""
    try:
        async with asyncio.timeout(limit_s) as limit:
            with contained(plugin, secrets):
                yield
    except TimeoutError:
        if limit.expired():
            raise UpstreamDown(f"no answer within {limit_s:g} seconds.") from None
        raise


@contextmanager
def contained(plugin: Named, secrets: Mapping[str, str]) -> Iterator[None]:
    """Errors of the code, without its secrets; of what is none of ours only the kind is told. Raises TomError.

    Outages of our own servers are raised as they are.
    """
    try:
        yield
    except OUTAGES:
        raise
    except TomError as error:
        error.message = told(error.message, secrets)
        error.args = (error.message,)
        raise
    except Exception as error:  # noqa: BLE001 - a stranger's code may raise anything
        where = without_secrets("".join(traceback.format_exception(error)), secrets)
        logger.error("the service %s broke down: %s", plugin.name, where)
        raise ServiceFailed(
            f"{plugin.title}: its code broke down ({type(error).__name__}); the server's log says where."
        ) from None


def told(text: str, secrets: Mapping[str, str]) -> str:
    """A text of the code for people: on one line, reading as written, without secrets."""
    hidden = without_secrets(text, secrets)
    return " ".join("".join(each if each.isprintable() else " " for each in hidden).split())
