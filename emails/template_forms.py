"""The forms of templates: whose it is and, as mails are written, what it says."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.accounts.models import Team
from crm.lists.models import teams_of
from emails.compose_forms import Written
from emails.models import Template


class NamedForm(forms.Form):
    """What a template is called, and who else may use it."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    scope = forms.ChoiceField(
        label=gettext_lazy("For"),
        choices=Template.Scope.choices,
        initial=Template.Scope.MINE,
        widget=forms.RadioSelect,
    )
    team = forms.ModelChoiceField(
        label=gettext_lazy("Team"), queryset=Team.objects.none(), required=False
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        team: Any = self.fields["team"]
        team.queryset = Team.objects.all() if user.is_superuser else teams_of(user)
        team.empty_label = _("Choose a team")
        if not team.queryset.exists():
            del self.fields["team"]
            scope: Any = self.fields["scope"]
            scope.choices = [one for one in Template.Scope.choices if one[0] != "team"]

    @property
    def named(self) -> dict[str, Any]:
        """What services take of it."""
        given = self.cleaned_data
        return {"name": given["name"], "scope": given["scope"], "team": given.get("team")}

    def add_refusal(self, refusal: ValidationError) -> None:
        """What a service refused, beside the field that it is about."""
        known = hasattr(refusal, "error_dict") and set(refusal.error_dict) <= set(self.fields)
        self.add_error(None, refusal if known else refusal.messages)  # type: ignore[arg-type]


class TemplateForm(Written, NamedForm):
    """``base`` is the version that it was filled from: whoever saved another meanwhile is not passed over unseen."""

    base = forms.IntegerField(widget=forms.HiddenInput, required=False)

    field_order = ("name", "scope", "team", "subject", "html", "own_text", "text")

    @property
    def said(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("subject", "html", "text")}
