"""The file store that the settings ask for."""

from __future__ import annotations

from importlib.util import find_spec

from tomgql.errors import Unavailable
from tomgql.files.directory import DirectoryStore
from tomgql.files.store import FileStore
from tomgql.settings import Settings


async def open_files(settings: Settings) -> FileStore:
    """Open the store; raises Unavailable, naming the setting to check, when a bucket cannot be used.

    A bucket that is only away is no hindrance: everything but files works without it, and it may come back.
    """
    if settings.files is None:
        return DirectoryStore(settings.files_dir)
    if find_spec("obstore") is None:
        raise Unavailable("TOMGQL_FILES names an S3 bucket, which needs a library more: pip install 'tomgql[s3]'")
    from tomgql.files.bucket import open_bucket
    from tomgql.files.s3 import S3Store

    bucket = open_bucket(settings)
    await bucket.check()
    return S3Store(settings.files_dir, bucket)
