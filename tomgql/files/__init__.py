"""Where the bytes of data products lie: each file under its SHA-256, in a directory or in an S3 bucket.

Content addresses make a repeated upload free and a half-written file impossible to mistake for a whole one: bytes go
to a temporary name on the local disk, are hashed on the way, and get their place when complete. `store` says what
every store can do and keeps what is still coming, `directory` and `s3` keep what is whole.

What is still coming lies below the data directory of the process that takes it, also with a bucket. So web processes
on several machines must share that directory, or all requests to ``/uploads/ADDRESS`` must reach the same machine;
and each machine with a web process needs a worker with its data directory, which clears away what never became whole.
A process that is killed while it sends a large file to S3 leaves parts in the bucket: have its lifecycle rule
AbortIncompleteMultipartUpload remove them after a day.
"""

from tomgql.files.directory import SET_ASIDE, DirectoryStore
from tomgql.files.opening import open_files
from tomgql.files.store import CHUNK_BYTES, PARTIAL, FileStore, StoredFile, telling_of_room

__all__ = [
    "CHUNK_BYTES",
    "PARTIAL",
    "SET_ASIDE",
    "DirectoryStore",
    "FileStore",
    "StoredFile",
    "open_files",
    "telling_of_room",
]
