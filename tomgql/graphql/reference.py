"""What this server knows and can do: bands, processors, types of data product."""

from __future__ import annotations

from typing import Any

import strawberry

from tomgql.domain.bands import BANDS
from tomgql.graphql.base import described
from tomgql.graphql.context import Info
from tomgql.graphql.scalars import JSON
from tomgql.services.product_types import product_types


@strawberry.type(description="A passband that photometry can be calibrated in.")
class Band:
    name: str = described("Canonical name.")
    aliases: list[str] = described("Other spellings that files use.")
    wavelength_angstrom: float | None = described("Effective wavelength, Angstrom.")
    ab_minus_vega: float | None = described("m_AB - m_Vega; null where only AB magnitudes are published.")
    colour: str = described("Colour for plots, as in CSS.")


@strawberry.type(description="Turns files of one family into data.")
class Processor:
    name: str = described("Name to ask for it by.")
    title: str = described("What it reads, for people.")
    data_types: list[str] = described("Kinds of data that it yields.")
    options_schema: JSON = described("JSON Schema of its options.")


@strawberry.type(description="A kind of data product.")
class DataProductType:
    name: str = described("As it stands in `dataProductType`.")
    title: str = described("What it is, for people.")
    is_processed: bool = described("Whether a processor reads it.")


@strawberry.type
class ReferenceQueries:
    @strawberry.field(description="The passbands that this server knows, with their calibration.")
    def bands(self) -> list[Band]:
        return [
            Band(
                name=band.name,
                aliases=list(band.aliases),
                wavelength_angstrom=band.wavelength_angstrom,
                ab_minus_vega=band.ab_minus_vega,
                colour=band.colour,
            )
            for band in BANDS
        ]

    @strawberry.field(description="The processors that are installed.")
    def processors(self, info: Info) -> list[Processor]:
        installed: Any = info.context.rt.processors.installed.values()
        return [
            Processor(
                name=item.plugin.name,
                title=item.plugin.title,
                data_types=list(item.plugin.data_types),
                options_schema=JSON(dict(item.plugin.options_schema)),
            )
            for item in installed
        ]

    @strawberry.field(description="The types of data product that can be uploaded, by name.")
    def data_product_types(self, info: Info) -> list[DataProductType]:
        kinds = product_types(info.context.rt).values()
        return [DataProductType(name=kind.name, title=kind.title, is_processed=kind.is_processed) for kind in kinds]
