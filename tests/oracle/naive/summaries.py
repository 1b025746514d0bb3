"""What a target holds, summed up, of data in use that may be seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.oracle.naive import brightness, measures
from tests.oracle.naive.leaves import iso
from tests.oracle.naive.rights import Asker
from tests.oracle.naive.rules import Rules
from tests.oracle.naive.sky import Row


@dataclass
class Summary:
    """Some data, what they have in common, and how many products there are."""

    data: list[Row]
    label: str = ""
    products: int = 0

    @property
    def photometry(self) -> list[Row]:
        """The photometric ones, by time."""
        found = [each for each in self.data if each.data_type == "photometry"]
        return sorted(found, key=lambda each: (each.mjd, each.id))

    @property
    def detections(self) -> list[Row]:
        """Those at 3 sigma."""
        return [each for each in self.photometry if brightness.is_detection(each)]

    def by(self, column: str) -> list[Summary]:
        """Summaries of the data that share a column's value, by that value's code points."""
        labels = sorted({getattr(each, column) for each in self.data})
        return [Summary([each for each in self.data if getattr(each, column) == label], label) for label in labels]


def summary(ask: Asker, target: Row) -> Summary:
    """The rule for `Target.summary`."""
    data = [each for each in ask.rows("reduced_data") if each.target_id == target.id and not each.disabled]
    return Summary(data, products=sum(each.target_id == target.id for each in ask.rows("data_products")))


def _moment(pick: Any) -> Any:
    def rule(_ask: Asker, summed: Summary) -> str | None:
        return iso(pick((measures.timestamp(each.mjd) for each in summed.data), default=None))

    return rule


def _brightest(_ask: Asker, summed: Summary) -> Row | None:
    """The earliest of those with the highest flux."""
    return max((each for each in summed.detections if each.flux_ujy is not None), key=_flux, default=None)


def _flux(datum: Row) -> float:
    return float(datum.flux_ujy)


_SPAN: Rules = {"count": lambda _ask, summed: len(summed.data), "first": _moment(min), "last": _moment(max)}

_OUTSTANDING: Rules = {
    "detections": lambda _ask, summed: len(summed.detections),
    "latest": lambda _ask, summed: summed.photometry[-1] if summed.photometry else None,
    "latestDetection": lambda _ask, summed: summed.detections[-1] if summed.detections else None,
    "brightest": _brightest,
}

TARGET_SUMMARY: Rules = {
    **_SPAN,
    **_OUTSTANDING,
    "dataProductCount": lambda _ask, summed: summed.products,
    "dataTypes": lambda _ask, summed: summed.by("data_type"),
    "bands": lambda _ask, summed: Summary(summed.photometry).by("band"),
}

BAND_SUMMARY: Rules = {**_SPAN, **_OUTSTANDING, "band": lambda _ask, summed: summed.label}

DATA_TYPE_SUMMARY: Rules = {**_SPAN, "dataType": lambda _ask, summed: summed.label}
