"""Users of every kind of access, and what belongs to whom."""

from __future__ import annotations

from typing import Any

from crm.accounts.levels import SETS, Area, Level, Right, Role
from crm.accounts.models import Team, User


def member(name: str, *, rights: bool = True, **levels: tuple[Level, Level] | Level | int) -> User:
    """A member with these levels by area, ``(view, edit)`` or one for both; all where nothing is said."""
    user = User(username=name, first_name=name.capitalize(), language="en")
    for area in Area.values:
        given: Any = levels.get(area, Level.ALL)
        view, edit = given if isinstance(given, tuple) else (given, given)
        setattr(user, f"view_{area}", view)
        setattr(user, f"edit_{area}", edit)
    for right in Right.values:
        setattr(user, f"may_{right}", rights)
    user.set_unusable_password()
    user.save()
    return user


def with_set(name: str, code: str) -> User:
    """A member with one of the ready-made sets."""
    user = member(name)
    chosen = next(one for one in SETS if one.code == code)
    User.objects.filter(pk=user.pk).update(**chosen.values())
    return User.objects.get(pk=user.pk)


def administrator(name: str = "root") -> User:
    user = User(username=name, first_name=name.capitalize(), language="en")
    user.role = Role.ADMINISTRATOR
    user.set_unusable_password()
    user.save()
    return user


def team(name: str, *members: User, managers: tuple[User, ...] = ()) -> Team:
    made = Team.objects.create(name=name)
    made.members.set(members)
    made.managers.set(managers)
    return made


def reloaded(user: User) -> User:
    """As a next request would find the user: without what was remembered of the teams."""
    return User.objects.get(pk=user.pk)
