"""Letting others work on a record besides its owner."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db import transaction
from django.db.models import Model
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.accounts.models import User
from crm.audit.models import Action
from crm.audit.services import record as record_act

NAME = ("first_name", "last_name", "username")


def collaborators_of(record: Any) -> list[User]:
    """Who collaborates on a contact or deal, in the order of their names; one statement."""
    ids = record.collaborations.order_by().values("user")
    return list(User.objects.filter(pk__in=ids).order_by(*NAME))


@transaction.atomic
def add_collaborator(record: Any, user: User) -> bool:
    """Let ``user`` work on the record as on their own; False where they do already."""
    before = _names(record)
    _row, added = record.collaborations.get_or_create(user=user)
    if added:
        _note(record, before)
    return bool(added)


@transaction.atomic
def remove_collaborator(record: Any, user: User) -> bool:
    """Take that back; False where they do not collaborate."""
    before = _names(record)
    removed, _by_model = record.collaborations.filter(user=user).delete()
    if removed:
        _note(record, before)
    return bool(removed)


def _names(record: Any) -> list[str]:
    return [str(user) for user in collaborators_of(record)]


def _note(record: Model, before: list[str]) -> None:
    record_act(
        Action.SHARED,
        record,
        before={"collaborators": before},
        after={"collaborators": _names(record)},
    )


class CollaboratorForm(forms.Form):
    """One more collaborator (``on``), or one less (``off``)."""

    on = forms.ModelChoiceField(
        label=gettext_lazy("Collaborator"),
        queryset=User.objects.none(),
        required=False,
        empty_label=gettext_lazy("Choose a person"),
        error_messages={
            "invalid_choice": gettext_lazy(
                "Choose somebody who can sign in, and who neither owns it nor collaborates on it already."
            )
        },
    )
    off = forms.ModelChoiceField(
        queryset=User.objects.none(),
        required=False,
        error_messages={"invalid_choice": gettext_lazy("They do not collaborate on it any more.")},
    )

    def __init__(self, *args: Any, record: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.record = record
        ids = record.collaborations.order_by().values("user")
        others = User.objects.filter(is_active=True).exclude(pk__in=ids)
        self.fields["on"].queryset = others.exclude(pk=record.owner_id).order_by(*NAME)  # type: ignore[attr-defined]
        self.fields["off"].queryset = User.objects.filter(pk__in=ids)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and not (cleaned.get("on") or cleaned.get("off")):
            self.add_error("on", _("Choose a person."))
        return cleaned

    def save(self) -> str:
        """Do what was sent; returns what was done, in a sentence."""
        name = self.record.name
        if user := self.cleaned_data["on"]:
            add_collaborator(self.record, user)
            return _("%(person)s collaborates on “%(name)s” now.") % {"person": user, "name": name}
        user = self.cleaned_data["off"]
        remove_collaborator(self.record, user)
        return _("%(person)s does not collaborate on “%(name)s” any more.") % {
            "person": user,
            "name": name,
        }
