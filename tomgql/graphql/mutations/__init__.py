"""The root of changes: each field calls one verb and names what is read back."""

from __future__ import annotations

import strawberry

from tomgql.graphql.mutations.bulk_targets import BulkTargetMutations
from tomgql.graphql.mutations.data import DataMutations
from tomgql.graphql.mutations.destinations import DestinationMutations
from tomgql.graphql.mutations.lists import ListMutations
from tomgql.graphql.mutations.observations import ObservationMutations
from tomgql.graphql.mutations.peers import PeerMutations
from tomgql.graphql.mutations.people import PeopleMutations
from tomgql.graphql.mutations.products import ProductMutations
from tomgql.graphql.mutations.removal import RemovalMutations
from tomgql.graphql.mutations.shares import ShareMutations
from tomgql.graphql.mutations.surveys import SurveyMutations
from tomgql.graphql.mutations.target_changes import TargetChangeMutations
from tomgql.graphql.mutations.targets import TargetMutations
from tomgql.graphql.mutations.uploads import UploadMutations


@strawberry.type(description="Changes. Expected failures are in each payload's `errors`.")
class Mutation(
    TargetMutations,
    TargetChangeMutations,
    BulkTargetMutations,
    ListMutations,
    ObservationMutations,
    UploadMutations,
    ProductMutations,
    DataMutations,
    RemovalMutations,
    SurveyMutations,
    DestinationMutations,
    ShareMutations,
    PeerMutations,
    PeopleMutations,
):
    pass
