"""Servers that tomgql starts itself when no address is given: PostgreSQL and Valkey, on loopback, data kept.

`accounts` says as whom PostgreSQL runs when we are root, `processes` how servers of an earlier, killed run are
found again, `server` what both share. Nothing here knows what the servers are used for.
"""

from tomgql.embedded.errors import DirectoryInUseError, EmbeddedServerError
from tomgql.embedded.lock import DirectoryLock
from tomgql.embedded.postgres import EmbeddedPostgres
from tomgql.embedded.valkey import EmbeddedValkey

__all__ = ["DirectoryInUseError", "DirectoryLock", "EmbeddedPostgres", "EmbeddedServerError", "EmbeddedValkey"]
