"""The tables, as Tortoise models: the source of the migrations.

Reads are compiled to SQL and writes are SQL in the verbs, so these classes serve as the tables' definition and are
never instantiated. What a model cannot say (composite keys, generated columns, checks, triggers) stands in the
migration named ``..._rules``; a test compares models and database.
"""

from tomgql.store.tables.data import ReducedDatum, ReducedDatumDisabling, ReducedDatumRevision
from tomgql.store.tables.log import Event, IdempotencyKey, Instance, Job, ShareLedger
from tomgql.store.tables.people import Membership, Token, User, UserGroup
from tomgql.store.tables.products import (
    DataProduct,
    DataProductGroup,
    DataProductGroupProduct,
    DataProductGroupUserGroup,
    FileUpload,
    Observation,
)
from tomgql.store.tables.surveys import HarvestRule, SurveyCredential, SurveyQuery
from tomgql.store.tables.targets import Target, TargetGrant, TargetList, TargetListMember, TargetName

__all__ = [
    "DataProduct",
    "DataProductGroup",
    "DataProductGroupProduct",
    "DataProductGroupUserGroup",
    "Event",
    "FileUpload",
    "HarvestRule",
    "IdempotencyKey",
    "Instance",
    "Job",
    "Membership",
    "Observation",
    "ReducedDatum",
    "ReducedDatumDisabling",
    "ReducedDatumRevision",
    "ShareLedger",
    "SurveyCredential",
    "SurveyQuery",
    "Target",
    "TargetGrant",
    "TargetList",
    "TargetListMember",
    "TargetName",
    "Token",
    "User",
    "UserGroup",
]
