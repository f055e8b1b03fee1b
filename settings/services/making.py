"""Making tags, naming and colouring them anew, and putting tags and fields in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.actor import current_actor
from crm.names import name_key
from settings.catalogue import catalogue, forget
from settings.categories import Category, Color
from settings.models import Account, CustomField, Tag


def create_tag(category: Category, *, name: str, color: str = Color.GRAY) -> Tag:
    """A new tag at the end of its category. Raises ``ValidationError`` for a name that is none or is taken."""
    tag = Tag(category=category, name=name, color=color, position=_next_position(category))
    tag.created_by = current_actor()
    _save(tag)
    return tag


def _next_position(category: Category) -> int:
    last = Tag.objects.live().filter(category=category).aggregate(last=models.Max("position"))
    return 0 if last["last"] is None else int(last["last"]) + 1


def change_tag(tag: Tag, *, name: str, color: str) -> Tag:
    """Give a tag another name or colour; whoever carries it goes on carrying it.

    Raises ``ValidationError`` for a name that is none or is taken, and for a tag that is removed.
    """
    with transaction.atomic():
        found = Tag.objects.live().select_for_update(no_key=True).filter(pk=tag.pk).first()
        if found is None:
            raise ValidationError(_("“%(name)s” is removed already.") % {"name": tag.name})
        found.name, found.color = name, color
        _save(found)
    return found


def _save(tag: Tag) -> None:
    tag.full_clean()
    try:
        with transaction.atomic():
            tag.save()
    except IntegrityError:
        # Somebody else made one of this name between the look and the writing.
        raise ValidationError(_("There is one of this name already.")) from None


def shift(label: Tag | CustomField, by: int) -> None:
    """Move a tag or field up (-1) or down (1) among those of its category; at the end it stays.

    Raises ``ValidationError`` for one that is removed.
    """
    model: Any = type(label)
    with transaction.atomic():
        rows = model.objects.live().filter(category=label.category)
        list(rows.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
        ordered = list(rows)
        at = next((at for at, one in enumerate(ordered) if one.pk == label.pk), None)
        if at is None:
            raise ValidationError(_("“%(name)s” is removed already.") % {"name": label.name})
        ordered.insert(min(max(at + by, 0), len(ordered) - 1), ordered.pop(at))
        moved = []
        for position, one in enumerate(ordered):
            if one.position != position:
                one.position, one.updated_at = position, timezone.now()
                moved.append(one)
        model.objects.bulk_update(moved, ["position", "updated_at"])
    forget()


def let_make_tags(makers: str) -> None:
    """Say who may make tags: ``Account.TagMakers``."""
    if makers not in Account.TagMakers.values:
        raise ValidationError(_("Choose who may create tags."))
    Account.objects.update_or_create(pk=1, defaults={"tags_made_by": makers})


def may_make_tags(user: Any) -> bool:
    """Whether this user may make tags: everybody, unless the account leaves that to administrators."""
    return bool(catalogue().account.tags_made_by == Account.TagMakers.ALL or user.is_superuser)


def make_tags(category: Category, names: Sequence[str], user: Any) -> set[int]:
    """The numbers of the tags of these names, which are made as far as nobody made them meanwhile.

    Names must be such as tags may have. Three statements. Raises ``PermissionDenied`` for whoever may make none.
    """
    if not names:
        return set()
    if not may_make_tags(user):
        raise PermissionDenied(_("Administrators make tags, in the settings."))
    there = Tag.objects.live().filter(category=category)
    first = _next_position(category)
    new = [
        Tag(
            category=category,
            name=name,
            key=name_key(name),
            position=first + number,
            created_by=user,
        )
        for number, name in enumerate(names)
    ]
    Tag.objects.bulk_create(new, ignore_conflicts=True)
    forget()
    keys = [tag.key for tag in new]
    return set(there.filter(key__in=keys).values_list("pk", flat=True))
