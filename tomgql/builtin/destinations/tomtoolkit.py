"""TOM Toolkit as destination of shares: releases 2.x and 3.x, through the REST interface that its own sharing uses.

Conversation (seen between running TOMs of 2.32.4 and 3.1.0): a target is looked for by name, then created or put into
lists; every datum is a POST of its own; a product is a form with its file. A repeat is told by 200 and
``already_exists`` in 3.x, by 400 (products) and 500 (data) in 2.x. Nothing there can be changed by who shared it, so a
revised datum arrives beside its earlier revision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tomgql.builtin.destinations.toolkit_answers import (
    Toolkit,
    errors_of,
    is_taken,
    object_of,
    page_words,
    refusal,
    require_target,
    said,
)
from tomgql.builtin.destinations.toolkit_portion import Portion
from tomgql.builtin.destinations.toolkit_sessions import MANY, Sessions
from tomgql.builtin.destinations.toolkit_targets import list_names, same_names, target_body
from tomgql.errors import UpstreamRefused
from tomgql.plugins.destinations import (
    CAPABILITIES,
    Delivery,
    FilePart,
    Outcome,
    Refused,
    Sent,
    SharedDatum,
    SharedProduct,
    SharedTarget,
)
from tomgql.plugins.surveys import Answer, Parameters

NOT_READ = "It could not be read there, so it was not kept"
"""What is said of a file whose processing failed: TOM Toolkit deletes the product then."""

THERE_ALREADY = "It was there already."


class ToolkitOptions(Parameters):
    """A TOM Toolkit has nothing to choose."""


class TomToolkit:
    """Shares with a TOM that is made with TOM Toolkit."""

    name: ClassVar[str] = "tomtoolkit"
    title: ClassVar[str] = "TOM Toolkit"
    description: ClassVar[str] = (
        "A TOM made with TOM Toolkit 2 or 3, as one of its users. Targets are found there by their names, else created"
        " as private ones. Magnitudes and limits go in place of fluxes; a revised datum arrives beside the earlier one."
    )
    version: ClassVar[str] = "1"
    credentials: ClassVar[tuple[str, ...]] = ("username", "password")
    options: ClassVar[type[Parameters]] = ToolkitOptions
    capabilities: ClassVar[frozenset[str]] = frozenset(CAPABILITIES)
    data_at_once: ClassVar[int] = 100
    calls_at_once: ClassVar[int] = 4

    def __init__(self) -> None:
        self._sessions = Sessions()

    async def send_target(self, delivery: Delivery, target: SharedTarget, remote_id: str | None) -> Outcome:
        """Find the target by its id there or by its names, and put it into its lists; else create it.

        An id that stands for a target of other names is not taken at its word: the database there may be a new one.
        """
        toolkit = Toolkit(delivery)
        known = None if remote_id is None else await toolkit.get_or_none("targets", remote_id)
        if isinstance(known, dict) and same_names(target, known):
            return await _put_into_lists(toolkit, target, known)
        found = await _named(toolkit, target.names)
        if len(found) > 1:
            listed = ", ".join(f'"{each.get("name")}" ({key})' for key, each in found.items())
            return Refused(f"Several targets there go by names of this one: {listed}. Merge them there, or rename one.")
        if found:
            return await _put_into_lists(toolkit, target, *found.values())
        return await _create(toolkit, target)

    async def send_product(
        self, delivery: Delivery, target: SharedTarget, remote_id: str, product: SharedProduct
    ) -> Outcome:
        """Send the file under an id by which a repeat is recognised. Raises TargetGone."""
        parts = _product_parts(product, remote_id)
        answer = require_target(await Toolkit(delivery).send_file("dataproducts", parts=parts), remote_id)
        if is_taken(answer):
            return Sent(str(object_of(answer).get("id") or "") or None, said(answer))
        if "product_id" in errors_of(answer) and "exists" in str(errors_of(answer)["product_id"]):
            return Sent(None, THERE_ALREADY)
        if answer.status == 500 and b"Data processing error" in answer.content[:1_000]:
            return Refused(f"{NOT_READ}: {page_words(answer)}")
        return refusal(answer)

    async def send_data(
        self, delivery: Delivery, target: SharedTarget, remote_id: str, data: Sequence[SharedDatum]
    ) -> Sequence[Outcome]:
        """Send one datum after the other. Raises TargetGone."""
        toolkit = Toolkit(delivery, self._sessions if len(data) >= MANY else None)
        portion = Portion(toolkit, target, remote_id)
        return [await portion.send(datum) for datum in data]


async def _named(toolkit: Toolkit, names: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """The targets there that have one of the names, by id. Names are asked for one by one: no receiver splits them."""
    found: dict[str, Mapping[str, Any]] = {}
    for name in names:
        listed = await toolkit.get("targets", name_fuzzy=name)
        results = listed.get("results") if isinstance(listed, dict) else None
        if not isinstance(results, list) or not all(isinstance(each, dict) and "id" in each for each in results):
            raise UpstreamRefused("The answer to a search for a name is no list of targets; is this a TOM Toolkit?")
        found |= {str(each["id"]): each for each in results}
    return found


async def _put_into_lists(toolkit: Toolkit, target: SharedTarget, known: Mapping[str, Any]) -> Outcome:
    """Add the target to those of its lists that it is not in; the rest of it is theirs."""
    remote_id = str(known["id"])
    present = {each.get("name") for each in known.get("target_lists") or [] if isinstance(each, dict)}
    missing = [name for name in list_names(target, toolkit.delivery.sender) if name not in present]
    if not missing:
        return Sent(remote_id, THERE_ALREADY)
    lists = {"target_lists": [{"name": name} for name in missing]}
    answer = await toolkit.send("PATCH", "targets", remote_id, json=lists)
    if answer.status == 404:
        return Refused(f'The account "{toolkit.username}" there sees the target but may not change it.')
    return Sent(remote_id, said(answer)) if is_taken(answer) else refusal(answer)


async def _create(toolkit: Toolkit, target: SharedTarget) -> Outcome:
    body = target_body(target, toolkit.delivery.sender)
    answer = await toolkit.send("POST", "targets", json=body)
    if is_taken(answer):
        created = object_of(answer)
        if "id" not in created:
            raise UpstreamRefused("The answer to a new target has no id; is this a TOM Toolkit?")
        return Sent(str(created["id"]), said(answer))
    return _conflict(toolkit, body, answer) or refusal(answer)


def _conflict(toolkit: Toolkit, body: Mapping[str, Any], answer: Answer) -> Refused | None:
    """A name that is taken there by a target which the search did not find: the account may not see it."""
    errors = errors_of(answer)
    hidden = f'by a target that the account "{toolkit.username}" there may not see'
    if "exists" in str(errors.get("name", "")):
        return Refused(f'The name "{body["name"]}" is taken there {hidden}.')
    wrong = _numbered(errors.get("aliases"))
    taken = [each["name"] for at, each in enumerate(body["aliases"]) if "exists" in str(wrong.get(str(at), ""))]
    return Refused(f'The alias "{taken[0]}" is taken there {hidden}.') if taken else None


def _numbered(errors: Any) -> dict[str, Any]:
    """Errors of a list's items by their number; a list of them in older releases of Django REST Framework."""
    if isinstance(errors, list):
        return {str(at): error for at, error in enumerate(errors)}
    return errors if isinstance(errors, dict) else {}


def _product_parts(product: SharedProduct, remote_id: str) -> list[tuple[str, str] | FilePart]:
    record = product.record
    file = FilePart("file", product.file_name, product.content, size_bytes=product.size_bytes)
    fields = {
        "product_id": record.get("product_id") or product.global_id,
        "target": remote_id,
        "extra_data": record.get("extra_data") or "",
        "data_product_type": record["data_product_type"],
    }
    return [*fields.items(), file]
