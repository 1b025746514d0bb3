"""The root of reads. Every resolver only names a relation; the executor reads it by one statement."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import strawberry

from tomgql import __version__
from tomgql.domain.names import simplify_name
from tomgql.errors import InvalidInput
from tomgql.graphql import data, observations, products
from tomgql.graphql.base import After, Before, Connection, First, Id, Last, Node, described
from tomgql.graphql.context import Info
from tomgql.graphql.destinations import DestinationQueries
from tomgql.graphql.harvests import HarvestQueries
from tomgql.graphql.inputs import TargetListWhere, TargetOrder, TargetWhere
from tomgql.graphql.jobs import Job
from tomgql.graphql.peers import PeerQueries
from tomgql.graphql.people import UserGroup, Viewer
from tomgql.graphql.products import DataProduct, DataProductGroup
from tomgql.graphql.reference import ReferenceQueries
from tomgql.graphql.resolving import ResolverQueries
from tomgql.graphql.scalars import Cursor
from tomgql.graphql.shares import ShareQueries
from tomgql.graphql.surveys import SurveyQueries
from tomgql.graphql.targets import JobsWhere, Target, TargetList
from tomgql.reading import ids, streams
from tomgql.reading.catalog import RESOURCES
from tomgql.reading.relation import Pin, Relation, one

Where = Annotated[TargetWhere | None, strawberry.argument(description="Which targets.")]
OrderBy = Annotated[
    list[TargetOrder] | None, strawberry.argument(description="In which order; by creation when not given.")
]
MOST_NODES = 100
"""Most ids that `nodes` takes."""


@strawberry.type(description="About this server.")
class ServerInfo:
    name: str = described("Name of the software.")
    version: str = described("Version of the software.")
    instance_id: str = described("Id of this installation, a UUID; what came from it bears it wherever it goes.")
    tom_name: str = described("Name of this TOM, for people.")
    time: datetime = described("The server's time.")
    latest_cursor: Cursor = described(
        "The end of the event log as of what the whole answer shows: all of an operation that asks for it is read at"
        " one moment, so that a subscription behind this cursor goes on without a gap or a repeat."
    )
    oldest_cursor: Cursor = described("How far back the event log reaches.")
    active_streams: int | None = described(
        "How many operations the web process that answers has running over WebSocket and server-sent events just now,"
        " subscriptions above all; null for who is no administrator."
    )


def by_id(resource: str, public_id: str) -> Any:
    """The relation of one row by its public id; None, and so null, when it is no such id."""
    key = ids.decode(resource, public_id)
    return None if key is None else one(resource, key)


def everything(resource: str) -> Any:
    """The relation of all rows of a resource that the viewer may see."""
    return Relation(resource)


def _node(public_id: str) -> Any:
    parsed = ids.parse(public_id)
    return one(*parsed) if parsed is not None and parsed[0] in RESOURCES else None


@strawberry.type(description="Reads.")
class Query(
    ReferenceQueries, SurveyQueries, HarvestQueries, ResolverQueries, DestinationQueries, ShareQueries, PeerQueries
):
    @strawberry.field(description="Anything by its id; null when there is nothing that the viewer may see.")
    def node(self, id: Id) -> Node | None:
        found: Node | None = _node(id)
        return found

    @strawberry.field(description="Things by their ids, at most 100, in the order given; null for each unseen one.")
    def nodes(
        self, ids: Annotated[list[strawberry.ID], strawberry.argument(description="At most 100 ids.")]
    ) -> list[Node | None]:
        if len(ids) > MOST_NODES:
            raise InvalidInput(f"`nodes` takes at most {MOST_NODES} ids.", path=["ids"])
        found: list[Node | None] = [_node(each) for each in ids]
        return found

    @strawberry.field(description="Who asks.")
    def viewer(self, info: Info) -> Viewer:
        actor = info.context.actor
        return Viewer(is_anonymous=actor.is_anonymous, is_admin=actor.is_admin, scopes=list(actor.scopes))

    @strawberry.field(description="About this server.")
    async def server(self, info: Info) -> ServerInfo:
        rt, actor = info.context.rt, info.context.actor
        oldest, latest = await streams.reach(rt, info.context.reads)
        return ServerInfo(
            name="tomgql",
            version=__version__,
            instance_id=rt.instance_id,
            tom_name=rt.settings.tom_name,
            time=datetime.now(UTC),
            latest_cursor=Cursor(latest),
            oldest_cursor=Cursor(oldest),
            active_streams=rt.hub.streams if actor.is_admin else None,
        )

    @strawberry.field(
        description="One target by id, or by name: any name or alias, ignoring case, blanks, '-', '_', '(' and ')'."
    )
    def target(
        self,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Its id.")] = None,
        name: Annotated[str | None, strawberry.argument(description="Any of its names.")] = None,
    ) -> Target | None:
        if (id is None) == (name is None):
            raise InvalidInput("Give either `id` or `name`.", path=["id"])
        found: Any = by_id("targets", id) if id is not None else _by_name(name or "")
        target: Target | None = found
        return target

    @strawberry.field(description="Targets that the viewer may see; at most 10,000 a page.")
    def targets(
        self,
        where: Where = None,
        order_by: OrderBy = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Target]:
        found: Connection[Target] = everything("targets")
        return found

    @strawberry.field(description="Target lists that the viewer may see; at most 1,000 a page.")
    def target_lists(
        self,
        where: Annotated[TargetListWhere | None, strawberry.argument(description="Which lists.")] = None,
        first: First = None,
        after: After = None,
    ) -> Connection[TargetList]:
        found: Connection[TargetList] = everything("target_lists")
        return found

    @strawberry.field(description="One data product.")
    def data_product(self, id: Id) -> DataProduct | None:
        found: DataProduct | None = by_id("data_products", id)
        return found

    @strawberry.field(description="Data products that the viewer may see, newest first; at most 1,000 a page.")
    def data_products(
        self,
        where: products.Where = None,
        order_by: products.OrderBy = None,
        first: First = None,
        after: After = None,
    ) -> Connection[DataProduct]:
        found: Connection[DataProduct] = everything("data_products")
        return found

    @strawberry.field(description="Data product groups that the viewer may see; at most 1,000 a page.")
    def data_product_groups(self, first: First = None, after: After = None) -> Connection[DataProductGroup]:
        found: Connection[DataProductGroup] = everything("data_product_groups")
        return found

    @strawberry.field(description="One reduced datum, also a disabled one.")
    def reduced_datum(self, id: Id) -> data.ReducedDatum | None:
        found: data.ReducedDatum | None = by_id("reduced_data", id)
        return found

    @strawberry.field(description="Reduced data that the viewer may see, by time; at most 100,000 a page.")
    def reduced_data(
        self,
        where: data.Where = None,
        order_by: data.OrderBy = None,
        first: First = None,
        after: After = None,
    ) -> Connection[data.ReducedDatum]:
        found: Connection[data.ReducedDatum] = everything("reduced_data")
        return found

    @strawberry.field(description="Observations of targets that the viewer sees, newest first; at most 1,000 a page.")
    def observations(
        self, where: observations.Where = None, first: First = None, after: After = None
    ) -> Connection[observations.Observation]:
        found: Connection[observations.Observation] = everything("observations")
        return found

    @strawberry.field(description="User groups that the viewer belongs to; all for administrators.")
    def user_groups(self, first: First = None, after: After = None) -> Connection[UserGroup]:
        found: Connection[UserGroup] = everything("user_groups")
        return found

    @strawberry.field(description="One job.")
    def job(self, id: Id) -> Job | None:
        found: Job | None = by_id("jobs", id)
        return found

    @strawberry.field(description="Jobs that the viewer may see, newest first; at most 1,000 a page.")
    def jobs(self, where: JobsWhere = None, first: First = None, after: After = None) -> Connection[Job]:
        found: Connection[Job] = everything("jobs")
        return found


def _by_name(name: str) -> Relation:
    pin = "{row}.id in (select n.target_id from target_names n where n.simplified = {0})"
    return Relation("targets", (Pin(pin, ((simplify_name(name), "text"),)),))
