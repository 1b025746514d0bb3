"""Types of data product: TOM Toolkit's, those that processors bring, and those of the site.

The setting ``data_product_types`` has the last word: it adds types, names them anew, and hides some from uploads.
Products of a type that was hidden later keep it.
"""

from __future__ import annotations

from dataclasses import dataclass

from tomgql.errors import InvalidInput
from tomgql.runtime import Runtime

TITLES = {
    "photometry": "Photometry",
    "spectroscopy": "Spectroscopy",
    "fits_file": "FITS file",
    "image_file": "Image file",
}
"""Types of TOM Toolkit, for people."""

KEPT_UNREAD = ("fits_file", "image_file", "spectroscopy")
"""Types that are kept without being processed, unless a processor reads them."""


@dataclass(frozen=True)
class ProductType:
    """A type as it stands in rows, its title for people, and whether a processor reads it."""

    name: str
    title: str
    is_processed: bool


def product_types(rt: Runtime) -> dict[str, ProductType]:
    """The types of data product that may be uploaded, by name and in its order."""
    own = rt.settings.data_product_types
    readable = {kind for item in rt.processors.installed.values() for kind in item.plugin.data_types}
    names = sorted(name for name in readable | set(KEPT_UNREAD) | set(own) if own.get(name, "") is not None)
    return {name: ProductType(name, own.get(name) or _title(name), name in readable) for name in names}


def require_product_type(rt: Runtime, name: str) -> bool:
    """Whether a processor reads this type of data product; raises InvalidInput when there is no such type."""
    known = product_types(rt)
    if name not in known:
        raise InvalidInput(
            f'There is no data product type "{name}". Known: {", ".join(known)}.', path=["input", "dataProductType"]
        )
    return known[name].is_processed


def _title(name: str) -> str:
    return TITLES.get(name) or name.replace("_", " ").capitalize()
