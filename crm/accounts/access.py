"""The conditions behind ``visible_to`` and ``editable_by``: whose records a user reaches."""

from __future__ import annotations

from typing import Any, Literal

from django.db.models import Q, QuerySet

from crm.accounts.levels import Area, Level, Right

Act = Literal["view", "edit"]

NOTHING = Q(pk__in=())


def is_active(user: Any) -> bool:
    """Whether it is somebody who is signed in and was not deactivated."""
    return bool(user is not None and user.is_authenticated and user.is_active)


def level_of(user: Any, area: Area, act: Act) -> Level:
    """How far ``user`` reaches in an area; nowhere for who is not signed in, everywhere for administrators."""
    if not is_active(user):
        return Level.NONE
    if user.is_superuser:
        return Level.ALL
    return Level(getattr(user, f"{act}_{area}"))


def may(user: Any, right: Right) -> bool:
    return is_active(user) and (user.is_superuser or bool(getattr(user, f"may_{right}")))


def reach(user: Any, level: Level, collaborators: QuerySet, prefix: str = "") -> Q:
    """The records that ``user`` reaches at a level, as a condition on them, or on where ``prefix`` leads.

    ``collaborators`` are the rows that say who collaborates, given as the ids of their records under ``user``. A
    team's people are asked for once for each user that was loaded, and stand in the condition by their ids: so no
    record has to be touched when a team changes, and the database sees how few they are.
    """
    if level == Level.ALL:
        return Q()
    if level == Level.NONE:
        return Q(**{f"{prefix}pk__in": ()})
    people = [user.pk] if level == Level.OWN else user.team_ids
    ours = collaborators.filter(user__in=people)
    return Q(**{f"{prefix}owner__in": people}) | Q(**{f"{prefix}pk__in": ours})
