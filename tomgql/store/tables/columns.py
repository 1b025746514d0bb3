"""Column types that several tables share."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.db_defaults import SqlDefault

NOW = SqlDefault("now()")
"""Default of time columns: the time at which the transaction began."""

RANDOM_UUID = SqlDefault("gen_random_uuid()")
"""Default of global ids."""


def key() -> Any:
    """A 64-bit surrogate key."""
    return fields.BigIntField(primary_key=True, generated=True)


def created_at() -> Any:
    """The time at which a row was written (UTC)."""
    return fields.DatetimeField(db_default=NOW)


def texts(**options: Any) -> Any:
    """An array of text."""
    return ArrayField("text", **options)


def numbers(**options: Any) -> Any:
    """An array of 64-bit floats."""
    return ArrayField("double precision", **options)
