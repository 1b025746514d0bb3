"""Every setting of a tomgql process, typed and frozen: the only reader of the environment.

Each field is set by the environment variable ``TOMGQL_`` + its name in upper case. Limits stand here and
not in the code that keeps them, so that `tomgql doctor` can print them and a site can change them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from platformdirs import user_data_path
from pydantic import BaseModel, ConfigDict, Field, JsonValue, SecretStr, StringConstraints
from pydantic_settings import BaseSettings, SettingsConfigDict

MEBIBYTE = 1024 * 1024
"""Bytes in a mebibyte."""


TypeName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,49}$")]
"""Name of a type of data product: a lower-case word of 2 to 50 characters, as it stands in rows."""

TypeTitle = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
"""Its title for people."""


BucketAddress = Annotated[str, StringConstraints(pattern=r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\w.=/-]*)?$")]
"""An S3 bucket, and where in it."""

WebAddress = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/?#@]+/?$")]
"""Scheme, host and perhaps port."""


DestinationName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,49}$")]
"""Name of a sharing destination: a lower-case word of at most 50 characters."""


class ConfiguredDestination(BaseModel):
    """A sharing destination of the settings: ``kind`` names the plug-in, ``secrets`` are those that it wants."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    title: TypeTitle
    address: str
    options: dict[str, JsonValue] = {}
    secrets: dict[str, SecretStr] = {}


