"""A real S3 server: SeaweedFS, all of it in one process on loopback, its data in a directory of its own.

It checks signatures, answers with S3's own error codes, keeps multipart uploads apart until they are complete, and
has what it was given when it is killed and started again.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from obstore.exceptions import BaseError
from obstore.store import S3Store
from pydantic import SecretStr

ACCESS_KEY, SECRET_KEY = "tomgql", "not to be told"
BUCKET = "observatory"
PREFIX = "site/files"

SOCKETS = Path("/tmp")
"""Where the server puts sockets, whatever it is told; one that is killed leaves them."""

IN_BOTH_STORES = pytest.mark.parametrize("file_store", ["directory", "bucket"], indirect=True, scope="module")
"""Has a module's tests run on a site with its files in a directory, and on one with them in a bucket."""

IN_A_BUCKET = pytest.mark.parametrize("file_store", ["bucket"], indirect=True, scope="module")
"""Has a module's tests run on a site with its files in a bucket."""

_PORTS = [f"{part}.port{kind}" for part in ("s3", "master", "volume", "filer", "admin") for kind in ("", ".grpc")]
"""The parts of the server, by the options that say where each listens."""


class ObjectStore:
    """One server with one bucket; started by `start`, also after `kill`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ports = dict(zip(_PORTS, _free_ports(len(_PORTS)), strict=True))
        self._process: subprocess.Popen[bytes] | None = None
        self.endpoint = f"http://127.0.0.1:{self._ports['s3.port']}"

    def settings(self, **other: Any) -> dict[str, Any]:
        """The settings of a site whose files lie here."""
        return {
            "files": f"s3://{BUCKET}/{PREFIX}",
            "s3_endpoint": self.endpoint,
            "s3_access_key_id": SecretStr(ACCESS_KEY),
            "s3_secret_access_key": SecretStr(SECRET_KEY),
            **other,
        }

    def start(self) -> None:
        """Start it, and wait until it serves."""
        self._directory.mkdir(exist_ok=True)
        rights = self._directory / "rights.json"
        keys = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
        rights.write_text(json.dumps({"identities": [{"name": "tomgql", "credentials": keys, "actions": ["Admin"]}]}))
        ports = [f"-{name}={port}" for name, port in self._ports.items()]
        self._process = subprocess.Popen(
            [
                str(Path(sys.executable).parent / "weed"), "mini", f"-dir={self._directory}", f"-bucket={BUCKET}",
                "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.config={rights}", *ports, "-s3.port.iceberg=0",
                "-s3.port.lance=0", "-s3.autoCreateBucket=false", "-master.telemetry=false", "-admin.ui=false",
                "-webdav=false",
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        _until(30, self._gives_what_it_takes)

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """End it and forget its data."""
        self.kill()
        shutil.rmtree(self._directory, ignore_errors=True)
        for port in self._ports.values():
            for socket_file in SOCKETS.glob(f"seaweedfs-*-{port}.sock"):
                socket_file.unlink()

    def unfinished(self) -> list[str]:
        """The multipart uploads that are neither complete nor aborted, as the server keeps them."""
        return self._names(f"/buckets/{BUCKET}/.uploads/")

    def objects(self) -> list[str]:
        """The keys of all objects below the prefix."""
        folders = self._names(f"/buckets/{BUCKET}/{PREFIX}/")
        return sorted(
            f"{folder}/{name}" for folder in folders for name in self._names(f"/buckets/{BUCKET}/{PREFIX}/{folder}/")
        )

    def _gives_what_it_takes(self) -> bool:
        """Its doors are open before all of its parts have found each other, so a file goes in and comes out."""
        client = S3Store(
            BUCKET,
            endpoint=self.endpoint,
            access_key_id=ACCESS_KEY,
            secret_access_key=SECRET_KEY,
            client_options={"allow_http": True},
            retry_config={"max_retries": 0},
        )
        try:
            client.put("ready", b"x" * 10_000)
            return len(client.get("ready").bytes()) == 10_000
        except (FileNotFoundError, BaseError):
            return False

    def _names(self, folder: str) -> list[str]:
        """What lies in a folder of the server's own file system; nothing where there is none."""
        address = f"http://127.0.0.1:{self._ports['filer.port']}{folder}?limit=1000"
        request = urllib.request.Request(address, headers={"Accept": "application/json"})
        try:
            with urllib.request.urlopen(request) as answer:
                entries = json.load(answer)["Entries"] or []
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return []
            raise
        return [entry["FullPath"].rsplit("/", 1)[1] for entry in entries]


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on just now."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _until(seconds: float, condition: Any) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the S3 server does not start")
        time.sleep(0.05)
