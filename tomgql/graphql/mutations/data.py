"""createReducedData, setReducedDataDisabled."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from tomgql.errors import QueryTooCostly
from tomgql.graphql.context import Info
from tomgql.graphql.enums import OnDuplicate
from tomgql.graphql.inputs import optional
from tomgql.graphql.mutations.arguments import key, mapping, maybe_key
from tomgql.graphql.mutations.reports import bulk_payload
from tomgql.graphql.payloads import BulkPayload, answer
from tomgql.graphql.scalars import JSON
from tomgql.reading import ids
from tomgql.services import disabling, reduction
from tomgql.services.reduction import NewData

LIMITS = "At most 100,000 rows, 100 different columns, and 5,000,000 values in arrays."

ROWS = (
    "One object a datum, with the column names that files use, in any case: mjd, jd, date...; filter, mag, magerr or"
    " flux, fluxerr, zp; for spectroscopy wavelength and flux (arrays of numbers, 2 to 1,000,000 samples; flux may hold"
    " null), fluxError, wavelengthUnit (Angstrom when not given, or another unit of length), fluxUnit, medium (AIR,"
    " VACUUM), exposureSeconds; for astrometry ra, dec (ICRS, decimal degrees or sexagesimal), raError, decError"
    " (arcsec), observatoryCode; for all telescope, instrument, id (photometry: candid)."
)
COLUMNS = (
    "One array, or one value for all, a column, with the names of `rows`. Columns of spectra hold an array a spectrum;"
    " where all of them hold plain numbers they are one spectrum, and one that does beside others is an array for all."
)


@strawberry.input(description=f"Reduced data of one target, as rows or as columns. {LIMITS}")
class CreateReducedDataInput:
    target: strawberry.ID = strawberry.field(description="The target; the right CHANGE on it is needed.")
    data_type: str = strawberry.field(
        description="photometry, spectroscopy, astrometry (in lower case), or any other word for generic data; at most"
        " 100 characters."
    )
    source_name: str = strawberry.field(default="", description="Where the data come from; part of their identity.")
    source_location: str = strawberry.field(default="", description="Address or place of the source.")
    data_product: strawberry.ID | None = optional("The data product that they belong to and follow in rights.")
    rows: list[JSON] | None = optional(ROWS)
    columns: JSON | None = optional(COLUMNS)
    options: JSON | None = optional(
        "What the rows do not say themselves, as an object: the options of the processor `delimited`, such as"
        ' {"time_scale": "tai", "flux_unit": "mJy", "mapping": {"magnitude": "my_mag"}}. Not for generic data.'
    )
    on_duplicate: OnDuplicate = strawberry.field(
        default=OnDuplicate.REVISE, description="What to do with a datum that exists with other content."
    )
    all_or_nothing: bool = strawberry.field(default=False, description="Whether one rejected row refuses all.")
    dry_run: bool = strawberry.field(default=False, description="Report what would happen, store nothing.")
    idempotency_key: str | None = optional("The same key and call: the same answer, done once. At most 200 characters.")


def new_data(given: CreateReducedDataInput) -> NewData:
    """The input as the verb wants it."""
    values: dict[str, Any] = dict(vars(given))
    values["target_id"] = key("targets", values.pop("target"), "input", "target")
    product = maybe_key("data_products", values.pop("data_product"), "input", "dataProduct")
    options = mapping(values.pop("options"), "input", "options")
    values |= {"options": options, "data_product_id": product, "on_duplicate": given.on_duplicate.value}
    return NewData(**values)


def data_keys(public_ids: list[strawberry.ID]) -> list[tuple[int, int] | None]:
    """Keys of target and datum, None for what is no id of a datum; raises QueryTooCostly."""
    if len(public_ids) > disabling.MOST_DATA:
        message = f"One call takes {disabling.MOST_DATA} ids, not {len(public_ids)}; send several calls."
        raise QueryTooCostly(message, path=["ids"])
    keys = [ids.decode("reduced_data", each) for each in public_ids]
    return [None if key is None else (key[0], key[1]) for key in keys]


@strawberry.type
class DataMutations:
    @strawberry.mutation(description="Record reduced data; the report says what became of every row.")
    async def create_reduced_data(
        self, info: Info, input: Annotated[CreateReducedDataInput, strawberry.argument(description="The data.")]
    ) -> BulkPayload:
        async def work() -> dict[str, Any]:
            outcome = await reduction.create_reduced_data(info.context.rt, info.context.actor, new_data(input))
            return bulk_payload("reduced_data", outcome)

        return await answer(BulkPayload, work)

    @strawberry.mutation(
        description="Take reduced data out of use, or back into it. The right CHANGE on each datum's target is needed;"
        " rows report what may not be changed (NOT_ALLOWED) or seen (NOT_FOUND) and what is no id of a datum"
        " (INVALID_INPUT), the others are done. What a person"
        " disabled stays so whatever is read, harvested or sent again."
    )
    async def set_reduced_data_disabled(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="The data, at most 10,000.")],
        disabled: Annotated[bool, strawberry.argument(description="true takes them out of use, false back into it.")],
        reason: Annotated[str, strawberry.argument(description="Why, 1 to 500 characters; kept with who and when.")],
    ) -> BulkPayload:
        async def work() -> dict[str, Any]:
            data = disabling.Decision(data_keys(ids), disabled, reason)
            return bulk_payload("reduced_data", await disabling.decide(info.context.rt, info.context.actor, data))

        return await answer(BulkPayload, work)
