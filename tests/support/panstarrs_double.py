"""A double of MAST's Pan-STARRS catalogue: the form of the cone search as recorded, detections as documented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.support.survey_doubles import Heard, ServiceDouble

OURS = "149812299620603702"
MEAN: dict[str, dict[str, Any]] = {
    "149812299620699999": {
        "raMean": 229.9620, "decMean": 34.8447, "nDetections": 8, "epochMean": 55900.5, "gMeanPSFMag": 20.5,
    },
    OURS: {
        "raMean": 229.9620946449489, "decMean": 34.84424324589214, "nDetections": 72, "epochMean": 56000.25,
        "gMeanPSFMag": 14.595100402832031, "gMeanPSFMagErr": 0.002, "rMeanPSFMag": 14.433699607849121,
        "yMeanPSFMag": -999.0,
    },
}  # fmt: skip
"""The recorded object, behind a fainter one that is farther away from the target."""

DETECTIONS = (
    {"detectID": "21", "filterID": 1, "obsTime": 56000.5, "psfFlux": 0.00526, "psfFluxErr": 0.00001,
     "psfQfPerfect": 0.99},
    {"detectID": "11", "filterID": 2, "obsTime": 55000.25, "psfFlux": 0.00611, "psfFluxErr": 0.00001,
     "psfQfPerfect": 0.999},
    {"detectID": "31", "filterID": 5, "obsTime": 56100.5, "psfFlux": -999.0, "psfFluxErr": -999.0,
     "psfQfPerfect": 0.99},
    {"detectID": "41", "filterID": 3, "obsTime": 56200.5, "psfFlux": 0.003, "psfFluxErr": 0.00001, "psfQfPerfect": 0.5},
)  # fmt: skip


@dataclass
class PanStarrsDouble(ServiceDouble):
    """Two objects; ``more`` are columns that nobody asked for."""

    more: tuple[str, ...] = ()
    detections: tuple[dict[str, Any], ...] = DETECTIONS

    async def answer(self, heard: Heard) -> web.StreamResponse:
        names = [*heard.params["columns"].strip("[]").split(","), *self.more]
        if heard.path.endswith("/dr2/mean.csv"):
            rows = [{"objID": key} | row for key, row in MEAN.items()]
        else:
            place = {"ra": 229.96209, "dec": 34.84424, "expTime": 43.0}
            rows = [{"objID": heard.params["objID"], **place, **each} for each in self.detections]
        lines = [names, *([str(row.get(name, -999.0)) for name in names] for row in rows)]
        return web.Response(text="".join(f"{','.join(line)}\r\n" for line in lines), content_type="text/csv")
