"""Pipelines, deals, who is on them, whom they count for, and the tags and fields they carry."""

from deals.models.collaborators import DealCollaborator
from deals.models.deal import Deal
from deals.models.labels import DealChange, DealTag, DealValue, RequiredAt
from deals.models.merges import MergeRecord
from deals.models.people import DealContact, DealParty
from deals.models.pipelines import Pipeline, Stage
from deals.models.quiet import KeptQuiet
from deals.models.reasons import DealSource, LossReason, Reason, UnqualifiedReason

__all__ = [
    "Deal",
    "DealChange",
    "DealCollaborator",
    "DealContact",
    "DealParty",
    "DealSource",
    "DealTag",
    "DealValue",
    "KeptQuiet",
    "LossReason",
    "MergeRecord",
    "Pipeline",
    "Reason",
    "RequiredAt",
    "Stage",
    "UnqualifiedReason",
]
