"""The tables of one site, loaded whole."""

from __future__ import annotations

import json
from typing import Any

import asyncpg

PREFIXES = {
    "targets": "t",
    "target_lists": "l",
    "data_products": "p",
    "data_product_groups": "pg",
    "reduced_data": "d",
    "observations": "o",
    "jobs": "j",
    "users": "u",
    "user_groups": "ug",
    "tokens": "k",
    "harvest_rules": "h",
    "peer_subscriptions": "ps",
    "shares": "s",
    "share_ledger": "si",
    "continuous_shares": "cs",
}
"""Table -> prefix of the ids of its rows."""

TYPES = {
    "targets": "Target",
    "target_lists": "TargetList",
    "data_products": "DataProduct",
    "data_product_groups": "DataProductGroup",
    "observations": "Observation",
    "jobs": "Job",
    "users": "User",
    "user_groups": "UserGroup",
    "tokens": "Token",
    "harvest_rules": "HarvestRule",
    "peer_subscriptions": "PeerSubscription",
    "shares": "Share",
    "share_ledger": "ShareItem",
    "continuous_shares": "ContinuousShare",
}
"""Table -> GraphQL type of its rows."""

KINDS = {"photometry": "PhotometryDatum", "spectroscopy": "SpectroscopyDatum", "astrometry": "AstrometryDatum"}
"""Data type of a reduced datum -> GraphQL type; every other one is a GenericDatum."""

REVISIONS = "reduced_data_revisions"

LINKS = (
    "roads",
    "peer_refusals",
    "events",
    "target_names",
    "target_grants",
    "target_list_members",
    "memberships",
    "data_product_group_products",
    "data_product_group_user_groups",
)
"""Tables whose rows are no things of their own."""


class Row:
    """One row: its columns are its attributes."""

    def __init__(self, table: str, columns: dict[str, Any]) -> None:
        self.table = table
        self.__dict__.update(columns)

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the naive reader knows no column {name} of {self.__dict__.get('table')}")

    @property
    def public_id(self) -> str:
        """The id that clients see."""
        prefix = PREFIXES[self.table]
        return f"{prefix}{self.target_id}-{self.id}" if self.table == "reduced_data" else f"{prefix}{self.id}"

    @property
    def type_name(self) -> str:
        """The GraphQL type."""
        return KINDS.get(self.data_type, "GenericDatum") if self.table == "reduced_data" else TYPES[self.table]


class Sky:
    """All rows by table, in the order of their keys; things also by key and by public id."""

    def __init__(self, tables: dict[str, list[Row]]) -> None:
        self.tables = tables
        self.by_key = {(name, row.id): row for name in PREFIXES for row in tables[name]}
        self.revisions = [self._revision(row) for row in tables[REVISIONS]]
        self.by_public_id = {row.public_id: row for row in self.by_key.values()}

    def _revision(self, old: Row) -> Row:
        """A superseded revision as a row of reduced data: its record in place of the datum's own columns."""
        datum = self.by_key["reduced_data", old.datum_id]
        kept = {name: getattr(datum, name) for name in ("table", "target_id", "id", "identity", "global_id")}
        return Row("reduced_data", {**dict.fromkeys(vars(datum)), **old.record, **kept})

    def linked(self, table: str, here: str, key: int, there: str) -> list[int]:
        """What a table of links has in its column ``there`` where its column ``here`` is ``key``."""
        return [getattr(row, there) for row in self.tables[table] if getattr(row, here) == key]


async def load(address: str) -> Sky:
    """Read the whole database at ``address``."""
    connection = await asyncpg.connect(address, server_settings={"timezone": "UTC"})
    try:
        for kind in ("json", "jsonb"):
            await connection.set_type_codec(kind, encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
        tables = {name: await _rows(connection, name) for name in (*PREFIXES, *LINKS, REVISIONS)}
    finally:
        await connection.close()
    return Sky(tables)


async def _rows(connection: asyncpg.Connection, table: str) -> list[Row]:
    found = await connection.fetch(f"select * from {table}")
    return sorted((Row(table, dict(record)) for record in found), key=lambda row: row.id)
