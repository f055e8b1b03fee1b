"""Saved lists and reading habits: finding, saving, renaming, remembering."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import slug_re
from django.db import IntegrityError, transaction
from django.http import QueryDict
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from crm.lists.models import ListPreference, SmartList
from crm.lists.registry import Registry
from crm.lists.state import Listed, ListState

# Words of addresses that no list can have.
TAKEN = ("new", "tabs", "counts", "menu")


def found_list(registry: Registry, user: Any, slug: str) -> Listed | None:
    """The ready or saved list with this address that the user may see."""
    ready = registry.ready_list(slug)
    if ready is not None:
        return ready
    if not slug_re.match(slug):
        # A posted one may hold what the database cannot.
        return None
    return SmartList.objects.visible_to(user).filter(record=registry.record, slug=slug).first()


def preference_of(user: Any, record: str) -> ListPreference:
    """How the user likes to read these lists; unsaved where nothing was chosen yet."""
    found = ListPreference.objects.filter(user=user, record=record).first()
    return found or ListPreference(user=user, record=record)


# -- lists


class ChangedMeanwhile(ValidationError):
    """Somebody saved the list since it was read; ``stored`` is what it is now."""

    def __init__(self, stored: SmartList) -> None:
        super().__init__(_("Somebody changed this list meanwhile."))
        self.stored = stored


def whole_query(state: ListState) -> str:
    """The state as it must be read without the list under its address, which somebody may change meanwhile."""
    query = QueryDict(mutable=True)
    for name, value in state.conditions.pairs():
        query.appendlist(name, value)
    query["sort"] = state.sort_text
    query["columns"] = ",".join(state.column_names)
    if state.text:
        query["q"] = state.text
    return query.urlencode()


def create_list(state: ListState, user: Any, *, name: str, shared: bool) -> SmartList:
    """Keep a state as a new list of the user's.

    Raises ``ValidationError`` for a state that is not understood, and for a name that is empty or taken.
    """
    saved = SmartList(record=state.registry.record, owner=user, shared=shared)
    saved.name = _checked_name(saved, name)
    _take(saved, state)
    _save_under_free_slug(state.registry, saved)
    return saved


def save_list(saved: SmartList, state: ListState, *, version: str) -> SmartList:
    """Make a state the new content of a list that was read in ``version``.

    Raises ``ChangedMeanwhile`` where it has another one by now, and ``ValidationError`` for a state that is not
    understood.
    """
    with transaction.atomic():
        stored = SmartList.objects.select_for_update().get(pk=saved.pk)
        if stored.updated_at.isoformat() != version:
            raise ChangedMeanwhile(stored)
        _take(stored, state)
        stored.save()
    return stored


def rename_list(saved: SmartList, *, name: str, shared: bool) -> SmartList:
    """Its address stays. Raises ``ValidationError`` for a name that is empty or taken."""
    saved.name, saved.shared = _checked_name(saved, name), shared
    saved.save(update_fields=["name", "shared"])
    return saved


def _take(saved: SmartList, state: ListState) -> None:
    if state.faults:
        raise ValidationError(state.faults)
    saved.conditions = state.conditions.as_data()
    saved.text, saved.sort = state.text, state.sort_text
    saved.columns = state.column_names
    saved.updated_at = timezone.now()


def _checked_name(saved: SmartList, name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise ValidationError({"name": _("Give the list a name.")})
    if "\x00" in name or any("\ud800" <= char <= "\udfff" for char in name):
        raise ValidationError({"name": _("The name holds a character that no text can hold.")})
    if len(name) > 80:
        raise ValidationError({"name": _("A name has at most 80 characters.")})
    own = SmartList.objects.filter(record=saved.record, owner_id=saved.owner_id).exclude(
        pk=saved.pk
    )
    if any(one.casefold() == name.casefold() for one in own.values_list("name", flat=True)):
        raise ValidationError({"name": _("You have a list of this name already.")})
    return name


def _save_under_free_slug(registry: Registry, saved: SmartList) -> None:
    """Two who save lists of one name at once both begin with the same address: the later one takes another."""
    for _attempt in range(5):
        saved.slug = free_slug(registry, saved.name)
        try:
            with transaction.atomic():
                saved.save()
        except IntegrityError:
            saved.pk = None
        else:
            return
    raise ValidationError({"name": _("Choose another name; this one is being used right now.")})


def free_slug(registry: Registry, name: str) -> str:
    """An address that no list of this type has, neither ready nor anybody's."""
    base = slugify(name)[:80] or "list"
    taken = {one.slug for one in registry.ready} | set(TAKEN)
    stored = SmartList.objects.filter(record=registry.record, slug__startswith=base)
    taken |= set(stored.values_list("slug", flat=True))
    number = 1
    slug = base
    while slug in taken:
        number += 1
        slug = f"{base}-{number}"
    return slug


# -- habits


def remember(user: Any, record: str, **habits: Any) -> ListPreference:
    """Keep how the user reads the lists of a type: columns, density, per_page, own_tabs."""
    found, _created = ListPreference.objects.update_or_create(
        user=user, record=record, defaults=habits
    )
    return found
