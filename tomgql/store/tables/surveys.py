"""Survey services: queries that run for hours, rules that ask again, and the secrets that services want."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from tomgql.store.tables.columns import created_at, key
from tomgql.store.tables.log import Job
from tomgql.store.tables.people import User
from tomgql.store.tables.targets import Target, TargetList


class SurveyQuery(Model):
    """One query of a survey service: what was asked, and where its machine of states is.

    ``digest`` tells equal queries. ``stepping`` is true while a step is made whose outcome is not stored; found true
    by another attempt, that step was interrupted.
    """

    id = key()
    job: fields.OneToOneRelation[Job] = fields.OneToOneField("tomgql.Job", related_name=False)
    service = fields.CharField(50)
    parameters = fields.JSONField[dict[str, object]](db_default={})
    digest = fields.CharField(64, db_index=True)
    state = fields.JSONField[dict[str, object]](db_default={})
    stepping = fields.BooleanField(db_default=False)
    products = fields.JSONField[list[int]](db_default=[])
    begun = created_at()

    class Meta:
        table = "survey_queries"


class HarvestRule(Model):
    """Ask a survey service about a target, or each target of a list, again and again."""

    id = key()
    service = fields.CharField(50)
    parameters = fields.JSONField[dict[str, object]](db_default={})
    target: fields.ForeignKeyNullableRelation[Target] = fields.ForeignKeyField(
        "tomgql.Target", null=True, related_name=False
    )
    target_list: fields.ForeignKeyNullableRelation[TargetList] = fields.ForeignKeyField(
        "tomgql.TargetList", null=True, related_name=False
    )
    every_days = fields.FloatField()
    enabled = fields.BooleanField(db_default=True)
    due = created_at()
    message = fields.TextField(db_default="")
    created_by: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("tomgql.User", related_name=False)
    created = created_at()
    modified = created_at()

    class Meta:
        table = "harvest_rules"


class SurveyCredential(Model):
    """The secrets that one user, or everybody where there is no user, gives to one service; encrypted."""

    id = key()
    service = fields.CharField(50)
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField("tomgql.User", null=True, related_name=False)
    names = fields.JSONField[list[str]]()
    secrets = fields.BinaryField()
    created = created_at()
    modified = created_at()

    class Meta:
        table = "survey_credentials"
