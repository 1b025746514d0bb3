"""Points of a light curve: data as they are, binned in time, or thinned for a plot.

Each step is a SELECT over the one before and gives the same columns, so that magnitudes and limits of a bin are those
of its mean flux.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from tomgql.errors import InvalidInput
from tomgql.store.sql import Bind, literal

LARGEST_LIGHT_CURVE = 250_000
"""Most points of one light curve: a year of a satellite's exposures of two minutes."""

SHORTEST_BIN_DAYS, LONGEST_BIN_DAYS = 1e-6, 1e5
"""Width of a bin, days: from 0.1 s to longer than any archive."""

FEWEST_POINTS = 2
"""Least value of ``maxPoints``: both extremes."""

_KEPT = (
    "target_id", "id", "mjd", "telescope", "instrument", "source_name", "band", "difference", "flux_ujy",
    "flux_error_ujy", "limit_flux_ujy", "limit_nsigma", "reported_magnitude", "reported_magnitude_error",
    "reported_limit",
)  # fmt: skip

REFUSAL = (
    f"This light curve has more than {LARGEST_LIGHT_CURVE} points; narrow it by `where`, bin it by `binDays`"
    " or thin it by `maxPoints`."
)
"""What is said of a light curve that is too long."""


def points(source: str, row: str, where: str, arguments: Mapping[str, Any], bind: Bind) -> str:
    """SELECT of the points that the arguments of `lightCurve` ask for. Raises InvalidInput."""
    kept = ", ".join(f"{row}.{name}" for name in _KEPT)
    sql = f"select {kept}, 1 as bin_count, null::float8 as flux_scatter_ujy from {source} where {where}"
    if arguments.get("binDays") is not None:
        sql = _binned(sql, _bin_days(arguments["binDays"]), bind)
    if arguments.get("maxPoints") is not None:
        sql = _thinned(sql, _max_points(arguments["maxPoints"]), bind)
    return sql


def refused(rows: str) -> str:
    """A condition on the number of points that is true, or raises what a reader is told."""
    return f"case when {rows} > {LARGEST_LIGHT_CURVE} then tomgql_refuse({literal(REFUSAL)}) is null else true end"


def _bin_days(given: float) -> float:
    if not (isfinite(given) and SHORTEST_BIN_DAYS <= given <= LONGEST_BIN_DAYS):
        raise InvalidInput(f"binDays must lie between 0.000001 and 100000, not {given!r}.", path=["binDays"])
    return float(given)


def _max_points(given: int) -> int:
    if not FEWEST_POINTS <= given <= LARGEST_LIGHT_CURVE:
        raise InvalidInput(
            f"maxPoints must lie between {FEWEST_POINTS} and {LARGEST_LIGHT_CURVE}, not {given}.", path=["maxPoints"]
        )
    return given


def _binned(sql: str, days: float, bind: Bind) -> str:
    """Means in flux space: weighted by the inverse variance; plain where fluxes have no errors, which stay apart.

    Data without a flux have no mean and are left out. The scatter is the sample's standard deviation.
    """
    weight = "case when p.flux_error_ujy is null then 1 else 1 / p.flux_error_ujy^2 end"
    mean = "sum(" + weight + " * p.{0}) / sum(" + weight + ")"
    return (
        f"select p.target_id, (min(array[p.mjd, p.id]))[2]::bigint as id, {mean.format('mjd')} as mjd, p.telescope,"
        " p.instrument, string_agg(distinct p.source_name collate \"C\", ', ') as source_name, p.band, p.difference,"
        f" {mean.format('flux_ujy')} as flux_ujy,"
        f" case when not (p.flux_error_ujy is null) then 1 / sqrt(sum({weight})) end as flux_error_ujy,"
        " null::float8 as limit_flux_ujy, null::float8 as limit_nsigma, null::float8 as reported_magnitude,"
        " null::float8 as reported_magnitude_error, null::float8 as reported_limit, count(*) as bin_count,"
        f" stddev_samp(p.flux_ujy) as flux_scatter_ujy from ({sql}) p where p.flux_ujy is not null"
        " group by p.target_id, p.telescope, p.instrument, p.band, p.difference, p.flux_error_ujy is null,"
        f" floor(p.mjd / {bind(days, 'float8')})"
    )


def _thinned(sql: str, most: int, bind: Bind) -> str:
    """The lowest and the highest value of each of as many stretches of time as the number of points allows.

    Every band has its share of the stretches, at least one; fluxes, uncalibrated magnitudes and bare limits are told
    apart, so that none hides the other. When there are few enough points, all stay.
    """
    kind = "case when p.flux_ujy is not null then 1 when p.reported_magnitude is not null then 2 else 3 end"
    value = "coalesce(p.flux_ujy, -p.reported_magnitude, p.limit_flux_ujy, -p.reported_limit, 0)"
    limit = bind(most, "bigint")
    counted = (
        f"select p.*, {kind} as series, {value} as height, count(*) over () as points,"
        f" count(*) over (partition by p.band, {kind}) as mine,"
        f" row_number() over (partition by p.band, {kind} order by p.mjd, p.id) - 1 as place,"
        f" dense_rank() over (order by p.band collate \"C\", {kind}) as series_number from ({sql}) p"
    )
    # Two points a stretch: the spare ones are dealt out by the share of each series.
    several = f"select c.*, max(c.series_number) over () as series_count from ({counted}) c"
    stretches = f"1 + greatest({limit} - 2 * s.series_count, 0) * s.mine / s.points / 2"
    placed = f"select s.*, s.place * ({stretches}) / s.mine as stretch from ({several}) s"
    order = "partition by r.band, r.series, r.stretch order by r.height"
    ranked = (
        f"select r.*, row_number() over ({order}, r.mjd, r.id) as from_below,"
        f" row_number() over ({order} desc, r.mjd, r.id) as from_above from ({placed}) r"
    )
    return f"select k.* from ({ranked}) k where k.points <= {limit} or k.from_below = 1 or k.from_above = 1"
