"""Destinations of sharing: where shares may go, who may send there, and how the place is reached.

Those that administrators stored come before those of the setting ``destinations``. Secrets are encrypted
(`tomgql.services.sealing`) and never answered. Whether a host lies in a private network is asked when it is connected
to: what its name leads to may change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import ValidationError

from tomgql.access import guard, predicates
from tomgql.access.principal import Principal
from tomgql.errors import InvalidInput, NotAllowed, NotFound, Unavailable
from tomgql.outbound import place as host_of
from tomgql.plugins.destinations import DestinationKind
from tomgql.plugins.surveys import is_base_address
from tomgql.runtime import Runtime
from tomgql.services import secrets
from tomgql.services.sealing import seal
from tomgql.settings import Settings
from tomgql.store.sql import Parameters
from tomgql.store.transaction import Transaction, transaction

LARGEST_OPTIONS_BYTES = 20_000
"""Bytes of the options of a destination, or of a share, as JSON."""

LONGEST_ADDRESS, LONGEST_TITLE = 500, 200
"""Characters of a destination's address and title, as its table has them."""

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,49}")
_FAULTS_SHOWN = 5


@dataclass(frozen=True)
class Destination:
    """A place that shares go to. ``sealed`` are its secrets as stored, ``secrets`` those of the settings."""

    name: str
    kind: str
    title: str
    address: str
    options: Mapping[str, Any]
    enabled: bool = True
    peer_id: int | None = None
    sealed: bytes | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SavedDestination:
    """What is to be stored of a destination; None leaves what is there, and is the default of a new one."""

    name: str
    title: str | None = None
    kind: str | None = None
    address: str | None = None
    options: Mapping[str, Any] | None = None
    secrets: Mapping[str, Any] | None = None
    enabled: bool | None = None
    peer_id: int | None = None
    keeps_peer: bool = True


async def save_destination(rt: Runtime, actor: Principal, new: SavedDestination) -> str:
    """Store a destination, or change the one of this name; its name.

    A changed address or kind forgets the secrets, unless new ones are given: they were meant for another place.
    Permission: administrators. Raises NotAllowed, UnknownPlugin, InvalidInput, and Unavailable without a key.
    """
    guard.require_admin(actor)
    if not _NAME.fullmatch(new.name):
        raise InvalidInput("A name is a lower-case word of 1 to 50 letters, digits, - and _.", path=["input", "name"])
    async with transaction(rt.writes) as tx:
        await tx.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"destination {new.name}")
        old = await find_destination(tx, rt.settings, new.name)
        merged = _merged(rt, old, new)
        if merged.peer_id is not None and not await tx.value("select true from users where id = $1", merged.peer_id):
            raise NotFound("There is no such user.", path=["input", "peer"])
        await _write(tx, merged)
    return new.name


async def delete_destination(rt: Runtime, actor: Principal, name: str) -> None:
    """Forget a destination, its secrets and who may use it; the ledger of what went there stays.

    Permission: administrators. Raises NotAllowed, NotFound.
    """
    guard.require_admin(actor)
    async with transaction(rt.writes) as tx:
        if not await tx.value("delete from destinations where name = $1 returning true", name):
            raise NotFound(f'There is no stored destination "{name[:60]}".', path=["name"])
        if name not in rt.settings.destinations:
            await tx.execute("delete from destination_grants where destination = $1", name)


async def grant_destination(rt: Runtime, actor: Principal, name: str, group_id: int, *, granted: bool) -> str:
    """Let a user group share with a destination, or no longer. Idempotent; permission: administrators.

    Raises NotAllowed, NotFound.
    """
    guard.require_admin(actor)
    async with transaction(rt.writes) as tx:
        if await find_destination(tx, rt.settings, name) is None:
            raise NotFound(f'There is no destination "{name[:60]}".', path=["destination"])
        if not await tx.value("select true from user_groups where id = $1 for key share", group_id):
            raise NotFound("There is no such user group.", path=["userGroup"])
        change = (
            "insert into destination_grants (destination, user_group_id) values ($1, $2) on conflict do nothing"
            if granted
            else "delete from destination_grants where destination = $1 and user_group_id = $2"
        )
        await tx.execute(change, name, group_id)
    return name


async def usable_destinations(rt: Runtime, actor: Principal) -> list[Destination]:
    """The destinations that the actor may share with, by name."""
    rows = await rt.reads.fetch("select * from destinations")
    known = {name: _of_settings(rt.settings, name) for name in rt.settings.destinations}
    known |= {row["name"]: _of_row(row) for row in rows}
    names = await _usable(rt.reads, actor, sorted(known))
    return [known[name] for name in names]


async def require_usable(tx: Transaction, rt: Runtime, actor: Principal, name: str, path: list[str]) -> Destination:
    """The destination, if the actor may share with it and it is enabled. Raises NotFound, NotAllowed."""
    found = await find_destination(tx, rt.settings, name)
    if found is None or not await _usable(tx.connection, actor, [name]):
        raise NotFound(f'There is no destination "{name[:60]}" that you may share with.', path=path)
    if not found.enabled:
        raise NotAllowed(f'The destination "{name}" is switched off.', path=path)
    return found


async def may_use(tx: Transaction, actor: Principal, name: str) -> bool:
    """Whether the actor may share with the destination."""
    return bool(await _usable(tx.connection, actor, [name]))


async def find_destination(tx: Transaction, settings: Settings, name: str) -> Destination | None:
    """The destination of this name: the stored one, else that of the settings."""
    row = await tx.row("select * from destinations where name = $1", name)
    if row is not None:
        return _of_row(row)
    return _of_settings(settings, name) if name in settings.destinations else None


