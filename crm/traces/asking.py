"""What the audit log is asked for, from its address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import User
from crm.audit.models import Action

# Besides the actions of entries: the histories that the log shows with them.
STATUS, LABEL = "status", "label"
SYSTEM = "system"
SOURCES = [
    ("web", _("pages")),
    ("admin", _("administration")),
    ("worker", _("worker")),
    ("import", _("import")),
    ("command", _("command")),
]
RECORDS = [
    ("contacts.contact", _("Contact")),
    ("deals.deal", _("Deal")),
    ("accounts.user", _("User")),
]
FURTHEST = 40


class LogForm(forms.Form):
    """The filters. An address that asks for what there is not gets no rows, never all of them."""

    action = forms.ChoiceField(label=_("What"), required=False)
    user = forms.ChoiceField(label=_("Who"), required=False)
    source = forms.ChoiceField(
        label=_("From where"), required=False, choices=[("", _("Anywhere")), *SOURCES]
    )
    since = forms.DateField(
        label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )  # fmt: skip
    until = forms.DateField(
        label=_("Until"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )  # fmt: skip
    request = forms.CharField(
        label=_("Request"), required=False, max_length=12, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )  # fmt: skip
    record = forms.ChoiceField(label=_("Record"), required=False)
    number = forms.IntegerField(label=_("Its number"), required=False, min_value=1)

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        fields: dict[str, Any] = self.fields
        fields["action"].choices = [
            ("", _("Everything")),
            (STATUS, _("status changed")),
            (LABEL, _("tag or field changed")),
            *Action.choices,
        ]
        people = [(str(one.pk), str(one)) for one in User.objects.order_by("username")]
        fields["user"].choices = [("", _("Anybody")), (SYSTEM, _("the system")), *people]
        fields["record"].choices = [("", _("Any")), *RECORDS]


@dataclass(frozen=True)
class Asked:
    """What the log is asked for. ``user`` is a number, or None where ``by_system``; moments are aware."""

    action: str = ""
    user: int | None = None
    by_system: bool = False
    source: str = ""
    since: datetime | None = None
    before: datetime | None = None
    request_id: str = ""
    record: str = ""
    record_id: int | None = None

    @classmethod
    def of(cls, data: dict[str, Any]) -> Asked:
        """Of the cleaned data of the form."""
        user = data["user"]
        until = data["until"]
        return cls(
            action=data["action"],
            user=int(user) if user and user != SYSTEM else None,
            by_system=user == SYSTEM,
            source=data["source"],
            since=_begin(data["since"]) if data["since"] else None,
            before=_begin(until + timedelta(days=1)) if until else None,
            request_id=data["request"],
            record=data["record"],
            record_id=data["number"],
        )


def _begin(day: Any) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
