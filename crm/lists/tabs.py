"""The lists pinned above the rows: everybody's own, and those that new users start with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from crm.accounts.models import User
from crm.lists.models import ListPreference, ListTab, SmartList
from crm.lists.registry import Registry
from crm.lists.saved import preference_of, remember
from crm.lists.state import Listed

TABS_AT_MOST = 30


def tabs_of(registry: Registry, user: Any, preference: ListPreference) -> list[Listed]:
    """The lists pinned by the user, else those for new users, else the ready ones."""
    if preference.own_tabs:
        return _pinned(registry, user, user)
    return first_tabs(registry, user)


def first_tabs(registry: Registry, user: Any) -> list[Listed]:
    """The tabs that new users start with."""
    found = _pinned(registry, user, None)
    return found or [one for one in registry.ready if one.slug in registry.first_tabs]


def _pinned(registry: Registry, user: Any, whose: Any) -> list[Listed]:
    # A list that is not shared any more stays pinned unseen.
    seen = Q(saved=None) | Q(saved__in=SmartList.objects.visible_to(user).values("pk"))
    rows = ListTab.objects.filter(seen, user=whose, record=registry.record).select_related("saved")
    found: list[Listed] = []
    for row in rows:
        if row.saved is not None:
            found.append(row.saved)
        elif ready := registry.ready_list(row.ready):
            found.append(ready)
    return found


def set_tabs(registry: Registry, user: Any, lists: Sequence[Listed], *, whose: Any) -> None:
    """Pin exactly these lists in this order, for ``whose``; None: for those who have chosen no tabs yet.

    Raises ``ValidationError`` when ``user`` may not, or when a tab for all is not everybody's list.
    """
    if whose is None and not user.is_superuser:
        raise ValidationError(_("Only an administrator chooses the tabs of new users."))
    if whose is None and any(isinstance(one, SmartList) and not one.shared for one in lists):
        raise ValidationError(_("Only lists that are everybody's can be tabs of new users."))
    if len(lists) > TABS_AT_MOST:
        raise ValidationError(_("At most %(number)d lists can be tabs.") % {"number": TABS_AT_MOST})
    with transaction.atomic():
        _lock(user)
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


def _lock(user: Any) -> None:
    """Two windows of one user pin one after the other, not both at once."""
    User.objects.select_for_update().filter(pk=user.pk).first()


def pin(registry: Registry, user: Any, listed: Listed, *, whose: Any) -> None:
    """Pin a list after the tabs there are; one that is pinned stays where it is."""
    tabs = _tabs_of_whom(registry, user, whose)
    if listed not in tabs:
        set_tabs(registry, user, [*tabs, listed], whose=whose)


def unpin(registry: Registry, user: Any, slug: str, *, whose: Any) -> None:
    tabs = _tabs_of_whom(registry, user, whose)
    set_tabs(registry, user, [one for one in tabs if one.slug != slug], whose=whose)


def move_tab(registry: Registry, user: Any, slug: str, *, by: int, whose: Any) -> None:
    """Move a tab to the left (-1) or right (1); at the end it stays."""
    tabs = _tabs_of_whom(registry, user, whose)
    at = next((n for n, one in enumerate(tabs) if one.slug == slug), None)
    if at is None or not 0 <= at + by < len(tabs):
        return
    tabs.insert(at + by, tabs.pop(at))
    set_tabs(registry, user, tabs, whose=whose)


def order_tabs(registry: Registry, user: Any, slugs: Sequence[str], *, whose: Any) -> None:
    """Bring the tabs into this order; those that it does not name, since they came meanwhile, follow in theirs."""
    tabs = _tabs_of_whom(registry, user, whose)
    places = {slug: place for place, slug in enumerate(slugs)}
    tabs.sort(key=lambda one: places.get(one.slug, len(places)))
    set_tabs(registry, user, tabs, whose=whose)


def forget_own_tabs(registry: Registry, user: Any) -> None:
    """The user has the tabs of new users again."""
    with transaction.atomic():
        ListTab.objects.filter(user=user, record=registry.record).delete()
        remember(user, registry.record, own_tabs=False)


def _tabs_of_whom(registry: Registry, user: Any, whose: Any) -> list[Listed]:
    if whose is None:
        return first_tabs(registry, user)
    return tabs_of(registry, user, preference_of(user, registry.record))


def pinned_by(saved: SmartList, *, besides: Any) -> int:
    """How many other people have the list as a tab of their own."""
    tabs = ListTab.objects.filter(saved=saved, user__isnull=False)
    return tabs.exclude(user=besides).count()
