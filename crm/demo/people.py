"""The demo's users and teams: one for each kind of access, so that everything can be seen as each of them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.hashers import make_password

from crm.accounts.levels import SETS, Area, Level, Right
from crm.accounts.models import Team, User
from crm.demo import words

ADMINISTRATOR = "demo"
# Whoever manages a team: sees and edits what it has, takes it along and mails it.
MANAGES = {f"{act}_{area}": Level.TEAM for act in ("view", "edit") for area in Area} | {
    f"may_{right}": right in (Right.EXPORT, Right.MAIL) for right in Right
}
ACCESS: dict[str, dict[str, Any]] = {"manages": MANAGES} | {one.code: one.values() for one in SETS}


def owners() -> list[int]:
    """Ids of the demo's users, those that are missing made with their teams, and of its administrator, if any.

    They cannot sign in until somebody gives them a password.
    """
    ids, made = {}, False
    for username, first_name, last_name, access in words.OWNERS:
        defaults = {
            "first_name": first_name,
            "last_name": last_name,
            "email": f"{username}@example.com",
            "password": make_password(None),
            **ACCESS[access],
        }
        user, new = User.objects.get_or_create(username=username, defaults=defaults)
        ids[username] = user.pk
        made |= new
    if made:
        _make_teams(ids)
    administrator = User.objects.filter(username=ADMINISTRATOR).first()
    # Always as many, so that the same seed gives the same data with an administrator and without.
    found = list(ids.values())
    return [*found, administrator.pk if administrator else found[0]]


def let_in_like(administrator: User) -> None:
    """Let the demo's users who have no password yet sign in with the administrator's."""
    for user in User.objects.filter(username__in=[name for name, *_ in words.OWNERS]):
        if not user.has_usable_password():
            user.password = administrator.password
            user.save(update_fields=["password"])


def _make_teams(ids: dict[str, int]) -> None:
    for name, manager, members in words.TEAMS:
        team, new = Team.objects.get_or_create(name=name)
        if new:
            team.managers.set([ids[manager]])
            team.members.set([ids[member] for member in members])
