"""Filtering by owner, the same in every list."""

from __future__ import annotations

from django.db.models import Q
from django.utils.translation import gettext as _

from crm.accounts.models import User

NOBODY = "none"


def owned(values: list[str]) -> Q:
    """Records of these owners, given as ids; “none” means nobody's."""
    ids = [int(value) for value in values if value != NOBODY]
    condition = Q(owner_id__in=ids)
    return condition | Q(owner_id__isnull=True) if NOBODY in values else condition


def owner_choices() -> list[tuple[str, str]]:
    users = User.objects.order_by("last_name", "first_name", "username")
    fields = users.only("first_name", "last_name", "username")
    return [*((str(user.pk), str(user)) for user in fields), (NOBODY, _("Nobody"))]
