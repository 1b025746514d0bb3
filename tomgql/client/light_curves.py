"""Light curves as astropy tables: times with their scale, fluxes with their unit, what is not known masked.

Magnitudes carry the plain unit mag; their system stands in the table's ``meta``, since AB and Vega magnitudes of one
source differ and astropy's logarithmic units know no bands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tomgql.client.errors import InvalidCall, Refused, ServerError
from tomgql.client.http import Http

if TYPE_CHECKING:
    from astropy.table import QTable

CURVE = """
query (
  $id: ID, $name: String, $where: PhotometryWhere, $fluxUnit: FluxUnit, $system: MagnitudeSystem
  $timeScale: TimeScale, $nSigma: Float, $binDays: Float, $maxPoints: Int
) {
  target(id: $id, name: $name) {
    id name
    lightCurve(
      where: $where, fluxUnit: $fluxUnit, system: $system, timeScale: $timeScale
      nSigma: $nSigma, binDays: $binDays, maxPoints: $maxPoints
    ) {
      id mjd band flux fluxError magnitude magnitudeError limit isDetection
      binCount fluxScatter telescope instrument sourceName
    }
  }
}
"""

FLUX_UNITS = {"NJY": "nJy", "UJY": "uJy", "MJY": "mJy", "JY": "Jy"}
"""astropy's names of the server's units."""

COLUMNS = (
    ("band", "band", None),
    ("flux", "flux", "flux"),
    ("flux_error", "fluxError", "flux"),
    ("magnitude", "magnitude", "mag"),
    ("magnitude_error", "magnitudeError", "mag"),
    ("limit", "limit", "mag"),
    ("is_detection", "isDetection", None),
    ("bin_count", "binCount", None),
    ("flux_scatter", "fluxScatter", "flux"),
    ("telescope", "telescope", None),
    ("instrument", "instrument", None),
    ("source_name", "sourceName", None),
    ("id", "id", None),
)
"""Name of a column, the field that it comes from, and whether it has the unit of fluxes or of magnitudes."""


async def read(http: Http, variables: dict[str, Any]) -> QTable:
    """A target's light curve. Raises Refused (NOT_FOUND, or what is wrong with the arguments), InvalidCall."""
    if variables["fluxUnit"] not in FLUX_UNITS:
        raise InvalidCall(f"flux_unit is one of {', '.join(FLUX_UNITS)}.")
    target = (await http.ask(CURVE, variables))["target"]
    if target is None:
        raise Refused([ServerError("NOT_FOUND", "There is no such target to be seen.")])
    return table_of(target, variables)


def table_of(target: dict[str, Any], asked: dict[str, Any]) -> QTable:
    """The table of a target's `lightCurve`, one row a point, by time."""
    # astropy takes most of a second to import, which only who wants a table has to wait for.
    from astropy import units
    from astropy.table import QTable
    from astropy.time import Time

    curve = target["lightCurve"]
    kinds = {"flux": units.Unit(FLUX_UNITS[asked["fluxUnit"]]), "mag": units.mag}
    table = QTable({"time": Time(_floats(curve["mjd"]), format="mjd", scale=asked["timeScale"].lower())})
    for name, field, kind in COLUMNS:
        table[name] = _plain(curve[field]) if kind is None else _quantity(curve[field], kinds[kind])
    table.meta = {
        "target": target["name"],
        "target_id": target["id"],
        "magnitude_system": asked["system"],
        "n_sigma": asked["nSigma"],
        "bin_days": asked["binDays"],
    }
    return table


def _floats(values: Sequence[float | None]) -> Any:
    import numpy as np

    return np.array([np.nan if each is None else each for each in values], dtype=np.float64)


def _quantity(values: Sequence[float | None], unit: Any) -> Any:
    """(n,) float64 with a unit; masked where null, and only then of a masked kind."""
    import numpy as np
    from astropy.utils.masked import Masked

    quantity = _floats(values) * unit
    missing = np.isnan(quantity.value)
    return Masked(quantity, mask=missing) if missing.any() else quantity


def _plain(values: Sequence[Any]) -> Any:
    """(n,) text, truth values or integers; masked where null."""
    import numpy as np
    from astropy.table import Column, MaskedColumn

    missing = [each is None for each in values]
    if not any(missing):
        return Column(values, dtype=None if values else str)
    filled = ["" if each is None else each for each in values]
    return MaskedColumn(np.array(filled), mask=missing)
