"""TargetSummary and its parts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from tomgql.graphql.base import described
from tomgql.graphql.data import PhotometryDatum
from tomgql.graphql.lazy import link
from tomgql.reading.rows import Row


def datum(what: str, name: str) -> Any:
    """A field that is one photometric datum."""

    def resolve(root: strawberry.Parent[Row]) -> Any:
        return link(root, name)

    resolve.__annotations__["return"] = PhotometryDatum | None
    return strawberry.field(resolver=resolve, description=what)


@strawberry.type(description="Data of one type.")
class DataTypeSummary:
    data_type: str = described("photometry, spectroscopy, astrometry, or any other word.")
    first: datetime = described("Time of the first one.")
    last: datetime = described("Time of the last one.")

    @strawberry.field(description="How many there are.")
    def count(self, root: strawberry.Parent[Row]) -> int:
        return int(root["datum_count"])


@strawberry.type(description="Photometry in one band.")
class BandSummary:
    band: str = described("Canonical band name, or as it was written where the band is unknown.")
    detections: int = described("How many are detections at 3 sigma.")
    first: datetime = described("Time of the first one.")
    last: datetime = described("Time of the last one.")
    latest: PhotometryDatum | None = datum("The latest one, detection or not.", "latest")
    latest_detection: PhotometryDatum | None = datum("The latest detection at 3 sigma.", "latestDetection")
    brightest: PhotometryDatum | None = datum("The detection at 3 sigma of the highest flux.", "brightest")

    @strawberry.field(description="How many there are.")
    def count(self, root: strawberry.Parent[Row]) -> int:
        return int(root["datum_count"])


@strawberry.type(description="What a target holds, of data in use that the viewer may see.")
class TargetSummary:
    detections: int = described("How many photometric data are detections at 3 sigma.")
    data_product_count: int = described("How many data products there are.")
    first: datetime | None = described("Time of the first datum; null without data.")
    last: datetime | None = described("Time of the last datum; null without data.")
    latest: PhotometryDatum | None = datum("The latest photometric datum, detection or not.", "latest")
    latest_detection: PhotometryDatum | None = datum("The latest detection at 3 sigma.", "latestDetection")
    brightest: PhotometryDatum | None = datum("The detection at 3 sigma of the highest flux.", "brightest")

    @strawberry.field(description="How many reduced data there are.")
    def count(self, root: strawberry.Parent[Row]) -> int:
        return int(root["datum_count"])

    @strawberry.field(description="Data by type; at most 1,000.")
    def data_types(self, root: strawberry.Parent[Row]) -> list[DataTypeSummary]:
        found: list[DataTypeSummary] = link(root, "dataTypes")
        return found

    @strawberry.field(description="Photometry by band; at most 1,000.")
    def bands(self, root: strawberry.Parent[Row]) -> list[BandSummary]:
        found: list[BandSummary] = link(root, "bands")
        return found
