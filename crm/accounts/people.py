"""Changing users: who they are, what they may do, and whether they are let in. Each change is in the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from crm.accounts.levels import Area, Level, Right
from crm.accounts.models import User
from crm.audit.models import Action
from crm.audit.services import record

LEVELS = [f"{act}_{area}" for area in Area.values for act in ("view", "edit")]
RIGHTS = [f"may_{right}" for right in Right.values]
ACCESS = ("role", *LEVELS, *RIGHTS)
PREFERENCES = ("language", "time_zone", "formats", "theme", "shortcuts")
PROFILE = ("username", "first_name", "last_name", "email", *PREFERENCES)

# What is written to the database for a property that is not a column.
COLUMNS = {"role": ("is_superuser", "is_staff")}


def snapshot(user: User) -> dict[str, Any]:
    """What the audit log compares of a user, as JSON holds it."""
    values = {name: getattr(user, name) for name in (*PROFILE, *ACCESS, "is_active")}
    return values | {"role": user.role.value}


def locked(user: User) -> User:
    """The user as stored, locked with the administrators: no two of them step down at once."""
    rows = User.objects.filter(Q(is_superuser=True) | Q(pk=user.pk)).order_by("pk")
    found = {one.pk: one for one in rows.select_for_update(no_key=True)}
    if user.pk not in found:
        raise ValidationError(_("This user does not exist any more."))
    return found[user.pk]


def change_user(user: User, **values: Any) -> User:
    """Set these fields of a user, ``role`` among them, and no others; returns the user as stored by then.

    Raises ``ValidationError`` by field for what is refused, and where nobody would be left to administer.
    """
    with transaction.atomic():
        stored = locked(user)
        before = snapshot(stored)
        for name, value in values.items():
            setattr(stored, name, value)
        if "email" in values:
            refuse_taken_address(stored)
        refuse_editing_more_than_seeing({name: getattr(stored, name) for name in LEVELS})
        stored.full_clean(exclude={"password"})
        columns = {column for name in values for column in COLUMNS.get(name, (name,))}
        stored.save(update_fields=sorted(columns))
        record_changes(before, stored)
    return stored


def deactivate(user: User) -> User:
    """Let nobody in under this name any more; whoever is signed in so is signed out at once.

    Raises ``ValidationError`` for the only administrator, and for whoever acts now.
    """
    return change_user(user, is_active=False)


def activate(user: User) -> User:
    return change_user(user, is_active=True)


def record_changes(before: Mapping[str, Any], user: User) -> None:
    """Write down how ``user``, which was saved, differs from the ``snapshot`` before; end what must end with it."""
    after = snapshot(user)
    for action, names in ((Action.USER_CHANGED, PROFILE), (Action.ACCESS_CHANGED, ACCESS)):
        changed = [name for name in names if before[name] != after[name]]
        if changed:
            record(
                action,
                user,
                before={name: before[name] for name in changed},
                after={name: after[name] for name in changed},
            )
    if before["is_active"] and not user.is_active:
        record(Action.USER_DEACTIVATED, user, sessions=_end_sessions(user))
    elif user.is_active and not before["is_active"]:
        record(Action.USER_ACTIVATED, user)


def _end_sessions(user: User) -> int:
    """Delete every session of a user, listed or not: else it would go on once they are let in again.

    Returns how many there were.
    """
    ended = [
        session.pk
        for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator()
        if session.get_decoded().get(SESSION_KEY) == str(user.pk)
    ]
    Session.objects.filter(pk__in=ended).delete()
    return len(ended)


def refuse_editing_more_than_seeing(levels: Mapping[str, Any]) -> None:
    """Raises ``ValidationError`` by field; ``levels`` are the fields of a user by name."""
    problems = {}
    for area in Area:
        view, edit = Level(levels[f"view_{area}"]), Level(levels[f"edit_{area}"])
        if edit > view:
            text = _(
                "%(area)s: nobody can edit more than they see. Choose at least “%(edit)s” under View, or at most "
                "“%(view)s” under Edit."
            )
            names = {"area": area.label, "edit": edit.label, "view": view.label}
            problems[f"edit_{area}"] = text % names
    if problems:
        raise ValidationError(problems)


def refuse_taken_address(user: User) -> None:
    """Raises ``ValidationError`` where another user has this e-mail address: with it people sign in."""
    others = User.objects.exclude(pk=user.pk).filter(email__iexact=user.email)
    other = others.first() if user.email else None
    if other is not None:
        text = _("%(name)s has this e-mail address already.")
        raise ValidationError({"email": text % {"name": other}})


def free_username(email: str) -> str:
    """A name to sign in with for somebody of whom only the address is known, which nobody has yet."""
    base = slugify(email.partition("@")[0].replace(".", " ")).replace("-", ".")[:140] or "user"
    taken = set(User.objects.filter(username__istartswith=base).values_list("username", flat=True))
    taken = {name.casefold() for name in taken}
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}{number}"
    return name
