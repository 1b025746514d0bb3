"""Everything that can be asked of a worker, typed. A job row stores its spec as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True)
class ProcessDataProduct:
    """Read a data product's file and record what was measured.

    ``generation`` is 0 where somebody asked for it. Where data that the file may hold were deleted or withdrawn with
    another product, it counts the readings that led to this one.
    """

    kind: ClassVar[str] = "process_data_product"
    data_product_id: int
    processor: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    generation: int = 0


@dataclass(frozen=True)
class PreviewDataProduct:
    """Read a data product's file and report what recording it would do.

    A kind of its own, so that no dry run counts as the reading of a product.
    """

    kind: ClassVar[str] = "preview_data_product"
    data_product_id: int
    processor: str | None = None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RunHook:
    """Tell a hook what has happened to the job's target or data product.

    ``recorded`` holds the counts and origin of reduced data, as `tomgql.plugins.contracts.RecordedData` names them.
    """

    kind: ClassVar[str] = "run_hook"
    hook: str
    occasion: str
    recorded: dict[str, Any] | None = None


@dataclass(frozen=True)
class MakeThumbnail:
    """Draw the thumbnail of the job's data product."""

    kind: ClassVar[str] = "make_thumbnail"


@dataclass(frozen=True)
class QuerySurvey:
    """Make the next steps of the job's query of a survey service."""

    kind: ClassVar[str] = "query_survey"
    service: str


@dataclass(frozen=True)
class WithdrawSurveyQuery:
    """Take back what the cancelled query of a survey service has submitted there; ``query_job_id`` is its job.

    ``left`` is what the query knew (``state``, ``begun``, ``stepping``), where it was begun anew meanwhile.
    """

    kind: ClassVar[str] = "withdraw_survey_query"
    query_job_id: int
    left: dict[str, Any] | None = None


@dataclass(frozen=True)
class ShareOut:
    """Put the items of the job's share into the ledger, and deliver them."""

    kind: ClassVar[str] = "share"


@dataclass(frozen=True)
class DeliverChanges:
    """Deliver what a continuous share has put into the ledger; ``existing``: first put in what is there already."""

    kind: ClassVar[str] = "deliver_changes"
    continuous_share_id: int
    existing: bool = False


Spec = (
    ProcessDataProduct
    | PreviewDataProduct
    | RunHook
    | MakeThumbnail
    | QuerySurvey
    | WithdrawSurveyQuery
    | ShareOut
    | DeliverChanges
)

_ALL: tuple[type[Spec], ...] = (
    ProcessDataProduct, PreviewDataProduct, RunHook, MakeThumbnail, QuerySurvey, WithdrawSurveyQuery, ShareOut,
    DeliverChanges,
)  # fmt: skip

SPECS: dict[str, type[Spec]] = {spec.kind: spec for spec in _ALL}
"""Kind -> spec; a test checks that every kind has its handler in the worker."""


def to_json(spec: Spec) -> dict[str, Any]:
    """The spec as a job row stores it."""
    return asdict(spec)


def from_json(kind: str, stored: dict[str, Any]) -> Spec:
    """The spec of a job row."""
    return SPECS[kind](**stored)