class Settings(BaseSettings):
    """Settings of one process. Sizes are in bytes and durations in seconds, as the names say."""

    model_config = SettingsConfigDict(env_prefix="TOMGQL_", frozen=True, extra="ignore")

    database_url: str | None = Field(None, description="PostgreSQL address; without it `tomgql up` starts its own.")
    redis_url: str | None = Field(None, description="Redis or Valkey address; without it `tomgql up` starts its own.")
    data_dir: Path = Field(
        default_factory=lambda: user_data_path("tomgql"),
        description="Directory of everything that `tomgql up` keeps: database, queue, files, tokens.",
    )
    files: BucketAddress | None = Field(
        None, description="Where the files of data products lie, as s3://BUCKET/PREFIX; else in the data directory."
    )
    s3_endpoint: WebAddress | None = Field(
        None, description="Address of the S3 server, as https://HOST:PORT; without it Amazon's of the region."
    )
    s3_region: str | None = Field(None, description="Region of the bucket; without it AWS_REGION, or us-east-1.")
    s3_path_style: bool = Field(
        True, description="Whether the bucket stands in the path of an address (true) or before the host (false)."
    )
    s3_access_key_id: SecretStr | None = Field(
        None, description="Who we are to S3; without it AWS_ACCESS_KEY_ID, or the role of the machine."
    )
    s3_secret_access_key: SecretStr | None = Field(None, description="Secret that belongs to the access key.")
    s3_session_token: SecretStr | None = Field(None, description="Token of temporary credentials.")
    host: str = Field("127.0.0.1", description="Address that the web process listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port that the web process listens on.")
    secret_key: SecretStr | None = Field(
        None, description="Signs session cookies and file addresses; without it a key kept in the database."
    )
    log_level: str = Field("INFO", description="Least severe level that is logged.")

    tom_name: str = Field(
        "tomgql", min_length=1, max_length=100, description="This TOM's name, as other TOMs see it."
    )
    public_url: str | None = Field(
        None, description="Address under which others reach this site, as https://tom.example.org; they are told it."
    )
    private_peers: bool = Field(
        False,
        description="Destinations and peers may have addresses of private networks and of this machine, which are"
        " refused otherwise.",
    )
    destinations: dict[DestinationName, ConfiguredDestination] = Field(
        default_factory=dict,
        description="Where shares may go, beside what `saveDestination` stores, which comes first, as a JSON object:"
        ' {"friends": {"kind": "tomgql", "title": "Friends", "address": "https://...", "secrets": {"token": "..."}}}.',
    )
    delivery_call_s: float = Field(600.0, gt=0, description="Longest call of the code that speaks to a destination.")

    data_product_types: dict[TypeName, TypeTitle | None] = Field(
        default_factory=dict,
        description="Types of data product that this site adds, by name with their titles, as a JSON object; null"
        " hides one that is known.",
    )

    max_body_bytes: int = Field(64 * MEBIBYTE, gt=0, description="Largest HTTP request body.")
    max_anonymous_body_bytes: int = Field(MEBIBYTE, gt=0, description="Largest HTTP request body of nobody signed in.")
    head_timeout_s: float = Field(
        15.0, gt=0, description="The head of a request must come within this, from the end of the answer before it."
    )
    body_timeout_s: float = Field(
        600.0, gt=0, description="The body of a request must come within this; files that are sent in pieces need not."
    )
    anonymous_body_timeout_s: float = Field(
        30.0, gt=0, description="The body of a request of nobody signed in must come within this."
    )
    max_upload_bytes: int = Field(60 * MEBIBYTE, gt=0, description="Largest file of one multipart upload.")
    max_file_bytes: int = Field(8192 * MEBIBYTE, gt=0, description="Largest file that is sent in pieces.")
    max_open_uploads: int = Field(20, gt=0, description="Most files that one user may be sending in pieces at a time.")
    upload_expiry_s: float = Field(172_800.0, gt=0, description="A file must have come within this of its beginning.")
    upload_idle_s: float = Field(30.0, gt=0, description="A request that sends a file is ended when silent this long.")
    max_query_tokens: int = Field(4_000, gt=0, description="Most lexical tokens of a GraphQL document.")
    max_query_selections: int = Field(1_000, gt=0, description="Most fields and fragments written in a document.")
    max_query_depth: int = Field(16, gt=0, description="Deepest nesting of a GraphQL document.")
    max_query_aliases: int = Field(200, gt=0, description="Most aliases in a GraphQL document.")
    max_answer_bytes: int = Field(128 * MEBIBYTE, gt=0, description="Largest answer of the compiled reads of a query.")
    max_anonymous_answer_bytes: int = Field(
        32 * MEBIBYTE, gt=0, description="Largest answer of the compiled reads of a query to nobody signed in."
    )
    request_timeout_s: float = Field(60.0, gt=0, description="Longest execution of one GraphQL operation.")
    statement_timeout_s: float = Field(30.0, gt=0, description="Longest SQL statement of a read.")
    anonymous_statement_timeout_s: float = Field(
        10.0, gt=0, description="Longest SQL statement of a read of nobody signed in."
    )
    anonymous_read_share: float = Field(
        1 / 3, gt=0, le=1, description="Connections for reads of all who did not sign in, as a part of a pool's."
    )
    user_read_share: float = Field(
        0.5, gt=0, le=1, description="Most connections that the reads of one user hold, as a part of a pool's."
    )
    read_wait_s: float = Field(10.0, gt=0, description="A read that waits longer for a connection is told so.")
    database_pool_size: int = Field(10, gt=1, description="Most database connections of one pool of a process.")

    max_streams: int = Field(10_000, gt=0, description="Most operations that one web process streams at a time.")
    max_anonymous_streams: int = Field(1_000, gt=0, description="Most streams at a time of nobody signed in.")
    max_operations_per_socket: int = Field(100, gt=0, description="Most operations of one WebSocket at a time.")
    max_operations_at_once: int = Field(
        4,
        gt=0,
        description="Operations of one WebSocket, or one stream of server-sent events, that run or wait to be sent at a"
        " time; more wait for what is unsent.",
    )
    max_socket_message_bytes: int = Field(
        16 * MEBIBYTE, gt=0, description="Largest message on a WebSocket; of nobody signed in, as of HTTP bodies."
    )
    socket_ping_s: float = Field(20.0, gt=0, description="Pause between pings; a peer that misses two is cut.")
    socket_idle_s: float = Field(300.0, gt=0, description="A WebSocket without an operation is closed after this.")
    client_stall_s: float = Field(
        60.0, ge=1, le=86_400, description="A client that takes nothing of what waits for it for so long is cut."
    )

    processing_timeout_s: float = Field(300.0, gt=0, description="Wall-clock limit of processing one data product.")
    processing_cpu_s: int = Field(240, gt=0, description="Processor-time limit of processing one data product.")
    processing_memory_bytes: int = Field(2048 * MEBIBYTE, gt=0, description="Memory limit of processing one product.")
    max_previews: int = Field(2, gt=0, description="Files that one web process reads at a time to preview them.")
    max_preview_bytes: int = Field(16 * MEBIBYTE, gt=0, description="Largest file that is read to preview it.")
    preview_timeout_s: float = Field(
        30.0, gt=0, description="Wall-clock limit of a preview; at most half of a request's goes to it."
    )
    hook_timeout_s: float = Field(60.0, gt=0, description="Wall-clock limit of one call of a hook.")
    hook_cpu_s: int = Field(30, gt=0, description="Processor-time limit of one call of a hook.")
    hook_memory_bytes: int = Field(1024 * MEBIBYTE, gt=0, description="Memory limit of one call of a hook.")
    job_lease_s: float = Field(15.0, gt=0, description="A running job whose worker was silent this long is taken over.")
    job_sweep_s: float = Field(5.0, gt=0, description="Pause between two looks for lost, due or abandoned jobs.")
    job_max_attempts: int = Field(5, gt=0, description="Attempts before a job that dies with its worker is failed.")
    worker_max_jobs: int = Field(4, gt=0, description="Jobs that one worker runs at a time.")

    survey_addresses: dict[str, str] = Field(
        default_factory=dict,
        description="Addresses of survey services and name resolvers instead of their own, as a JSON object:"
        ' {"atlas": "https://..."}; of a service with several, by "service.name".',
    )
    survey_credentials: dict[str, dict[str, SecretStr]] = Field(
        default_factory=dict,
        description="Secrets of survey services and name resolvers for everybody, as a JSON object:"
        ' {"atlas": {"token": "..."}}.',
    )
    credentials_key: SecretStr | None = Field(
        None,
        min_length=16,
        description="Encrypts the secrets of survey services and destinations that are stored; without it none can be."
        " `tomgql up` makes one.",
    )
    peer_look_s: float = Field(
        300.0, gt=0, description="Pause between two looks for targets of a followed server that became visible."
    )
    peer_lease_s: float = Field(
        15.0, gt=0, description="A followed server whose worker was silent this long is followed by another."
    )
    worker_max_peers: int = Field(50, gt=0, description="Servers that one worker follows at a time.")
    harvest_look_s: float = Field(60.0, gt=0, description="Pause between two looks for harvest rules that are due.")
    survey_step_s: float = Field(90.0, gt=0, description="Longest step of a query of a survey service.")
    survey_answer_bytes: int = Field(50 * MEBIBYTE, gt=0, description="Largest answer of a survey service.")

    share_request_s: float = Field(
        600.0, gt=0, description="Longest request to a destination of shares, a file that is sent with it included."
    )
    share_answer_bytes: int = Field(20 * MEBIBYTE, gt=0, description="Largest answer of a destination of shares.")

    event_retention_days: float = Field(30.0, gt=0, description="Events older than this leave the event log.")
    event_retention_count: int = Field(
        10_000_000, gt=0, description="Most events that the event log keeps; the oldest leave it first."
    )

    orphan_age_s: float = Field(86_400.0, gt=0, description="Files that nobody names are removed when older than this.")

    @property
    def files_dir(self) -> Path:
        """Directory of the data products' files; of those that still come when `files` names a bucket."""
        return self.data_dir / "files"
