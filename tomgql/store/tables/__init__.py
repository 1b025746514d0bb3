"""The tables, as Tortoise models: the source of the migrations.

Reads are compiled to SQL and writes are SQL in the verbs, so these classes serve as the tables' definition and are
never instantiated. What a model cannot say (composite keys, generated columns, checks, triggers) stands in the
migration named ``..._rules``; a test compares models and database.
"""

from tomgql.store.tables.data import ReducedDatum, ReducedDatumDisabling, ReducedDatumRevision
from tomgql.store.tables.federation import PeerRefusal, PeerSubscription, Road, TargetGlobalId, Tombstone
from tomgql.store.tables.log import Event, IdempotencyKey, Instance, Job
from tomgql.store.tables.people import Membership, Token, User, UserGroup
from tomgql.store.tables.products import (
    DataProduct,
    DataProductGroup,
    DataProductGroupProduct,
    DataProductGroupUserGroup,
    FileUpload,
    Observation,
)
from tomgql.store.tables.sharing import ContinuousShare, Destination, DestinationGrant, Share, ShareLedger
from tomgql.store.tables.surveys import HarvestRule, SurveyCredential, SurveyQuery
from tomgql.store.tables.targets import Target, TargetGrant, TargetList, TargetListMember, TargetName

__all__ = [
    "ContinuousShare",
    "DataProduct",
    "DataProductGroup",
    "DataProductGroupProduct",
    "DataProductGroupUserGroup",
    "Destination",
    "DestinationGrant",
    "Event",
    "FileUpload",
    "HarvestRule",
    "IdempotencyKey",
    "Instance",
    "Job",
    "Membership",
    "Observation",
    "PeerRefusal",
    "PeerSubscription",
    "ReducedDatum",
    "ReducedDatumDisabling",
    "ReducedDatumRevision",
    "Road",
    "Share",
    "ShareLedger",
    "SurveyCredential",
    "SurveyQuery",
    "Target",
    "TargetGlobalId",
    "TargetGrant",
    "TargetList",
    "TargetListMember",
    "TargetName",
    "Token",
    "Tombstone",
    "User",
    "UserGroup",
]