def secrets_of(settings: Settings, found: Destination) -> dict[str, str]:
    """The secrets of a destination. Raises InvalidInput, Unavailable."""
    if found.sealed is None:
        return dict(found.secrets)
    return secrets.opened(settings, found.sealed, "saveDestination", ["input", "destination"])


def has_secrets(settings: Settings, found: Destination, kind: DestinationKind) -> bool:
    """Whether the secrets that the kind wants are there and can be read."""
    try:
        return set(secrets_of(settings, found)) >= set(kind.credentials)
    except (InvalidInput, Unavailable):
        return False


def read_options(kind: DestinationKind, *given: Mapping[str, Any]) -> dict[str, Any]:
    """The options in full, later ones first, as JSON. Raises InvalidInput, which names each wrong one."""
    path = ["input", "options"]
    try:
        text = orjson.dumps({name: value for each in given for name, value in each.items()})
        if len(text) > LARGEST_OPTIONS_BYTES:
            raise InvalidInput(f"The options have more than {LARGEST_OPTIONS_BYTES} bytes.", path=path)
        found: dict[str, Any] = kind.options.model_validate_json(text, strict=True).model_dump(mode="json")
    except ValidationError as error:
        faults = error.errors()[:_FAULTS_SHOWN]
        words = [f"{'.'.join(map(str, each['loc'])) or 'options'}: {each['msg'][:200]}" for each in faults]
        raise InvalidInput(f"{'; '.join(words)}.", path=path) from error
    except TypeError as error:
        raise InvalidInput("The options hold a whole number beyond 64 bits, or no text.", path=path) from error
    return found


def require_address(address: str, path: list[str]) -> str:
    """The base address of a place, without its last slash. Raises InvalidInput, UpstreamRefused."""
    bare = address.strip().rstrip("/")
    if not is_base_address(bare) or len(bare) > LONGEST_ADDRESS:
        raise InvalidInput(
            f"The address must be http or https, without user, query and fragment, of {LONGEST_ADDRESS} characters at"
            " most.",
            path=path,
        )
    host_of(bare)
    return bare


def _merged(rt: Runtime, old: Destination | None, new: SavedDestination) -> Destination:
    if old is None and (new.kind is None or new.address is None):
        raise InvalidInput("A new destination needs `kind` and `address`.", path=["input", "kind"])
    kind_name = new.kind if new.kind is not None else old.kind if old else ""
    kind = rt.destinations.locate(kind_name).plugin
    given_address = new.address if new.address is not None else old.address if old else ""
    address = require_address(given_address, ["input", "address"])
    options = new.options if new.options is not None else old.options if old else {}
    read_options(kind, options)
    title = (new.title if new.title is not None else old.title if old else new.name).strip()
    if not 0 < len(title) <= LONGEST_TITLE:
        raise InvalidInput(f"A title has 1 to {LONGEST_TITLE} characters.", path=["input", "title"])
    sealed = None
    if new.secrets is not None:
        sealed = _sealed(rt.settings, kind, new.secrets)
    elif old is not None and (old.kind, old.address) == (kind_name, address):
        sealed = old.sealed or (seal(rt.settings, old.secrets) if old.secrets else None)
    return Destination(
        new.name, kind_name, title, address, dict(options),
        new.enabled if new.enabled is not None else old.enabled if old else True,
        (old.peer_id if old else None) if new.keeps_peer else new.peer_id, sealed,
    )  # fmt: skip


def _sealed(settings: Settings, kind: DestinationKind, given: Mapping[str, Any]) -> bytes | None:
    path = ["input", "secrets"]
    if set(given) != set(kind.credentials):
        wanted = ", ".join(kind.credentials) or "none"
        raise InvalidInput(f'Destinations of the kind "{kind.name}" want exactly these secrets: {wanted}.', path=path)
    checked = {name: secret for name, secret in given.items() if isinstance(secret, str)}
    if len(checked) < len(given):
        raise InvalidInput(secrets.NO_SECRET, path=path)
    secrets.require_secrets(checked, path)
    return seal(settings, checked) if checked else None


async def _write(tx: Transaction, new: Destination) -> None:
    await tx.execute(
        "insert into destinations (name, title, kind, address, options, secrets, enabled, peer_id)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (name) do update set title = excluded.title,"
        " kind = excluded.kind, address = excluded.address, options = excluded.options, secrets = excluded.secrets,"
        " enabled = excluded.enabled, peer_id = excluded.peer_id, modified = now()",
        new.name, new.title, new.kind, new.address, new.options, new.sealed, new.enabled, new.peer_id,
    )  # fmt: skip


async def _usable(connection: Any, actor: Principal, names: list[str]) -> list[str]:
    parameters = Parameters()
    given = parameters.bind(names, "text[]")
    allowed = predicates.destination_usable_by(actor, "d.name", parameters.bind)
    sql = f"select d.name from unnest({given}) d(name) where {allowed} order by d.name"
    return [row["name"] for row in await connection.fetch(sql, *parameters.values)]


def _of_row(row: Mapping[str, Any]) -> Destination:
    names = ("name", "kind", "title", "address", "options", "enabled", "peer_id")
    return Destination(**{name: row[name] for name in names}, sealed=row["secrets"])


def _of_settings(settings: Settings, name: str) -> Destination:
    given = settings.destinations[name]
    plain = {key: secret.get_secret_value() for key, secret in given.secrets.items()}
    return Destination(name, given.kind, given.title, given.address.rstrip("/"), given.options, secrets=plain)
