"""Saved lists and reading habits: finding, saving, renaming, remembering."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import slug_re
from django.db import IntegrityError, transaction
from django.http import QueryDict
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from crm.accounts.models import Team
from crm.lists.models import ListPreference, SmartList, teams_of
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


def may_change(saved: SmartList, user: Any) -> bool:
    """Whether ``user`` may save over a list that they see, name it and share it; a statement where it is a team's."""
    if saved.owner_id == user.pk or (saved.shared and user.is_superuser):
        return True
    return saved.team_id in changing_for_teams(user, [saved])


def changing_for_teams(user: Any, lists: Iterable[SmartList]) -> set[int]:
    """Of the teams that these lists are of, those whose lists ``user`` may change; at most one statement."""
    teams = {one.team_id for one in lists if one.team_id is not None}
    if not teams or user.is_superuser:
        return teams
    return set(Team.objects.filter(pk__in=teams, managers=user).values_list("pk", flat=True))


def create_list(
    state: ListState, user: Any, *, name: str, shared: bool, team: Team | None = None
) -> SmartList:
    """Keep a state as a new list of the user's: theirs alone, everybody's, or a team's.

    Raises ``ValidationError`` for a state that is not understood, and for a name that is empty or taken.
    """
    saved = SmartList(record=state.registry.record, owner=user, shared=shared, team=team)
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


def rename_list(
    saved: SmartList, *, name: str, shared: bool, team: Team | None = None
) -> SmartList:
    """Its address stays. Raises ``ValidationError`` for a name that is empty or taken."""
    saved.name, saved.shared, saved.team = _checked_name(saved, name), shared, team
    saved.save(update_fields=["name", "shared", "team"])
    return saved


# Who sees a list, as forms send it; a team by its number behind these letters.
ALONE, EVERYBODY, OF_TEAM = "0", "1", "team-"


@dataclass(frozen=True)
class Audience:
    """Who sees a list besides its owner: everybody, a team, or nobody."""

    shared: bool = False
    team: Team | None = None

    @property
    def value(self) -> str:
        if self.team:
            return f"{OF_TEAM}{self.team.pk}"
        return EVERYBODY if self.shared else ALONE

    @classmethod
    def of(cls, saved: SmartList) -> Audience:
        return cls(saved.shared, saved.team)


def audiences(user: Any, saved: SmartList | None = None) -> list[Audience]:
    """With whom ``user`` may share a list: with their own teams, an administrator with any; one statement.

    What is somebody else's and a team's, its managers keep among their teams.
    """
    teams = Team.objects.all() if user.is_superuser else teams_of(user)
    if saved is not None and saved.owner_id != user.pk and not user.is_superuser:
        return [Audience(team=one) for one in teams.filter(managers=user)]
    found = [Audience(), *(Audience(team=one) for one in teams), Audience(shared=True)]
    if saved is not None and saved.team and saved.team_id not in [one.pk for one in teams]:
        # Of a team that its owner has left.
        found.insert(1, Audience(team=saved.team))
    return found


def chosen_audience(offered: list[Audience], value: str) -> Audience:
    """Raises ``ValidationError`` for what is not among those offered."""
    for one in offered:
        if one.value == (value or ALONE):
            return one
    raise ValidationError({"shared": _("Choose with whom you share the list.")})


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
