"""Tags that are made where they are put on a record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Max
from django.utils.translation import gettext as _

from crm.folding import fold
from settings.catalogue import catalogue, forget
from settings.categories import Category
from settings.models import Account, Tag


def may_make_tags(user: Any) -> bool:
    """Whether this user may make tags: everybody, unless the account leaves that to administrators."""
    return bool(catalogue().account.tags_made_by == Account.TagMakers.ALL or user.is_staff)


def make_tags(category: Category, names: Sequence[str], user: Any) -> set[int]:
    """The numbers of the tags of these names, which are made as far as nobody made them meanwhile.

    Names must be such as tags may have. Three statements. Raises ``PermissionDenied`` for whoever may make none.
    """
    if not names:
        return set()
    if not may_make_tags(user):
        raise PermissionDenied(_("Administrators make tags, in the settings."))
    there = Tag.objects.live().filter(category=category)
    last = there.aggregate(last=Max("position"))["last"]
    first = 0 if last is None else last + 1
    new = [
        Tag(category=category, name=name, key=fold(name), position=first + number, created_by=user)
        for number, name in enumerate(names)
    ]
    Tag.objects.bulk_create(new, ignore_conflicts=True)
    forget()
    keys = [tag.key for tag in new]
    return set(there.filter(key__in=keys).values_list("pk", flat=True))
