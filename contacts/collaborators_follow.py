"""What becomes of collaborators when two contacts become one, and two again.

The survivor has those of both. Undoing gives the merged contact all that it had; the survivor loses who came with it.
"""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from contacts.events import contact_merged, contact_unmerged
from contacts.models import ContactCollaborator
from crm.accounts.models import User


@receiver(contact_merged)
def join_collaborators(
    survivor_id: int, merged_id: int, remembered: dict[str, Any], **kwargs: Any
) -> None:
    ours, theirs = _of(survivor_id), _of(merged_id)
    _add(survivor_id, theirs - ours)
    remembered["collaborators"] = {"all": sorted(theirs), "came": sorted(theirs - ours)}


@receiver(contact_unmerged)
def part_collaborators(
    survivor_id: int, merged_id: int, remembered: dict[str, Any], **kwargs: Any
) -> None:
    # Merges of before there were collaborators remember none.
    kept = remembered.get("collaborators", {"all": [], "came": []})
    ContactCollaborator.objects.filter(contact=survivor_id, user__in=kept["came"]).delete()
    there = User.objects.filter(pk__in=kept["all"])
    _add(merged_id, set(there.values_list("pk", flat=True)))


def _of(contact_id: int) -> set[int]:
    rows = ContactCollaborator.objects.filter(contact=contact_id).order_by()
    return set(rows.values_list("user", flat=True))


def _add(contact_id: int, users: set[int]) -> None:
    rows = [ContactCollaborator(contact_id=contact_id, user_id=user) for user in sorted(users)]
    ContactCollaborator.objects.bulk_create(rows, ignore_conflicts=True)
