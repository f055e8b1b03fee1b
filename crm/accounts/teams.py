"""Making and changing teams. Whose records a team reaches follows at once; no record is touched."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from crm.accounts.models import Team, User
from crm.audit.models import Action
from crm.audit.services import record


def save_team(team: Team, *, name: str, members: Iterable[User], managers: Iterable[User]) -> Team:
    """Make a team, or give one another name and other people. Raises ``ValidationError`` by field."""
    with transaction.atomic():
        if team.pk:
            team = _locked(team)
        before = snapshot_of_team(team) if team.pk else {}
        team.name = " ".join(name.split())
        _refuse_taken_name(team)
        team.full_clean()
        team.save()
        team.members.set(members)
        team.managers.set(managers)
        record_team(team, before)
    return team


def delete_team(team: Team) -> None:
    """Its people stay; they no longer reach what only the team let them reach."""
    with transaction.atomic():
        stored = _locked(team)
        record(Action.TEAM_CHANGED, stored, before=snapshot_of_team(stored))
        stored.delete()


def set_teams(
    user: User, *, members_of: Iterable[Team], managers_of: Iterable[Team] | None = None
) -> None:
    """Let a user be a member of these teams and no others; of those managed likewise, where given."""
    with transaction.atomic():
        wanted = {team.pk for team in members_of}
        managed = None if managers_of is None else {team.pk for team in managers_of}
        for team in Team.objects.order_by("pk").select_for_update(no_key=True):
            before = snapshot_of_team(team)
            _let(team.members, user, team.pk in wanted)
            if managed is not None:
                _let(team.managers, user, team.pk in managed)
            record_team(team, before)


def _let(people: Any, user: User, belongs: bool) -> None:
    if belongs:
        people.add(user)
    else:
        people.remove(user)


def _locked(team: Team) -> Team:
    found = Team.objects.select_for_update(no_key=True).filter(pk=team.pk).first()
    if found is None:
        raise ValidationError(_("This team does not exist any more."))
    return found


def _refuse_taken_name(team: Team) -> None:
    others = Team.objects.exclude(pk=team.pk).values_list("name", flat=True)
    if any(name.casefold() == team.name.casefold() for name in others):
        raise ValidationError({"name": _("There is a team of this name already.")})


def snapshot_of_team(team: Team) -> dict[str, Any]:
    """What the audit log compares of a team, as JSON holds it."""
    return {
        "name": team.name,
        "members": sorted(str(one) for one in team.members.all()),
        "managers": sorted(str(one) for one in team.managers.all()),
    }


def record_team(team: Team, before: dict[str, Any]) -> None:
    """Write down how ``team``, which was saved, differs from the snapshot before; empty for one that is new."""
    after = snapshot_of_team(team)
    changed = [name for name in after if before.get(name) != after[name]]
    if changed:
        record(
            Action.TEAM_CHANGED,
            team,
            before={name: before[name] for name in changed if name in before},
            after={name: after[name] for name in changed},
        )
