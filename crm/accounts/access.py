"""The conditions behind ``visible_to`` and ``editable_by``: whose records a user reaches."""

from __future__ import annotations

from typing import Any, Literal

from django.db.models import F, Lookup, Q, QuerySet

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


class OneOf(Lookup[Any]):
    """Whether somebody's number is among a few, which stand in the statement itself.

    As parameters, fifty of them would cost a list more than finding its rows. Of many, SQLite looks at an index of
    the list; else it would fetch the rows of each person one by one, which is half of all. Not to be negated: it is
    NULL where there is nobody.
    """

    lookup_name = "one_of"
    prepare_rhs = False
    # How many people SQLite looks up one after the other.
    FEW = 10

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        lhs, params = self.process_lhs(compiler, connection)
        numbers = ", ".join(str(int(number)) for number in self.rhs)
        return f"{lhs} IN ({numbers})", params

    def as_sqlite(self, compiler: Any, connection: Any) -> Any:
        sql, params = self.as_sql(compiler, connection)
        return (f"+{sql}" if len(self.rhs) > self.FEW else sql), params


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
    if level == Level.OWN:
        theirs, ours = Q(**{f"{prefix}owner": user.pk}), collaborators.filter(user=user.pk)
    else:
        theirs = Q(OneOf(F(f"{prefix}owner"), user.team_ids))
        ours = collaborators.filter(user__in=user.team_ids)
    return theirs | Q(**{f"{prefix}pk__in": ours})
