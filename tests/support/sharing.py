"""Sharing through the public door: destinations, shares, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.support.faults import ENDED
from tests.support.people import Person
from tests.support.receiver_double import TOKEN, ReceiverDouble
from tests.support.site import Site, until
from tests.support.survey_doubles import hurry

SAVE = """mutation ($i: SaveDestinationInput!) { saveDestination(input: $i) {
  sharingDestination { name title kind isConfigured enabled address peer { username } }
  errors { code message path } } }"""
SHARE = """mutation ($i: ShareInput!) { share(input: $i) {
  share { id items queued } job { id state kind } preview { targets dataProducts reducedData unchanged }
  errors { code message path } } }"""
READ = """query ($id: ID!) { node(id: $id) { ... on Share {
  destination message items unchanged queued sent failed refused createdBy { username }
  job { id state message progress attempts waitingUntil error { code message retryable } } } } }"""
LEDGER = """query ($id: ID!, $w: ShareItemWhere) { node(id: $id) { ... on Share {
  ledger(where: $w, first: 1000) { totalCount nodes {
    id kind globalId state attempts answer remoteId sent due target { id } dataProduct { id } reducedDatum { id }
  } } } } }"""
CREATE_DATA = """mutation ($input: CreateReducedDataInput!) {
  createReducedData(input: $input) { created revised unchanged rejected ids errors { code message } } }"""
GRANT_TARGET = "mutation ($i: GrantTargetAccessInput!) { grantTargetAccess(input: $i) { errors { code } } }"
MAKE_GROUP = """mutation ($i: CreateUserGroupInput!) {
  createUserGroup(input: $i) { userGroup { id } errors { code } } }"""
GRANT = """mutation ($d: String!, $g: ID!) { grantDestination(destination: $d, userGroup: $g) {
  sharingDestination { name } errors { code message } } }"""
REVOKE = """mutation ($d: String!, $g: ID!) { revokeDestination(destination: $d, userGroup: $g) {
  sharingDestination { name } errors { code message } } }"""
RETRY = "mutation ($id: ID!) { retryJob(id: $id) { job { state } errors { code message } } }"
CANCEL = "mutation ($id: ID!) { cancelJob(id: $id) { job { state } errors { code message } } }"


CREATE_RULE = """mutation ($i: CreateContinuousShareInput!) { createContinuousShare(input: $i) {
  continuousShare { id paused } job { id } errors { code message path } } }"""
UPDATE_RULE = """mutation ($i: UpdateContinuousShareInput!) { updateContinuousShare(input: $i) {
  continuousShare { paused } errors { code message path } } }"""
DELETE_RULE = "mutation ($id: ID!) { deleteContinuousShare(id: $id) { deletedId errors { code } } }"
RULE = """query ($id: ID!) { node(id: $id) { ... on ContinuousShare {
  destination paused message queued failed lag { events seconds } options
  target { id } targetList { id } createdBy { username } job { id state error { code message } } } } }"""


@dataclass
class Sharing:
    """A site, its people, and the double that they share with as ``receiver``."""

    site: Site
    admin: Person
    sharer: Person
    group: str
    """A user group of the sharer, which may share with the receiver."""
    double: ReceiverDouble

    async def save_destination(self, **given: Any) -> dict[str, Any]:
        """Store a destination; the payload."""
        usual = {"name": "receiver", "kind": "receiver", "address": self.double.address, "secrets": {"token": TOKEN}}
        payload: dict[str, Any] = (await self.admin.client.query(SAVE, i={**usual, **given}))["saveDestination"]
        return payload

    async def fresh(self) -> None:
        """Forget what was shared before, here and there."""
        address = self.double.address
        vars(self.double).update(vars(ReceiverDouble(address=address)))
        for table in ("continuous_shares", "shares", "share_ledger", "jobs"):
            await self.site.rt.writes.execute(f"delete from {table}")
        await hurry(self.site)

    async def data(self, person: Person, target: str, *rows: dict[str, Any]) -> list[str]:
        """Create photometry; its ids."""
        given = {"target": target, "dataType": "photometry", "rows": list(rows)}
        payload = (await person.client.query(CREATE_DATA, input=given))["createReducedData"]
        assert payload["errors"] == []
        assert payload["rejected"] == 0
        found: list[str] = payload["ids"]
        return found

    async def share(self, person: Person | None = None, **given: Any) -> str:
        """Share; the share's id."""
        payload = (await (person or self.sharer).client.query(SHARE, i={"destination": "receiver", **given}))["share"]
        assert payload["errors"] == []
        found: str = payload["share"]["id"]
        return found

    async def refused(self, person: Person, **given: Any) -> dict[str, Any]:
        """Share what is refused; the one error."""
        payload = (await person.client.query(SHARE, i={"destination": "receiver", **given}))["share"]
        assert (payload["share"], payload["job"], payload["preview"]) == (None, None, None)
        (error,) = payload["errors"]
        return dict(error)

    async def read(self, share: str, person: Person | None = None) -> dict[str, Any]:
        """The share as it is."""
        found: dict[str, Any] = (await (person or self.sharer).client.query(READ, id=share))["node"]
        return found

    async def ended(self, share: str, person: Person | None = None, seconds: float = 60) -> dict[str, Any]:
        """The share once its job has ended, without its pauses."""

        async def look() -> Any:
            await hurry(self.site)
            await self.site.rt.writes.execute("update share_ledger set due = now() where due > now()")
            found = await self.read(share, person)
            return found if found["job"]["state"] in ENDED else None

        found: dict[str, Any] = await until(seconds, look)
        return found

    async def follow(self, person: Person | None = None, **given: Any) -> str:
        """Share continuously; the rule's id."""
        payload = await (person or self.sharer).client.query(CREATE_RULE, i={"destination": "receiver", **given})
        assert payload["createContinuousShare"]["errors"] == []
        found: str = payload["createContinuousShare"]["continuousShare"]["id"]
        return found

    async def rule(self, rule: str, person: Person | None = None) -> dict[str, Any]:
        """The continuous share as it is."""
        found: dict[str, Any] = (await (person or self.sharer).client.query(RULE, id=rule))["node"]
        return found

    async def until_quiet(self, seconds: float = 30) -> None:
        """Nothing is left to look at or to give."""
        busy = (
            "select exists (select from jobs where state in ('QUEUED', 'RUNNING', 'WAITING')) or exists (select from"
            " continuous_shares c join events e on e.id > c.place and e.target_id = c.target_id where not c.paused"
            " and e.topic in ('targets', 'reduced_data'))"
        )

        async def look() -> bool:
            await hurry(self.site)
            return not await self.site.rt.reads.fetchval(busy)

        await until(seconds, look)

    async def ledger(self, share: str, **where: Any) -> list[dict[str, Any]]:
        """The share's items."""
        found = (await self.sharer.client.query(LEDGER, id=share, w=where))["node"]["ledger"]
        assert found["totalCount"] == len(found["nodes"])
        nodes: list[dict[str, Any]] = found["nodes"]
        return nodes


def point(number: int, **columns: Any) -> dict[str, Any]:
    """A row of photometry, another one for each number."""
    return {"mjd": 60000.0 + number, "band": "r", "flux_ujy": 100.0 + number, "flux_error_ujy": 2.0, **columns}


def counts(share: dict[str, Any]) -> dict[str, int]:
    """Counts of a share that are not zero."""
    names = ("items", "unchanged", "queued", "sent", "failed", "refused")
    return {name: share[name] for name in names if share[name]}
