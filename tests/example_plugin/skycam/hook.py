"""A hook that checks that files arrive whole, and says for the log of the night what was recorded."""

from __future__ import annotations

import hashlib
from typing import ClassVar

from tomgql.domain.measurements import Note
from tomgql.errors import HookFailed
from tomgql.plugins.contracts import DATA_RECORDED, PRODUCT_STORED, HookProduct, HookReport, Occasion


class NightLogHook:
    """Reads the stored file once more, and counts what came of it."""

    name: ClassVar[str] = "night_log"
    title: ClassVar[str] = "Log of the night"
    version: ClassVar[str] = "1.0"
    occasions: ClassVar[tuple[str, ...]] = (PRODUCT_STORED, DATA_RECORDED)

    def run(self, occasion: Occasion) -> HookReport:
        """Raises `HookFailed` when a stored file is not what was uploaded."""
        if occasion.recorded is None and occasion.product is not None:
            return _check_file(occasion.product)
        return _count(occasion)


def _check_file(product: HookProduct) -> HookReport:
    with product.path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != product.sha256:
        raise HookFailed(f"{product.file_name} was damaged after its upload; upload it again.")
    return HookReport(f"{product.file_name} arrived whole.")


def _count(occasion: Occasion) -> HookReport:
    recorded = occasion.recorded
    if recorded is None:
        return HookReport()
    message = f"{occasion.target.names[0]}: {recorded.created} new, {recorded.revised} revised."
    withdrawn = f"{recorded.disabled} data of an earlier reading are out of use now"
    notes = (Note("WARNING", "WITHDRAWN", withdrawn, count=recorded.disabled),) if recorded.disabled else ()
    return HookReport(message, notes)
