"""The worker's table of contents: kind of job -> verb, one line each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tomgql import sharing
from tomgql.jobs.specs import (
    DeliverChanges,
    MakeThumbnail,
    PreviewDataProduct,
    ProcessDataProduct,
    QuerySurvey,
    RunHook,
    ShareOut,
    WithdrawSurveyQuery,
)
from tomgql.services import hooks, previews, reduction, survey_steps, thumbnails

HANDLERS: dict[str, Callable[..., Awaitable[Any]]] = {
    ProcessDataProduct.kind: reduction.process_data_product,
    PreviewDataProduct.kind: previews.preview_stored_product,
    RunHook.kind: hooks.run_hook,
    MakeThumbnail.kind: thumbnails.make_thumbnail,
    QuerySurvey.kind: survey_steps.run_survey_query,
    WithdrawSurveyQuery.kind: survey_steps.withdraw_survey_query,
    ShareOut.kind: sharing.share_out,
    DeliverChanges.kind: sharing.deliver_changes,
}
"""Kind -> verb. Each takes the runtime, the sandbox, the attempt and the spec."""
