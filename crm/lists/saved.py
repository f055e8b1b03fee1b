"""Saved lists, tabs and reading habits: finding, saving, pinning, reordering."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from crm.lists.models import ListPreference, ListTab, SmartList
from crm.lists.registry import Registry
from crm.lists.state import Listed, ListState


def found_list(registry: Registry, user: Any, slug: str) -> Listed | None:
    """The ready or saved list with this address that the user may see."""
    ready = registry.ready_list(slug)
    if ready is not None:
        return ready
    return SmartList.objects.visible_to(user).filter(record=registry.record, slug=slug).first()


def preference_of(user: Any, record: str) -> ListPreference:
    """How the user likes to read these lists; unsaved where nothing was chosen yet."""
    found = ListPreference.objects.filter(user=user, record=record).first()
    return found or ListPreference(user=user, record=record)


# -- lists


def save_list(
    state: ListState, user: Any, *, name: str, shared: bool, smart_list: SmartList | None = None
) -> SmartList:
    """Keep a state under a name: as a new list, or as the new content of ``smart_list``.

    Raises ``ValidationError`` for a state that is not understood, and for an empty name.
    """
    name = " ".join(name.split())
    if not name:
        raise ValidationError({"name": _("Give the list a name.")})
    if len(name) > 80:
        raise ValidationError({"name": _("A name has at most 80 characters.")})
    if state.faults:
        raise ValidationError(state.faults)
    saved = smart_list or SmartList(record=state.registry.record, owner=user)
    saved.name, saved.shared = name, shared
    saved.conditions = state.conditions.as_data()
    saved.text, saved.sort = state.text, state.sort_text
    saved.columns = state.column_names
    saved.updated_at = timezone.now()
    with transaction.atomic():
        if smart_list is not None:
            saved.save()
            return saved
        saved.slug = free_slug(state.registry, name)
        saved.save()
        pin(user, state.registry, saved)
    return saved


def free_slug(registry: Registry, name: str) -> str:
    """An address that no list of this type has, neither ready nor anybody's."""
    base = slugify(name)[:80] or "list"
    taken = {one.slug for one in registry.ready} | {"new", "tabs"}
    stored = SmartList.objects.filter(record=registry.record, slug__startswith=base)
    taken |= set(stored.values_list("slug", flat=True))
    number = 1
    slug = base
    while slug in taken:
        number += 1
        slug = f"{base}-{number}"
    return slug


# -- tabs


def tabs_of(registry: Registry, user: Any, preference: ListPreference) -> list[Listed]:
    """The lists pinned by the user, else those for new users, else the ready ones."""
    whose = user if preference.own_tabs else None
    found = _pinned(registry, user, whose)
    if not found and not preference.own_tabs:
        return [one for one in registry.ready if one.slug in registry.first_tabs]
    return found


def _pinned(registry: Registry, user: Any, whose: Any) -> list[Listed]:
    rows = ListTab.objects.filter(user=whose, record=registry.record).select_related("saved")
    found: list[Listed] = []
    for row in rows:
        saved = row.saved
        if saved is not None:
            # A list that is not shared any more stays pinned unseen.
            if saved.shared or saved.owner_id == user.pk:
                found.append(saved)
        elif ready := registry.ready_list(row.ready):
            found.append(ready)
    return found


def set_tabs(registry: Registry, user: Any, lists: Sequence[Listed], *, whose: Any) -> None:
    """Pin exactly these lists in this order, for ``whose``; None: for those who have chosen no tabs yet.

    Raises ``ValidationError`` when ``user`` may not, or when a tab for all is not everybody's list.
    """
    if whose is None:
        if not user.is_superuser:
            raise ValidationError(_("Only an administrator chooses the tabs of new users."))
        if any(isinstance(one, SmartList) and not one.shared for one in lists):
            raise ValidationError(_("Only lists that are everybody's can be tabs of new users."))
    with transaction.atomic():
        ListTab.objects.filter(user=whose, record=registry.record).delete()
        ListTab.objects.bulk_create(
            ListTab(
                user=whose,
                record=registry.record,
                position=position,
                saved=one if isinstance(one, SmartList) else None,
                ready="" if isinstance(one, SmartList) else one.slug,
            )
            for position, one in enumerate(lists)
        )
        if whose is not None:
            remember(whose, registry.record, own_tabs=True)


def pin(user: Any, registry: Registry, listed: Listed) -> None:
    """Pin a list for the user, after the tabs there are; one that is pinned stays where it is."""
    preference = preference_of(user, registry.record)
    if preference.own_tabs:
        rows = ListTab.objects.filter(user=user, record=registry.record)
        key: dict[str, Any] = (
            {"saved": listed} if isinstance(listed, SmartList) else {"ready": listed.slug}
        )
        last = rows.aggregate(last=Max("position"))["last"]
        rows.get_or_create(
            user=user, record=registry.record, **key, defaults={"position": (last or 0) + 1}
        )
        return
    tabs = tabs_of(registry, user, preference)
    if listed not in tabs:
        set_tabs(registry, user, [*tabs, listed], whose=user)


def unpin(user: Any, registry: Registry, listed: Listed) -> None:
    tabs = tabs_of(registry, user, preference_of(user, registry.record))
    set_tabs(registry, user, [one for one in tabs if one != listed], whose=user)


def move_tab(user: Any, registry: Registry, slug: str, *, by: int) -> None:
    """Move a tab to the left (-1) or right (1); at the end it stays."""
    tabs = tabs_of(registry, user, preference_of(user, registry.record))
    at = next((n for n, one in enumerate(tabs) if one.slug == slug), None)
    if at is None or not 0 <= at + by < len(tabs):
        return
    tabs.insert(at + by, tabs.pop(at))
    set_tabs(registry, user, tabs, whose=user)


# -- habits


def remember(user: Any, record: str, **habits: Any) -> ListPreference:
    """Keep how the user reads the lists of a type: columns, density, per_page, own_tabs."""
    found, _created = ListPreference.objects.update_or_create(
        user=user, record=record, defaults=habits
    )
    return found
