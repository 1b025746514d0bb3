"""As whom PostgreSQL runs: it refuses root, so root has to find it another identity that can reach its files.

No user is made, and no mode or owner is changed of anything that tomgql did not make. Each way is tried for
real, with the program that will run and the directory that will hold the data, before it is chosen.
Launched programs are never Python: the server's account may not be able to reach the interpreter.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tomgql.embedded.errors import EmbeddedServerError
from tomgql.embedded.program import PostgresProgram

ACCOUNT = "nobody"
"""The account that PostgreSQL runs as when we are root: every system has it and it owns nothing."""

ENVIRONMENT: Mapping[str, str] = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
"""All that a server sees of the environment: PG* variables of the user's shell must not change our cluster."""

PROBE = 'test "$(id -u)" -ne 0 && : > "$1/probe" && "$2" --version && "$3" --version'
"""Shell script that succeeds where the server could run: not root, may write the data, can load both programs."""


@dataclass(frozen=True)
class Identity:
    """A way to run a program: `prefix` goes before its command line, `user` and `group` are changed to first.

    `owner` is (uid, gid) that the server's files must have, as seen from outside.
    """

    label: str
    owner: tuple[int, int]
    prefix: tuple[str, ...] = ()
    user: int | None = None
    group: int | None = None

    def popen(self, argv: Sequence[str | Path], output: IO[bytes] | int) -> subprocess.Popen[bytes]:
        """Launch a program under this identity in a session of its own, so that Ctrl-C does not reach it.

        Raises: OSError or subprocess.SubprocessError when the identity cannot be taken.
        """
        return subprocess.Popen(  # noqa: S603
            [*self.prefix, *map(str, argv)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=dict(ENVIRONMENT),
            user=self.user,
            group=self.group,
            extra_groups=[] if self.user is not None else None,
            umask=0o077,
            start_new_session=True,
        )

    def give(self, path: Path) -> None:
        """Make this identity the owner of a file or tree that tomgql made. Idempotent."""
        if os.geteuid() != 0 or _owner(path) == self.owner:
            return
        for folder, _, names in os.walk(path):
            for name in names:
                os.chown(Path(folder, name), *self.owner, follow_symlinks=False)
            # The folder after its files: what was cut short is seen at the next start.
            os.chown(folder, *self.owner, follow_symlinks=False)
        os.chown(path, *self.owner, follow_symlinks=False)


def choose_identity(
    program: PostgresProgram, version: str, directory: Path, existing: Path
) -> tuple[Identity, PostgresProgram]:
    """Find an identity that can run PostgreSQL in `directory`, and the program (perhaps a copy) that it can reach.

    `existing` is the cluster: when an ordinary account owns it already, it stays with that account.
    Raises: `EmbeddedServerError` that says what was tried and what would help.
    """
    if os.geteuid() != 0:
        return Identity("this account", (os.geteuid(), os.getegid())), program
    account = _account(existing)
    refusals: list[str] = []
    for identity, copy in _ways(account):
        if copy and _probe(identity, None, directory) is not None:
            continue  # it is the directory that is out of reach, and the copy would lie in it
        candidate = program.copied_to(directory, version) if copy else program
        refusal = _probe(identity, candidate, directory)
        if refusal is None:
            return identity, candidate
        refusals.append(f"  - {identity.label}{' with a copy of the program' if copy else ''}: {refusal}")
        if copy:
            shutil.rmtree(candidate.root.parent.parent)
    raise EmbeddedServerError(_advice(directory, account.pw_name, refusals))


def _ways(account: pwd.struct_passwd) -> Iterator[tuple[Identity, bool]]:
    """Identities in order of preference, and whether the program is to be copied: the less privilege, the sooner."""
    uid, gid = account.pw_uid, account.pw_gid
    plain = Identity(f"as the account {account.pw_name}", (uid, gid), user=uid, group=gid)
    yield plain, False
    yield plain, True
    if unshare := shutil.which("unshare", path=os.defpath):
        # In its own user namespace the process is not uid 0, while its files stay root's: no path is closed to it.
        prefix = (unshare, "--user", f"--map-user={uid}", f"--map-group={gid}", "--")
        yield Identity("in a user namespace", (0, 0), prefix), False
    if setpriv := shutil.which("setpriv", path=os.defpath):
        # Containers often bar namespaces, but let root keep this one capability, which opens closed parents.
        become = (setpriv, f"--reuid={uid}", f"--regid={gid}", "--clear-groups")
        capability = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--")
        yield Identity(f"as {account.pw_name} with CAP_DAC_OVERRIDE", (uid, gid), become + capability), False


def _account(existing: Path) -> pwd.struct_passwd:
    uid = _owner(existing)[0] if existing.exists() else 0
    try:
        return pwd.getpwuid(uid) if uid != 0 else pwd.getpwnam(ACCOUNT)
    except KeyError as error:
        raise EmbeddedServerError(
            f"PostgreSQL refuses to run as root, and the account {uid or ACCOUNT} does not exist here. "
            "Run tomgql as an ordinary user, or give a database address with TOMGQL_DATABASE_URL."
        ) from error


def _probe(identity: Identity, program: PostgresProgram | None, directory: Path) -> str | None:
    """Why PostgreSQL could not run so; None when it could. Without a program only the directory is tried."""
    tools = [program.tool("postgres"), program.tool("initdb")] if program else ["true", "true"]
    try:
        with _probe_directory(identity, directory) as folder, tempfile.TemporaryFile() as output:
            argv = ["/bin/sh", "-c", PROBE, "sh", folder, *tools]
            status = identity.popen(argv, output).wait()
            output.seek(0)
            said = output.read().decode(errors="replace").strip()
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    return None if status == 0 else (said or f"exit status {status}")


@contextmanager
def _probe_directory(identity: Identity, directory: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="probe-", dir=directory))
    try:
        identity.give(folder)
        yield folder
    finally:
        shutil.rmtree(folder)


def _owner(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_uid, status.st_gid


def _advice(directory: Path, account: str, refusals: Sequence[str]) -> str:
    tried = "\n".join(refusals)
    return (
        f"PostgreSQL refuses to run as root, and no other identity could work in {directory}. Tried:\n{tried}\n"
        f"Any of these helps: run tomgql as an ordinary user; choose a data directory that the account {account} "
        "can reach, such as TOMGQL_DATA_DIR=/var/lib/tomgql; or give a database address with TOMGQL_DATABASE_URL."
    )
