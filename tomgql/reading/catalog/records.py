"""Targets, data products and reduced data whole, as another tomgql server takes them over.

A record is the row as JSON without what is the site's own affair (keys, times of writing, who made it), with global ids
in the place of keys. What a peer said beyond what is known here (``peer_bag``) travels on in it. ``path`` is the way by
which the present state came: ids of installations, the origin first; empty where it is from here.
"""

from __future__ import annotations

from tomgql.reading.catalog.model import Field

OWN_OF_TARGET = (
    "id", "access", "created_by_id", "created", "modified", "position", "name", "shared_by", "shared_from", "road_id",
    "peer_bag",
)  # fmt: skip
OWN_OF_PRODUCT = (
    "id", "target_id", "observation_id", "thumbnail_sha256", "request_job_id", "uploaded_by_id", "created", "modified",
    "road_id", "peer_bag",
)  # fmt: skip
OWN_OF_DATUM = (
    "id", "target_id", "beside", "apart_for", "data_product_id", "job_id", "created", "modified", "timestamp",
    "road_id", "peer_bag", "of_target_id", "of_datum_id", "of_revision",
)  # fmt: skip
"""Columns that do not travel."""

PATH = "(select to_jsonb(w.path) from roads w where w.id = {row}.road_id)"

_NAMES = (
    "(select coalesce(jsonb_agg(n.name order by n.is_primary desc, n.id), '[]') from target_names n"
    " where n.target_id = {row}.id)"
)
_OTHER_IDS = (
    "(select coalesce(jsonb_agg(o.global_id order by o.global_id), '[]') from target_global_ids o"
    " where o.target_id = {row}.id)"
)


def record_sql(own: tuple[str, ...], **others: str) -> str:
    """SQL for the record of a row with alias ``{row}``: its columns but its ``own``, and ``others`` by name."""
    left_out = ", ".join(f"'{name}'" for name in own)
    pairs = ", ".join(f"'{name}', {sql}" for name, sql in {**others, "path": f"coalesce({PATH}, '[]')"}.items())
    return (
        f"(coalesce({{row}}.peer_bag, '{{{{}}}}') || (to_jsonb({{row}}) - array[{left_out}])"
        f" || jsonb_build_object({pairs}))"
    )


TARGET_RECORD = Field(record_sql(OWN_OF_TARGET, names=_NAMES, other_global_ids=_OTHER_IDS))
PRODUCT_RECORD = Field(record_sql(OWN_OF_PRODUCT))
DATUM_RECORD = Field(
    record_sql(
        OWN_OF_DATUM,
        product="(select rp.global_id from data_products rp where rp.id = {row}.data_product_id)",
        # Where repeats of one time stand; what stands apart from hidden data does so here alone.
        beside="case when {row}.apart_for is null then {row}.beside end",
    )
)
