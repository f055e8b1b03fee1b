"""Pipelines, deals, who is on them, and whom they count for."""

from deals.models.deal import Deal
from deals.models.merges import MergeRecord
from deals.models.people import DealContact, DealParty
from deals.models.pipelines import Pipeline, Stage
from deals.models.reasons import DealSource, LossReason, Reason, UnqualifiedReason

__all__ = [
    "Deal",
    "DealContact",
    "DealParty",
    "DealSource",
    "LossReason",
    "MergeRecord",
    "Pipeline",
    "Reason",
    "Stage",
    "UnqualifiedReason",
]
